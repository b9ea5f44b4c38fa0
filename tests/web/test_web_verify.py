"""The record verified by a reader's own browser: what is honest passes, and of each attack it says what and where."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from msgspec import structs
from playwright.sync_api import BrowserContext
from tests.audit.forging import places
from tests.audit.peopled_run import make_peopled_run
from tests.audit.scripted_run import LOG, ScriptedRun
from tests.web.hosting import CHROMIUM, NO_BROWSER, Host, hosted
from tests.web.verify_attacks import (
    BY_THE_LOGS_KEY,
    HTML,
    ON_FILES,
    OTHER,
    SIZE,
    extended,
    slow,
    with_entry,
)
from tests.web.verifying import ended, open_page, verify

from detent.ledger import Checkpoint, CosigningKey, Ledger, Note, sign_note
from detent.signing import canonical
from detent.values import CharterSigned, Entry, Refused

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)


def some(names: Iterable[str]) -> list[ParameterSet]:
    """Every fourth in each run of the tests, the others where there is time: each opens a page."""
    return [pytest.param(name, marks=[pytest.mark.long] if at % 4 else []) for at, name in enumerate(names)]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """A run in which people did all that they may do, long enough for three tiles. Never changed."""
    run = make_peopled_run(tmp_path_factory.mktemp("verified") / "run")
    record = run.record()
    last = run.entries()[-1]
    more = [
        Refused(
            at=last.at, generation=last.generation + 1, what="a file", digest="00" * 32, because=f"no. {n}"
        )
        for n in range(SIZE - len(record))
    ]
    run.rewrite([*record, *more])
    (run.folder / "log.vkey").write_text(f"{LOG.verify_key}\n")
    return run


@pytest.fixture
def run(honest: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    """To be tampered with."""
    return honest.copy(tmp_path / "run")


@pytest.fixture
def host(run: ScriptedRun) -> Iterator[Host]:
    with hosted(run.folder / "ledger", run.folder / "log.vkey") as host:
        yield host


def test_an_honest_ledger_passes_and_is_known_again(context: BrowserContext, host: Host) -> None:
    page = open_page(context, host)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))

    said = verify(page)

    assert said.outcome == "passed", said.checks
    right = {name for name, status in said.checks if status == "right"}
    assert right == {"checkpoint", "entries", "tiles", "form", "order", "people"}
    people = said.checks["people", "right"]
    assert "2 charters, 2 leases, 4 orders and 3 answers are signed" in people
    assert "dan+" in people, "the newest charter's stewards"
    again = verify(page, earlier=(host.ledger / "checkpoint").read_text())
    assert f"continues the {SIZE} entries that this browser saw" in again.checks["earlier", "right"]
    assert ("given", "right") in again.checks
    assert not wrong


def test_the_key_beside_the_ledger_is_taken_and_said_to_be_of_the_same_host(
    context: BrowserContext, host: Host
) -> None:
    said = verify(open_page(context, host), key="")

    assert said.outcome == "passed"
    assert "compare it with what somebody you believe tells you" in said.checks["key", "note"]


def test_a_ledger_that_grew_is_verified_from_the_full_tile_that_took_the_partial_ones_place(
    context: BrowserContext, host: Host, run: ScriptedRun
) -> None:
    kept = (host.ledger / "checkpoint").read_bytes()
    extended(run, 300)
    assert not (host.ledger / "tile/0/002.p").exists()
    (host.ledger / "checkpoint").write_bytes(kept)

    assert verify(open_page(context, host)).outcome == "passed"


@pytest.mark.parametrize("name", some([*ON_FILES, *BY_THE_LOGS_KEY]))
def test_each_attack_is_said_with_its_place(
    name: str, context: BrowserContext, host: Host, run: ScriptedRun
) -> None:
    attack = (ON_FILES | BY_THE_LOGS_KEY)[name]
    attack.deed(host, run)
    page = open_page(context, host, "&patience=1" if "never ends" in name else "")

    said = verify(page)

    assert said.outcome == "wrong"
    assert attack.says in said.wrong[attack.check], said.checks
    assert "could not be finished" not in str(said.checks)
    assert page.locator("section img, section script").count() == 0
    assert page.title() == "Verify a ledger"


def rewritten(run: ScriptedRun) -> None:
    with_entry(run, SIZE - 1, lambda data: data.replace(b"no. ", b"no, "))


def set_back(run: ScriptedRun) -> None:
    run.rewrite(run.record()[:-10])


def forked_and_grown(run: ScriptedRun) -> None:
    rewritten(run)
    extended(run, 5)


FORKS: dict[str, tuple[Callable[[ScriptedRun], None], str]] = {
    "the newest entry written anew": (rewritten, "history was rewritten"),
    "the newest entries taken off": (set_back, "and the ledger has 590 now: it was set back"),
    "an old entry written anew, and the ledger longer than before": (
        forked_and_grown,
        "history was rewritten",
    ),
}


@pytest.mark.parametrize("name", some(FORKS))
def test_what_this_browser_saw_before_shows_a_fork(
    name: str, context: BrowserContext, host: Host, run: ScriptedRun
) -> None:
    page = open_page(context, host)
    assert verify(page).outcome == "passed"
    FORKS[name][0](run)
    page.reload()

    said = verify(page)

    assert FORKS[name][1] in said.wrong["earlier"]
    assert verify(page).outcome == "wrong", "what was seen first stays remembered"


@pytest.mark.parametrize("name", some(FORKS))
def test_an_earlier_checkpoint_that_is_no_prefix_shows_a_fork(
    name: str, context: BrowserContext, host: Host, run: ScriptedRun
) -> None:
    earlier = (host.ledger / "checkpoint").read_text()
    FORKS[name][0](run)

    said = verify(open_page(context, host), earlier=earlier)

    assert list(said.wrong) == ["given"]
    assert FORKS[name][1] in said.wrong["given"]


NO_EARLIER: dict[str, tuple[Callable[[], str], str]] = {
    "an earlier checkpoint that the log's key did not sign": (
        lambda: str(sign_note(Checkpoint(LOG.name, 5, b"\1" * 32).text(), OTHER)),
        "the log's key did not sign it, so it shows nothing",
    ),
    "an earlier checkpoint of another log": (
        lambda: str(sign_note(Checkpoint("other", 5, b"\1" * 32).text(), LOG)),
        "it is of another log, other",
    ),
    "an earlier checkpoint that is none": (lambda: HTML, "it is no signed note"),
}


@pytest.mark.parametrize("name", NO_EARLIER)
def test_what_is_no_earlier_checkpoint_is_said_to_be_none(
    name: str, context: BrowserContext, host: Host
) -> None:
    made, says = NO_EARLIER[name]

    assert says in verify(open_page(context, host), earlier=made()).wrong["given"]


def test_another_key_than_the_one_this_browser_knew_is_said(
    context: BrowserContext, host: Host, run: ScriptedRun
) -> None:
    page = open_page(context, host)
    verify(page)
    record = run.record()
    for path in sorted((run.folder / "ledger").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (run.folder / "ledger").rmdir()
    with Ledger.create(run.folder / "ledger", OTHER, OTHER.name) as ledger:
        ledger.extend(record)
    (run.folder / "log.vkey").write_text(f"{OTHER.verify_key}\n")

    said = verify(page, key="")

    assert list(said.wrong) == ["earlier"]
    assert "is verified by" in said.wrong["earlier"]


def test_a_key_entered_by_hand_wins(context: BrowserContext, host: Host) -> None:
    assert (
        "that key did not sign it"
        in verify(open_page(context, host), key=str(OTHER.verify_key)).wrong["checkpoint"]
    )
    assert (
        "the key: a verify key is written" in verify(open_page(context, host), key=HTML).wrong["checkpoint"]
    )


def test_lines_by_ml_dsa_are_counted_and_named_as_not_checked(context: BrowserContext, host: Host) -> None:
    path = host.ledger / "checkpoint"
    note = Note.parse(path.read_bytes())
    second = CosigningKey.create(LOG.name, "ml-dsa-44")
    line = second.cosign(Checkpoint.parse(note.text), 1_900_000_000)
    path.write_text(str(Note(note.text, (*note.signatures, line))))

    said = verify(open_page(context, host))

    assert said.outcome == "passed"
    assert (
        f"1 signature by ML-DSA-44, which browsers do not know, not checked here: {LOG.name}"
        in (said.checks["ml-dsa", "note"])
    )


def test_strange_texts_in_entries_pass_and_are_shown_as_text(
    context: BrowserContext, host: Host, run: ScriptedRun
) -> None:
    last: Entry = run.entries()[-1]
    assert isinstance(last, Refused)
    strange = [HTML, "\u202egnp.exe", "\u0000\u001b[31m", "👩‍🔬" * 40, "\ufeff", "__proto__"]
    run.rewrite([*run.record(), *(structs.replace(last, because=text) for text in strange)])

    page = open_page(context, host)

    assert verify(page).outcome == "passed"
    assert page.title() == "Verify a ledger"


def test_an_enclosed_entry_is_said_to_be_unread_and_what_hangs_on_it_is_not_called_wrong(
    context: BrowserContext, host: Host, run: ScriptedRun
) -> None:
    """The amendment lies enclosed: whether what follows was signed under it, nobody can tell from the ledger alone."""
    place = places(run, CharterSigned)[1]
    entry = run.entries()[place]
    stub = {
        "at": entry.at,
        "generation": entry.generation,
        "kind": "enclosed/v1",
        "sha256": "00" * 32,
        "size": 70_000,
    }
    with_entry(run, place, lambda _: canonical(stub))

    said = verify(open_page(context, host))

    assert said.outcome == "undecided"
    assert "the bytes of 1 entry that are too large" in said.checks["enclosed", "note"]
    assert "entry 128: the lease" in said.checks["people", "open"]
    assert not said.wrong


def test_verifying_can_be_cancelled_and_begun_again(context: BrowserContext, host: Host) -> None:
    host.instead["tile/0/000"] = slow
    page = open_page(context, host)
    page.click("text=Verify now")
    page.click("text=Cancel")

    assert ended(page).outcome == "cancelled"
    del host.instead["tile/0/000"]
    assert verify(page).outcome == "passed"


LONGEST_STANDSTILL = """() => {
    window.longest = 0;
    let last = performance.now();
    setInterval(() => {
        const now = performance.now();
        window.longest = Math.max(window.longest, now - last);
        last = now;
    }, 10);
}"""


@pytest.mark.long
def test_a_hundred_thousand_entries_are_verified_while_the_page_stays_smooth(
    context: BrowserContext, host: Host, run: ScriptedRun
) -> None:
    extended(run, 100_000 - SIZE)
    page = open_page(context, host)
    page.set_default_timeout(300_000)
    page.evaluate(LONGEST_STANDSTILL)
    began = time.monotonic()

    assert verify(page).outcome == "passed"

    seconds, longest = time.monotonic() - began, page.evaluate("window.longest")
    assert seconds < 120, f"it took {seconds:.1f} s"
    assert longest < 500, f"the page stood still for {longest:.0f} ms"
