"""What witnesses change: who could have cheated, what a forger cannot write, what an operator cannot try twice."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.audit.forging import finding, forge, places, without
from tests.audit.scripted_run import (
    LOG,
    MODELS,
    QuickFiles,
    ScriptedRun,
    ScriptedWorker,
    make_run,
    never,
    session,
)
from tests.audit.witnessed_run import Operator, Three, at, beacon, first_intent, go_on_with, three_witnesses

from detent.audit import verify
from detent.coordinate import WitnessAt, gather
from detent.errors import PeerError, TrustError
from detent.ledger import Checkpoint, CosigningKey, Ledger, Note
from detent.loop import Book
from detent.loop.witnessing import entropy
from detent.values import (
    BeaconDrawn,
    Cosigned,
    Decided,
    Intent,
    IntentWritten,
    OutcomeWritten,
    Round,
    SessionStarted,
)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    with three_witnesses(tmp_path_factory.mktemp("witnesses")) as three:
        yield three


@pytest.fixture(scope="module")
def witnessed(three: Three, tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    folder = tmp_path_factory.mktemp("witnessed") / "run"
    return make_run(folder, three.draft(), outsiders=three.outsiders)


@pytest.fixture
def run(witnessed: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    return witnessed.copy(tmp_path / "run")


def test_a_witnessed_run_verifies_and_says_who_could_still_have_cheated(witnessed: ScriptedRun) -> None:
    findings = verify(witnessed.evidence())
    assert not findings.faults, findings.lines
    said = "\n".join(findings.lines)
    assert "cosignatures by a.example/w, b.example/w, c.example/w" in said
    assert (
        "sealed against the operator and any one of the witnesses that add entropy together (mode b)" in said
    )
    assert "nothing here shows: a.example/w, b.example/w, c.example/w" in said
    assert "whoever starts twenty and shows the best has had twenty tries" in said
    assert "a quorum of the witnesses cosigned its first" in said
    assert "Cosigned by a.example/w" in said
    assert "nobody outside adds entropy" not in said


def test_every_opening_and_every_promotion_waited_for_witnesses(witnessed: ScriptedRun) -> None:
    entries = witnessed.entries()
    kinds = [entry.kind for entry in entries]
    for place in places(witnessed, IntentWritten):
        sealed = entries[place + 1]
        assert isinstance(sealed, Cosigned)
        assert (sealed.purpose, sealed.size) == ("seal", place + 1)
    for place in places(witnessed, Decided):
        decided = entries[place]
        if isinstance(decided, Decided) and decided.decision == "promote" and decided.generation > 0:
            assert kinds[place - 1] == "cosigned/v1"
    assert (witnessed.folder / "ledger" / "cosigned").is_file()


def cosigned_by(run: ScriptedRun, nth: int, *keys: CosigningKey, at: int = 1_900_000_000) -> str:
    """The nth cosigned note again, cosigned by these instead."""
    note = Note.parse(_cosigned(run, nth).note.encode())
    lines = [note.signatures[0], *(key.cosign(Checkpoint.parse(note.text), at) for key in keys)]
    return str(Note(note.text, tuple(lines)))


def _cosigned(run: ScriptedRun, nth: int) -> Cosigned:
    found = [entry for entry in run.entries() if isinstance(entry, Cosigned)]
    return found[nth]


def only_the_first(run: ScriptedRun) -> str:
    note = Note.parse(_cosigned(run, 0).note.encode())
    return str(Note(note.text, note.signatures[:2]))


STRANGER = CosigningKey.create("a.example/w")

FORGED: dict[str, tuple[Callable[[ScriptedRun], object], str, str]] = {
    "an entry before the cosignatures says something else": (
        lambda run: forge(run, SessionStarted, seed=1, unconfined_because=" "),
        "witnesses",
        "it is of another ledger, or a fork",
    ),
    "the cosignatures of an opening are left out": (
        lambda run: without(run, Cosigned, 0),
        "answers",
        "cosignatures of the ledger at size",
    ),
    "one of the named witnesses is left out of an opening": (
        lambda run: forge(run, Cosigned, 0, note=only_the_first(run)),
        "answers",
        "expected, as the intent names it, got none",
    ),
    "a stranger signs in a witness's name": (
        lambda run: forge(run, Cosigned, 0, note=cosigned_by(run, 0, STRANGER)),
        "answers",
        "expected, as the intent names it, got none",
    ),
    "cosignatures of another size are shown": (
        lambda run: forge(run, Cosigned, 0, size=_cosigned(run, 0).size - 1),
        "witnesses",
        "cosignatures of the ledger at size",
    ),
    "cosignatures of a promotion are shown at an opening": (
        lambda run: forge(run, Cosigned, 0, note=_cosigned(run, 1).note),
        "witnesses",
        "it is of another ledger, or a fork",
    ),
    "a promotion without cosignatures": (
        lambda run: without(run, Cosigned, 1),
        "witnesses",
        "cosignatures by a quorum of the witnesses right before a promotion expected, got none",
    ),
    "a promotion with one of three": (
        lambda run: forge(run, Cosigned, 1, note=cosigned_by(run, 1, STRANGER)),
        "witnesses",
        "a quorum of the witnesses expected, got none",
    ),
    "an intent that asks nobody": (
        lambda run: forge(run, IntentWritten, 0, intent=_asking(run, entropy="none", witnesses=())),
        "intents",
        "outsiders' entropy witnesses expected, got none",
    ),
    "an intent that asks fewer": (
        lambda run: forge(
            run, IntentWritten, 0, intent=_asking(run, witnesses=first_intent(run).witnesses[:1])
        ),
        "intents",
        "witnesses (",
    ),
    "an intent that asks in another order": (
        lambda run: forge(
            run, IntentWritten, 0, intent=_asking(run, witnesses=first_intent(run).witnesses[::-1])
        ),
        "intents",
        "witnesses (",
    ),
}


def _asking(run: ScriptedRun, **fields: object) -> Intent:
    return msgspec.structs.replace(first_intent(run), **fields)


@pytest.mark.parametrize(("tamper", "check", "says"), FORGED.values(), ids=FORGED.keys())
def test_whoever_holds_the_logs_key_alone_is_found_out_when(
    run: ScriptedRun, tamper: Callable[[ScriptedRun], object], check: str, says: str
) -> None:
    tamper(run)
    findings = verify(run.evidence())
    found = finding(findings.faults, check)
    said = " | ".join(found.faults) if found else f"nothing; elsewhere: {findings.faults}"
    assert says in said, said
    assert not any("could not be finished" in line for line in findings.lines)


def test_an_operator_who_grinds_gets_one_seed_and_no_second_one(tmp_path: Path) -> None:
    """Another candidate, other targets, another time: each needs another intent, and witnesses know the first."""
    with three_witnesses(tmp_path / "witnesses") as three:
        operator = Operator(tmp_path, three)
        first = operator.seed()
        for number in range(20):
            with pytest.raises(TrustError, match="continues what its witnesses cosigned"):
                operator.seed(candidate=f"{number:064}")
        assert len(first) == 32


def test_asking_again_gives_the_same_seed(tmp_path: Path) -> None:
    """From the very same folder: no new tries in repeated requests, in restarts or in the order of answers."""
    with three_witnesses(tmp_path / "witnesses") as three:
        three.down |= {"c"}  # two have signed before the third says anything
        with pytest.raises(
            PeerError, match=r"all of a\.example/w, b\.example/w, c\.example/w expected to cosign"
        ):
            make_run(tmp_path / "run", three.draft(), outsiders=three.outsiders)
        run = at(tmp_path / "run", three)
        assert not any(isinstance(entry, Cosigned) for entry in run.entries())
        seeds = {entropy_of_copy(run, tmp_path / f"again-{n}", three) for n in range(5)}
        assert len(seeds) == 1


def entropy_of_copy(run: ScriptedRun, folder: Path, three: Three) -> bytes:
    three.down.clear()
    copy = run.copy(folder)
    with Ledger.open(copy.folder / "ledger", LOG, QuickFiles) as ledger:
        book = Book(ledger, lambda: "2026-01-01T10:00:00Z")
        worker = ScriptedWorker(copy.folder / "models", copy.folder / "staging", iter(MODELS), never)
        parts = replace(
            session(copy.folder, copy.signed, book, worker), outsiders=three.outsiders(copy.signed, ledger)
        )
        return entropy(parts, first_intent(copy))


def test_a_run_that_waited_for_a_witness_goes_on_with_the_same_opening(tmp_path: Path) -> None:
    with three_witnesses(tmp_path / "witnesses") as three:
        three.down |= {"b"}
        with pytest.raises(PeerError):
            make_run(tmp_path / "run", three.draft(), outsiders=three.outsiders)
        three.down.clear()
        run = at(tmp_path / "run", three)
        go_on_with(run, three)
        entries = run.entries()
        assert sum(isinstance(entry, IntentWritten) for entry in entries) >= 1
        assert [e.outcome.k for e in entries if isinstance(e, OutcomeWritten)][:1] == [1]
        assert not verify(run.evidence()).faults


def test_a_run_that_waits_for_a_witness_gives_nobody_a_later_size_to_show_it(tmp_path: Path) -> None:
    """Whoever reads the published ledger could: the witness would sign no more what the opening waits for."""
    with three_witnesses(tmp_path / "witnesses") as three:
        three.down |= {"c"}
        with pytest.raises(PeerError):
            make_run(tmp_path / "run", three.draft(), outsiders=three.outsiders)
        run = at(tmp_path / "run", three)
        for _ in range(2):
            with pytest.raises(PeerError, match=r"expected to cosign the ledger at size \d+, got a, b"):
                go_on_with(run, three)
        assert run.entries()[-1].kind == "intent/v1"
        three.down.clear()
        shown_to(three, "c", run)
        go_on_with(run, three)
    assert not verify(run.evidence()).faults


def shown_to(three: Three, name: str, run: ScriptedRun) -> None:
    """Somebody shows a witness the newest checkpoint."""
    at_it = [WitnessAt(name, three.keys[name].verify_key, three.urls[name])]
    with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
        assert gather(ledger.checkpoint, ledger.consistency_proof, at_it, bool, deadline=5).met


def test_with_one_of_three_down_generations_are_promoted_if_the_others_seal(tmp_path: Path) -> None:
    with three_witnesses(tmp_path / "witnesses") as three:
        three.down |= {"c"}
        draft = three.draft('sealing = ["b", "a"]')
        run = make_run(tmp_path / "run", draft, outsiders=three.outsiders)
        findings = verify(run.evidence())
        assert not findings.faults, findings.lines
        assert "nothing here shows: b.example/w, a.example/w" in "\n".join(findings.lines)


def test_nothing_is_promoted_without_a_quorum(tmp_path: Path) -> None:
    with three_witnesses(tmp_path / "witnesses") as three:
        three.down |= {"b", "c"}
        with pytest.raises(PeerError, match="a quorum of the witnesses expected to cosign"):
            make_run(tmp_path / "run", three.draft('sealing = ["a"]'), outsiders=three.outsiders)
        run = at(tmp_path / "run", three)
        decided = [entry for entry in run.entries() if isinstance(entry, Decided) and entry.generation]
        assert not [one for one in decided if one.decision == "promote"]


MIDNIGHT = 1_767_225_600  # 2026-01-01T00:00:00Z, when scripted runs begin


@pytest.fixture(scope="module")
def beaconed(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed. Witnesses' clocks are the run's; rounds come every 30 s."""
    folder = tmp_path_factory.mktemp("beaconed")
    with three_witnesses(folder / "witnesses", MIDNIGHT) as three, beacon(MIDNIGHT - 3000, 30) as table:
        return make_run(folder / "run", three.draft(table), outsiders=three.outsiders)


