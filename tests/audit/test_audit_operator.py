"""An operator who has the log's key, the seal's secret, the machine and its clock, and rewrote the client.

What such a one may still do where witnesses look on cannot all be refused; then `verify` says who could have.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from msgspec import structs
from tests.audit.forging import finding, forge, places
from tests.audit.peopled_run import write_copies
from tests.audit.scripted_run import (
    CATALOGUE,
    LOG,
    MODELS,
    SECRET,
    STEWARD,
    QuickFiles,
    ScriptedRun,
    ScriptedWorker,
    go_on,
    lease,
    make_run,
    never,
    session,
)
from tests.audit.witnessed_run import Operator, Three, at, beacon, first_intent, go_on_with, three_witnesses

from detent.audit import verify
from detent.charter import SignedCharter, amend_text, endorse, verified
from detent.coordinate import HeadAt, entropy_of
from detent.errors import PeerError, TrustError
from detent.evaluate import Chain, fresh_stream, opening_seed
from detent.ledger import Checkpoint, Ledger, Note, Signature
from detent.ledger._merkle import leaf_hash, tree_root
from detent.loop import Book, judge
from detent.loop.measure import Ask
from detent.loop.parts import Parts
from detent.loop.witnessing import before_promoting
from detent.signing import canonical
from detent.values import (
    CharterSigned,
    Cosigned,
    Decided,
    Intent,
    IntentWritten,
    OutcomeWritten,
    Profile,
    Profiled,
    entry_document,
)

MIDNIGHT = 1_767_225_600  # 2026-01-01T00:00:00Z, when scripted runs begin


STILL: dict[str, str] = {
    "One of the witnesses that seal helps, and signs last and again": (
        "sealed against the operator and any one of the witnesses that add entropy together"
    ),
    "A witness that two quorums share helps, and cosigns two intents before the beacon's round": (
        "Nor against the operator with 1 of the witnesses, if they cosign two intents"
    ),
    "An opening is looked at, and taken back to amend who the witnesses are": (
        "that nothing was tried under other witnesses: since the amendment of entry "
    ),
    "The entry before a fresh profile is written until its problems please": (
        "that fresh profiles and mastery were measured on problems nobody chose"
    ),
}
"""What works where witnesses look on, and the words in which `verify` says that it could have been done."""

HELPED, SHARED, REPLACED, CHOSEN = STILL.values()


def said(run: ScriptedRun) -> str:
    """What verify says of a run in which it finds nothing wrong."""
    findings = verify(run.evidence())
    assert not findings.faults, findings.lines
    return "\n".join(findings.lines)


def test_one_sealing_witness_in_the_operators_hand_is_enough_to_choose_problems_and_verify_says_so(
    tmp_path: Path,
) -> None:
    """Two are honest and signed first. The third signs again and again, until the problems please."""
    with three_witnesses(tmp_path / "witnesses") as three:
        three.down |= {"c"}
        with pytest.raises(PeerError):
            make_run(tmp_path / "run", three.draft(), outsiders=three.outsiders)
        three.down.clear()
        run = at(tmp_path / "run", three)
        seeds = tried(run, three, range(MIDNIGHT, MIDNIGHT + 100))
        assert len(set(seeds.values())) == 100
        three.bad["c"] = min(seeds, key=lambda time: seeds[time])
        go_on_with(run, three)
    lines = said(run)
    assert HELPED in lines
    assert "nothing here shows: a.example/w, b.example/w, c.example/w" in lines


def tried(run: ScriptedRun, three: Three, times: range) -> dict[int, bytes]:
    """The first opening's seeds, were c to sign as of those times."""
    intent, place = first_intent(run), places(run, IntentWritten)[0]
    with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
        outsiders = three.outsiders(run.signed, ledger)
        assert outsiders is not None
        honest = outsiders.cosign(place + 1, [str(three.keys[name].verify_key) for name in "ab"])
        head = HeadAt(LOG.name, place + 1, ledger.root(place + 1))
        leaf, link = ledger.leaf_hash(place), Chain(SECRET, 100).reveal(1)

    def seed(time: int) -> bytes:
        line = three.keys["c"].cosign(Checkpoint(*head), time)
        cosigned = Cosigned(purpose="seal", size=head.size, note=with_line(honest, line))
        added = entropy_of(intent, head, LOG.verify_key, lambda _: True, cosigned=cosigned, drawn=None)
        return opening_seed(link, 1, leaf, head.root, added)

    return {time: seed(time) for time in times}


