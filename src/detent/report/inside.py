"""What changed inside, in sentences: one a section, made of its figures.

    >>> [reading.line for reading in readings(found, control)]
    ['words: .120 of 400 places say another token; ...; another seed: .118 of the places; ...']

A sentence says what stands out, or that nothing does; it judges nothing. Beside a control, which is the same training
with another seed, a figure that is as large there is said to tell nothing of this one change.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET, Struct

from detent.report import _inside_deeper as deeper
from detent.report import _inside_told as told
from detent.report._inside_told import Told
from detent.report._words import clip, plain
from detent.values import Interpreted
from detent.values.inside import ALWAYS, DEEPER, Section

LONGEST_REASON = 200

TELLERS: Mapping[Section, Any] = {
    "layers": told.layers,
    "weights": told.weights,
    "lens": told.lens,
    "words": told.words,
    "heads": deeper.heads,
    "probes": deeper.probes,
    "splices": deeper.splices,
    "tokens": deeper.tokens,
    "patches": deeper.patches,
}


class Reading(Struct, frozen=True):
    """One section's sentence. made: it has figures. control: what another seed shows; "" where nobody looked.

    alike: the control shows as large a figure, so this one is not of this change alone.
    """

    section: Section
    said: str
    control: str = ""
    made: bool = True
    alike: bool = False

    @property
    def line(self) -> str:
        """The whole of it, on one line."""
        return "; ".join(part for part in (f"{self.section}: {self.said}", self.control) if part)


def readings(
    found: Interpreted, control: Interpreted | None = None, names: Mapping[str, str] | None = None
) -> tuple[Reading, ...]:
    """The sentences, in the order of the sections.

    Args:
        found: the change.
        control: the same of the same training with another seed; None where nobody looked.
        names: what to call models, by digest: where it is not there, the first is `the first model`.
    """
    return tuple(_readings(found, control, names or {}))


def _readings(found: Interpreted, control: Interpreted | None, names: Mapping[str, str]) -> Iterator[Reading]:
    for section in (*ALWAYS, *DEEPER):
        figures = getattr(found, section)
        if section in found.absent:
            yield Reading(section, _absent(found.absent[section]), made=False)
        elif figures is not UNSET:
            yield _reading(section, figures, control, names)


def _absent(reason: str) -> str:
    return f"not made: {clip(plain(reason), LONGEST_REASON) or 'no reason was given'}"


def _reading(
    section: Section, figures: Any, control: Interpreted | None, names: Mapping[str, str]
) -> Reading:
    said: Told = TELLERS[section](figures, names)
    if control is None:
        return Reading(section, said.sentence)
    seen = getattr(control, section)
    if seen is UNSET:
        reason = control.absent.get(section, "")
        return Reading(section, said.sentence, f"another seed: {_absent(reason)}")
    other: Told = TELLERS[section](seen, names)
    alike = other.as_large(said)
    return Reading(
        section,
        said.sentence,
        f"another seed: {other.short}{_held(said, other) if alike else ''}",
        alike=alike,
    )


def _held(said: Told, other: Told) -> str:
    """What follows where the control shows as much: how much it is is no news, and where it lies may be."""
    if said.where == other.where:
        return ": as much, so this does not tell this change from the same training with another seed"
    return ": as much elsewhere, so how much it is does not tell the two apart, and where it lies is up to the seed"
