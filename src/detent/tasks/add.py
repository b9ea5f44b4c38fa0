"""Add: the sum of two numbers, all digits from the units up, those of the two side by side.

    A8756=  ->  521

58 + 67 = 125. The level is the number of digits of each; the sum has one more, which may be 0.
"""

from detent.tasks._digits import draw_digits
from detent.tasks.rng import Rng
from detent.values import Problem


class Add:
    """Add two numbers, from the units up."""

    name = "add"

    def problem(self, level: int, rng: Rng) -> Problem:
        """Twice `level` digits; the answer has one more than `level`."""
        digits = draw_digits(2 * level, rng)
        first, second = digits[::2], digits[1::2]
        total = str(int(first[::-1]) + int(second[::-1])).zfill(level + 1)
        return Problem(f"A{digits}=", total[::-1])

    def check(self, problem: Problem, completion: str) -> bool:
        """Exactly the answer, and nothing after it."""
        return completion == problem.answer