def with_line(note: str, line: Signature) -> str:
    parsed = Note.parse(note.encode())
    return str(Note(parsed.text, (*parsed.signatures, line)))


def test_a_quorum_that_signed_before_the_opening_does_not_promote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client asks for a promotion's cosignatures before there is an intent; the outcome nobody sees."""
    honest = judge.worth_opening

    def asking_early(parts: Parts, before: Profile, after: Profile) -> bool:
        before_promoting(parts)
        return honest(parts, before, after)

    monkeypatch.setattr(judge, "worth_opening", asking_early)
    with three_witnesses(tmp_path / "witnesses") as three:
        run = make_run(tmp_path / "run", three.draft(), outsiders=three.outsiders)
    early = next(place for place in places(run, Cosigned) if place < places(run, IntentWritten)[0])
    assert early < places(run, OutcomeWritten)[0]
    found = finding(verify(run.evidence()).faults, "witnesses")
    assert found is not None
    assert "a quorum of the witnesses right before a promotion expected, got none" in found.faults[0]


def test_an_opening_that_no_witness_sealed_is_found_out_when_its_answers_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client asks nobody before it draws, and hands over a bundle in which nobody can draw again."""
    monkeypatch.setattr(judge, "witness_intent", lambda *_: True)
    monkeypatch.setattr(judge, "entropy", lambda *_: b"")
    with three_witnesses(tmp_path / "witnesses") as three:
        run = make_run(tmp_path / "run", three.draft(), outsiders=three.outsiders)
    assert not any(isinstance(entry, Cosigned) and entry.purpose == "seal" for entry in run.entries())
    answers = list((run.folder / "answers").iterdir())
    for path in answers:
        path.unlink()
    left_out = {f"answers/{path.name}": "redacted" for path in answers}
    findings = verify(replace(run.evidence(), left_out=left_out))
    assert findings.faults, findings.lines
    found = finding(findings.faults, "witnesses")
    assert found is not None
    assert "opening 1 (entry" in found.faults[0]
    assert "expected, got none; the seal stays shut" in found.faults[0]


def test_a_session_after_the_quorum_signed_leaves_a_promotion_as_it_was(tmp_path: Path) -> None:
    """The machine went down between the two; what stands between turns is nothing that a promotion rests on."""
    with three_witnesses(tmp_path / "witnesses") as three:
        with interrupted_before_deciding(), pytest.raises(InterruptedError):
            make_run(tmp_path / "run", three.draft(), outsiders=three.outsiders)
        run = at(tmp_path / "run", three)
        assert run.entries()[-1].kind == "cosigned/v1"
        go_on_with(run, three)
    assert "1 promoted" in said(run)


@contextmanager
def interrupted_before_deciding() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:

        def cut(parts: Parts) -> None:
            before_promoting(parts)
            raise InterruptedError

        patch.setattr(judge, "before_promoting", cut)
        yield


def test_who_signed_nothing_is_not_said_to_vouch_for_the_ledger(tmp_path: Path) -> None:
    """Anybody can write a name on a line that no key of the charter's is asked about."""
    with three_witnesses(tmp_path / "witnesses") as three:
        run = make_run(tmp_path / "run", three.draft(), leases=[2], outsiders=three.outsiders)
    last = [entry for entry in run.entries() if isinstance(entry, Cosigned)][-1]
    forge(run, Cosigned, -1, note=with_line(last.note, Signature("agency.example/w", b"1234", b"5678")))
    assert "agency.example" not in said(run)


