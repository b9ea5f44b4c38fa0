"""What people said and were asked: orders, answers, and the questions that had to be put to them."""

from collections.abc import Iterator

from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted
from detent.audit.order import is_time
from detent.audit.profiles import to_promote
from detent.audit.signatures import Charters
from detent.audit.steps import Step
from detent.charter import SignedCharter
from detent.oversight import after, permission, question, reasons_to_ask
from detent.values import Answered, Decided, Ordered, Requested, Watched


def check_people(case: Case, charters: Charters) -> Finding:
    """Orders and answers are what was signed, there; who had to be asked was, with the reasons; a no is a no."""
    faults, numbers = [], {Ordered: 0, Requested: 0, Answered: 0}
    for step in case.steps:
        entry = step.entry
        if isinstance(entry, Ordered | Requested | Answered):
            numbers[type(entry)] += 1
        wrong: list[str] = []
        if isinstance(entry, Ordered | Answered) and step.index in case.signatures.faults:
            wrong.append(f"{_said(entry)}: {case.signatures.faults[step.index]}")
        if isinstance(entry, Requested) and not step.hangs:
            wrong += _request_faults(step, entry, charters.at(step))
        if isinstance(entry, Decided) and not step.hangs:
            wrong += _decision_faults(step, entry, charters.at(step))
        faults += [f"{step.place}: {fault}" for fault in wrong]
    said = [counted(numbers[kind], noun) for kind, noun in _NOUNS.items()]
    return Finding("people", f"{', '.join(said)}: signed where they stand, and heeded", tuple(faults))


_NOUNS = {Ordered: "order", Requested: "request", Answered: "answer"}


def _said(entry: Ordered | Answered) -> str:
    return (
        f"the order {entry.order}" if isinstance(entry, Ordered) else f"the answer to request {entry.request}"
    )


def _request_faults(step: Step, entry: Requested, signed: SignedCharter) -> Iterator[str]:
    """A question follows from what was found, and says what the charter makes of it."""
    watched, passed = step.before.slots.get("watch/v1"), to_promote(step)
    if not isinstance(watched, Watched):
        yield "a watch before its request expected, got none"
        return
    if not reasons_to_ask(step.before, signed.charter, watched, passed[0] if passed else ""):
        yield "no request without a reason expected, got one: nothing fired that somebody must look at"
    if not (is_time(step.before.latest_at) and is_time(entry.at)):
        return  # `order` says so
    wanted = question(step.before, signed.charter, passed=passed[0] if passed else "", now=entry.at)
    for field in ("number", "candidate", "reasons", "unchecked", "approvers"):
        if getattr(entry, field) != getattr(wanted, field):
            yield f"{field} {getattr(wanted, field)!r} expected in the request, got {getattr(entry, field)!r}"
    # The question was made between the entry before and its own.
    earliest = after(step.before.latest_at, hours=signed.charter.pace.answer_hours)
    if not earliest <= entry.expires <= wanted.expires:
        yield f"a request that expires at {wanted.expires} expected, as the charter says, got {entry.expires}"


def _decision_faults(step: Step, entry: Decided, signed: SignedCharter) -> Iterator[str]:
    """Nothing is decided over people's heads: not unasked, not before they answered, and not against their no."""
    if entry.decision == "rollback":
        return
    before = step.before
    watched = before.slots.get("watch/v1")
    passed = (*to_promote(step), "")[0]
    reasons = reasons_to_ask(before, signed.charter, watched, passed) if isinstance(watched, Watched) else ()
    if reasons and before.request is None:
        yield f"a request before the decision expected, since {reasons[0]}, got none: nobody was asked"
    allowed = permission(before, entry.at)
    if allowed == "waiting":
        yield f"an answer, or the end of the request, before the decision expected, got {entry.decision}"
    elif allowed == "denied" and entry.decision != "discard":
        yield f"discard expected, since people did not allow it, got {entry.decision}"