def test_a_run_with_a_beacon_verifies_and_names_the_beacon_as_who_could_cheat(beaconed: ScriptedRun) -> None:
    findings = verify(beaconed.evidence())
    assert not findings.faults, findings.lines
    said = "\n".join(findings.lines)
    assert "sealed against the operator and the beacon" in said
    drawn = next(entry for entry in beaconed.entries() if isinstance(entry, BeaconDrawn))
    place = places(beaconed, BeaconDrawn)[0]
    intent = beaconed.entries()[place - 2]
    assert isinstance(intent, IntentWritten)
    assert intent.intent.round is not None
    assert intent.intent.round.number == drawn.round
    assert intent.intent.round.at > intent.at


def test_without_the_beacons_library_verify_says_what_that_leaves_open(
    beaconed: ScriptedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detent.audit.colluding.can_verify", lambda: False)
    monkeypatch.setattr("detent.audit.witnesses.check_round", lambda *_: False)
    findings = verify(beaconed.evidence())
    assert (findings.faults, findings.undecided) == ([], ("beacon",))
    assert "their BLS signatures were not verified here" in "\n".join(verify(beaconed.evidence()).lines)


OTHERWISE: dict[str, tuple[Callable[[ScriptedRun], object], str, str]] = {
    "another round is drawn than the intent names": (
        lambda run: forge(run, BeaconDrawn, 0, round=7),
        "beacon",
        "got one whose signature does not verify",
    ),
    "its randomness is another": (
        lambda run: forge(run, BeaconDrawn, 0, randomness="00" * 32),
        "beacon",
        "expected from its signature",
    ),
    "no round is drawn": (
        lambda run: without(run, BeaconDrawn, 0),
        "answers",
        "the beacon's round that the intent names expected",
    ),
    "the intent names a round that is out already": (
        lambda run: forge(
            run,
            IntentWritten,
            0,
            intent=_asking(run, round=Round(_round(run).chain, 1, "2025-12-31T23:10:00Z")),
        ),
        "intents",
        "that comes out after",
    ),
    "the intent says that a round comes out at another time": (
        lambda run: forge(
            run, IntentWritten, 0, intent=_asking(run, round=Round(_round(run).chain, 500, _round(run).at))
        ),
        "intents",
        "a round of the beacon",
    ),
    "the intent names no round": (
        lambda run: forge(run, IntentWritten, 0, intent=_asking(run, round=None)),
        "intents",
        "a beacon's round expected",
    ),
}


def _round(run: ScriptedRun) -> Round:
    named = first_intent(run).round
    assert named is not None
    return named


@pytest.mark.parametrize(("tamper", "check", "says"), OTHERWISE.values(), ids=OTHERWISE.keys())
def test_with_a_beacon_it_is_found_when(
    beaconed: ScriptedRun,
    tmp_path: Path,
    tamper: Callable[[ScriptedRun], object],
    check: str,
    says: str,
) -> None:
    run = beaconed.copy(tmp_path / "run")
    tamper(run)
    found = finding(verify(run.evidence()).faults, check)
    said = " | ".join(found.faults) if found else "nothing"
    assert says in said, said


def test_an_opening_that_witnesses_sign_after_the_round_is_out_is_void(tmp_path: Path) -> None:
    late = MIDNIGHT + 100_000
    with three_witnesses(tmp_path / "witnesses", late) as three, beacon(MIDNIGHT - 3000, 30) as table:
        run = make_run(tmp_path / "run", three.draft(table), outsiders=three.outsiders)
    outcomes = [entry.outcome for entry in run.entries() if isinstance(entry, OutcomeWritten)]
    assert {outcome.verdict for outcome in outcomes} == {"void"}
    assert not any(isinstance(entry, BeaconDrawn) for entry in run.entries())
    assert not verify(run.evidence()).faults


def test_a_name_that_no_signature_stands_behind_is_not_named_as_a_witness(run: ScriptedRun) -> None:
    note = _cosigned(run, -1).note + _cosigned(run, -1).note.splitlines(keepends=True)[-1].replace(
        "c.example/w", "regulator.example/w"
    )
    forge(run, Cosigned, len(places(run, Cosigned)) - 1, note=note)
    said = "\n".join(verify(run.evidence()).lines)
    assert "Cosigned by a.example/w" in said
    assert "regulator.example" not in said


def test_cosignatures_that_do_not_verify_vouch_for_nothing(run: ScriptedRun) -> None:
    for nth in range(len(places(run, Cosigned))):
        forge(run, Cosigned, nth, note=cosigned_by(run, nth, STRANGER))
    said = "\n".join(verify(run.evidence()).lines)
    assert "until others witness it" in said
    assert "were cosigned by" not in said


def test_the_keys_of_outsiders_are_shown_for_names_are_anybodys(witnessed: ScriptedRun, three: Three) -> None:
    said = "\n".join(verify(witnessed.evidence()).lines)
    for key in three.keys.values():
        assert str(key.verify_key) in said
