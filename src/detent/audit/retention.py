"""What was deleted: that it might be, under the charter that was in force, and what cannot be done without it."""

from collections.abc import Iterator

from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted
from detent.audit.openings import openings
from detent.audit.signatures import Charters
from detent.audit.steps import Step
from detent.charter import SignedCharter
from detent.oversight import may_go
from detent.values import Collected, lost


def check_retention(case: Case, charters: Charters) -> Finding:
    """Nothing was deleted but what [retention] of the charter then in force let go, and the run did not need."""
    faults, total = [], {"model": 0, "data file": 0, "answers file": 0}
    for step, entry in case.all(Collected):
        for noun, digests in zip(total, (entry.models, entry.data, entry.answers), strict=True):
            total[noun] += len(digests)
        faults += [f"{step.place}: {fault}" for fault in _faults(step, entry, charters.at(step))]
    deleted = ", ".join(counted(number, noun) for noun, number in total.items())
    return Finding(
        "retention", f"{deleted} deleted and recorded, as the charter in force lets go", tuple(faults)
    )


def no_longer(case: Case) -> list[str]:
    """Notes on what can no longer be done: openings that cannot be re-run, generations that nothing puts back."""
    gone = case.state.collected
    if not gone:
        return []
    notes = []
    again = [one.intent.k for one in openings(case) if gone.intersection(one.intent.models)]
    if again:
        notes.append(
            f"openings {_list(again)} can no longer be re-run: models that answered them were deleted by rule"
        )
    if back := lost(case.state, gone):
        notes.append(
            f"generations {_list(back)} can no longer be put back in force: files of theirs were deleted by rule"
        )
    return notes


def _list(numbers: list[int], most: int = 20) -> str:
    said = ", ".join(map(str, numbers[:most]))
    return f"{said} and {len(numbers) - most} more" if len(numbers) > most else said


def _faults(step: Step, entry: Collected, signed: SignedCharter) -> Iterator[str]:
    allowed = may_go(step.before, signed.charter.retention)
    for kind in ("models", "data", "answers"):
        listed: tuple[str, ...] = getattr(entry, kind)
        strange = sorted(set(listed) - getattr(allowed, kind))
        if strange:
            yield (
                f"{kind} that [retention] lets go expected among what was deleted, got {strange[0]}"
                f"{f' and {len(strange) - 1} more' if len(strange) > 1 else ''}"
            )
        if len(set(listed)) < len(listed):
            yield f"each of the {kind} once among what was deleted expected, got some again"
    if not (entry.models or entry.data or entry.answers):
        yield "something that was deleted expected, got nothing"
