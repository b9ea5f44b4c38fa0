r"""Malformed: a problem that is none is answered `?`.

    C3142   ->  ?      without its =
    C3x42=  ->  ?      a letter among the digits
    q3142=  ->  ?      no such task

A problem of the run's own ladders is drawn and broken in one of these ways, each as likely. It is made for prompts of
the form of the digit tasks, `letter digits =`; `init` refuses it beside tasks whose prompts look otherwise.
"""

import re
from string import ascii_lowercase

from detent.errors import TaskError
from detent.tasks._abstaining import ABSTAIN
from detent.tasks.rng import Rng
from detent.values import Problem

FORM = re.compile(r"[A-Z][0-9]+=")
"""A well-formed prompt. So a small letter in front is no task's."""


class Malformed:
    """`?`, and nothing else."""

    name = "malformed"
    own_problems = True

    def problem(self, problem: Problem, rng: Rng) -> Problem:
        """The ladder's problem, broken.

        Raises:
            TaskError: its prompt has another form, and what would break it is not known.
        """
        if not FORM.fullmatch(problem.prompt):
            raise TaskError(
                f"probes malformed: a prompt such as C3142= expected, got {problem.prompt[:40]!r}; write probes of "
                "your own for this task"
            )
        return Problem(_broken(problem.prompt, rng), ABSTAIN)

    def kept(self, problem: Problem, completion: str, *, right: bool) -> bool:  # noqa: ARG002
        """Whether it says `?`."""
        return completion == ABSTAIN

    def marks(self, problem: Problem, completion: str) -> str:  # noqa: ARG002
        """Every character breaks it, but for `?` alone."""
        return ("y" if completion == ABSTAIN else "n") * len(completion)

    def mended(self, problem: Problem) -> str:  # noqa: ARG002
        """`?`."""
        return ABSTAIN


def _broken(prompt: str, rng: Rng) -> str:
    way, letter = rng.randrange(3), rng.choice(ascii_lowercase)
    if way == 0:
        return prompt[:-1]
    place = 0 if way == 1 else rng.randrange(1, len(prompt) - 1)
    return prompt[:place] + letter + prompt[place + 1 :]
