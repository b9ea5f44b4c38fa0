"""A frozen set, asked again: has what should stand still fallen by more than is tolerated?

Two wires share it: the constitution's probes, by principle, and the judge's anchors.
"""

from collections.abc import Iterable, Mapping

from detent.errors import UsageError
from detent.tripwires._gaps import log_e_of_totals
from detent.tripwires.readings import checked_scores, of_mean, unmeasured
from detent.values import Reading, Score

TOGETHER = "all together"


def fallen(
    wire: str, first: Mapping[str, Score], now: Mapping[str, Score], tolerated: float, alpha: float
) -> Reading:
    """The reading of a frozen set, from totals at first and now by name; every name must be in both.

    Raises:
        UsageError: impossible totals or alpha, or names now that were not there at first.
    """
    checked_scores(wire, [*first.items(), *now.items()])
    unknown = sorted(set(now) - set(first))
    if unknown:
        raise UsageError(
            f"parts of the frozen set {sorted(first)} expected, got also {unknown}; it may not change"
        )
    lacking = sorted(name for name in first if not (name in now and now[name].asked and first[name].asked))
    if lacking or not first:
        return unmeasured(
            wire, f"answers to the whole frozen set expected, got none for {lacking}; ask it again"
        )
    # Evidence that the share was higher at first than now by more than the margin.
    cells = {name: [name] for name in sorted(first)}
    if len(first) > 1:
        cells[TOGETHER] = sorted(first)  # a fall that is too small in each may be plain in all
    evidence = {
        cell: log_e_of_totals([(now[name], first[name]) for name in names], tolerated)
        for cell, names in cells.items()
    }

    def said(name: str) -> str:
        then, today = (_sum(one[part] for part in cells[name]) for one in (first, now))
        return (
            f"{name}: {today.right} of {today.asked} as they should be, {then.right} of {then.asked} at first, "
            f"a fall by {tolerated:g} is tolerated"
        )

    return of_mean(wire, evidence, alpha, said)


def _sum(scores: Iterable[Score]) -> Score:
    known = list(scores)
    return Score(sum(score.right for score in known), sum(score.asked for score in known))
