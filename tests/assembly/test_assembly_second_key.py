"""[run] post_quantum: from the draft to what `verify` finds."""

from pathlib import Path

import pytest

from detent.assembly import create_run, grant_lease, load_keys, verify_run
from detent.assembly.places import RunFolder, second_key_path
from detent.assembly.reading import signed_charter
from detent.charter import default_text
from detent.errors import TrustError
from detent.ledger import CosignerKey, Note, verified_cosignatures


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    draft = tmp_path / "draft.toml"
    draft.write_text(default_text().replace("post_quantum = false", "post_quantum = true"))
    create_run(tmp_path / "run", source=str(draft), key_paths=[], passphrase=None)
    return tmp_path / "run"


def checkpoint(run: Path) -> Path:
    return run / "ledger" / "checkpoint"


def ledger_faults(run: Path) -> str:
    return " | ".join(
        fault for one in verify_run(run).faults if one.check == "ledger" for fault in one.faults
    )


def test_init_makes_the_key_and_every_command_signs_with_it(run: Path) -> None:
    charter = signed_charter(RunFolder(run)).charter
    assert charter.run.post_quantum
    grant_lease(run, 1, hours=None, petaflop=None, keys=load_keys([], str))
    note = Note.parse(checkpoint(run).read_bytes())
    assert verified_cosignatures(note, [CosignerKey.parse(charter.seal.ml_dsa)])
    assert ledger_faults(run) == ""


def test_a_checkpoint_without_it_is_a_fault(run: Path) -> None:
    note = Note.parse(checkpoint(run).read_bytes())
    checkpoint(run).write_text(str(Note(note.text, note.signatures[:1])))
    assert "a second signature by" in ledger_faults(run)


def test_a_wrong_one_is_a_fault(run: Path) -> None:
    text = checkpoint(run).read_text()
    at = text.index("\N{EM DASH}", text.index("\N{EM DASH}") + 1) + 3000
    checkpoint(run).write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])
    assert "does not verify" in ledger_faults(run)


def test_without_the_key_nothing_is_written(run: Path) -> None:
    second_key_path(signed_charter(RunFolder(run)).charter.seal.tip).unlink()
    before = checkpoint(run).read_bytes()
    with pytest.raises(TrustError, match="restore it from a copy"):
        grant_lease(run, 1, hours=None, petaflop=None, keys=load_keys([], str))
    assert checkpoint(run).read_bytes() == before
