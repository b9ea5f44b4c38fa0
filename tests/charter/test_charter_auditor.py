"""[auditor] in a charter: who holds the seal's chain, beside whom, and that it stays so."""

import pytest
from tests.charter.charter_faults import faults
from tests.charter.charter_texts import ADA, CATALOGUE, DRAFT
from tests.charter.test_charter_witnesses import TWO_OF_THREE, table

from detent.charter import amend_text, complete, endorse, parse_draft, verified
from detent.charter.signed import SignedCharter
from detent.errors import CharterError
from detent.signing import SigningKey

KEY = SigningKey.from_seed("audit.example", b"auditor".ljust(32)).verify_key
TIP = "ab" * 32
AUDITOR = f'[auditor]\nurl = "https://audit.example/a"\nkey = "{KEY}"\ntip = "{TIP}"\nlength = 100\n'


def text(auditor: str = AUDITOR, witnesses: str = table(TWO_OF_THREE)) -> str:
    return f"{DRAFT}\n{witnesses}\n{auditor}"


def test_an_auditor_is_read_and_none_is_the_default() -> None:
    draft = parse_draft(text(), CATALOGUE)
    assert draft.auditor is not None
    assert (draft.auditor.key, draft.auditor.tip, draft.auditor.length) == (str(KEY), TIP, 100)
    assert parse_draft(DRAFT, CATALOGUE).auditor is None


REFUSED = {
    "an auditor without witnesses": (text(witnesses=""), "auditor: [witnesses] beside an auditor expected"),
    "a key that is none": (text(AUDITOR.replace(str(KEY), "audit.example")), "auditor.key: a verify key"),
    "a key whose hash is wrong": (
        text(AUDITOR.replace(f"+{KEY.id.hex()}+", "+00000000+")),
        "auditor.key:",
    ),
    "a tip that is none": (text(AUDITOR.replace(TIP, "ab")), "auditor.tip:"),
    "no length": (text(AUDITOR.replace("length = 100\n", "")), "auditor.length"),
    "an address that cannot be asked": (text(AUDITOR.replace("https://", "file://")), "auditor.url: a URL"),
}


@pytest.mark.parametrize(("draft", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_a_draft_is_refused_with(draft: str, says: str) -> None:
    found = faults(draft)
    assert len(found) == 1
    assert says in found[0]


def signed(tip: str = TIP, length: int = 100) -> SignedCharter:
    return verified(endorse(complete(text(), [str(ADA.verify_key)], tip, length, {}), [ADA]), CATALOGUE)


def test_the_seal_is_the_auditors() -> None:
    assert signed().charter.seal.tip == TIP
    for tip, length in (("cd" * 32, 100), (TIP, 99)):
        with pytest.raises(CharterError, match=r"seal\.(tip|length): .*as auditor\.(tip|length) says"):
            signed(tip, length)


def amended(change: tuple[str, str]) -> str:
    old = signed()
    assert change[0] in old.text
    return amend_text(old, old.text.replace(*change), CATALOGUE)


def test_an_amendment_may_say_where_the_auditor_is_reached_and_nothing_else_of_it() -> None:
    assert "https://other.example/a" in amended(("https://audit.example/a", "https://other.example/a"))
    other = SigningKey.from_seed("audit.example", b"another".ljust(32)).verify_key
    with pytest.raises(CharterError, match=r"auditor\.key: .*as in the charter in force"):
        amended((str(KEY), str(other)))
    with pytest.raises(CharterError, match=r"auditor\.key: .*got nothing"):
        amended((AUDITOR, ""))
