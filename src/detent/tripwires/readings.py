"""Readings of what was not measured, and how evidence against "all is well" becomes one.

>>> not_due("sandbagging", "the next sweep is in generation 8").fired
False
"""

from collections.abc import Callable, Iterable, Mapping
from math import log

from detent.errors import UsageError
from detent.tripwires._tails import log_mean
from detent.tripwires.chance import checked_alpha
from detent.values import Reading, Score

UNIT = "ln evidence"

MANY = 1_000_000_000
"""Counts above it are not believed."""

NAMED = 4
"""So many things a sentence names; all stand in `about`."""


def nothing(wire: str, because: str) -> Reading:
    """The charter or this generation gives the wire nothing to watch."""
    return Reading(wire, "nothing", because)


def not_due(wire: str, because: str) -> Reading:
    """A costly wire whose turn is another generation."""
    return Reading(wire, "not_due", because)


def unmeasured(wire: str, because: str) -> Reading:
    """It should have been measured and could not be; that counts as fired."""
    return Reading(wire, "unmeasured", because)


def of_mean(wire: str, evidence: Mapping[str, float], alpha: float, said: Callable[[str], str]) -> Reading:
    """From e-values: ln of each, by what it is about. Their mean is an e-value; it fires at 1/alpha."""
    return _reading(wire, log_mean(list(evidence.values())), evidence, alpha, said)


def of_worst(wire: str, evidence: Mapping[str, float], alpha: float, said: Callable[[str], str]) -> Reading:
    """From p-values: -ln of each, by what it is about. It fires when the least, times their number, is alpha."""
    return _reading(wire, max(evidence.values()) - log(len(evidence)), evidence, alpha, said)


def checked_scores(wire: str, scores: Iterable[tuple[str, Score]]) -> None:
    """Nothing, when every score can be one.

    Raises:
        UsageError: negative, more right than asked, or too many to be counted.
    """
    for name, score in scores:
        if not 0 <= score.right <= score.asked <= MANY:
            raise UsageError(
                f"0 <= right <= asked <= {MANY} expected by tripwire {wire}, got {score} for {name}; count again"
            )


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    known = list(names)
    more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
    return ", ".join(known[:NAMED]) + more


def _reading(
    wire: str, total: float, evidence: Mapping[str, float], alpha: float, said: Callable[[str], str]
) -> Reading:
    statistic, limit = max(0.0, total), -log(checked_alpha(alpha))
    ranked = sorted(evidence, key=lambda name: (-evidence[name], name))
    fired = statistic >= limit
    # What would have set it off alone; the worst in any case.
    least = min(evidence[ranked[0]], limit)
    about = tuple(name for name in ranked if evidence[name] >= least) if fired else ()
    sentence = f"{said(ranked[0])}; ln evidence {statistic:.1f}, limit {limit:.1f}"
    return Reading(wire, "fired" if fired else "quiet", sentence, statistic, limit, UNIT, about)
