"""Whoever holds the log's key rewrites the record: order, charter, leases, sessions, decisions. Each is named."""

import pytest
from msgspec import structs
from tests.audit.forging import Forgery, assert_found, forge, forge_outcome, leave_out, places, without
from tests.audit.forging_people import root
from tests.audit.scripted_run import DRAFT, LOG, STEWARD, STRANGER, ScriptedRun, sign

from detent.charter import LEASE_TYPE, Lease, endorse
from detent.ledger import Ledger
from detent.signing import SigningKey, canonical, seal_envelope
from detent.values import (
    Audited,
    CandidateTrained,
    CharterSigned,
    Decided,
    Entry,
    LeaseGranted,
    Mastered,
    OutcomeWritten,
    SessionStarted,
    fold,
)


def exchange(run: ScriptedRun, first: int, second: int) -> None:
    """Two entries change places."""
    record = run.record()
    record[first], record[second] = record[second], record[first]
    run.rewrite(record)


def append(run: ScriptedRun, *entries: Entry | bytes) -> None:
    """More entries at the end."""
    run.rewrite([*run.record(), *entries])


def respell(run: ScriptedRun, place: int, old: bytes, new: bytes) -> None:
    """Write an entry's bytes another way."""
    record = run.record()
    assert old in record[place]
    record[place] = record[place].replace(old, new, 1)
    run.rewrite(record)


def sign_with(run: ScriptedRun, key: SigningKey) -> None:
    """The same entries, signed by another key."""
    record = run.record()
    (run.folder / "ledger").rename(run.folder / "old")
    with Ledger.create(run.folder / "ledger", key, LOG.name) as ledger:
        ledger.extend(record)


def end_before(run: ScriptedRun, kind: type[Entry], nth: int) -> None:
    """A ledger that ends before the nth entry of that kind."""
    run.rewrite(run.record()[: places(run, kind)[nth]])


RECORD: dict[str, Forgery] = {
    "the ledger is signed by another key of the same name": Forgery(
        lambda run: sign_with(run, SigningKey.from_seed(LOG.name, b"other".ljust(32))),
        "ledger",
        "got none of its signatures",
    ),
    "two entries change places": Forgery(
        lambda run: exchange(run, *(places(run, kind)[0] for kind in (Audited, CandidateTrained))),
        "lineage",
        "an audit of the labels before they are trained on expected",
    ),
    "an outcome stands before its intent": Forgery(
        lambda run: exchange(run, place := places(run, OutcomeWritten)[0], place - 1),
        "order",
        "the outcome of an open intent expected",
    ),
    "the last entries, with a promotion, are taken off": Forgery(
        lambda run: end_before(run, Decided, 1), "models", "models/incumbent to lead to"
    ),
    "an audit is left out": Forgery(
        lambda run: without(run, Audited, 1), "lineage", "an audit of the labels before they are trained on"
    ),
    "a decision is left out": Forgery(
        lambda run: without(run, Decided, 1),
        "order",
        "generation 1 expected, got diagnosis/v1 of generation 2",
    ),
    "an entry stands there twice": Forgery(
        lambda run: append(run, run.record()[-1]), "order", "generation 4 expected, got decision/v1"
    ),
    "an entry is of a kind that nobody knows": Forgery(
        lambda run: append(run, b'{"kind":"permission/v1"}'),
        "entries",
        "a ledger entry of a known kind expected",
    ),
    "an entry has a field that nobody knows": Forgery(
        lambda run: respell(run, 3, b'{"at"', b'{"aa":1,"at"'), "entries", "a ledger entry of a known kind"
    ),
    "an entry is no JSON": Forgery(
        lambda run: append(run, b"\xff\0"), "entries", "a ledger entry of a known kind"
    ),
    "an entry is nested without end": Forgery(
        lambda run: append(run, b"[" * 60_000), "entries", "got b'[[[["
    ),
    "an entry is not in canonical form": Forgery(
        lambda run: respell(run, 5, b'"generation":0', b'"generation": 0'),
        "entries",
        "in canonical form expected",
    ),
    "an entry says a default where the form leaves nothing out": Forgery(
        lambda run: respell(run, 5, b'"member":1,', b""), "entries", "in canonical form expected"
    ),
    "time goes back": Forgery(
        lambda run: forge(run, Audited, 0, at="2025-12-31T23:59:59Z"), "order", "time never goes back"
    ),
    "a time is none": Forgery(lambda run: forge(run, Audited, 0, at="today"), "order", "a time such as"),
    "a day is none": Forgery(
        lambda run: forge(run, Audited, 0, at="2026-02-30T00:00:00Z"), "order", "a time such"
    ),
    "a lease claims to be of a later generation": Forgery(
        lambda run: forge(run, LeaseGranted, 1, generation=9),
        "order",
        "lease/v1 of generation 3 expected, got 9",
    ),
    "work was done in no session": Forgery(
        lambda run: without(run, SessionStarted, 0), "order", "a session before data/v1 expected, got none"
    ),
}


