"""Heads that witnesses cosigned, verified by a reader's own browser with the keys that the charter names."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext
from tests.audit.forging import forge, places
from tests.audit.scripted_run import LOG, ScriptedRun, make_run
from tests.audit.witnessed_run import three_witnesses
from tests.web.hosting import CHROMIUM, NO_BROWSER, hosted
from tests.web.verify_attacks import with_entry
from tests.web.verifying import open_page, verify

from detent.ledger import Note
from detent.values import Cosigned

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)


@pytest.fixture(scope="module")
def witnessed(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """A run whose charter names three witnesses; they cosigned what stands on its ledger. Never changed."""
    with three_witnesses(tmp_path_factory.mktemp("witnesses")) as three:
        folder = tmp_path_factory.mktemp("witnessed") / "run"
        run = make_run(folder, three.draft(), outsiders=three.outsiders)
    (run.folder / "log.vkey").write_text(f"{LOG.verify_key}\n")
    return run


def test_cosigned_heads_on_the_ledger_are_verified_by_the_charter_s_keys(
    context: BrowserContext, witnessed: ScriptedRun
) -> None:
    with hosted(witnessed.folder / "ledger", witnessed.folder / "log.vkey") as host:
        said = verify(open_page(context, host))

    number = len(places(witnessed, Cosigned))
    assert number > 1
    assert said.outcome == "passed", said.checks
    assert f"{number} cosigned heads on the ledger" in said.checks["witnesses", "right"]


def note_of(run: ScriptedRun, nth: int) -> str:
    entry = run.entries()[places(run, Cosigned)[nth]]
    assert isinstance(entry, Cosigned)
    return entry.note


def without_witnesses(note: str) -> str:
    parsed = Note.parse(note.encode())
    return str(Note(parsed.text, parsed.signatures[:1]))


def later(note: str) -> str:
    """Each witness's time is another than the one it signed."""
    parsed = Note.parse(note.encode())
    lines = (replace(line, signature=bytes(8) + line.signature[8:]) for line in parsed.signatures[1:])
    return str(Note(parsed.text, (parsed.signatures[0], *lines)))


COSIGNED: dict[str, tuple[Callable[[ScriptedRun], None], str]] = {
    "a cosigned head that no witness cosigned": (
        lambda run: forge(run, Cosigned, 0, note=without_witnesses(note_of(run, 0))),
        "the cosigned: no witness of the charter in force cosigned it",
    ),
    "a cosignature with another time": (
        lambda run: forge(run, Cosigned, 0, note=later(note_of(run, 0))),
        "does not verify",
    ),
    "a cosigned head of another size than its entry says": (
        lambda run: forge(run, Cosigned, 0, size=1),
        "entries, and stands as entry",
    ),
    "a cosigned head of entries that were written anew": (
        lambda run: with_entry(run, 2, lambda data: data.replace(b'"seed":', b'"seed":1')),
        "entries that this ledger does not begin with",
    ),
}


@pytest.mark.parametrize("name", COSIGNED)
def test_each_cosigned_head_that_is_none_is_said_with_its_entry(
    name: str, context: BrowserContext, witnessed: ScriptedRun, tmp_path: Path
) -> None:
    run = witnessed.copy(tmp_path / "run")
    COSIGNED[name][0](run)
    with hosted(run.folder / "ledger", run.folder / "log.vkey") as host:
        said = verify(open_page(context, host))

    assert COSIGNED[name][1] in said.wrong["people"]
