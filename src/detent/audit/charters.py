"""Who decides: the charters on the ledger, the copies of them in the run folder, the leases, the sessions."""

from collections.abc import Iterator

from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted
from detent.audit.signatures import Charters
from detent.audit.steps import Step, outside_turns
from detent.charter import SignedCharter
from detent.errors import DetentError
from detent.oversight import why_stop
from detent.values import CharterSigned, Decided, LeaseGranted, SessionStarted
from detent.values.grants import live, spent_once


def check_charter(case: Case) -> Finding:
    """The first entry is the charter, signed by a quorum, and every later one rightly follows the one before."""
    detail = "the charter"
    if case.charters is not None:
        signed = case.charters.newest
        stewards = signed.charter.stewards
        detail = (
            f"'{signed.charter.name}' version {signed.charter.version}, {signed.digest[:8]}..., signed by "
            f"{stewards.quorum} or more of {len(stewards.keys)}: "
            f"{', '.join(key.name for key in signed.stewards)}"
        )
    return Finding("charter", detail, tuple(_charter_faults(case)))


def check_leases(case: Case, charters: Charters) -> Finding:
    """Every lease is what was signed; no generation began or was decided without one, or sooner than [pace] says."""
    faults: list[str] = []
    for step in case.steps:
        wrong = case.signatures.faults.get(step.index)
        if isinstance(step.entry, LeaseGranted) and wrong:
            faults.append(f"{step.place}: lease {step.entry.number}: {wrong}")
        if not step.hangs:
            faults += [f"{step.place}: {fault}" for fault in _unpaid(step)]
            faults += [f"{step.place}: {fault}" for fault in _too_fast(step, charters.at(step))]
    state = case.state
    detail = (
        f"{counted(state.leases, 'lease')} signed by the stewards: {counted(state.granted, 'generation')} granted, "
        f"{state.spent} spent, with {state.flops / 1e15:.4g} petaflop"
    )
    return Finding("leases", detail, tuple(faults))


def check_sessions(case: Case, charters: Charters) -> Finding:
    """Every session ran with the seed and threads of the charter in force; nothing of a turn after an older one."""
    faults, number, began = [], 0, -1
    for step in case.steps:
        since = max((place for place in charters.since if place < step.index), default=0)
        if isinstance(step.entry, SessionStarted):
            number, began = number + 1, step.index
            faults += [f"{step.place}: {fault}" for fault in _session_faults(step.entry, charters.at(step))]
        elif not outside_turns(step.entry) and step.before.returning is None and 0 <= began < since:
            faults.append(
                f"{step.place}: a session since the charter of entry {since} expected before {step.entry.kind}, "
                f"got the one of entry {began}, under the charter before"
            )
            began = step.index  # once is enough
    detail = f"{counted(number, 'session')} with the charter's seed and threads"
    return Finding("sessions", detail, tuple(faults))


def _session_faults(session: SessionStarted, signed: SignedCharter) -> Iterator[str]:
    run = signed.charter.run
    if (session.seed, session.threads) != (run.seed, run.threads):
        yield (
            f"a session with the charter's seed {run.seed} and {run.threads} threads expected, "
            f"got {session.seed} and {session.threads}"
        )
    if session.confined == bool(session.unconfined_because):
        yield "confined, or the reason why not, expected, got both or neither"
    if signed.charter.constraints.confined and not session.confined:
        yield "confined workers expected, as the charter says, got unconfined ones"


def _charter_faults(case: Case) -> Iterator[str]:
    if case.signatures.mistrust:
        yield case.signatures.mistrust
    entries = [(step, step.entry) for step in case.steps if isinstance(step.entry, CharterSigned)]
    if entries and entries[0][0].index > 0:
        yield f"the charter as entry 0 expected, got it as {entries[0][0].place}"
    for step, entry in entries[1:]:
        if step.index in case.signatures.faults:
            yield f"{step.place}: amendment to version {entry.version}: {case.signatures.faults[step.index]}"
    if case.charters is not None:
        yield from _first_faults(case.charters.signed[0], entries[0][1])
        yield from _copy_faults(case, case.charters)


def _first_faults(signed: SignedCharter, entry: CharterSigned) -> Iterator[str]:
    if signed.charter.version != 1:
        yield f"version 1 as the first charter expected, got {signed.charter.version}: those before it are missing"
    if (entry.digest, entry.version) != (signed.digest, signed.charter.version):
        yield (
            f"the charter's entry with version {signed.charter.version} and digest {signed.digest} expected, "
            f"got {entry.version} and {entry.digest}"
        )


def _copy_faults(case: Case, charters: Charters) -> Iterator[str]:
    """The folder's copies are those of the charter in force, or still of the one before when nothing came since."""
    allowed = charters.signed[-2:] if _just_amended(case, charters) else charters.signed[-1:]
    for name, got, wanted in (
        ("charter.toml", case.evidence.charter, [signed.text for signed in allowed]),
        ("charter.dsse", case.evidence.envelope, [signed.envelope for signed in allowed]),
    ):
        if got not in wanted:
            found = "another text" if got else "none"
            yield f"{name} as the ledger has it, signed, expected, got {found}: restore it from the ledger"


def _just_amended(case: Case, charters: Charters) -> bool:
    """Whether the run was cut short between an amendment and its copies, which whoever opens it next mends."""
    since = [step.entry for step in case.steps if step.index > charters.since[-1]]
    return all(outside_turns(entry) and not isinstance(entry, SessionStarted) for entry in since)


def _unpaid(step: Step) -> Iterator[str]:
    """Generation 0 and what people ordered back need no lease."""
    before, entry = step.before, step.entry
    if before.generation == 0 or before.returning is not None or outside_turns(entry):
        return
    if not before.slots and live(before.grants, entry.at) is None:
        yield (
            f"a lease for generation {before.generation} expected when it began, got none that covers {entry.at}: "
            f"{before.granted} generations granted and {before.spent} spent"
        )
    elif isinstance(entry, Decided) and spent_once(before.grants, before.paying, entry.at) is None:
        yield (
            f"a lease for generation {before.generation} expected when it was decided, "
            f"got none that covers {entry.at}"
        )


def _too_fast(step: Step, signed: SignedCharter) -> Iterator[str]:
    """Charter [pace]: whether the generation might begin when it did."""
    before, at = step.before, step.entry.at
    if before.generation == 0 or before.slots or before.returning is not None or outside_turns(step.entry):
        return
    try:
        stop = why_stop(before, signed.charter, at, enough=False)
    except (DetentError, ValueError):
        return  # a time that is none; `order` says so
    if stop in ("review", "pace", "unevaluated"):
        yield (
            f"generation {before.generation} to wait expected, as [pace] says ({stop}), got it begun at {at}"
        )
