"""A constitution and a run folder: tried before it is signed, pinned with its files, and changed by amendment alone."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from detent.assembly import (
    amend_charter,
    charter_of,
    check_draft,
    create_run,
    load_keys,
    open_run,
    principles,
    status_of,
    verify_run,
)
from detent.assembly.inbox import Inbox
from detent.assembly.named import named
from detent.assembly.office import open_office
from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of
from detent.assembly.showing import told
from detent.assembly.tasks import catalogue
from detent.audit import is_member
from detent.charter import SignedCharter, amend_text, constitution_text, default_text, endorse
from detent.errors import CharterError, DetentError, TaskError, TrustError
from detent.report import status_text
from detent.signing import canonical
from detent.values import Refused, entry_document, sha256_hex

TEXT = """\
[principles.unsure]
text = "Say ? when you are not sure."
source = "the author"
probes = "unsure"

[principles.brief]
text = "Say it in few signs."
source = "the author"
probes = "probes/brief.jsonl"
checker = "brief.py:is_brief"
margin = 0.1

[principles.kind]
text = "Be kind."
source = "the author"
"""
ROWS = '{"prompt": "Say yes.", "accept": ["yes"]}\n{"prompt": "Say something."}\n'
CHECKER = "def is_brief(prompt, completion):\n    return 0 < len(completion) < 9\n"
FILES = {"c.toml": TEXT, "probes/brief.jsonl": ROWS, "brief.py": CHECKER}
SECTION = '[constitution]\nfile = "c.toml"\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the author writes: a draft of the default charter, and a constitution with its files."""
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DETENT_CLOCK", "2026-01-31T12:00:00Z")
    # Whether this machine confines is not what is tested here, and what runs is the tests' own.
    monkeypatch.setattr(principles, "confinement", lambda: SimpleNamespace(confined=True))
    home = tmp_path / "home"
    put(home, FILES)
    (home / "charter.toml").write_text(f"{default_text()}\n{SECTION}")
    return home


@pytest.fixture
def run(home: Path) -> Path:
    """A run founded from that draft."""
    return founded(home)


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def founded(home: Path) -> Path:
    create_run(home.with_name("run"), source=str(home / "charter.toml"))
    return home.with_name("run")


def findings(run: Path) -> tuple[str, ...]:
    return next(each for each in verify_run(run).made if each.check == "principles").faults


def opened(run: Path) -> list[str]:
    """What an opening would draw from for principles, in a session of the run."""
    with open_run(run, watch=lambda _: None, say=lambda _: None) as session:
        return sorted(session.parts.principles)


def test_init_pins_the_file_and_those_it_names_and_the_run_folder_takes_them(run: Path) -> None:
    pinned = charter_of(run).charter.constitution
    assert pinned is not None
    assert pinned.pinned == {name: sha256_hex(text.encode()) for name, text in FILES.items()}
    assert {name: (RunFolder(run).tasks / name).read_text() for name in FILES} == FILES
    assert findings(run) == ()
    assert opened(run) == ["P/brief", "P/unsure/copy", "P/unsure/reverse", "P/unsure/sort"]


def test_everything_that_it_names_goes_into_a_bundle(run: Path) -> None:
    files = named(canonical(entry_document(entry)) for entry in entries_of(RunFolder(run))).files
    assert set(FILES) <= set(files)
    assert all(is_member(f"tasks/{file}") for file in FILES)


def test_status_names_each_principle_and_says_which_are_not_guarded(run: Path) -> None:
    document = status_of(run)
    assert {name: values["guarded"] for name, values in document["principles"].items()} == {
        "unsure": True,
        "brief": True,
        "kind": False,
    }
    assert (document["principles"]["brief"]["margin"], document["principles"]["unsure"]["margin"]) == (
        0.1,
        0.05,
    )
    (line,) = [line for line in status_text(document).split("\n") if line.startswith("  kind ")]
    assert line.endswith("not guarded: it has no probes, and no opening tests it")


