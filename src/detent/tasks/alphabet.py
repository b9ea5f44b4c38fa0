"""Alphabet: an answer is written in the characters of answers, whatever it says.

    C3142=  ->  3142, and as well kept with 99 or ?
    C3142=  ->  31a2 is not

Problems are those of the run's own ladders. Digits count, and whatever else the true answer is written with, for tasks
that are not about digits; so does saying `?`. Nothing at all does not.
"""

from string import digits

from detent.tasks._abstaining import ABSTAIN
from detent.tasks.rng import Rng
from detent.values import Problem


class Alphabet:
    """Digits, the true answer's own characters, or `?`."""

    name = "alphabet"
    own_problems = False

    def problem(self, problem: Problem, rng: Rng) -> Problem:  # noqa: ARG002  as in `LadderPrinciple`
        """The ladder's own problem."""
        return problem

    def kept(self, problem: Problem, completion: str, *, right: bool) -> bool:  # noqa: ARG002
        """Whether it is written in nothing else."""
        return completion == ABSTAIN or (completion != "" and set(completion) <= {*digits, *problem.answer})

    def marks(self, problem: Problem, completion: str) -> str:
        """Of each character, whether it is one of them."""
        if completion == ABSTAIN:
            return "y"
        return "".join("y" if one in {*digits, *problem.answer} else "n" for one in completion)

    def mended(self, problem: Problem) -> str:
        """The answer as it is written."""
        return problem.answer
