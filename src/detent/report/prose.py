"""The report's sentences: the headline, the key figures, the limits, where the loop stands among its arms."""

from collections.abc import Iterator, Sequence
from math import ceil
from statistics import median
from typing import NamedTuple

from detent.report import _words as words
from detent.report.figures import horizon_changes
from detent.report.story import Arm, Story

GRINDING = (20, 100)  # tries for which the operator's chance is worked out
TERA = 1e12


class KeyFigure(NamedTuple):
    """A number worth a reader's first look."""

    name: str
    value: str
    note: str


class Remark(NamedTuple):
    """One limit: what is not shown, and why that matters."""

    name: str
    text: str


def headline(story: Story) -> str:
    """What happened, in one sentence with its numbers."""
    if story.ladder_start is None or story.ladder_now is None:
        return "The first model is being made; nothing has been measured yet."
    turns, promoted = len(story.decided), len(story.promotions)
    start, now = words.rate(story.ladder_start), words.rate(story.ladder_now)
    if not turns:
        return f"Generation 0 stands at ladder {start}; no candidate has been decided on yet."
    if not promoted:
        return f"Ladder {start} as it began: {words.number_of(turns, 'generation')}, none promoted."
    spent = words.number_of(turns, "generation")
    return f"Ladder {start} → {now} in {spent}, {promoted} promoted of {turns}; {_passed(story)}."


def _passed(story: Story) -> str:
    unproven = len(story.unproven)
    if not unproven:
        return "every promotion passed the gate"
    return f"{words.number_of(unproven, 'promotion')} did not pass the gate"


def key_figures(story: Story) -> Iterator[KeyFigure]:
    """The numbers under the headline."""
    if story.ladder_start is not None and story.ladder_now is not None:
        change = words.points(story.ladder_now - story.ladder_start)
        start = words.rate(story.ladder_start)
        yield KeyFigure("Ladder", words.rate(story.ladder_now), f"from {start}, {change} points")
    for task, first, last in horizon_changes(story):
        name = words.clip(words.plain(task), 24)
        yield KeyFigure(f"Horizon, {name}", last, f"from {first}; ladder ends at {story.top[task]}")
    turns = len(story.decided)
    yield KeyFigure("Promoted", f"{len(story.promotions)} of {turns}", _rejected(story))
    if story.budget is not None:
        k = len(story.openings) + 1
        needed = words.count(ceil(k * (k + 1) / story.budget - 1e-9))
        used = f"{words.small(story.state.alpha_spent)} of {words.small(story.budget)}"
        yield KeyFigure("Next opening asks for", f"e ≥ {needed}", f"error budget: {used} spent")
    granted = words.number_of(story.state.granted, "generation")
    yield KeyFigure("Lease", f"{story.state.lease_left(story.last)} left", f"of {granted} granted")
    yield KeyFigure(
        "Training", f"{story.flops / TERA:,.2f} TFLOP", words.number_of(len(story.models), "model")
    )


def _rejected(story: Story) -> str:
    carried = sum(turn.decision == "carry" for turn in story.decided)
    discarded = sum(turn.decision == "discard" for turn in story.decided)
    return f"{carried} carried on, {discarded} discarded"


def limits(story: Story) -> Iterator[Remark]:
    """What this record does not show. Order: the model, the operator, the others, the measurements."""
    yield _confinement(story)
    yield Remark("The operator could grind", _grinding(story))
    yield Remark("Witnesses", _witnesses(story))
    yield Remark(
        "Elsewhere",
        "A ledger proves what was recorded, in which order, and that it was not changed later. It cannot "
        "prove that nothing ran elsewhere.",
    )
    yield Remark(
        "Undecided is not equal",
        "Undecided means that the items ran out before the evidence was enough. It counts as no; a small "
        "true gain may have been missed.",
    )
    yield Remark(
        "Low levels measure retention",
        "Where a level has few possible problems, fresh ones have been seen in training. Freshness is "
        "claimed only for levels with more than 1,000,000 possible problems.",
    )


def _confinement(story: Story) -> Remark:
    total, loose = len(story.sessions), story.unconfined
    if not total:
        return Remark("Confinement", "No session is on the ledger yet.")
    if not loose:
        return Remark(
            "Confined",
            f"Workers ran confined in {_all(total, 'session')}, as the ledger states it: no network, inputs "
            "read-only, one writable folder. That statement is the operator's own.",
        )
    reasons = "; ".join(
        dict.fromkeys(session.unconfined_because for session in loose if session.unconfined_because)
    )
    because = f" ({reasons})" if reasons else ""
    return Remark(
        "Unconfined",
        f"Workers ran unconfined in {len(loose)} of {words.number_of(total, 'session')}{because}. Sealed "
        "against the model: not proven. A worker of the same user could have read the seal's secret or used "
        "the network.",
    )


def _all(total: int, noun: str) -> str:
    return f"the only {noun}" if total == 1 else f"all {total} {noun}s"


def _grinding(story: Story) -> str:
    if story.openings and all(opening.witnesses for opening in story.openings):
        return (
            "The sealed problems depend on what outsiders added after each intent. An operator whom some of them "
            "help could still choose among problems; `detent verify` says whose help that takes."
        )
    text = (
        "The sealed problems follow from a secret the operator holds, mixed with no outside randomness. An "
        "operator could try candidates in private and write down only the one that passes"
    )
    if not story.openings:
        return text + "."
    alpha = story.openings[0].alpha
    chances = ", ".join(f"{1 - (1 - alpha) ** tries:.2f} in {tries} tries".lstrip("0") for tries in GRINDING)
    return (
        f"{text}: at the first opening ({words.ALPHA} = {words.small(alpha)}) a useless one passes with a "
        f"probability of up to {chances}."
    )


def _witnesses(story: Story) -> str:
    named = {witness for opening in story.openings for witness in opening.witnesses}
    if named:
        return f"The intents name {words.number_of(len(named), 'witness key')}: {', '.join(sorted(named))}."
    return (
        "None co-signs this ledger. Whoever holds the folder and its key could have cut it back and gone on "
        "differently, or shown someone else another one."
    )


def among_arms(comparison: Sequence[Arm]) -> str:
    """Where the loop ends between what it must beat and what it cannot; "" without all three roles."""
    ends = {
        role: median(arm.ladder[-1] for arm in comparison if arm.role == role)
        for role in {arm.role for arm in comparison}
    }
    if not {"loop", "floor", "ceiling"} <= ends.keys():
        return ""
    names = {arm.role: arm.name for arm in comparison}
    low, here, high = ends["floor"], ends["loop"], ends["ceiling"]
    between = f", {100 * (here - low) / (high - low):.0f} % of the way between" if high > low else ""
    return (
        f"At the end {names['floor']} stands at ladder {words.rate(low)}, {names['ceiling']} at "
        f"{words.rate(high)}, and {names['loop']} at {words.rate(here)}{between} (medians over seeds)."
    )