def test_a_ledger_that_nobody_cosigned_is_not_said_to_be_cosigned(tmp_path: Path) -> None:
    """A void opening draws nothing, so nothing else depends on who signed its intent."""
    late = MIDNIGHT + 100_000
    with three_witnesses(tmp_path / "witnesses", late) as three, beacon(MIDNIGHT - 3000, 30) as table:
        run = make_run(tmp_path / "run", three.draft(table), leases=[2], outsiders=three.outsiders)
    assert "a quorum of the witnesses cosigned" in said(run)
    for nth, cosigned in enumerate([entry for entry in run.entries() if isinstance(entry, Cosigned)]):
        with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
            bare = ledger.signed_at(cosigned.size)
        forge(run, Cosigned, nth, note=bare)
    assert "this is the whole ledger, and the only one: until others witness it" in said(run)


def test_fewer_than_a_quorum_are_not_said_to_vouch_for_the_ledger(tmp_path: Path) -> None:
    """The others may have cosigned another history, in which the run went on."""
    with three_witnesses(tmp_path / "witnesses") as three:
        three.down |= {"b", "c"}
        with pytest.raises(PeerError):
            make_run(tmp_path / "run", three.draft('sealing = ["a"]'), outsiders=three.outsiders)
        run = at(tmp_path / "run", three, 'sealing = ["a"]')
    assert places(run, Cosigned)
    assert "this is the whole ledger, and the only one: until others witness it" in said(run)


def test_one_witness_that_signs_two_histories_gives_a_second_try_before_a_beacons_round_and_verify_says_so(
    tmp_path: Path,
) -> None:
    """One honest witness each sees another intent, and whose key the operator has makes both a quorum."""
    with three_witnesses(tmp_path / "witnesses", MIDNIGHT) as three, beacon(MIDNIGHT - 3000, 30) as table:
        operator = Operator(tmp_path, three, table)
        three.bad["c"], three.down = MIDNIGHT + 1, {"b"}
        first = operator.seed(candidate="0" * 64)
        three.down = {"a"}
        run = at(tmp_path / "run", three, table)
        go_on_with(run, three)  # with the candidate that did better
    assert len(first) == 32
    assert SHARED in said(run)


def test_what_was_tried_under_witnesses_that_an_amendment_replaced_is_not_seen_and_verify_says_so(
    tmp_path: Path,
) -> None:
    """The first opening is looked at with `a` and taken back; then an amendment lets `b` seal, who saw nothing."""
    with three_witnesses(tmp_path / "witnesses") as three:
        run = looked_at_and_taken_back(tmp_path, three)
        three.down = {"a"}
        run = amended(run, three)
    lines = said(run)
    assert REPLACED in lines
    assert "went back to before the amendment: a.example/w" in lines


def test_a_witness_that_was_there_before_an_amendment_and_signs_after_it_bears_out_that_nothing_was_taken_back(
    tmp_path: Path,
) -> None:
    with three_witnesses(tmp_path / "witnesses") as three:
        three.down |= {"a", "b", "c"}
        with pytest.raises(PeerError):
            make_run(tmp_path / "run", three.draft('sealing = ["a"]'), outsiders=three.outsiders)
        three.down.clear()
        begun = beginning_of(at(tmp_path / "run", three, 'sealing = ["a"]'), tmp_path / "other")
        run = amended(begun, three, 'sealing = ["b", "a"]')
    assert REPLACED not in said(run)


def test_the_witness_that_saw_what_was_taken_back_signs_nothing_after_the_amendment(tmp_path: Path) -> None:
    with three_witnesses(tmp_path / "witnesses") as three:
        run = looked_at_and_taken_back(tmp_path, three)
        three.down = {"c"}  # so that a quorum needs it
        with pytest.raises(TrustError, match="continues what its witnesses cosigned"):
            amended(run, three)