def lease_of(
    run: ScriptedRun, generations: int, key: SigningKey, number: int = 2, charter: str = ""
) -> dict[str, object]:
    """The fields of a lease's entry, whoever signs it and however much it grants."""
    lease = Lease(
        charter=charter or sign(DRAFT).digest,
        size=1,
        root=root(run, 1),
        number=number,
        generations=generations,
        expires="2026-01-01T12:00:00Z",
        petaflop=0.2,
    )
    envelope = seal_envelope(canonical(lease.model_dump()), LEASE_TYPE, [key])
    return {"generations": generations, "expires": lease.expires, "envelope": envelope}


def later(run: ScriptedRun) -> None:
    """The second lease is granted after the generation that it pays."""
    record = run.record()
    record.append(record.pop(places(run, LeaseGranted)[1]))
    run.rewrite(record)


def other_charter(run: ScriptedRun, **changes: str) -> None:
    """The first entry is a charter that the stewards signed, but not for this run."""
    text = DRAFT
    for old, new in changes.items():
        text = text.replace(f"{old} = ", f"{old} = {new} #")
    signed = sign(text)
    forge(run, CharterSigned, 0, digest=signed.digest, envelope=signed.envelope)


def unconfine(run: ScriptedRun) -> None:
    """The charter asks for confined workers, and a session had none."""
    other_charter(run, mastery_floor="0.8\nconfined = true")
    forge(run, SessionStarted, 0, confined=False, unconfined_because="nobody installed it")


WHO_DECIDES: dict[str, Forgery] = {
    "charter.toml is edited": Forgery(
        lambda run: (run.folder / "charter.toml").write_text(run.signed.text + "# more\n"),
        "charter",
        "charter.toml as the ledger has it, signed, expected, got another text",
    ),
    "charter.dsse is missing": Forgery(
        lambda run: (run.folder / "charter.dsse").unlink(), "charter", "charter.dsse as the ledger has it"
    ),
    "the charter's entry names another digest": Forgery(
        lambda run: forge(run, CharterSigned, 0, digest="00" * 32), "charter", "got 1 and 0000"
    ),
    "the charter's entry names another version": Forgery(
        lambda run: forge(run, CharterSigned, 0, version=2), "charter", "the charter's entry with version 1"
    ),
    "the charter was signed by a stranger": Forgery(
        lambda run: forge(run, CharterSigned, 0, envelope=endorse(run.signed.text, [STRANGER])),
        "charter",
        "signed by 0/1 stewards",
    ),
    "the charter is exchanged for a laxer one of the same stewards": Forgery(
        lambda run: other_charter(run, non_inferiority_margin="0.3"),
        "charter",
        "charter.toml as the ledger has it",
    ),
    "the intents are of another charter than the ledger's": Forgery(
        lambda run: other_charter(run, non_inferiority_margin="0.3"), "intents", "the charter "
    ),
    "the charter does not come first": Forgery(
        lambda run: exchange(run, 0, 1), "charter", "the charter as entry 0 expected, got it as entry 1"
    ),
    "a second charter follows": Forgery(
        lambda run: append(run, structs.replace(run.entries()[0], at=run.entries()[-1].at, generation=4)),
        "charter",
        "which stands on the ledger already",
    ),
    "a lease is signed by another key": Forgery(
        lambda run: forge(run, LeaseGranted, 1, **lease_of(run, 1, STRANGER)),
        "leases",
        "signed by 0/1 stewards",
    ),
    "a lease grants more than the charter allows": Forgery(
        lambda run: forge(run, LeaseGranted, 1, **lease_of(run, 3, STEWARD)),
        "leases",
        "a lease of 1 to 2 generations",
    ),
    "a lease says more than was signed": Forgery(
        lambda run: forge(run, LeaseGranted, 1, generations=2),
        "leases",
        "lease/v1 with generations 1 expected, as signed, got 2",
    ),
    "a lease was granted under another charter": Forgery(
        lambda run: forge(run, LeaseGranted, 1, **lease_of(run, 1, STEWARD, 2, "ab" * 32)),
        "leases",
        "a lease under charter",
    ),
    "a lease is used twice": Forgery(
        lambda run: forge(run, LeaseGranted, 1, **lease_of(run, 1, STEWARD, 1)),
        "leases",
        "lease 2 expected, got lease 1; each counts once",
    ),
    "one generation too many is turned": Forgery(
        lambda run: without(run, LeaseGranted, 1),
        "leases",
        "a lease for generation 3 expected when it began, got none that covers",
    ),
    "generations follow one another faster than the charter says": Forgery(
        lambda run: other_charter(run, lease="{ generations = 2 }\ngenerations_per_day = 1"),
        "leases",
        "generation 2 to wait expected, as [pace] says (pace)",
    ),
    "workers were unconfined although the charter says that they must be": Forgery(
        unconfine, "sessions", "confined workers expected, as the charter says"
    ),
    "a generation is paid for afterwards": Forgery(
        later, "leases", "a lease for generation 3 expected when it began"
    ),
    "a session ran with another seed": Forgery(
        lambda run: forge(run, SessionStarted, 0, seed=7), "sessions", "a session with the charter's seed 1"
    ),
    "a session says that it was confined and why not": Forgery(
        lambda run: forge(run, SessionStarted, 0, unconfined_because="no reason"),
        "sessions",
        "got both or neither",
    ),
}


