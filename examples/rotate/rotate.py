"""Rotate: the first digit moves to the end.

    T3142=  ->  1423

The level is the number of digits.
"""

from detent.tasks import Problem, Rng


class Rotate:
    name = "rotate"

    def problem(self, level: int, rng: Rng) -> Problem:
        digits = "".join(str(rng.randrange(10)) for _ in range(level))
        return Problem(f"T{digits}=", digits[1:] + digits[0])

    def check(self, problem: Problem, completion: str) -> bool:
        return completion == problem.answer
