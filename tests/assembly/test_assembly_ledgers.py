"""`detent ledger fsck` of a folder and of a published log: the same is proved, and what is not is said."""

import re
from pathlib import Path

import pytest
from tests.assembly.served import KEY, SIZE, make_folder, serving
from typer.testing import CliRunner

from detent.assembly import check_log
from detent.cli.app import app
from detent.errors import TrustError, UsageError
from detent.signing import SigningKey

OTHER = SigningKey.from_seed("example.com/run", bytes(32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "run")


@pytest.fixture
def clean(folder: Path) -> Path:
    (folder / "ledger/tile/0/notes").unlink()
    return folder


def test_a_run_folder_its_log_and_what_is_published_of_both_are_sound(clean: Path) -> None:
    folder = clean
    with serving(folder) as of_run, serving(folder / "ledger") as of_log:
        places = [str(folder), str(folder / "ledger")]
        urls = [f"http://{of_run.address}", f"http://{of_run.address}/ledger/", f"http://{of_log.address}"]
        checked = {place: check_log(place, str(KEY.verify_key)) for place in (*places, *urls)}
        beside = check_log(urls[0])
    assert [found.faults for found in checked.values()] == [()] * 5
    for place, found in checked.items():
        assert found.sentences[0].startswith(f"signed: a checkpoint of {SIZE} entries, root ")
        assert any(line.startswith("not looked for: files") for line in found.sentences) == (place in urls)
        assert not any("is the log's key" in line for line in found.sentences)
    assert "found beside the log: compare it" in beside.sentences[-1]


def test_a_stray_file_is_seen_in_a_folder_and_said_to_be_out_of_sight_on_a_server(folder: Path) -> None:
    stray = ["no file tile/0/notes expected in a tree of 600 entries, got one"]
    assert list(check_log(str(folder)).faults) == stray
    with serving(folder) as server:
        assert not check_log(f"http://{server.address}").faults


def test_another_key_is_a_fault_and_proves_nothing(folder: Path) -> None:
    (folder / "ledger/tile/0/notes").unlink()
    found = check_log(str(folder), str(OTHER.verify_key))
    assert ["none of its signatures" in fault for fault in found.faults] == [True]
    assert not any(line.startswith(("signed", "derived", "compared")) for line in found.sentences)


def test_entries_beyond_the_checkpoint_are_told(folder: Path) -> None:
    (folder / "ledger/tile/0/notes").unlink()
    partial = folder / "ledger/tile/entries/002.p"
    (partial / "89").write_bytes((partial / "88").read_bytes() + b"\0\1x")
    found = check_log(str(folder))
    assert not found.faults
    assert any("beyond the checkpoint: 1 entries" in line for line in found.sentences)


def test_what_is_no_log_and_what_has_no_key_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a run folder, a log's folder or an address expected"):
        check_log(str(tmp_path))
    with pytest.raises(UsageError, match="an address such as"):
        check_log("gopher://example.com")
    (folder / "log.vkey").unlink()
    with pytest.raises(UsageError, match="give it with --log VKEY"):
        check_log(str(folder))
    with serving(folder) as server, pytest.raises(UsageError, match="give it with --log VKEY"):
        check_log(f"http://{server.address}")


def test_the_command_prints_sentences_and_ends_as_it_found(folder: Path) -> None:
    bad = CliRunner().invoke(app, ["ledger", "fsck", str(folder)])
    assert isinstance(bad.exception, TrustError)
    assert re.search(r"^fault: no file tile/0/notes expected", bad.output, re.MULTILINE)
    (folder / "ledger/tile/0/notes").unlink()
    good = CliRunner().invoke(app, ["ledger", "fsck", str(folder), "--log", str(KEY.verify_key)])
    assert good.exit_code == 0
    assert good.output.startswith("signed: a checkpoint of 600 entries, root ")
