"""Representation shift: which layers of the candidate stand for other things than the incumbent's do?

    >>> watch({0: 0.999, 1: 0.98, 2: 0.71}).said
    'block 2 is least like the incumbent: similarity 0.710 (debiased CKA), 3 layers compared'

Statistic: the least, over layers, of the debiased linear CKA between candidate and incumbent on the same text;
of layers that correspond.
Unit: similarity, 1 for the same up to rotation and scale, about 0 for unrelated. Fires below the limit, if one is set.
Guarantee: none; it records by default, to say where to look.
Limit: none unless the charter sets one. Default: record.
It cannot see: changes along directions of little variance, which may matter most; rotations, by intent; layers that
only the deeper model has.
Kornblith et al., "Similarity of Neural Network Representations Revisited", arXiv 1905.00414, s. 3; Nguyen, Raghu and
Kornblith, "Do Wide and Deep Networks Learn the Same Things?", arXiv 2010.15327 (the debiased estimator).
"""

from collections.abc import Mapping
from math import isfinite
from typing import Annotated

from msgspec import Meta, Struct

from detent.errors import UsageError
from detent.tripwires.form import WireForm, check
from detent.tripwires.readings import nothing, unmeasured
from detent.values import Reading

NAME = "representation_shift"

MOST = 1.001
"""Above 1 by rounding."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """How alike layers must stay."""

    least: Annotated[float | None, Meta(ge=-1.0, le=1.0, description="debiased CKA; none by default")] = None


FORM = WireForm(
    name=NAME,
    action="record",
    chance="none",
    made=Limits,
    watches="each layer's representations, candidate against incumbent",
    statistic="least debiased linear CKA",
    fires="CKA < least, if set",
    blind="changes along directions of little variance; rotations; layers that only one model has",
)


def watch(
    similarity: Mapping[int, float] | None, limits: Limits | None = None, *, of: int | None = None
) -> Reading:
    """One generation's reading.

    Args:
        similarity: debiased CKA with the layer that corresponds to it, by the candidate's layer: 0 is the embedding's
            output, then each block's; None when there are no two models to compare.
        limits: the charter's.
        of: how many layers the candidate has, where some of them correspond to none.

    Raises:
        UsageError: a similarity that none can be, or limits out of range.
    """
    limits = check(NAME, limits or Limits())
    if similarity is None:
        return nothing(NAME, "there are no two models to compare")
    if not similarity or not all(isfinite(value) for value in similarity.values()):
        return unmeasured(
            NAME, f"a finite similarity of every layer expected, got {dict(similarity)}; compare again"
        )
    if not all(-MOST <= value <= MOST for value in similarity.values()):
        raise UsageError(f"similarities from -1 to 1 expected, got {dict(similarity)}; compare again")
    ranked = sorted(similarity, key=lambda layer: similarity[layer])
    least = similarity[ranked[0]]
    bound = "" if limits.least is None else f", least allowed {limits.least:g}"
    said = f"{_layer(ranked[0])} is least like the incumbent: similarity {least:.3f} (debiased CKA)"
    said += f", {len(similarity)} layers compared{_others(similarity, of)}{bound}"
    low = [layer for layer in ranked if limits.least is not None and similarity[layer] < limits.least]
    about = tuple(_layer(layer) for layer in low)
    return Reading(NAME, "fired" if low else "quiet", said, least, limits.least, "similarity", about)


def _others(similarity: Mapping[int, float], of: int | None) -> str:
    others = [_layer(layer) for layer in range(of or 0) if layer not in similarity]
    return f" and {', '.join(others)} to nothing" if others else ""


def _layer(index: int) -> str:
    return f"block {index}" if index else "the embedding"
