"""Does a task keep its promises? Asked before a charter is signed and before every run."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, NoReturn

from detent.errors import TaskError
from detent.tasks.base import TaskSource
from detent.tasks.marks import marks_of
from detent.tasks.principles import is_principle
from detent.tasks.rng import Rng
from detent.values import AtMost, Problem, Room, room_after

STREAMS = 8
"""Problems a level that are drawn."""


class Drawn(NamedTuple):
    """A problem and the level it was asked at."""

    level: int
    problem: Problem


def vet(source: TaskSource, levels: int, room: Room) -> None:
    """Draw and check a few problems of each level 1 .. `levels`, and again in a new process, back to front.

    room: of an answer, a token a character.

    Raises:
        TaskError: a problem differs from itself or has no room for its answer; the top level always asks the
            same; `check` rejects the problem's own answer, accepts an empty completion, or accepts the answer
            of every other problem too; marks are malformed, or others the second time; or the code raises,
            hangs or returns something else.
    """
    asks = [(level, _seed(level, stream)) for level in range(1, levels + 1) for stream in range(STREAMS)]
    problems = source.problems(asks)
    drawn = [Drawn(level, problem) for (level, _), problem in zip(asks, problems, strict=True)]
    _see_room(source, drawn, room)
    _see_chance(source, drawn)
    _see_own_answers(source, drawn)
    _see_other_answers(source, [each.problem for each in drawn])
    marks = marks_of(source, problems)
    source.close()
    _see_sameness(source, drawn, source.problems(asks[::-1])[::-1])
    if marks != marks_of(source, problems[::-1])[::-1]:
        _refuse(
            source, "the same marks of the same problem expected, got others; make them of the problem alone"
        )


def vet_principle(source: TaskSource, levels: int, room: Room) -> None:
    """Draw and check a few of a principle's problems of each level before anyone signs.

    Raises:
        TaskError: a problem has no room for its answer; the principle rejects the problem's own answer, or accepts
            an empty completion; or its code raises, hangs or returns something else.
    """
    asks = [(level, _seed(level, stream)) for level in range(1, levels + 1) for stream in range(STREAMS)]
    problems = source.problems(asks)
    drawn = [Drawn(level, problem) for (level, _), problem in zip(asks, problems, strict=True)]
    _see_room(source, drawn, room)
    _see_own_answers(source, [each for each in drawn if each.problem.answer])
    source.right([(each.problem, "") for each in drawn])


def _seed(level: int, stream: int) -> bytes:
    return Rng(b"detent/vet").child(f"{level}/{stream}").seed


def _see_room(source: TaskSource, drawn: Sequence[Drawn], room: Room) -> None:
    for level, problem in drawn:
        if len(problem.answer) > room_after(len(problem.prompt), room):
            _refuse(
                source,
                f"an answer at most {_longest(room)} expected, got "
                f"{problem.prompt!r} answered {problem.answer!r} at level {level}; "
                f"shorten it or raise subject.{'answer' if isinstance(room, AtMost) else 'extra'}_tokens",
            )


def _longest(room: Room) -> str:
    """A token spells one character at the least, of the alphabets that problems are written in."""
    if isinstance(room, AtMost):
        return f"{room.tokens} characters long"
    return f"{room} characters longer than its prompt"


def _see_chance(source: TaskSource, drawn: Sequence[Drawn]) -> None:
    top = drawn[-1]
    if len({problem.prompt for level, problem in drawn if level == top.level}) == 1:
        _refuse(
            source,
            f"different problems from different streams expected, got {top.problem.prompt!r} {STREAMS} times "
            f"at level {top.level}; draw from `rng`",
        )


def _see_own_answers(source: TaskSource, drawn: Sequence[Drawn]) -> None:
    own = source.right([(problem, problem.answer) for _, problem in drawn])
    empty = source.right([(problem, "") for _, problem in drawn])
    for (level, problem), accepted, nothing in zip(drawn, own, empty, strict=True):
        asked = f"{problem.prompt!r} (level {level})"
        if not accepted:
            _refuse(source, f"check() rejects {problem.answer!r}, the task's own answer to {asked}")
        if nothing:
            _refuse(source, f"check() accepts an empty completion of {asked}")


def _see_other_answers(source: TaskSource, problems: Sequence[Problem]) -> None:
    crossed = [(one, other.answer) for one, other in pairwise(problems) if one.answer != other.answer]
    if crossed and all(source.right(crossed)):
        one, answer = crossed[-1]
        _refuse(source, f"check() accepts any other answer too, such as {answer!r} to {one.prompt!r}")


def _see_sameness(source: TaskSource, drawn: Sequence[Drawn], again: Sequence[Problem]) -> None:
    for (level, problem), other in zip(drawn, again, strict=True):
        if problem != other:
            _refuse(
                source,
                f"the same problem from the same stream expected at level {level}, got {problem.prompt!r} "
                f"answered {problem.answer!r}, then {other.prompt!r} answered {other.answer!r}; "
                "draw from `rng` alone, not from a set's order, a clock or what was asked before",
            )


def _refuse(source: TaskSource, sentence: str) -> NoReturn:
    raise TaskError(f"{'principle' if is_principle(source.name) else 'task'} {source.name}: {sentence}")
