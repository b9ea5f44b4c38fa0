"""Sort: write the digits from the smallest to the largest.

    S3142=  ->  1234

The level is the number of digits.
"""

from detent.tasks._digits import draw_digits
from detent.tasks.rng import Rng
from detent.values import Problem


class Sort:
    """Write the digits from the smallest to the largest."""

    name = "sort"

    def problem(self, level: int, rng: Rng) -> Problem:
        """`level` digits; the answer has as many."""
        digits = draw_digits(level, rng)
        return Problem(f"S{digits}=", "".join(sorted(digits)))

    def check(self, problem: Problem, completion: str) -> bool:
        """Exactly the answer, and nothing after it."""
        return completion == problem.answer
