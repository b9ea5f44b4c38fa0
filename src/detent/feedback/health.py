"""How far a judge can be trusted, from what it said alone: each figure a pure function of records, with its n.

    >>> health(judgements, anchors=[(judgement, "first"), ...], own=["first", None, ...], other=others)
    Health(accuracy=Figure(value=0.94, n=50), swap=Figure(value=0.88, n=200), ...)

Length, own answers and place are the known biases of judges: Zheng et al., "Judging LLM-as-a-Judge" (arXiv
2306.05685), s. 3.3.  A preference for longer answers, or for its own, is one only where these are no better: compare
it with what a second judge prefers, or with anchors.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from detent.errors import UsageError
from detent.feedback.judge import Judgement, Verdict

Side = Literal["first", "second"]


class Figure(NamedTuple):
    """A measurement and of how many records it is."""

    value: float | None  # None where n is 0, or where it is not defined
    n: int


class Health(NamedTuple):
    """Everything there is to measure of a judge."""

    accuracy: Figure
    swap: Figure
    length: Figure
    own: Figure
    agreement: Figure


def health(
    judgements: Sequence[Judgement],
    *,
    anchors: Sequence[tuple[Judgement, Verdict]] = (),
    own: Sequence[Side | None] = (),
    other: Sequence[Judgement] = (),
) -> Health:
    """All figures; those for which nothing is given have n 0."""
    return Health(
        accuracy=known_answers(anchors),
        swap=swap_consistency(judgements),
        length=length_preference(judgements),
        own=own_preference(judgements, own) if own else Figure(None, 0),
        agreement=kappa(judgements, other) if other else Figure(None, 0),
    )


def known_answers(anchors: Sequence[tuple[Judgement, Verdict]]) -> Figure:
    """Share of anchors whose verdict is the known one; a dropped or unfit one is not."""
    return _share([judgement.verdict == known for judgement, known in anchors])


def swap_consistency(judgements: Sequence[Judgement]) -> Figure:
    """Share of the pairs asked about on which both orders gave one verdict; chance alone gives about .5."""
    return _share(
        [judgement.verdict != "dropped" for judgement in judgements if judgement.verdict != "unfit"]
    )


def length_preference(judgements: Sequence[Judgement]) -> Figure:
    """Share of decided pairs of unequal length, in characters, in which the longer answer won; .5 is no bias."""
    decided = [
        (judgement, len(judgement.pair.first) - len(judgement.pair.second))
        for judgement in judgements
        if judgement.verdict in {"first", "second"}
    ]
    return _share([(judgement.verdict == "first") == (more > 0) for judgement, more in decided if more])


def own_preference(judgements: Sequence[Judgement], own: Sequence[Side | None]) -> Figure:
    """Share of decided pairs with one answer of the judge's own in which that one won; .5 is no bias.

    own: which answer of each pair the judge wrote itself; None for neither or both.

    Raises:
        UsageError: there is not one for each judgement.
    """
    if len(own) != len(judgements):
        raise UsageError(f"whose answers {len(judgements)} pairs are expected, got {len(own)}")
    return _share(
        [
            judgement.verdict == side
            for judgement, side in zip(judgements, own, strict=True)
            if side is not None and judgement.verdict in {"first", "second"}
        ]
    )


def kappa(judgements: Sequence[Judgement], others: Sequence[Judgement]) -> Figure:
    """Cohen's kappa of two judges on the same pairs: (observed - expected) / (1 - expected) agreement.

    Every verdict is a category, dropped and unfit too. 1 is full agreement, 0 what their own frequencies give by
    chance; not defined when both always say the same one thing. Cohen, "A coefficient of agreement for nominal
    scales", Educ. Psychol. Meas. 20, 1960.

    Raises:
        UsageError: the pairs differ.
    """
    if [one.pair for one in judgements] != [other.pair for other in others]:
        raise UsageError(
            "two judgements of the same pairs in one order expected, got others; judge them again"
        )
    n = len(judgements)
    if not n:
        return Figure(None, 0)
    ours, theirs = (Counter(one.verdict for one in some) for some in (judgements, others))
    observed = sum(a.verdict == b.verdict for a, b in zip(judgements, others, strict=True)) / n
    expected = sum(count * theirs[verdict] for verdict, count in ours.items()) / n**2
    return Figure(None if expected == 1.0 else (observed - expected) / (1.0 - expected), n)


def _share(found: Sequence[bool]) -> Figure:
    return Figure(sum(found) / len(found) if found else None, len(found))
