"""Reference divergence: how far has the subject moved from generation 0, in what it would say next?

    >>> watch(0.8, tokens=5000).status, watch(0.8, limits=Limits(most=0.5), tokens=5000).status
    ('quiet', 'fired')

Statistic: mean over `tokens` positions of KL(now || generation 0) between next-token distributions, on text that
generation 0 wrote for fresh prompts. Unit: nats. Fires above the limit, if one is set.
Guarantee: none; a model that learns moves, and nothing says how far is too far. It records by default: next to the
gains it shows what they cost, as in the square root of KL against which proxy rewards are plotted.
Limit: none unless the charter sets one. Default: record.
It cannot see: whether the move was good; what other prompts would show; rare tokens that 0 hardly ever wrote.
Gao, Schulman and Hilton, arXiv 2210.10760, s. 3 (d = sqrt KL).
"""

from math import isfinite
from typing import Annotated

from msgspec import Meta, Struct

from detent.errors import UsageError
from detent.tripwires.form import WireForm, check
from detent.tripwires.readings import unmeasured
from detent.values import Reading

NAME = "reference_divergence"

ROUNDING = 1e-6
"""Nats below 0 that rounding explains."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """How far it may go."""

    most: Annotated[float | None, Meta(ge=0.0, le=1000.0, description="nats a token; none by default")] = None


FORM = WireForm(
    name=NAME,
    action="record",
    chance="none",
    made=Limits,
    watches="next-token distributions now against generation 0",
    statistic="mean KL divergence",
    fires="KL > most, if set",
    blind="whether the move was good; what other prompts would show",
)


def watch(nats: float | None, *, tokens: int = 0, limits: Limits | None = None) -> Reading:
    """One generation's reading.

    Args:
        nats: mean KL divergence a token; None when it could not be measured.
        tokens: positions it is the mean of.
        limits: the charter's.

    Raises:
        UsageError: a negative divergence, or limits out of range.
    """
    limits = check(NAME, limits or Limits())
    if nats is None or not isfinite(nats) or tokens < 1:
        return unmeasured(
            NAME, f"a finite divergence over some tokens expected, got {nats} over {tokens}; compare again"
        )
    if nats < -ROUNDING:
        raise UsageError(f"a divergence of 0 nats or more expected, got {nats}; compare again")
    bound = "" if limits.most is None else f", {limits.most:g} is allowed"
    said = f"{nats:.3f} nats a token from generation 0, over {tokens} tokens{bound}"
    fired = limits.most is not None and nats > limits.most
    return Reading(NAME, "fired" if fired else "quiet", said, max(0.0, nats), limits.most, "nats")
