"""Bad input, and a machine that refuses: one clear line, the exit code of who must act, nothing damaged."""

import json
import os
import pickle
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.tiny_run import CHARTER, CLOCK, FIRST, Machine, blow, content, entries, kinds, wait_for

from detent.assembly import charter_of, load_keys, verify_run
from detent.assembly.office import open_office
from detent.assembly.places import RunFolder
from detent.assembly.reading import ledger_at
from detent.assembly.tasks import catalogue
from detent.charter import order
from detent.cli import main
from detent.errors import DetentError
from detent.oversight import Desk, received
from detent.signing import SigningKey
from detent.values import Entry, Refused, SubjectBuilt

GIVEN = CHARTER.replace(CHARTER[CHARTER.index("layers") : CHARTER.index("[recipe]")], 'source = "given"\n\n')
"""The charter with a model folder beside it instead of a shape."""


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True)
class Place:
    """A finished run with another lease, on a machine of its own: both may be spoilt."""

    machine: Machine
    detent: Callable[..., Said]

    @property
    def folder(self) -> Path:
        return self.machine.run

    @property
    def new(self) -> Path:
        """A run folder that is still to be made."""
        return self.machine.root / "new"

    @property
    def incumbent(self) -> Path:
        return (self.folder / "models" / "incumbent").resolve()


