"""`inspect`: what changed inside, between the model of a generation and one before it; nothing is written into the run.

>>> looked = look_inside(folder, 3, None, (*ALWAYS, *DEEPER), False, print)
>>> looked.against, looked.found.words.flips
(2, 0.125)
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from detent.errors import UsageError
from detent.values import Interpreted
from detent.values.inside import Section

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found. before, after: digests. generation: whose model is after. against: whose is before.

    control: before against the generation's training made again with another seed; None where it was not asked for.
    copy: after against itself, the cheap sections that were asked for; it reads zero.
    seconds: what all of it took.
    """

    before: str
    after: str
    found: Interpreted
    control: Interpreted | None
    seconds: float
    generation: int
    against: int
    copy: Interpreted


def look_inside(
    folder: Path,
    generation: int,
    against: int | None,
    sections: tuple[Section, ...],
    control: bool,
    say: Say,
) -> Looked:
    """Look inside."""
    raise UsageError(f"{folder} {generation} {against} {sections} {control} {say}")
