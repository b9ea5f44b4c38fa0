"""When a person is asked, about what, and what the answer allows.

    >>> question(state, charter, passed=candidate, now=now).reasons
    ('reverse reached a horizon of 25.1, the charter asks at 25',)

Everything a tripwire that pauses or halts has found is a reason. Undecided means no: a request that nobody answers
until it expires was denied.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import UNSET

from detent.charter import Charter
from detent.oversight.moments import after
from detent.values import MOST_NAMED, Change, Explained, Proposed, Requested, Reshape, State, Watched

Permission = Literal["free", "approved", "denied", "waiting"]
"""free: nobody had to be asked. approved: asked, and allowed. denied: asked, and not, or not in time."""

EARLY_WARNING = "threshold_early_warning"


def reasons_to_ask(state: State, charter: Charter, watched: Watched, passed: str) -> tuple[str, ...]:
    """What a person has to look at, one sentence each: what was found, and a change that nobody else may make.

    passed: the candidate that the gate has passed, or "".
    """
    return (
        *(
            f"{reading.wire}: {reading.said}"
            for reading in watched.readings
            if reading.fired and watched.actions.get(reading.wire) != "record"
        ),
        *(said for said in [_changed(state, charter)] if said and passed),
    )


def approved_of(charter: Charter, change: Change) -> bool:
    """Whether people are asked about such a change before a model that it made becomes the incumbent."""
    match charter.explore.approval:
        case "breaking":
            return not change.keeps
        case "architecture":
            return change.kind == "architecture"
        case "all":
            return True
        case "none":
            return False


def unapproved(state: State, charter: Charter) -> Change | None:
    """This turn's change, where people are asked about it; None where there is none, or they need not be.

    What it made goes on in the run only as the incumbent, which they approved: never as a member of the team alone.
    """
    proposed = state.slots.get("proposal/v1")
    change = proposed.proposal.change if isinstance(proposed, Proposed) else UNSET
    return change if change is not UNSET and approved_of(charter, change) else None


def stays(state: State, charter: Charter) -> bool:
    """Whether nobody goes on from this turn's candidates unless one of them is promoted, however they look.

    So it is with a change that people must approve of. And with any other shape: a team and its incumbent are always
    of one, or what is proposed for the next would fit some of them and not the others.
    """
    proposed = state.slots.get("proposal/v1")
    reshaped = isinstance(proposed, Proposed) and isinstance(proposed.proposal.change, Reshape)
    return reshaped or unapproved(state, charter) is not None


def _changed(state: State, charter: Charter) -> str:
    change = unapproved(state, charter)
    if change is None:
        return ""
    kept = (
        ""
        if change.keeps
        else ", after which the model no longer said what it had said, and was trained again"
    )
    return f"{change.kind}: {change.said}{kept}; proposed by {_proposer(change)}"


def _proposer(change: Change) -> str:
    """Who proposed it, and why. A model's reason is quoted: it is nobody's word but its own, whatever it says."""
    if change.by != "model":
        return f"{change.by}: {change.because}"
    reason = change.because.replace('"', "'")
    return f'a language model, which gives as its reason: "{reason}"' if reason else "a language model"


def question(state: State, charter: Charter, passed: str, now: str) -> Requested:
    """What is asked about the turn in progress. passed: the candidate that the gate has passed, or ""."""
    watched = state.slots["watch/v1"]
    assert isinstance(watched, Watched)  # noqa: S101  the slot's own kind
    return Requested(
        number=state.requests + 1,
        candidate=passed,
        reasons=reasons_to_ask(state, charter, watched, passed),
        unchecked=unchecked(watched, [one for one in state.slots.values() if isinstance(one, Explained)]),
        approvers=_approvers(charter, watched),
        expires=after(now, hours=charter.pace.answer_hours),
    )


def permission(state: State, now: str) -> Permission:
    """What the answer, or its absence, allows."""
    if state.request is None:
        return "free"
    if state.answer is None:
        return "waiting" if now < state.request.expires else "denied"
    return "approved" if state.answer.verdict == "approve" and now < state.request.expires else "denied"


def unchecked(watched: Watched, looks: Iterable[Explained]) -> tuple[str, ...]:
    """What nobody and nothing has looked at in this generation. looks: inside the candidate."""
    blind = [
        f"{reading.wire}: {reading.said}"
        for reading in watched.readings
        if reading.status in ("nothing", "not_due")
    ]
    return (
        *blind,
        "what the model does on prompts that are no problem of the charter's tasks",
        *(f"inside, {name}: {why}" for look in looks for name, why in sorted(look.changed.absent.items())),
        "what changed inside the model that shows on other prompts than the frozen ones",
    )


def _approvers(charter: Charter, watched: Watched) -> int:
    """At least so many: a threshold may ask for more people than the rule does."""
    warned = next((r for r in watched.readings if r.wire == EARLY_WARNING and r.fired), None)
    if warned is None:
        return 1
    # Where it does not say which thresholds, or not all of them, it may be any.
    every = not warned.about or len(warned.about) >= MOST_NAMED
    return max((t.quorum for t in charter.direction.threshold if every or t.task in warned.about), default=1)
