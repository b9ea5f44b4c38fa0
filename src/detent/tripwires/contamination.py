"""Contamination: is there more of the tests in the training data than chance would put there?

    >>> seven = Overlap(hits=6, batch=400, probe=64, space=1e7)
    >>> watch({Slice("copy", 7): seven}).status
    'fired'

Statistic: distinct prompts of a training batch that are also prompts of sealed, fresh or visible problems, summed over
the rungs whose space exceeds 10^6 problems, against chance: each of `batch` prompts hits with probability
probe / space. P(as many or more) is that of a binomial with the mean probability (for counts above their mean + 1 no
other mixture of rungs is likelier to have so many: Hoeffding 1956, th. 4). The same for prompts that share an 8-gram.
-ln of the smaller of the two tails, times 2 when both are given. Unit: natural logarithm. Fires at ln(1/alpha).
A canary is a marked problem that no training data may hold: one of them found fires at once, without a test.
Guarantee: alpha a generation, when problems are drawn uniformly from the space; for other draws give the effective
space, 1 / sum of p^2.
Limit: none but alpha; rungs below 10^6 problems repeat by nature, and are left out. Default: halt.
It cannot see: paraphrases; the same problem in other words; leaks that change no prompt; small rungs.
Brown et al., "Language Models are Few-Shot Learners", arXiv 2005.14165, app. C (n-gram overlap).
"""

from collections.abc import Mapping
from math import fsum
from typing import Annotated

from msgspec import Meta, Struct

from detent.errors import UsageError
from detent.tripwires._tails import log_upper
from detent.tripwires.chance import alpha_per_generation
from detent.tripwires.form import WireForm, check
from detent.tripwires.readings import MANY, listed, nothing, of_worst
from detent.values import Reading, Slice

NAME = "contamination"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """Where overlap means something."""

    least_space: Annotated[float, Meta(ge=1e4, le=1e30, description="problems of a rung")] = 1e6


FORM = WireForm(
    name=NAME,
    action="halt",
    chance="generation",
    made=Limits,
    watches="training prompts that are also sealed, fresh, visible or canary prompts, whole or by 8-gram",
    statistic="exact binomial tail above chance, over rungs of a space above least_space",
    fires="ln evidence >= ln(1/alpha), or one canary",
    blind="paraphrases; leaks that change no prompt; rungs with few problems",
)


class Overlap(Struct, frozen=True, forbid_unknown_fields=True):
    """One rung: `hits` of `batch` distinct training prompts are among `probe` distinct ones, of `space` possible.

    For 8-grams: hits is the prompts that share one with a probe; probe the distinct 8-grams of the probes times the
    8-grams of one training prompt; space the symbols of the task to the power of 8.
    """

    hits: int
    batch: int
    probe: int
    space: float


def watch(
    prompts: Mapping[Slice, Overlap],
    grams: Mapping[Slice, Overlap] | None = None,
    limits: Limits | None = None,
    *,
    canaries: tuple[str, ...] | None = (),
    alpha: float = alpha_per_generation(),
) -> Reading:
    """One generation's reading.

    Args:
        prompts: whole prompts, by rung.
        grams: prompts that share an 8-gram, by rung, where it was counted; `space` in `prompts` decides for both.
        limits: the charter's.
        canaries: those found in the training data, by name; None when there are none to be found.
        alpha: false alarms a generation.

    Raises:
        UsageError: impossible counts, limits or alpha.
    """
    limits = check(NAME, limits or Limits())
    for rung, overlap in [*prompts.items(), *(grams or {}).items()]:
        _check(rung, overlap)
    if canaries:
        found = f"{len(canaries)} canaries stand in the training data: {listed(canaries)}; find out who put them there"
        return Reading(NAME, "fired", found, float(len(canaries)), 0.0, "canaries", tuple(canaries))
    large = [
        rung for rung, overlap in prompts.items() if overlap.space > limits.least_space and overlap.batch
    ]
    kinds = {"prompts": prompts, "8-grams": grams or {}}
    measured = {
        kind: [overlaps[rung] for rung in large if rung in overlaps and overlaps[rung].batch]
        for kind, overlaps in kinds.items()
    }
    measured = {kind: overlaps for kind, overlaps in measured.items() if overlaps}
    if not measured:
        also = "" if canaries is None else "; no canary was found"
        return nothing(
            NAME, f"no training prompt on a rung of more than {limits.least_space:g} problems{also}"
        )
    evidence = {kind: -_log_tail(overlaps) for kind, overlaps in measured.items()}
    reading = of_worst(NAME, evidence, alpha, lambda kind: _said(kind, measured[kind]))
    return reading if not reading.fired else _with_rungs(reading, kinds, large)


def _log_tail(overlaps: list[Overlap]) -> float:
    batch = sum(overlap.batch for overlap in overlaps)
    share = _expected(overlaps) / batch
    hits = sum(overlap.hits for overlap in overlaps)
    return log_upper(hits, batch, share) if share < 1 else 0.0


def _expected(overlaps: list[Overlap]) -> float:
    return fsum(overlap.batch * min(1.0, overlap.probe / overlap.space) for overlap in overlaps)


def _said(kind: str, overlaps: list[Overlap]) -> str:
    hits, batch = sum(overlap.hits for overlap in overlaps), sum(overlap.batch for overlap in overlaps)
    what = "are prompts of a test" if kind == "prompts" else "share an 8-gram with a prompt of a test"
    return f"{hits} of {batch} training prompts {what}, chance would make it {_expected(overlaps):.2g}"


def _with_rungs(
    reading: Reading, kinds: Mapping[str, Mapping[Slice, Overlap]], large: list[Slice]
) -> Reading:
    """The rungs with hits, most of them first, in place of the kinds."""
    hits = {rung: max(one[rung].hits for one in kinds.values() if rung in one) for rung in large}
    ranked = sorted((rung for rung in large if hits[rung]), key=lambda rung: (-hits[rung], rung))
    about = tuple(f"{rung.task} {rung.level}" for rung in ranked)
    said = f"{reading.said}; in {listed(about)}"
    return Reading(NAME, reading.status, said, reading.statistic, reading.limit, reading.unit, about)


def _check(rung: Slice, overlap: Overlap) -> None:
    whole = 0 <= overlap.hits <= overlap.batch <= MANY and 0 <= overlap.probe <= MANY and overlap.space >= 1
    if not whole or (overlap.hits and not overlap.probe):
        raise UsageError(
            f"0 <= hits <= batch, a probe that can be hit and a space of 1 or more expected on {rung.task} "
            f"{rung.level}, got {overlap}; count again"
        )
