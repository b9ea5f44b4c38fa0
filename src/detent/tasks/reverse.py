"""Reverse: write the digits back to front.

    R3142=  ->  2413

The level is the number of digits.
"""

from detent.tasks._digits import draw_digits
from detent.tasks.rng import Rng
from detent.values import Problem


class Reverse:
    """Write the digits back to front."""

    name = "reverse"

    def problem(self, level: int, rng: Rng) -> Problem:
        """`level` digits; the answer has as many."""
        digits = draw_digits(level, rng)
        return Problem(f"R{digits}=", digits[::-1])

    def check(self, problem: Problem, completion: str) -> bool:
        """Exactly the answer, and nothing after it."""
        return completion == problem.answer
