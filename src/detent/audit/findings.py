"""What was checked and what came of it: values that explain themselves.

>>> finding = Finding("seal", "5 reveals lead to the charter's tip")
>>> finding.ok, finding.lines()
(True, ['seal        5 reveals lead to the charter's tip'])
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

COLUMN = 12
"""Characters before a line's sentence."""

MOST_SENTENCES = 20
"""Faults of one check that are printed; the others are counted."""

DECIDING = ("tasks", "beacon", "answers")
"""Checks that verdicts rest on: without tasks' code, a beacon's signature or answers they are the operator's word."""

LONGEST = 600
"""Characters of a line; a record may say anything, and say it at length."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, and what of it does not hold, one sentence a fault.

    unchecked: what could not be looked at, since it is rightly not at hand.
    """

    check: str
    detail: str
    faults: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all of it holds."""
        return not self.faults

    def lines(self) -> list[str]:
        """The check's line, and below it its faults and what was not checked."""
        unchecked = [f"{'':<{COLUMN}}- not checked: {what}" for what in self.unchecked]
        if self.ok:
            return [f"{self.check:<{COLUMN}}{self.detail}", *unchecked]
        shown = [f"{'':<{COLUMN}}- {fault}" for fault in self.faults[:MOST_SENTENCES]]
        more = len(self.faults) - len(shown)
        return [
            f"{self.check:<{COLUMN}}WRONG: {counted(len(self.faults), 'fault')} in {self.detail}",
            *shown,
            *([f"{'':<{COLUMN}}- and {more} more"] if more else []),
            *unchecked,
        ]


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that `verify` found.

    made: one finding a check, in the order in which they were made.
    notes: what a reader should know and what is no fault.
    unproven: what no check here can show, whatever the others say.
    """

    made: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()

    @property
    def checks(self) -> int:
        """How many checks were made."""
        return len(self.made)

    @property
    def faults(self) -> list[Finding]:
        """The checks that failed."""
        return [finding for finding in self.made if not finding.ok]

    @property
    def undecided(self) -> tuple[str, ...]:
        """The checks that verdicts rest on, as far as they were not made in full."""
        return tuple(
            finding.check for finding in self.made if finding.check in DECIDING and finding.unchecked
        )

    @property
    def lines(self) -> list[str]:
        """All of it, for a person to read."""
        checked = [line for finding in self.made for line in finding.lines()]
        noted = [f"{'note':<{COLUMN}}{note}" for note in self.notes]
        limits = [f"{'not proven':<{COLUMN}}{limit}" for limit in self.unproven]
        return [printable(line) for line in (*checked, *noted, *limits, *self._last())]

    def _last(self) -> list[str]:
        if not self.undecided or self.faults:
            return []
        said = (
            f"{' and '.join(self.undecided)} could not be checked in full, and verdicts rest on them: nothing wrong "
            "was found, and that is no proof"
        )
        return [f"{'undecided':<{COLUMN}}{said}"]


def counted(number: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "opening"), counted(2_000, "row")
    ('1 opening', '2,000 rows')
    """
    many = noun if number == 1 else noun.removesuffix("y") + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,} {many}"


def missing(noun: str, reasons: Sequence[str]) -> tuple[str, ...]:
    """What was not checked because so many things were not at hand, by the reasons.

    >>> missing("data file", ["redacted", "redacted"])
    ('2 data files: redacted',)
    """
    return tuple(f"{counted(number, noun)}: {why}" for why, number in sorted(Counter(reasons).items()))


def printable(line: str) -> str:
    """Fit for a terminal: a hostile record must not move its cursor or hide another line."""
    cut = line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)