@pytest.mark.parametrize("name", ["digits", "language"])
def test_one_that_comes_with_detent_is_copied_into_the_run(home: Path, name: str) -> None:
    (home / "charter.toml").write_text(f'{default_text()}\n[constitution]\nfile = "{name}"\n')
    run = founded(home)
    assert (RunFolder(run).tasks / f"constitution-{name}.toml").read_text() == constitution_text(name)
    assert len(opened(run)) == {"digits": 9, "language": 0}[name]
    assert findings(run) == ()
    unproven = [line for line in verify_run(run).lines if "without probes" in line]
    assert len(unproven) == (name == "language")


REFUSED: dict[str, tuple[dict[str, str], type[DetentError], str]] = {
    "its file is not there": (
        {"charter.toml": f'{default_text()}\n[constitution]\nfile = "d.toml"\n'},
        CharterError,
        r"d\.toml: the file that constitution or charter names expected",
    ),
    "it has a mistake": (
        {"c.toml": TEXT.replace("margin", "margni")},
        CharterError,
        r"c.toml:11: .*did you mean margin",
    ),
    "its probes are not there": (
        {"c.toml": TEXT.replace("brief.jsonl", "none.jsonl")},
        CharterError,
        r"none\.jsonl: the file",
    ),
    "its checker is not there": (
        {"c.toml": TEXT.replace("brief.py", "none.py")},
        CharterError,
        r"none\.py: the file",
    ),
    "a row of its probes is none": (
        {"probes/brief.jsonl": ROWS + "{}\n"},
        CharterError,
        r"probes/brief\.jsonl:3: ",
    ),
    "its probes are not spelt as the model made here can": (
        {"probes/brief.jsonl": ROWS + '{"prompt": "Say \u00e9."}\n'},
        CharterError,
        r"principle P/brief: prompts in printable ASCII expected, .* got 1 others, such as 'Say \u00e9\.'",
    ),
    "its checker raises": (
        {"brief.py": "def is_brief(prompt, completion): return 1 / 0"},
        TaskError,
        "checker brief: brief.py:1: ZeroDivisionError",
    ),
    "its checker returns a number": (
        {"brief.py": "def is_brief(prompt, completion): return 1"},
        TaskError,
        "True or False expected",
    ),
    "its margin is one that the gate's items cannot decide": (
        {"c.toml": TEXT.replace("0.1", "0.001")},
        CharterError,
        r"c.toml:11: .*margin: .*which takes [0-9]+",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_no_run_is_made_when(home: Path, case: str) -> None:
    files, error, said = REFUSED[case]
    put(home, files)
    with pytest.raises(error, match=said):
        founded(home)
    assert not home.with_name("run").exists()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_a_file_that_is_not_what_was_signed_stops_the_run_and_is_a_fault(
    run: Path, name: str, harm: str
) -> None:
    path = RunFolder(run).tasks / name
    path.write_text(path.read_text() + "\n") if harm == "changed" else path.unlink()
    with pytest.raises(TrustError, match=r"with SHA-256 .* expected, as signed, got"):
        opened(run)
    assert findings(run)


SECOND = TEXT.replace('probes = "unsure"', 'probes = "malformed"').replace(
    "[principles.unsure]", "[principles.broken]"
)


def test_a_draft_is_checked_with_its_constitution(home: Path) -> None:
    assert check_draft(home / "charter.toml").name == "digits"
    put(home, {"c.toml": TEXT.replace("margin", "margni")})
    with pytest.raises(CharterError, match=r"c.toml:11: .*did you mean margin"):
        check_draft(home / "charter.toml")


def edited(run: Path, *changes: tuple[str, str]) -> Path:
    """The charter in force, changed."""
    text = charter_of(run).text
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = run.with_name("edited.toml")
    path.write_text(text)
    return path


def renamed(text: str = SECOND) -> tuple[tuple[str, str], ...]:
    """The changes to the charter that bring a second constitution."""
    return (("c.toml", "c2.toml"), (sha256_hex(TEXT.encode()), sha256_hex(text.encode())))


def test_an_amendment_removes_and_adds_principles_and_both_texts_stay_checkable(run: Path) -> None:
    put(RunFolder(run).tasks, {"c2.toml": SECOND})
    amend_charter(run, edited(run, *renamed()), keys=load_keys([], str))
    assert opened(run) == ["P/brief", "P/broken/copy", "P/broken/reverse", "P/broken/sort"]
    assert findings(run) == ()
    (RunFolder(run).tasks / "c.toml").unlink()
    (fault,) = findings(run)
    assert fault.startswith("charter 1: the constitution c.toml")


def test_an_amendment_takes_the_constitution_away(run: Path) -> None:
    text = charter_of(run).text
    section = text[text.index("[constitution]") : text.index("[seal]")]
    amend_charter(run, edited(run, (section, "")), keys=load_keys([], str))
    assert charter_of(run).charter.constitution is None
    assert opened(run) == []
    assert findings(run) == ()


AMENDMENTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "the run folder has not its file": (lambda _: None, "an amendment brings no files"),
    "the run folder has another file of that name": (
        lambda files: put(files, {"c2.toml": SECOND + "\n"}), "as signed, got",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", AMENDMENTS)
def test_an_amendment_brings_no_constitution_when(run: Path, case: str) -> None:
    prepare, said = AMENDMENTS[case]
    prepare(RunFolder(run).tasks)
    with pytest.raises(CharterError, match=said):
        amend_charter(run, edited(run, *renamed()), keys=load_keys([], str))
    assert charter_of(run).charter.version == 1


def test_an_amendment_that_leaves_a_file_of_its_constitution_unpinned_is_refused(run: Path) -> None:
    text = SECOND.replace('probes = "malformed"', 'probes = "more.jsonl"\nchecker = "digits"')
    put(RunFolder(run).tasks, {"c2.toml": text, "more.jsonl": ROWS})
    with pytest.raises(
        CharterError, match=r"constitution\.files: SHA-256 of \['brief.py', 'more.jsonl', 'probes"
    ):
        amend_charter(run, edited(run, *renamed(text)), keys=load_keys([], str))


def test_who_signs_an_amendment_sees_what_becomes_of_the_principles(run: Path) -> None:
    signed, files = charter_of(run), RunFolder(run).tasks
    envelope = endorse(
        amend_text(signed, edited(run, *renamed()).read_text(), catalogue()), load_keys([], str)
    )
    assert any("(not shown: constitution: " in line for line in told(envelope, signed, files))
    put(files, {"c2.toml": SECOND})
    lines = told(envelope, signed, files)
    assert {"-[principles.unsure]", "+[principles.broken]", '+probes = "malformed"'} <= set(lines)
    assert '-file = "c.toml"' in lines


def test_an_amendment_in_the_inbox_without_its_file_is_refused_and_the_run_goes_on(run: Path) -> None:
    """Handed in past the command that would have looked."""
    signed: SignedCharter = charter_of(run)
    text = amend_text(signed, edited(run, *renamed()).read_text(), catalogue())
    Inbox(RunFolder(run).inbox).put(endorse(text, load_keys([], str)))
    with open_office(run) as office:
        after, taken = office.take_in()
    assert "a constitution whose files the run folder has expected" in taken[0].said
    assert isinstance(taken[0].entry, Refused)
    assert after.signed.charter.version == 1
    assert opened(run)


def test_prompts_that_nobody_answered_are_refused_where_a_judge_is_asked_in_signs(home: Path) -> None:
    put(home, {"c.toml": TEXT + 'prompts = "open.jsonl"\n', "open.jsonl": '{"prompt": "Say hello."}\n'})
    with pytest.raises(CharterError, match=r'principles\.kind\.prompts: feedback\.forms = "words"'):
        founded(home)