def promote_the_undecided(run: ScriptedRun) -> None:
    """The second opening did not pass; its candidate is promoted."""
    place = places(run, Decided)[2]
    decided = run.entries()[place]
    assert isinstance(decided, Decided)
    forge(run, Decided, 2, decision="promote", incumbent=decided.candidate)


def slip_in(run: ScriptedRun) -> None:
    """The incumbent changes in a decision that promotes nothing."""
    others = [e.digest for e in run.entries() if isinstance(e, CandidateTrained)]
    forge(run, Decided, 3, incumbent=others[1])


DECISIONS: dict[str, Forgery] = {
    "a candidate that was not passed is promoted": Forgery(
        promote_the_undecided, "decisions", "no promotion expected without a verdict better, got promote"
    ),
    "a candidate that was passed is discarded": Forgery(
        lambda run: forge(run, Decided, 1, decision="discard"),
        "decisions",
        "promote expected, the verdict is better",
    ),
    "the incumbent changes without a promotion": Forgery(slip_in, "decisions", "to stay expected"),
    "another model than the gate's candidate is promoted": Forgery(
        lambda run: forge(run, Decided, 1, incumbent=fold(run.entries()[:24]).team[1]),
        "decisions",
        "promoted expected",
    ),
    "a stranger joins the team": Forgery(
        lambda run: forge(run, Decided, 3, team=("ab" * 32, fold(run.entries()).team[1])),
        "decisions",
        "a team of this generation's models or members before expected, got abab",
    ),
    "the team shrinks": Forgery(
        lambda run: forge(run, Decided, 3, team=fold(run.entries()).team[:1]),
        "decisions",
        "a team of 2 expected",
    ),
    "a carried team is called discarded": Forgery(
        lambda run: forge(run, Decided, 2, decision="discard"),
        "decisions",
        "carry, since training goes on from a",
    ),
    "a candidate of another generation is named": Forgery(
        lambda run: forge(run, Decided, 3, candidate="ab" * 32),
        "decisions",
        "a candidate of this generation expected",
    ),
    "a promoted model was not measured afresh": Forgery(
        lambda run: leave_out(
            run, *(places(run, kind)[-1] for kind in (Mastered,)), places(run, Mastered)[-1] - 1
        ),
        "decisions",
        "a fresh profile of",
    ),
    "a promoted model was not measured for mastery": Forgery(
        lambda run: without(run, Mastered, 1),
        "decisions",
        "to be measured for mastery before its promotion expected",
    ),
}


ALL = RECORD | WHO_DECIDES | DECISIONS


@pytest.mark.parametrize("done", ALL)
def test_a_forged_record_is_found_although_the_ledger_is_sound(run: ScriptedRun, done: str) -> None:
    assert_found(run, ALL[done])


def test_a_verdict_that_nobody_gave_is_found_even_when_the_decision_follows_it(run: ScriptedRun) -> None:
    forge_outcome(run, 1, verdict="better")
    promote_the_undecided(run)
    forgery = Forgery(lambda _: None, "gates", "verdict undecided expected from the counts, got better")
    assert_found(run, forgery)