def looked_at_and_taken_back(folder: Path, three: Three) -> ScriptedRun:
    """The run as it was before its first opening, which `a` has sealed and the operator seen."""
    three.down |= {"b", "c"}
    with pytest.raises(PeerError):
        make_run(folder / "run", three.draft('sealing = ["a"]'), outsiders=three.outsiders)
    three.down.clear()
    seen = at(folder / "run", three, 'sealing = ["a"]')
    assert places(seen, OutcomeWritten)
    return beginning_of(seen, folder / "other")


def beginning_of(run: ScriptedRun, folder: Path) -> ScriptedRun:
    """A copy that ends with generation 0."""
    copy = run.copy(folder)
    copy.rewrite(copy.record()[: places(copy, Decided)[0] + 1])
    return copy


def amended(run: ScriptedRun, three: Three, sealing: str = 'sealing = ["b"]') -> ScriptedRun:
    """An amendment by the only steward, who is the operator, that lets others seal; and on from there."""
    text = amend_text(run.signed, run.signed.text.replace('sealing = ["a"]', sealing), CATALOGUE)
    signed: SignedCharter = verified(endorse(text, [STEWARD]), CATALOGUE)
    write_copies(run.folder, signed)
    with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
        ticks = (f"2026-01-01T10:{n // 60:02}:{n % 60:02}Z" for n in count())
        book = Book(ledger, ticks.__next__)
        book.write(CharterSigned(version=2, digest=signed.digest, envelope=signed.envelope))
        book.write(lease(signed, 2, 2, book))
        worker = ScriptedWorker(run.folder / "models", run.folder / "staging", iter(MODELS[2:]), never)
        parts = session(run.folder, signed, book, worker)
        go_on(replace(parts, outsiders=three.outsiders(signed, ledger)))
    return ScriptedRun(run.folder, signed)


def test_fresh_problems_come_from_a_root_that_is_written_until_they_please_and_verify_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome is written at whichever second gives the problems that please: here the smallest stream."""
    honest, chosen = judge.open_seal, []

    def choosing(parts: Parts, intent: Intent, ask: Ask) -> OutcomeWritten:
        written = honest(parts, intent, ask)
        hour = parts.book.now[:14]
        tries = [f"{hour}{minute:02}:{second:02}Z" for minute in (58, 59) for second in range(60)]
        streams = {at: stream_after(parts, written, at) for at in tries}
        assert len(set(streams.values())) == len(tries)
        best = min(streams, key=lambda at: streams[at])
        chosen.append(streams[best].hex())
        clock = parts.book._clock
        monkeypatch.setattr(parts.book, "_clock", lambda: max(best, clock()))
        return written

    monkeypatch.setattr(judge, "open_seal", choosing)
    with three_witnesses(tmp_path / "witnesses") as three:
        run = make_run(tmp_path / "run", three.draft(), leases=[1], outsiders=three.outsiders)
    fresh = [e for e in run.entries() if isinstance(e, Profiled) and e.purpose == "fresh" and e.generation]
    assert [profile.stream for profile in fresh] == chosen
    assert CHOSEN in said(run)


def stream_after(parts: Parts, written: OutcomeWritten, at: str) -> bytes:
    """The fresh stream of the promoted model, were the outcome written at that time."""
    entry = structs.replace(written, at=at, generation=parts.book.state.generation)
    leaves = [parts.book.record.leaf_hash(index) for index in range(parts.book.state.entries)]
    root = tree_root([*leaves, leaf_hash(canonical(entry_document(entry)))])
    intent = parts.book.state.slots["intent/v1"]
    assert isinstance(intent, IntentWritten)
    return fresh_stream(root, intent.intent.candidate)


def test_verify_shows_the_witnesses_keys_for_a_name_can_be_anybodys(tmp_path: Path) -> None:
    with three_witnesses(tmp_path / "witnesses") as three:
        run = make_run(tmp_path / "run", three.draft(), outsiders=three.outsiders)
    lines = said(run)
    assert all(f"the one you know: {key.verify_key}" in lines for key in three.keys.values())
