"""`bundle` and what `verify` makes of one: the same checks as on the folder, and what could not be checked."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.attacks.attacks_world import CHARTER, ECHO, Scene, found

from detent.assembly import make_bundle, verify_run, verify_source, verifying
from detent.audit import Findings, unpack_bundle
from detent.errors import TrustError, UsageError
from detent.ledger import LedgerReader
from detent.values import Decided, sha256_hex


def said(findings: Findings, check: str) -> str:
    (one,) = (one for one in findings.made if one.check == check)
    return "\n".join(one.lines())


def unpacked(archive: Path, folder: Path) -> Path:
    folder.mkdir()
    unpack_bundle(archive, folder)
    return folder


def test_the_same_run_gives_the_same_file(told: Scene, tmp_path: Path) -> None:
    shutil.copytree(told.run, tmp_path / "copy", symlinks=True)
    for path in (tmp_path / "copy").rglob("*"):
        if path.is_file():
            os.utime(path, (1, 1))
    for folder, name in ((told.run, "1.zip"), (told.run, "2.zip"), (tmp_path / "copy", "3.zip")):
        make_bundle(folder, tmp_path / name, redact=["answers"])
    assert len({(tmp_path / f"{number}.zip").read_bytes() for number in (1, 2, 3)}) == 1


def test_a_whole_bundle_verifies_as_its_folder_does(told: Scene, stranger: Path) -> None:
    make_bundle(told.run, stranger / "run.zip", models="all")
    theirs, ours = verify_source(str(stranger / "run.zip")), verify_run(told.run)
    assert not theirs.faults
    assert [(one.check, one.detail) for one in theirs.made] == [(one.check, one.detail) for one in ours.made]
    assert [one.check for one in theirs.made if one.unchecked] == ["models"]  # where a link leads


def test_a_stranger_is_told_that_nothing_here_knows_a_newer_ledger(told: Scene, stranger: Path) -> None:
    make_bundle(told.run, stranger / "run.zip")
    newest = "that this is the newest state of the ledger"
    assert newest in "\n".join(verify_source(str(stranger / "run.zip")).lines)
    with told.here():
        assert newest not in "\n".join(verify_source(str(stranger / "run.zip")).lines)


def test_an_old_bundle_is_noticed_where_the_run_runs(tmp_path: Path) -> None:
    scene = found(tmp_path)
    with scene.here():
        scene.turn(0)
        make_bundle(scene.run, tmp_path / "old.zip")
        scene.turn(1)
        findings = verify_source(str(tmp_path / "old.zip"))
    assert not findings.faults
    assert any("it was set back, or is a copy" in note for note in findings.notes)


def test_nothing_is_left_of_what_was_unpacked(
    told: Scene, stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_bundle(told.run, stranger / "run.zip")
    place = stranger / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    verify_source(str(stranger / "run.zip"))
    (stranger / "bad.zip").write_bytes((stranger / "run.zip").read_bytes()[:-30])
    with pytest.raises((TrustError, UsageError)):
        verify_source(str(stranger / "bad.zip"))
    assert list(place.iterdir()) == []


def test_redacted_data_is_not_there_and_what_was_not_checked_is_said(told: Scene, stranger: Path) -> None:
    made = make_bundle(told.run, stranger / "run.zip", models="none", redact=["data", "answers"])
    content = (stranger / "run.zip").read_bytes()
    files = [path for kind in ("data", "answers") for path in (told.run / kind).iterdir()]
    assert not any(path.read_bytes() in content for path in files)
    sizes = {one.path: one.size for one in made.left_out if one.because == "redacted"}
    assert sizes == {path.relative_to(told.run).as_posix(): path.stat().st_size for path in files}
    findings = verify_source(str(stranger / "run.zip"))
    assert not findings.faults
    assert "not checked: 3 data files: redacted" in said(findings, "data")
    assert "not checked: 3 answers files: redacted" in said(findings, "answers")
    assert "not checked: 5 models: not asked for" in said(findings, "models")
    assert any("3 in answers/, 4 in data/, 5 in models/" in limit for limit in findings.unproven)


CHANGES: dict[str, dict[str, Any]] = {
    "more labels than are to be kept": {"counts": {"copy": {"4": 10_000}}},
    "labels by a model of no team": {"origin": {"source": "self", "labellers": ["ab" * 32]}},
    "labels on another stream": {"stream": "ab" * 32},
    "labels for less compute": {"flops": 1},
    "labels on a rung of no ladder": {"counts": {"copy": {"99": 1}}},
    "labels on a rung that nobody proposed": {"counts": {"copy": {"8": 1}}},
    "labels that nobody proposed to make": {"offered": {"copy": {"1": 1}}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_the_record_says_of_redacted_data_is_checked_all_the_same(
    change: str, told: Scene, tmp_path: Path
) -> None:
    scene = told.copy(tmp_path / "scene")
    with scene.here():
        record = scene.record()
        at = max(place for place, data in enumerate(record) if json.loads(data)["kind"] == "data/v1")
        entry = json.loads(record[at])
        changed = json.dumps(entry | CHANGES[change], sort_keys=True, separators=(",", ":")).encode()
        scene.rewrite([*record[:at], changed, *record[at + 1 :]])
        make_bundle(scene.run, tmp_path / "run.zip", redact=["data"])
        findings = verify_source(str(tmp_path / "run.zip"))
    assert "WRONG" in said(findings, "data")


def test_true_answers_are_checked_by_their_digest_where_the_file_is_redacted(
    told: Scene, tmp_path: Path
) -> None:
    scene = told.copy(tmp_path / "scene")
    with scene.here():
        record = scene.record()
        at = min(place for place, data in enumerate(record) if json.loads(data)["kind"] == "data/v1")
        entry = json.loads(record[at])
        content = (scene.folder.data / f"{entry['digest']}.jsonl").read_bytes()
        bent = content.replace(b'"completion":"', b'"completion":"0', 1)
        entry["digest"] = sha256_hex(bent)
        (scene.folder.data / f"{entry['digest']}.jsonl").write_bytes(bent)
        changed = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
        scene.rewrite([*record[:at], changed, *record[at + 1 :]])
        make_bundle(scene.run, tmp_path / "run.zip", redact=["data"])
        findings = verify_source(str(tmp_path / "run.zip"))
    assert "a file of the tasks' own answers" in said(findings, "data")


def test_damage_is_in_the_bundle_as_it_is_in_the_folder(told: Scene, tmp_path: Path) -> None:
    scene = told.copy(tmp_path / "scene")
    first = min(scene.folder.data.iterdir())
    first.write_bytes(first.read_bytes()[:-1])
    with scene.here():
        make_bundle(scene.run, tmp_path / "run.zip")
        assert "with that SHA-256 expected" in said(verify_source(str(tmp_path / "run.zip")), "data")
        with pytest.raises(TrustError, match="do not redact it"):
            make_bundle(scene.run, tmp_path / "hidden.zip", redact=["data"])
        first.unlink()
        make_bundle(scene.run, tmp_path / "less.zip")
        assert "restore it from a copy" in said(verify_source(str(tmp_path / "less.zip")), "data")


MODELS = {"first": 1, "last": 1, "first,last": 2, "all": 5, "none": 0}


@pytest.mark.parametrize("which", MODELS)
def test_the_models_that_are_asked_for_are_there(which: str, told: Scene, tmp_path: Path) -> None:
    made = make_bundle(told.run, tmp_path / "run.zip", models=which)
    folder = unpacked(tmp_path / "run.zip", tmp_path / "run")
    there = {path.name for path in (folder / "models").iterdir()} if (folder / "models").exists() else set()
    decided = [entry for entry in told.entries() if isinstance(entry, Decided)]
    first, last = decided[0].incumbent, decided[-1].incumbent
    assert len(there) == MODELS[which]
    assert (first in there) == (which not in {"last", "none"})
    assert (last in there) == (which not in {"first", "none"})
    assert {one.path.partition("/")[2] for one in made.left_out} == {
        path.name for path in told.folder.models.iterdir() if not path.is_symlink()
    } - there


@pytest.mark.parametrize(
    ("models", "redact"), [("newest", []), ("", []), ("all", ["ledger"]), ("first last", [])]
)
def test_other_words_are_the_callers_mistake(
    models: str, redact: list[str], told: Scene, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="expected, got"):
        make_bundle(told.run, tmp_path / "run.zip", models=models, redact=redact)
    assert not (tmp_path / "run.zip").exists()


def test_a_bundle_of_a_run_at_work_is_of_one_checkpoint(
    told: Scene, stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = told.copy(stranger / "scene")
    made: list[Path] = []
    read = LedgerReader.entries

    def reading(reader: LedgerReader, start: int = 0) -> object:
        """A generation is run between the checkpoint and everything else."""
        found = list(read(reader, start))
        if not made:
            made.append(stranger / "run.zip")
            with scene.here():
                scene.turn(1)
        return iter(found)

    before = len(scene.record())
    with monkeypatch.context() as patch:
        patch.setattr(LedgerReader, "entries", reading)
        bundled = make_bundle(scene.run, stranger / "run.zip")
    assert len(scene.record()) > before
    assert bundled.entries == before
    findings = verify_source(str(stranger / "run.zip"))
    assert not findings.faults
    assert not [note for note in findings.notes if "no entry names" in note]


def test_the_code_of_tasks_goes_with_it(stranger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "confinement", lambda: SimpleNamespace(confined=True))
    charter = CHARTER.replace("{ copy = 8 }", "{ echo = 8 }") + '\n[tasks.echo]\nsource = "echo.py:Echo"\n'
    scene = found(stranger / "scene", charter, {"echo.py": ECHO})
    make_bundle(scene.run, stranger / "run.zip")
    findings = verify_source(str(stranger / "run.zip"))
    assert not findings.faults
    assert "echo" in said(findings, "tasks")


def test_what_is_neither_folder_bundle_nor_address_is_said(stranger: Path) -> None:
    (stranger / "notes.txt").write_text("not a run")
    with pytest.raises(UsageError, match="a run folder, a bundle or an address"):
        verify_source(str(stranger / "notes.txt"))
    with pytest.raises(UsageError, match="a run folder"):
        verify_source(str(stranger / "nowhere"))
