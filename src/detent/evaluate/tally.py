"""One test in progress: counts and evidence, moved on by one item at a time.

    >>> tally = Tally(target, alpha=0.05)
    >>> for difference in [1, 0, 1, 1, 0, -1]:
    ...     tally.add(difference)
    >>> tally.counts, tally.ending
    (Counts(wins=3, losses=1, ties=2), None)

The gate and whoever counts its answers again use this same object, so they cannot disagree about where it
stops.
"""

from typing import Literal

from detent.errors import UsageError
from detent.evaluate.gate import passes, process, reverse_process
from detent.values import Counts, Target, TestResult

Ending = Literal["passed", "opposite", "limit"]
"""passed: E reached 1/alpha. opposite: the reversed test's did. limit: the last allowed item was used."""

TRACE_POINTS = 40
"""At least half as many points, at most as many and the last one, are kept for the report."""


class Tally:
    """Counts of one target at one alpha. Takes nothing more once it has ended."""

    def __init__(self, target: Target, alpha: float) -> None:
        """Start at no items and E = 1."""
        self.target = target
        self.ending: Ending | None = None
        self._alpha = alpha
        self._for = process(target.kind, target.bound)
        self._against = reverse_process(target.kind, target.bound)
        self._wins = self._losses = self._ties = 0
        self._trace: list[tuple[int, float]] = []
        self._stride = 1

    @property
    def items(self) -> int:
        """Items counted."""
        return self._wins + self._losses + self._ties

    @property
    def counts(self) -> Counts:
        """The three counts."""
        return Counts(self._wins, self._losses, self._ties)

    @property
    def log_e(self) -> float:
        """Ln E now."""
        return self._for.log_e(self._wins, self._losses, self._ties)

    def add(self, difference: int) -> None:
        """Count one item's D: 1, 0 or -1 (against a floor: 1 right, -1 wrong).

        Raises:
            UsageError: the test has ended, or it is no such number.
        """
        allowed = (1, -1) if self.target.kind == "floor" else (1, 0, -1)
        if self.ending is not None or difference not in allowed:
            raise UsageError(
                f"a test in progress and one of {allowed} expected, got {self.ending}, {difference}"
            )
        self._wins += difference == 1
        self._losses += difference == -1
        self._ties += difference == 0
        evidence = self.log_e
        self._remember(evidence)
        self.ending = self._ended(evidence, lost=difference == -1)

    def result(self) -> TestResult:
        """What goes into the outcome."""
        trace = tuple(self._trace)
        if self.items and trace[-1][0] != self.items:
            trace += ((self.items, self.log_e),)
        return TestResult(self.target.name, self.counts, self.log_e, self.ending == "passed", trace)

    def _ended(self, evidence: float, *, lost: bool) -> Ending | None:
        if passes(evidence, self._alpha):
            return "passed"
        # Evidence for the opposite grows on losses only, so it is looked at only there.
        if lost and passes(self._against.log_e(self._wins, self._losses, self._ties), self._alpha):
            return "opposite"
        return "limit" if self.items >= self.target.limit else None

    def _remember(self, evidence: float) -> None:
        if self.items % self._stride == 0:
            self._trace.append((self.items, evidence))
        if len(self._trace) > TRACE_POINTS:
            self._trace = self._trace[1::2]
            self._stride *= 2