@pytest.fixture
def place(
    leased: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    machine = leased.copy(tmp_path / "machine")
    monkeypatch.setenv("DETENT_DATA", str(machine.data))
    monkeypatch.setenv("DETENT_CLOCK", CLOCK)

    def detent(*words: str | Path) -> Said:
        """The program in this process: as the entry point runs it, but for the start of another Python."""
        monkeypatch.setattr(sys, "argv", ["detent", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Said(int(ended.value.code or 0), *capsys.readouterr())

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield Place(machine, detent)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def assert_refused(said: Said, status: int, words: str) -> None:
    """One line on standard error that has these words in order; nothing else."""
    assert (said.status, said.output) == (status, ""), said
    assert re.fullmatch(rf"detent: [^\n]*{words}[^\n]*\n", said.errors), said.errors


@dataclass(frozen=True)
class Case:
    """What is spoilt, which command then refuses how, and that is all it does: the folder stays as it is.

    recorded: it was done to the run, so that it was refused stands on the ledger.
    """

    spoil: Callable[[Place], object]
    command: tuple[str, ...]
    status: int
    words: str
    recorded: bool = False


def overwrite(path: Path, at: int = 5000) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\x5a\xa5")


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def found_another(place: Place) -> Machine:
    """A second run of the same user."""
    other = Machine(place.machine.root / "other")
    place.detent("init", other.run, "--from", other.draft())
    other.data.symlink_to(place.machine.data)
    return other


def another_run(place: Place, name: str) -> Path:
    """The secrets' file of that name of a second run."""
    return found_another(place).secrets / name


def newest_bundle(folder: Path) -> Path:
    return max((folder / "ledger" / "tile" / "entries" / "000.p").iterdir(), key=lambda path: int(path.name))


def unsign(path: Path) -> None:
    envelope = json.loads(path.read_text())
    envelope["signatures"] = []
    path.write_text(json.dumps(envelope))


def foreign_charter(place: Place) -> None:
    other = found_another(place)
    for name in ("charter.dsse", "charter.toml"):
        shutil.copy(other.run / name, place.folder / name)


def nothing(_: Place) -> None:
    return


RUN = ("run", "{folder}")
LEASE = ("lease", "{folder}", "--generations", "1")

CASES = {
    "a folder that is not there": Case(nothing, ("run", "{folder}/nowhere"), 2, "make one with: detent init"),
    "a folder that is something else": Case(nothing, ("status", "{folder}/models"), 2, "make one with"),
    "a file for a folder": Case(nothing, ("verify", "{folder}/charter.toml"), 2, "make one with"),
    "a run folder without its ledger": Case(
        lambda place: shutil.rmtree(place.folder / "ledger"), RUN, 2, "a run folder with .*ledger"
    ),
    "a ledger without its checkpoint": Case(
        lambda place: (place.folder / "ledger" / "checkpoint").unlink(), RUN, 4, "a checkpoint expected"
    ),
    "a ledger whose checkpoint was edited": Case(
        lambda place: overwrite(place.folder / "ledger" / "checkpoint", 30), RUN, 4, "expected, got"
    ),
    "a ledger with an entry's byte changed": Case(
        lambda place: overwrite(newest_bundle(place.folder), 900), RUN, 4, "expected, got"
    ),
    "a ledger set back to what it was": Case(
        lambda place: place.machine.set_back(20), RUN, 4, "the run folder was set back"
    ),
    "the charter's text edited after signing": Case(
        lambda place: append(place.folder / "charter.toml", "\n[run]\nseed = 2\n"),
        RUN,
        4,
        "as it was signed expected, got another text; restore it",
    ),
    "the charter's envelope without its signature": Case(
        lambda place: unsign(place.folder / "charter.dsse"),
        RUN,
        4,
        "as it was signed expected, got another text",
    ),
    "the charter's envelope torn": Case(
        lambda place: os.truncate(place.folder / "charter.dsse", 100), ("status", "{folder}"), 4, "restore"
    ),
    "bytes for the charter": Case(
        lambda place: (place.folder / "charter.toml").write_bytes(b"\xff\xfe"), RUN, 4, "as it was signed"
    ),
    "bytes for the envelope": Case(
        lambda place: (place.folder / "charter.dsse").write_bytes(b"\xff\xfe"), RUN, 4, "a DSSE envelope"
    ),
    "bytes for the log's verify key": Case(
        lambda place: (place.folder / "log.vkey").write_bytes(b"\xff\xfe"),
        ("status", "{folder}"),
        4,
        "log.vkey",
    ),
    "no verify key of the log": Case(
        lambda place: (place.folder / "log.vkey").unlink(), ("report", "{folder}"), 4, "log.vkey"
    ),
    "the whole envelope of another run": Case(foreign_charter, RUN, 4, "another key wrote it"),
    "no seal": Case(
        lambda place: (place.machine.secrets / "seal.secret").unlink(), RUN, 4, "the seal's secret expected"
    ),
    "the seal of another run": Case(
        lambda place: shutil.copy(another_run(place, "seal.secret"), place.machine.secrets / "seal.secret"),
        RUN,
        4,
        "it belongs to another run",
    ),
    "a seal that others may read": Case(
        lambda place: (place.machine.secrets / "seal.secret").chmod(0o644), RUN, 4, "chmod 600"
    ),
    "a torn seal": Case(
        lambda place: os.truncate(place.machine.secrets / "seal.secret", 10), RUN, 4, "64 hex digits expected"
    ),
    "no log key": Case(lambda place: (place.machine.secrets / "log.pem").unlink(), RUN, 2, "log.pem"),
    "no log key for a lease": Case(
        lambda place: (place.machine.secrets / "log.pem").unlink(), LEASE, 2, "log.pem"
    ),
    "the log key of another run": Case(
        lambda place: shutil.copy(another_run(place, "log.pem"), place.machine.secrets / "log.pem"),
        RUN,
        4,
        "another key wrote it",
    ),
    "a log key that others may read": Case(
        lambda place: (place.machine.secrets / "log.pem").chmod(0o640), RUN, 4, "chmod 600"
    ),
    "a lease signed by nobody's steward": Case(
        lambda place: SigningKey.create("steward-1").save(place.machine.root / "other.pem"),
        (*LEASE, "--key", "{root}/other.pem"),
        4,
        "signed by 0/1 stewards",
    ),
    "a lease with a key that is not there": Case(
        nothing, (*LEASE, "--key", "{root}/none.pem"), 2, "a key file expected"
    ),
    "a lease larger than the charter allows": Case(
        nothing,
        ("lease", "{folder}", "--generations", "2"),
        3,
        "a lease of 1 to 1 generations expected.*got 2",
    ),
    "weights of the incumbent changed": Case(
        lambda place: overwrite(place.incumbent / "model.safetensors"), RUN, 4, "weights with digest", True
    ),
    "weights of the incumbent changed, asked": Case(
        lambda place: overwrite(place.incumbent / "model.safetensors"),
        ("try", "{folder}", "F31="),
        4,
        "weights with digest",
    ),
    "no weights of the incumbent": Case(
        lambda place: shutil.rmtree(place.incumbent),
        RUN,
        5,
        "the model [0-9a-f]{64} expected, got no folder",
        True,
    ),
    "no weights of the incumbent, asked": Case(
        lambda place: shutil.rmtree(place.incumbent),
        ("try", "{folder}", "F31="),
        5,
        "expected, got no folder",
    ),
    "a pickle among the incumbent's files": Case(
        lambda place: (place.incumbent / "pytorch_model.bin").write_bytes(pickle.dumps([1])),
        RUN,
        4,
        "weights with digest",
        True,
    ),
    "the user's task edited after signing": Case(
        lambda place: append(place.folder / "tasks" / "first.py", "\n# harmless\n"), RUN, 4, "as signed", True
    ),
    "the user's task gone": Case(
        lambda place: (place.folder / "tasks" / "first.py").unlink(), RUN, 6, "first.py expected", True
    ),
}


def kept(folder: Path) -> dict[str, bytes | str]:
    """What must not change; what workers print may, and the ledger has a test of its own."""
    return {name: part for name, part in content(folder).items() if not name.startswith(("logs/", "ledger/"))}


def record(folder: Path) -> list[Entry]:
    """The ledger's entries; none when it cannot be read."""
    try:
        return entries(folder)
    except (DetentError, OSError):
        return []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_wrong_is_said_in_one_line_and_nothing_changes(place: Place, case: Case) -> None:
    case.spoil(place)
    before, files, written = kept(place.folder), content(place.folder / "ledger"), record(place.folder)
    words = [word.format(folder=place.folder, root=place.machine.root) for word in case.command]
    assert_refused(place.detent(*words), case.status, case.words)
    assert kept(place.folder) == before
    if case.recorded:
        (refused,) = record(place.folder)[len(written) :]
        assert isinstance(refused, Refused)
        assert re.search(case.words, refused.because)
    else:
        assert content(place.folder / "ledger") == files


def test_what_is_not_spoilt_is_not_refused(place: Place) -> None:
    """The table above would pass on a program that refuses everything."""
    assert place.detent("status", place.folder).status == 0
    assert place.detent(*(word.format(folder=place.folder) for word in LEASE)).status == 0
    assert place.detent("verify", place.folder).status == 0


REJECTS = FIRST.replace("completion == problem.answer", "False")
RAISES = FIRST.replace("digits[0])", "digits[level + 1])")
RAISES_LATER = FIRST.replace("return Problem", "assert digits[:2] != '12'\n        return Problem")
NAMELESS = FIRST.replace('name = "first"', 'name = "last"')
LOOPS = FIRST.replace("return Problem", "while True: pass\n        return Problem")

TASKS = {
    "a check that rejects the task's own answer": (REJECTS, r"task first: check\(\) rejects"),
    "a check that accepts everything": (REJECTS.replace("False", "True"), "accepts an empty completion"),
    "a problem that raises": (RAISES, r"first\.py:14: IndexError"),
    "a check that raises": (FIRST.replace("completion ==", "1 / 0 =="), r"first\.py:17: ZeroDivisionError"),
    "a file that is not Python": ("def first(", r"first\.py:1: SyntaxError"),
    "a file without the class": ("", "a class First expected"),
    "a class with another name than the charter's": (NAMELESS, 'name = "first" expected'),
    "an answer too long for its prompt": (
        FIRST.replace("digits[0])", "digits * 9)").replace("== problem.answer", "== problem.answer"),
        "raise subject.extra_tokens",
    ),
}

SUBJECTS: dict[str, tuple[dict[str, bytes], int, str]] = {
    "no folder": ({}, 2, "a model folder at .*given expected"),
    "a pickle": ({"config.json": b"{}", "pytorch_model.bin": pickle.dumps([1])}, 5, "pytorch_model.bin"),
    "a pickle that is called safetensors": (
        {"config.json": b"{}", "model.safetensors": pickle.dumps([1] * 99)},
        5,
        "a safetensors file expected",
    ),
    "code beside the weights": ({"config.json": b"{}", "modeling.py": b"import os"}, 5, "modeling.py"),
    "no weights": ({"config.json": b"{}"}, 5, "weights as .safetensors expected"),
}

DRAFTS = {
    "an unknown key": (CHARTER + "\nspeed = 2\n", 3, r"charter.toml:\d+: run.speed: "),
    "a wrong type": (CHARTER.replace("quorum = 1", 'quorum = "one"'), 3, r"charter.toml:5: stewards.quorum"),
    "items with which the gate can never pass": (
        CHARTER.replace("superiority = 400", "superiority = 2"),
        3,
        r"gate.items.superiority: at least \d+ expected, got 2",
    ),
    "no TOML": ("name = ", 3, "TOML expected"),
    "two stewards, where init has one key": (
        CHARTER.replace("quorum = 1", "quorum = 2"),
        3,
        "at most 1 expected",
    ),
}


def assert_nothing_founded(place: Place) -> None:
    assert not (place.new).exists()
    assert list(place.machine.root.glob(".new*")) == []


@pytest.mark.parametrize(("task", "words"), TASKS.values(), ids=TASKS)
def test_init_refuses_a_task_with(place: Place, task: str, words: str) -> None:
    draft = place.machine.draft(task=task)
    assert_refused(place.detent("init", place.new, "--from", draft), 6, words)
    assert_nothing_founded(place)


@pytest.mark.long
def test_init_refuses_a_task_that_hangs(place: Place) -> None:
    said = place.detent("init", place.new, "--from", place.machine.draft(task=LOOPS))
    assert_refused(said, 6, r"first\.py:14: no result after 10 seconds .*it hangs")
    assert_nothing_founded(place)


def test_init_refuses_a_task_whose_file_is_missing(place: Place) -> None:
    draft = place.machine.draft()
    draft.with_name("first.py").unlink()
    assert_refused(place.detent("init", place.new, "--from", draft), 6, "first.py expected")
    assert_nothing_founded(place)


def test_a_task_that_raises_later_ends_the_turn_and_not_the_run(place: Place) -> None:
    """Its problem is one in a hundred: `init` does not meet it, generation 0 does."""
    folder = place.new
    assert place.detent("init", folder, "--from", place.machine.draft(task=RAISES_LATER)).status == 0
    assert_refused(place.detent("run", folder), 6, r"first\.py:14: AssertionError")
    assert verify_run(folder).faults == []


@pytest.mark.parametrize(("files", "status", "words"), SUBJECTS.values(), ids=SUBJECTS)
def test_init_refuses_as_its_first_model(
    place: Place, files: dict[str, bytes], status: int, words: str
) -> None:
    draft = place.machine.draft(GIVEN)
    for name, data in files.items():
        draft.with_name("given").mkdir(exist_ok=True)
        (draft.parent / "given" / name).write_bytes(data)
    assert_refused(place.detent("init", place.new, "--from", draft), status, words)
    assert_nothing_founded(place)


@pytest.mark.parametrize(("text", "status", "words"), DRAFTS.values(), ids=DRAFTS)
def test_init_refuses_a_charter_with(place: Place, text: str, status: int, words: str) -> None:
    draft = place.machine.draft(text)
    assert_refused(place.detent("init", place.new, "--from", draft), status, words)
    assert_nothing_founded(place)


def test_init_refuses_a_charter_that_is_not_there(place: Place) -> None:
    said = place.detent("init", place.new, "--from", place.machine.root / "none.toml")
    assert_refused(said, 2, "none.toml expected")


def test_init_refuses_a_stewards_key_that_is_not_there(place: Place) -> None:
    said = place.detent("init", place.new, "--key", place.machine.root / "none.pem")
    assert_refused(said, 2, "a key file expected")


@pytest.mark.parametrize(
    "change", [("tiny", "Größe + more, at home"), ("\n", "\r\n")], ids=["name", "line ends"]
)
def test_a_charters_name_and_line_ends_are_the_authors_own(place: Place, change: tuple[str, str]) -> None:
    folder = place.new
    draft = place.machine.draft()
    draft.write_bytes(CHARTER.replace(*change).encode())
    assert place.detent("init", folder, "--from", draft).status == 0
    assert place.detent("status", folder).status == 0
    assert place.detent("verify", folder).status == 0


@pytest.mark.long
def test_a_given_model_is_trained_on_and_known_by_its_digest(place: Place) -> None:
    folder = place.new
    draft = place.machine.draft(GIVEN)
    shutil.copytree(place.incumbent, draft.with_name("given"))
    assert place.detent("init", folder, "--from", draft).status == 0
    process = place.machine.start("run", folder)
    wait_for("subject/v1/0", folder, process)
    blow(signal.SIGTERM, process)
    (first,) = [entry for entry in entries(folder) if isinstance(entry, SubjectBuilt)][:1]
    assert first.parent == place.incumbent.name
    assert first.digest != first.parent


def test_a_clock_that_was_set_back_does_not_turn_the_ledgers_time_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETENT_CLOCK", "2020-01-31T12:00:00Z")
    assert place.detent(*(word.format(folder=place.folder) for word in LEASE)).status == 0
    assert entries(place.folder)[-1].at == CLOCK
    assert verify_run(place.folder).faults == []


@pytest.mark.parametrize("clock", ["noon", "2026-01-31", "2026-01-31T12:00:00+00:00", "2026-02-31T12:00:00Z"])
def test_a_fixed_clock_that_says_no_time_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    before = kept(place.folder)
    monkeypatch.setenv("DETENT_CLOCK", clock)
    said = place.detent(*(word.format(folder=place.folder) for word in LEASE))
    assert_refused(said, 2, "a time such as 2026-01-31T12:00:00Z in DETENT_CLOCK expected")
    assert kept(place.folder) == before


IN_THE_WAY: dict[str, Callable[[Path], Path]] = {
    "a folder where models/incumbent belongs": lambda run: unlinked(run / "models" / "incumbent"),
    "a folder where the report belongs": lambda run: unlinked(run / "reports" / "report.html"),
    "a link where the reports belong": lambda run: led_away(run / "reports"),
}


def led_away(path: Path) -> Path:
    """A folder of the run's is a link to one of somebody's."""
    theirs = path.with_name("theirs")
    theirs.mkdir()
    (theirs / "mine.txt").write_text("keep me")
    path.rename(path.with_name("kept"))
    path.symlink_to(theirs)
    return path


def unlinked(path: Path) -> Path:
    path.unlink()
    path.mkdir()
    (path / "mine.txt").write_text("keep me")
    return path


@pytest.mark.parametrize("what", IN_THE_WAY)
def test_a_run_goes_on_and_moves_aside(place: Place, what: str) -> None:
    """Nothing is deleted, and one line says where it is."""
    path = IN_THE_WAY[what](place.folder)
    place.detent("halt", place.folder, "--because", "to run for a moment only")
    said = place.detent("run", place.folder)
    aside = path.with_name(f"{path.name}.moved-aside-1")
    assert said.status == 10, said.errors
    assert f"{path} was in the way of the run's own; what lay there is now {aside}\n" in said.output
    assert (aside / "mine.txt").read_text() == "keep me"
    assert path.exists()
    assert path.is_symlink() == (path.name == "incumbent")
    assert {file.name for file in aside.iterdir()} == {"mine.txt"}, "nothing was written there"
    assert verify_run(place.folder).faults == []


@pytest.fixture
def rolling_back(finished: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Place) -> Place:
    """A run whose opening was cut short, with a rollback that nobody carried out, and no secret of the seal."""
    machine = finished.cut(tmp_path / "cut", kinds(finished.run).index("intent/v1") + 1)
    monkeypatch.setenv("DETENT_DATA", str(machine.data))
    at, signed = ledger_at(RunFolder(machine.run)), charter_of(machine.run)
    root = at.root(at.size).hex()
    envelope = order(signed, "rollback", "x", size=at.size, root=root, keys=load_keys([], str), to=0)
    with open_office(machine.run) as office:
        desk = Desk(signed, at.state, catalogue(), at.root, frozenset(), office.book.now)
        office.book.write(received(envelope, desk))  # type: ignore[arg-type]
    (machine.secrets / "seal.secret").unlink()
    link = machine.run / "models" / "incumbent"
    link.unlink()
    link.symlink_to(at.state.incumbent)
    return Place(machine, place.detent)


def test_without_the_seals_secret_a_rollback_waits_and_only_what_needs_it_fails(rolling_back: Place) -> None:
    detent, run = rolling_back.detent, rolling_back.folder
    for command in ("status", "requests", "report", "verify"):
        said = detent(command, run)
        assert said.status == 0, (command, said)
    assert detent("show", run, "1").status == 2  # there is no such request
    assert_refused(detent("run", run), 4, "the seal's secret expected at .*restore it from a backup")
    halted = detent("halt", run, "--because", "look at it first")
    assert (halted.status, entries(run)[-1].kind) == (0, "order/v1")
    assert_refused(detent("run", run), 4, "the seal's secret expected at .*restore it from a backup")
    assert ledger_at(RunFolder(run)).state.returning == 0
