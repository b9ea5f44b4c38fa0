"""A log that signs twice: with Ed25519, as every reader wants it, and with a key for when that no longer holds."""

from pathlib import Path

from detent.ledger import CosigningKey, Ledger, LedgerReader, Note, verified_cosignatures
from detent.signing import SigningKey

KEY = SigningKey.from_seed("example.com/run", b"k" * 32)
SECOND = CosigningKey.create("example.com/run", "ml-dsa-44")


def signed_twice(text: str) -> bool:
    note = Note.parse(text.encode())
    return len(note.signatures) == 2 and SECOND.verify_key in verified_cosignatures(note, [SECOND.verify_key])


def test_every_checkpoint_carries_both_signatures(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "log", KEY, KEY.name, second=SECOND) as ledger:
        assert signed_twice(ledger.checkpoint)
        ledger.extend([b"%d" % number for number in range(300)])
        assert signed_twice(ledger.checkpoint)
        assert signed_twice(ledger.signed_at(7))
    with Ledger.open(tmp_path / "log", KEY, second=SECOND) as again:
        again.append(b"more")
        assert signed_twice((tmp_path / "log" / "checkpoint").read_text())


def test_a_reader_that_knows_one_key_is_content_with_it(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "log", KEY, KEY.name, second=SECOND) as ledger:
        ledger.append(b"entry")
    assert list(LedgerReader(tmp_path / "log", KEY.verify_key).entries()) == [b"entry"]
