"""Tripwires of the author's own and a run folder: tried before they are signed, and what runs is what was signed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from detent.assembly import amend_charter, charter_of, create_run, load_keys, open_run, run_loop, verify_run
from detent.assembly.inbox import Inbox
from detent.assembly.office import open_office
from detent.assembly.places import RunFolder
from detent.assembly.tasks import catalogue
from detent.charter import amend_text, default_text, endorse
from detent.errors import CharterError, DetentError, TaskError, TrustError
from detent.values import Refused, sha256_hex

QUIET = "def watch(numbers):\n    return None\n"
TABLE = '[tripwires.mine]\nsource = "wires/mine.py:watch"\naction = "halt"\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the author writes: a draft of the default charter with a tripwire of their own, and its file."""
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DETENT_CLOCK", "2026-01-31T12:00:00Z")
    home = tmp_path / "home"
    (home / "wires").mkdir(parents=True)
    (home / "wires" / "mine.py").write_text(QUIET)
    (home / "charter.toml").write_text(f"{default_text()}\n{TABLE}")
    return home


@pytest.fixture
def run(home: Path) -> Path:
    """A run founded from that draft."""
    create_run(home.with_name("run"), source=str(home / "charter.toml"))
    return home.with_name("run")


def turn(run: Path) -> None:
    run_loop(run, 1, watch=lambda _: None, say=lambda _: None)


def tasks_finding(run: Path) -> tuple[str, tuple[str, ...]]:
    finding = next(each for each in verify_run(run).made if each.check == "tasks")
    return finding.detail, finding.faults


def test_it_is_pinned_by_the_hash_of_its_file_which_the_run_folder_takes(run: Path) -> None:
    wire = charter_of(run).charter.tripwires["mine"]
    assert (wire.source, wire.action, wire.sha256) == (
        "wires/mine.py:watch",
        "halt",
        sha256_hex(QUIET.encode()),
    )
    assert (RunFolder(run).tasks / "wires" / "mine.py").read_text() == QUIET
    detail, faults = tasks_finding(run)
    assert f"tripwire mine {wire.sha256[:8]}" in detail
    assert faults == ()


REFUSED = {
    "it raises": ("def watch(numbers): return 1 / 0", "ZeroDivisionError.*that was an example"),
    "it returns a number": ("def watch(numbers): return 1", "a sentence, or None.*int 1"),
    "it is no function": ("watch = 1", "a function watch expected"),
    "it does not parse": ("def watch(numbers", "SyntaxError"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_that_is_not_in_order_is_refused_before_anything_is_made(home: Path, case: str) -> None:
    code, said = REFUSED[case]
    (home / "wires" / "mine.py").write_text(code)
    with pytest.raises(TaskError, match=f"tripwire mine: .*{said}"):
        create_run(home.with_name("run"), source=str(home / "charter.toml"))
    assert not home.with_name("run").exists()
    assert not home.with_name("data").exists()


def test_one_without_a_file_is_refused(home: Path) -> None:
    (home / "wires" / "mine.py").unlink()
    with pytest.raises(TaskError, match=r"tripwire mine: the file .*mine\.py expected"):
        create_run(home.with_name("run"), source=str(home / "charter.toml"))


def change(file: Path) -> None:
    file.write_text(QUIET + "\n")


HARMS: dict[str, tuple[Callable[[Path], None], type[DetentError]]] = {
    "changed": (change, TrustError),
    "gone": (Path.unlink, TaskError),
}


@pytest.mark.parametrize("case", HARMS)
def test_a_file_that_is_not_what_was_signed_stops_the_run_and_is_a_fault(run: Path, case: str) -> None:
    harm, error = HARMS[case]
    harm(RunFolder(run).tasks / "wires" / "mine.py")
    with pytest.raises(error, match="tripwire mine"):
        turn(run)
    _, faults = tasks_finding(run)
    assert [fault for fault in faults if fault.startswith("tripwire mine: the code with digest")]


def amended(run: Path, sha256: str) -> Path:
    """The charter in force with another tripwire of the author's own."""
    path = run.with_name("edited.toml")
    table = f'\n[tripwires.second]\nsource = "second.py:watch"\nsha256 = "{sha256}"\n'
    path.write_text(charter_of(run).text + table)
    return path


AMENDMENTS: dict[str, tuple[str | None, type[DetentError], str]] = {
    "the run folder has not its file": (None, CharterError, "an amendment brings no files"),
    "the run folder has another file of that name": (QUIET + "\n", CharterError, "as signed, got"),
}


@pytest.mark.parametrize("case", AMENDMENTS)
def test_an_amendment_brings_no_tripwire_when(run: Path, case: str) -> None:
    found, error, said = AMENDMENTS[case]
    if found is not None:
        (RunFolder(run).tasks / "second.py").write_text(found)
    source = amended(run, sha256_hex(QUIET.encode()))
    with pytest.raises(error, match=f"tripwire second: .*{said}"):
        amend_charter(run, source, keys=load_keys([], str))
    assert charter_of(run).charter.version == 1


def test_an_amendment_brings_no_tripwire_that_does_not_answer(run: Path) -> None:
    code = "def watch(numbers): return 1"
    (RunFolder(run).tasks / "second.py").write_text(code)
    with pytest.raises(TaskError, match=r"tripwire second: .*a sentence, or None"):
        amend_charter(run, amended(run, sha256_hex(code.encode())), keys=load_keys([], str))


def test_an_amendment_may_name_a_file_that_was_put_into_the_run_folder_and_take_one_out(run: Path) -> None:
    (RunFolder(run).tasks / "second.py").write_text(QUIET)
    amend_charter(run, amended(run, sha256_hex(QUIET.encode())), keys=load_keys([], str))
    assert {"mine", "second"} <= set(charter_of(run).charter.tripwires)
    assert tasks_finding(run)[1] == ()

    text = charter_of(run).text
    path = run.with_name("edited.toml")
    path.write_text(text[: text.index("[tripwires.second]")])
    amend_charter(run, path, keys=load_keys([], str))
    assert "second" not in charter_of(run).charter.tripwires


BROUGHT = {
    "the run folder has not its file": None,
    "its file in the run folder is another": QUIET + "# later\n",
}


@pytest.mark.parametrize("case", BROUGHT)
def test_an_amendment_in_the_inbox_is_refused_and_the_run_goes_on_when(run: Path, case: str) -> None:
    """Handed in past the command that would have looked."""
    code = BROUGHT[case]
    if code is not None:
        (RunFolder(run).tasks / "wires" / "other.py").write_text(code)
    signed, digest = charter_of(run), sha256_hex(QUIET.encode())
    more = f'[tripwires.other]\nsource = "wires/other.py:watch"\naction = "halt"\nsha256 = "{digest}"\n'
    text = amend_text(signed, f"{signed.text}\n{more}", catalogue())
    Inbox(RunFolder(run).inbox).put(endorse(text, load_keys([], str)))
    with open_office(run) as office:
        after, taken = office.take_in()
    assert "whose files the run folder has expected" in taken[0].said
    assert isinstance(taken[0].entry, Refused)
    assert after.signed.charter.version == charter_of(run).charter.version == 1
    with open_run(run, watch=lambda _: None, say=lambda _: None):
        pass  # nothing is missing
    assert list((run / "inbox").iterdir()) == []
