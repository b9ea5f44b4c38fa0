"""`init` adds lines to a draft, and keeps every word of it."""

import tomllib

import pytest
from tests.charter.charter_texts import ADA, BOB, CATALOGUE, DRAFT, EVE, SAFE, TIP, charter_text

from detent.charter import complete, default_text, parse_charter, parse_draft
from detent.errors import CharterError

DIGEST = "ab" * 32
KEYS = [str(ADA.verify_key)]
OWN = DRAFT.replace("reverse = 9", "rotate = 9")


def completed(draft: str) -> str:
    parse_draft(draft, CATALOGUE)
    return complete(draft, KEYS, TIP, 1000, {"rotate": DIGEST})


def test_every_line_of_the_draft_is_kept_in_its_order() -> None:
    draft = default_text()
    text = charter_text(draft, (ADA, BOB))
    left = iter(text.split("\n"))
    assert all(line in left for line in draft.split("\n"))
    charter = parse_charter(text, CATALOGUE)
    assert charter.stewards.keys == (str(ADA.verify_key), str(BOB.verify_key))
    assert (charter.seal.tip, charter.seal.length) == (TIP, 1000)


def test_what_people_decided_is_unchanged() -> None:
    draft, charter = parse_draft(DRAFT, CATALOGUE), parse_charter(charter_text(), CATALOGUE)
    for name in type(draft).model_fields:
        if name not in {"stewards", "tripwires"}:
            assert getattr(charter, name) == getattr(draft, name)
    assert charter.stewards.quorum == draft.stewards.quorum
    assert {name: (wire.action, wire.limits) for name, wire in charter.tripwires.items()} == {
        name: (wire.action, wire.limits) for name, wire in draft.tripwires.items()
    }


def test_stewards_that_the_draft_lists_stay_as_they_are() -> None:
    listed = f'keys = [  # us\n  "{BOB.verify_key}",\n]\nrecovery = "{SAFE.verify_key}"'
    draft = DRAFT.replace("quorum = 1", f"quorum = 1\n{listed}")
    text = complete(draft, KEYS, TIP, 1000, {}, recovery=str(EVE.verify_key))
    assert text.startswith(draft)
    stewards = parse_charter(text, CATALOGUE).stewards
    assert (stewards.keys, stewards.recovery) == ((str(BOB.verify_key),), str(SAFE.verify_key))


def test_a_recovery_key_is_put_under_the_stewards() -> None:
    text = charter_text(recovery=str(SAFE.verify_key))
    rows = text.split("\n")
    at = rows.index("quorum = 1  # one is enough here")
    assert rows[at + 1].startswith("keys = [")
    assert rows[at + 2] == f'recovery = "{SAFE.verify_key}"'
    assert parse_charter(text, CATALOGUE).stewards.recovery == str(SAFE.verify_key)
    assert parse_charter(charter_text(), CATALOGUE).stewards.recovery == ""


def test_the_hash_of_a_tripwire_is_put_under_its_source() -> None:
    draft = DRAFT + '[tripwires.mine]\n  source = "mine.py:watch"  # my own\n  action = "halt"\n'
    parse_draft(draft, CATALOGUE)
    text = complete(draft, KEYS, TIP, 1000, {}, wire_digests={"mine": DIGEST})
    wire = parse_charter(text, CATALOGUE).tripwires["mine"]
    assert (wire.sha256, wire.source, wire.action) == (DIGEST, "mine.py:watch", "halt")
    assert f'"mine.py:watch"  # my own\n  sha256 = "{DIGEST}"\n  action' in text


def test_the_same_draft_gives_the_same_bytes() -> None:
    assert charter_text() == charter_text()


LAYOUTS = {
    "a section": '[tasks.rotate]\nsource = "rotate.py:Rotate"\n',
    "a section with a comment": '[tasks.rotate]  # mine\nsource = "rotate.py:Rotate"  # source = "no"\n',
    "an indented section": '[tasks]\n  [tasks.rotate]\n  source = "rotate.py:Rotate"\n',
    "a dotted key": '[tasks]\nrotate.source = "rotate.py:Rotate"\n',
    "a dotted key with spaces": '[tasks]\n rotate . source = "rotate.py:Rotate"\n',
    "a section at the end of the file": '[tasks.rotate]\nsource = "rotate.py:Rotate"',
    "a section before others": '[tasks.rotate]\nsource = "rotate.py:Rotate"\n[run]\nseed = 3\n',
    "windows lines": '[tasks.rotate]\r\nsource = "rotate.py:Rotate"\r\n',
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_the_hash_of_a_task_is_put_under_its_source(case: str) -> None:
    text = completed(f"{OWN}\n{LAYOUTS[case]}")
    assert parse_charter(text, CATALOGUE).tasks["rotate"].sha256 == DIGEST
    rows = text.split("\n")
    source = next(i for i, row in enumerate(rows) if "source" in row)
    assert "sha256" in rows[source + 1]


REFUSED = {
    "an inline table": '[tasks]\nrotate = { source = "rotate.py:Rotate" }\n',
    "a quoted key": '[tasks.rotate]\n"source" = "rotate.py:Rotate"\n',
    "a text of several lines": '[tasks.rotate]\nsource = """\\\nrotate.py:Rotate"""\n',
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_layout_without_a_line_to_add_to_is_refused(case: str) -> None:
    with pytest.raises(CharterError, match=r"write (it|them) so, and `init` can add to it"):
        completed(f"{OWN}\n{REFUSED[case]}")


def test_a_steward_section_in_one_line_is_refused_with_its_place() -> None:
    draft = "stewards = { quorum = 1 }\n" + DRAFT.replace("[stewards]\nquorum = 1", "")
    with pytest.raises(
        CharterError, match=r"charter\.toml:1: quorum on a line of its own expected under \[stewards\]"
    ):
        complete(draft, KEYS, TIP, 1000, {})


def test_a_quorum_of_dotted_keys_gets_dotted_keys() -> None:
    draft = "stewards.quorum = 1\n" + DRAFT.replace("[stewards]\nquorum = 1", "")
    text = complete(draft, KEYS, TIP, 1000, {})
    assert tomllib.loads(text)["stewards"] == {"quorum": 1, "keys": KEYS}
