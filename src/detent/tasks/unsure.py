r"""Unsure: an answer is right, or `?`; what is wrong is what should have been `?`.

    C3142=  ->  3142, and as well kept with ?
    C3142=  ->  3141 is not

Problems are those of the run's own ladders. Of two models on one problem the difference is then

    candidate \ incumbent   right   ?   wrong
    right                     0    0    +1
    ?                         0    0    +1
    wrong                    -1   -1     0

so saying `?` counts for a candidate where the incumbent was wrong, and nowhere else; and the mean of the differences is
how much the share of wrong answers fell. Silence is no way round: where the incumbent was right, `?` is a loss in the
tests of the task itself, which take nothing but the right answer.
"""

from detent.tasks._abstaining import ABSTAIN
from detent.tasks.rng import Rng
from detent.values import Problem, marks


class Unsure:
    """Right, or `?`."""

    name = "unsure"
    own_problems = False

    def problem(self, problem: Problem, rng: Rng) -> Problem:  # noqa: ARG002  as in `LadderPrinciple`
        """The ladder's own problem."""
        return problem

    def kept(self, problem: Problem, completion: str, *, right: bool) -> bool:  # noqa: ARG002
        """Whether it is not wrong."""
        return right or completion == ABSTAIN

    def marks(self, problem: Problem, completion: str) -> str:
        """Of each character, whether it is the answer's."""
        return "y" if completion == ABSTAIN else marks(completion, problem.answer)[:-1]

    def mended(self, problem: Problem) -> str:  # noqa: ARG002
        """`?`: whoever was wrong does not know what would have been right."""
        return ABSTAIN
