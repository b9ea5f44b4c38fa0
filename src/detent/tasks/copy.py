"""Copy: write the digits again.

    C3142=  ->  3142

The level is the number of digits.
"""

from detent.tasks._digits import draw_digits
from detent.tasks.rng import Rng
from detent.values import Problem


class Copy:
    """Write the digits again."""

    name = "copy"

    def problem(self, level: int, rng: Rng) -> Problem:
        """`level` digits; the answer has as many."""
        digits = draw_digits(level, rng)
        return Problem(f"C{digits}=", digits)

    def check(self, problem: Problem, completion: str) -> bool:
        """Exactly the answer, and nothing after it."""
        return completion == problem.answer
