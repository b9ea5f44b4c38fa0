"""Task files for the tests, written piece by piece, and what keeps count of processes."""

import os
from pathlib import Path
from textwrap import indent

PROBLEM = """\
digits = "".join(str(rng.randrange(10)) for _ in range(level))
return Problem(f"T{digits}=", digits)"""
CHECK = "return completion == problem.answer"


def written(problem: str = PROBLEM, check: str = CHECK, top: str = "", name: str = 'name = "mine"') -> str:
    """A task file. `top` is line 3, the body of `problem` begins at line 10, `check` after PROBLEM at 13."""
    parts = [
        "import sys, os, time",
        "from detent.tasks import Problem",
        top,
        "",
        "class Mine:",
        f"    {name}",
        "",
        "    # problem",
        "    def problem(self, level, rng):",
        indent(problem, " " * 8),
        "",
        "    def check(self, problem, completion):",
        indent(check, " " * 8),
    ]
    return "\n".join(parts)


def children() -> set[int]:
    """Processes that this one has started and not yet waited for, zombies included."""
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}
