"""What an auditor changes: nobody here knows the problems before the intent is cosigned, and then for that alone."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import msgspec
import pytest
from tests.audit.audited_run import CHAIN, Held, auditor
from tests.audit.forging import finding, forge, forge_outcome, outcome_of, places, without
from tests.audit.scripted_run import (
    LOG,
    MODELS,
    QuickFiles,
    ScriptedRun,
    ScriptedWorker,
    make_run,
    never,
    session,
    sign,
)
from tests.audit.witnessed_run import beacon, three_witnesses

from detent.audit import verify
from detent.coordinate import Asked, HeadAt, Release, link_in
from detent.errors import PeerError, TrustError
from detent.ledger import Ledger, leaf_hash, sign_note
from detent.loop import Book, carry_out, known_link
from detent.loop.witnessing import link, witness_intent
from detent.signing import SigningKey, seal_envelope
from detent.values import Cosigned, IntentWritten, Ordered, OutcomeWritten, Released

MIDNIGHT = 1_767_225_600  # 2026-01-01T00:00:00Z, when scripted runs begin


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    folder = tmp_path_factory.mktemp("outside")
    with three_witnesses(folder / "witnesses") as three, auditor(folder, three) as held:
        yield held


@pytest.fixture(scope="module")
def audited(held: Held, tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    folder = tmp_path_factory.mktemp("audited") / "run"
    return make_run(folder, held.draft('entropy = "none"'), outsiders=held.three.outsiders)


@pytest.fixture
def run(audited: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    return audited.copy(tmp_path / "run")


def test_an_audited_run_verifies_and_says_who_could_still_have_cheated(
    audited: ScriptedRun, held: Held
) -> None:
    findings = verify(audited.evidence())
    assert not findings.faults, findings.lines
    said = "\n".join(findings.lines)
    assert "2 links released by audit.example, each for the intent that it opened" in said
    assert "sealed against the operator and the auditor audit.example together" in said
    assert "whoever starts twenty and shows the best has had twenty tries" in said
    assert "nobody outside adds entropy" not in said
    assert held.said[0].startswith("link 1 is out, for entry ")


def test_each_link_is_released_after_the_intent_is_cosigned_and_before_the_outcome(
    audited: ScriptedRun,
) -> None:
    kinds = [entry.kind for entry in audited.entries()]
    for place in places(audited, IntentWritten):
        assert kinds[place + 1 : place + 4] == ["cosigned/v1", "released/v1", "outcome/v1"]


def test_with_witnesses_that_add_entropy_all_of_them_and_the_auditor_would_have_to_cheat(
    tmp_path: Path,
) -> None:
    with three_witnesses(tmp_path / "witnesses") as three, auditor(tmp_path, three) as held:
        run = make_run(tmp_path / "run", held.draft(), outsiders=three.outsiders)
        findings = verify(run.evidence())
        assert not findings.faults, findings.lines
        assert (
            "sealed against the operator, the auditor audit.example, and any one of the witnesses that add entropy "
            "together (mode b)"
        ) in "\n".join(findings.lines)


def _release(run: ScriptedRun, nth: int = 0) -> Release:
    found = [entry for entry in run.entries() if isinstance(entry, Released)]
    return Release.parse(found[nth].note.partition("\n\n")[0] + "\n")


def _forged(run: ScriptedRun, key: SigningKey, **asked: object) -> str:
    release = _release(run)
    changed = Release(replace(release.asked, **asked), release.link)  # type: ignore[arg-type]
    return str(sign_note(changed.text, key))


ENVELOPE = seal_envelope(b"{}", "application/vnd.detent.order.v1+json", [LOG])
STRANGER = SigningKey.create("audit.example")


FORGED: dict[str, tuple[Callable[[ScriptedRun, Held], object], str, str]] = {
    "the auditor's word is left out": (
        lambda run, _: without(run, Released),
        "auditor",
        "its link, released by the auditor, expected before the outcome, got none",
    ),
    "a stranger releases the link in the auditor's name": (
        lambda run, _: forge(run, Released, note=_forged(run, STRANGER)),
        "auditor",
        "another key wrote it",
    ),
    "the link was released for another intent": (
        lambda run, held: forge(run, Released, note=_forged(run, held.key, leaf=bytes(32))),
        "auditor",
        "it is for another intent, or of a fork",
    ),
    "the link was released for the same intent after another past": (
        lambda run, held: forge(
            run, Released, note=_forged(run, held.key, head=_release(run).asked.head._replace(root=bytes(32)))
        ),
        "auditor",
        "it is for another intent, or of a fork",
    ),
    "a witness signed a second time after the link was known": (
        lambda run, held: forge(run, Released, note=_forged(run, held.key, cosigned=bytes(32))),
        "auditor",
        "it is for another intent, or of a fork",
    ),
    "the word for one opening is shown at another": (
        lambda run, _: forge(run, Released, 1, note=_note(run, 0)),
        "auditor",
        "it is for another intent, or of a fork",
    ),
    "another link is revealed than was released": (
        lambda run, _: forge_outcome(run, reveal=CHAIN.reveal(2).hex()),
        "auditor",
        "as it was released, got",
    ),
    "the cosignatures that the link was released for are left out": (
        lambda run, _: without(run, Cosigned),
        "auditor",
        "cosignatures of the intent and its link",
    ),
    "a verdict is given, and no link": (
        lambda run, _: forge_outcome(run, reveal=""),
        "seal",
        "hashes lead to the tip",
    ),
    "an opening is made void after its link was released, and keeps it back": (
        lambda run, _: forge_outcome(run, verdict="void", reveal="", results=(), gain=None, answers=""),
        "seal",
        "hashes lead to the tip",
    ),
    "an opening is made void, and the auditor's word is left out": (
        lambda run, _: _void_without_a_word(run),
        "auditor",
        "expected before the outcome, got none",
    ),
}


def _void_without_a_word(run: ScriptedRun) -> None:
    without(run, Released)
    forge_outcome(run, verdict="void", gain=None, answers="")


def _note(run: ScriptedRun, nth: int) -> str:
    return [entry.note for entry in run.entries() if isinstance(entry, Released)][nth]


@pytest.mark.parametrize(("tamper", "check", "says"), FORGED.values(), ids=FORGED.keys())
def test_whoever_holds_the_logs_key_alone_is_found_out_when(
    run: ScriptedRun,
    held: Held,
    tamper: Callable[[ScriptedRun, Held], object],
    check: str,
    says: str,
) -> None:
    tamper(run, held)
    findings = verify(run.evidence())
    found = finding(findings.faults, check)
    said = " | ".join(found.faults) if found else f"nothing; elsewhere: {findings.faults}"
    assert says in said, said
    assert not any("could not be finished" in line for line in findings.lines)


def test_a_link_on_the_record_of_a_run_without_an_auditor_is_a_fault(
    audited: ScriptedRun, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run")
    place = places(run, OutcomeWritten)[0]
    record = run.record()
    note = Released(note=_note(audited, 0), at=run.entries()[place].at, generation=1)
    run.rewrite([*record[:place], note, *record[place:]])
    found = finding(verify(run.evidence()).faults, "auditor")
    assert found is not None
    assert "no released/v1 expected where the charter names no auditor, got 1" in found.faults


def _ready(folder: Path, held: Held) -> ScriptedRun:
    """A run whose first intent is cosigned, with an auditor that is down."""
    held.down = True
    with pytest.raises(PeerError, match="link 1 of the seal expected from its auditor"):
        make_run(folder, held.draft('entropy = "none"'), outsiders=held.three.outsiders)
    held.down = False
    return ScriptedRun(folder, sign(held.draft('entropy = "none"')))


def test_while_the_auditor_is_down_nothing_is_opened_and_nothing_lost(tmp_path: Path) -> None:
    with three_witnesses(tmp_path / "witnesses") as three, auditor(tmp_path, three) as held:
        run = _ready(tmp_path / "run", held)
        assert [entry.kind for entry in run.entries()][-2:] == ["intent/v1", "cosigned/v1"]
        assert held.auditor.last == 0
        with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
            book = Book(ledger, lambda: "2026-01-01T10:00:00Z")
            worker = ScriptedWorker(run.folder / "models", run.folder / "staging", iter(MODELS), never)
            parts = replace(
                session(run.folder, run.signed, book, worker), outsiders=three.outsiders(run.signed, ledger)
            )
            intent = book.state.slots["intent/v1"]
            assert isinstance(intent, IntentWritten)
            assert witness_intent(parts, intent.intent)
            assert link(parts, intent.intent) == CHAIN.reveal(1)
        assert [entry.kind for entry in run.entries()][-1] == "released/v1"


class Operator:
    """Has the log's key, copies of the folder and any number of tries; not the chain, nor the auditor's key.

    The witnesses are its friends here: they cosign whatever it shows them, each time from nothing.
    """

    def __init__(self, folder: Path, held: Held) -> None:
        self.held, self.folder, self.tries = held, folder, 0
        self.run = _ready(folder / "run", held)
        self.intent = next(e.intent for e in self.run.entries() if isinstance(e, IntentWritten))
        self.place = places(self.run, IntentWritten)[0]

    def link(self, **other: object) -> bytes:
        """Try an intent, in a copy of the folder as it was before: its link of the seal.

        Raises:
            TrustError: the auditor has released it for another.
        """
        self.tries += 1
        copy = ScriptedRun(self.folder / f"try-{self.tries}", self.run.signed)
        shutil.copytree(self.run.folder, copy.folder)
        copy.rewrite(self.run.record()[: self.place])
        intent = msgspec.structs.replace(self.intent, **other)
        with (
            three_witnesses(self.folder / f"friends-{self.tries}", keys=self.held.three.keys) as friends,
            Ledger.open(copy.folder / "ledger", LOG, QuickFiles) as ledger,
        ):
            ticks = (f"2026-01-01T10:{n // 60:02}:{n % 60:02}Z" for n in count(60 * self.tries))
            book = Book(ledger, ticks.__next__)
            book.write(IntentWritten(intent=intent))
            worker = ScriptedWorker(copy.folder / "models", copy.folder / "staging", iter(MODELS), never)
            parts = session(copy.folder, copy.signed, book, worker)
            outsiders = friends.outsiders(sign(self._draft(friends.urls)), ledger)
            parts = replace(parts, outsiders=outsiders)
            assert witness_intent(parts, intent)
            return link(parts, intent)

    def _draft(self, urls: dict[str, str]) -> str:
        """The same charter, but for where the friends listen."""
        text = self.held.draft('entropy = "none"')
        for name, url in self.held.three.urls.items():
            text = text.replace(url, urls[name])
        return text


def test_an_operator_whose_witnesses_conspire_still_gets_one_link_for_one_intent(tmp_path: Path) -> None:
    with three_witnesses(tmp_path / "witnesses") as three, auditor(tmp_path, three) as held:
        operator = Operator(tmp_path, held)
        assert operator.link() == CHAIN.reveal(1)
        for number in range(5):
            with pytest.raises(TrustError, match="this ledger is not the one that the auditor saw"):
                operator.link(candidate=f"{number:064}")
        assert held.auditor.last == 1


def test_a_rollback_closes_an_opening_whose_link_was_not_released_without_asking_the_auditor(
    tmp_path: Path,
) -> None:
    with three_witnesses(tmp_path / "witnesses") as three, auditor(tmp_path, three) as held:
        run = _ready(tmp_path / "run", held)
        asked = held.asked
        with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
            book = Book(ledger, lambda: "2026-01-01T10:00:00Z")
            worker = ScriptedWorker(run.folder / "models", run.folder / "staging", iter(MODELS), never)
            parts = session(run.folder, run.signed, book, worker)
            book.write(Ordered(order="rollback", to=0, because="enough", signers=("s",), envelope=ENVELOPE))
            reveal = lambda k: known_link(book.state, parts.chain, k)  # noqa: E731
            assert carry_out(book, reveal, parts.models, parts.data) is not None
        outcome = outcome_of(run)
        assert (outcome.verdict, outcome.reveal) == ("void", "")
        assert held.asked == asked
        found = {each.check: each for each in verify(run.evidence()).made}
        assert not found["seal"].faults
        assert not found["auditor"].faults
        assert found["seal"].detail.startswith("0 reveals")


def test_what_a_release_says_is_read_back_and_anything_else_is_refused() -> None:
    head = HeadAt("example.com/run", 42, bytes(range(32)))
    release = Release(Asked(CHAIN.tip, 3, head, leaf_hash(b"an intent"), bytes(32)), CHAIN.reveal(3))
    assert Release.parse(release.text) == release
    note = str(sign_note(release.text, STRANGER))
    assert link_in(note) == CHAIN.reveal(3)
    for wrong in (
        release.text + "more\n",
        release.text.replace("detent/release/v1", "detent/release/v2"),
        release.text.replace("\n42\n", "\n042\n"),
        release.text.replace("\n3\n", "\n0\n"),
        release.text.upper(),
        release.text[:-1],
    ):
        with pytest.raises(TrustError):
            Release.parse(wrong)


def test_a_beacon_and_an_auditor_go_together(tmp_path: Path) -> None:
    with (
        beacon(MIDNIGHT - 3000, 30) as table,
        three_witnesses(tmp_path / "witnesses", MIDNIGHT) as three,
        auditor(tmp_path, three) as held,
    ):
        run = make_run(tmp_path / "run", held.draft(table), outsiders=three.outsiders)
        findings = verify(run.evidence())
        assert not findings.faults, findings.lines
        assert "the operator, the auditor audit.example, and the beacon" in "\n".join(findings.lines)
