"""Who decides: the charter on the ledger, the copies of it in the run folder, the leases, the sessions."""

from collections.abc import Iterator

from detent.audit.evidence import Case, Step
from detent.audit.findings import Finding, counted
from detent.audit.order import outside_turns
from detent.charter import SignedCharter, verified_lease
from detent.errors import DetentError
from detent.values import CharterSigned, LeaseGranted, SessionStarted


def check_charter(case: Case) -> Finding:
    """The first entry is the charter, a quorum of its stewards signed it, and the folder's copies are the same."""
    signed = case.signed
    detail = "the charter"
    if signed is not None:
        stewards = signed.charter.stewards
        detail = (
            f"'{signed.charter.name}' version {signed.charter.version}, {signed.digest[:8]}..., signed by "
            f"{stewards.quorum} or more of {len(stewards.keys)}: {', '.join(key.name for key in signed.stewards)}"
        )
    return Finding("charter", detail, tuple(_charter_faults(case)))


def check_leases(case: Case, signed: SignedCharter) -> Finding:
    """Every lease is the stewards', and no generation began beyond what had been granted by then."""
    faults: list[str] = []
    granted = 0
    for step in case.steps:
        if isinstance(step.entry, LeaseGranted):
            wrong = _lease_faults(step, step.entry, signed)
            granted += 0 if wrong else step.entry.generations
            faults += wrong
        elif _begins(step) and granted <= step.before.spent:
            faults.append(
                f"{step.place}: a lease for generation {step.before.generation} expected when it began, got "
                f"{granted} generations granted and {step.before.spent} spent"
            )
    grants = f"{counted(case.state.leases, 'lease')} signed by the stewards"
    detail = f"{grants}: {counted(granted, 'generation')} granted, {case.state.spent} spent"
    return Finding("leases", detail, tuple(faults))


def check_sessions(case: Case, signed: SignedCharter) -> Finding:
    """Every session ran with the charter's seed and threads."""
    run, faults, number = signed.charter.run, [], 0
    for step, session in case.all(SessionStarted):
        number += 1
        if (session.seed, session.threads) != (run.seed, run.threads):
            faults.append(
                f"{step.place}: a session with the charter's seed {run.seed} and {run.threads} threads expected, "
                f"got {session.seed} and {session.threads}"
            )
        if session.confined == bool(session.unconfined_because):
            faults.append(f"{step.place}: confined, or the reason why not, expected, got both or neither")
    return Finding(
        "sessions", f"{counted(number, 'session')} with the charter's seed and threads", tuple(faults)
    )


def _charter_faults(case: Case) -> Iterator[str]:
    if case.mistrust:
        yield case.mistrust
    entries = list(case.all(CharterSigned))
    if entries and entries[0][0].index > 0:
        yield f"the charter as entry 0 expected, got it as {entries[0][0].place}"
    for step, _ in entries[1:]:
        yield f"{step.place}: no second charter expected, got one: this version knows no amendments"
    if case.signed is not None:
        yield from _copy_faults(case, case.signed, entries[0][1])


def _copy_faults(case: Case, signed: SignedCharter, entry: CharterSigned) -> Iterator[str]:
    if (entry.digest, entry.version) != (signed.digest, signed.charter.version):
        yield (
            f"the charter's entry with version {signed.charter.version} and digest {signed.digest} expected, "
            f"got {entry.version} and {entry.digest}"
        )
    for name, got, wanted in (
        ("charter.toml", case.evidence.charter, signed.text),
        ("charter.dsse", case.evidence.envelope, signed.envelope),
    ):
        if got != wanted:
            found = "another text" if got else "none"
            yield f"{name} as the ledger has it, signed, expected, got {found}: restore it from the ledger"


def _lease_faults(step: Step, entry: LeaseGranted, signed: SignedCharter) -> list[str]:
    try:
        lease = verified_lease(entry.envelope, signed)
    except DetentError as error:
        return [f"{step.place}: lease {entry.number}: {error}"]
    if (lease.number, lease.generations) == (entry.number, entry.generations):
        return []
    said = (
        f"{step.place}: lease {lease.number} of {lease.generations} generations expected, as signed, got "
        f"lease {entry.number} of {entry.generations}"
    )
    return [said]


def _begins(step: Step) -> bool:
    """Whether the entry is the first of a turn that a lease pays; generation 0 is not one."""
    return step.before.generation > 0 and not step.before.slots and not outside_turns(step.entry)
