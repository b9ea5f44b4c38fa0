"""What a task says of its problems beyond the answer is as it is defined, or refused in one clear line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tasks.written_task import written

from detent.errors import TaskError
from detent.tasks import PluginSource, Problem, builtin, marks_of, plugin, vet
from detent.tasks.catalogue import source_digest

Make = Callable[[str], PluginSource]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A task of the user's own with this body of `marks`; "" for none."""
    started: list[PluginSource] = []

    def write(body: str) -> PluginSource:
        method = f"\n\n    def marks(self, problem):\n{indent(body, ' ' * 8)}\n" if body else ""
        (tmp_path / "mine.py").write_text(written() + method)
        started.append(plugin("mine", "mine.py:Mine", tmp_path))
        return started[-1]

    yield write
    for source in started:
        source.close()


@given(level=st.integers(1, 30), seed=st.binary(max_size=20))
def test_the_carries_of_a_sum_are_what_its_digits_say(level: int, seed: bytes) -> None:
    source = builtin("add")
    (problem,) = source.problems([(level, seed)])
    (marks,) = marks_of(source, [problem])
    (carries,) = marks.values()
    digits = [int(sign) for sign in problem.prompt[1:-1]]
    sums = [one + other for one, other in zip(digits[::2], digits[1::2], strict=True)]
    assert len(carries) == len(problem.answer) == level + 1
    for place, (sign, carry) in enumerate(zip(problem.answer, carries, strict=True)):
        assert int(sign) == ((sums[place] if place < level else 0) + carry) % 10


def test_tasks_with_nothing_to_say_say_nothing(make: Make) -> None:
    assert marks_of(builtin("copy"), [Problem("C1=", "1"), Problem("C2=", "2")]) == [{}, {}]
    assert marks_of(make(""), [Problem("T1=", "1")]) == [{}]


def test_marks_are_no_part_of_what_a_ledger_names_a_task_by() -> None:
    """The digest is of the three files that draw and check."""
    folder = Path(__file__).parents[2] / "src" / "detent" / "tasks"
    assert "carr" not in (folder / "_digits.py").read_text() + (folder / "rng.py").read_text()
    assert "def marks" not in (folder / "add.py").read_text()
    assert len(source_digest("add")) == 64


def test_a_users_task_may_mark_the_problem_or_each_sign_of_the_answer(make: Make) -> None:
    source = make('return {"long": (int(len(problem.answer) > 2),), "sign": tuple(map(int, problem.answer))}')
    problems = [Problem("T12=", "12"), Problem("T123=", "123")]
    assert marks_of(source, problems) == [{"long": (0,), "sign": (1, 2)}, {"long": (1,), "sign": (1, 2, 3)}]
    vet(source, levels=5, room=0)


MALFORMED: dict[str, tuple[str, str]] = {
    "no dict": ("return [1]", "a dict of at most 8 marks expected from marks(), got list"),
    "nothing": ("return None", "a dict of at most 8 marks expected from marks(), got NoneType"),
    "too many": ('return {f"m{n}": (1,) for n in range(9)}', "a dict of at most 8 marks"),
    "a name that is no text": ("return {1: (1,)}", "a name of 1 to 30 printable ASCII characters"),
    "an empty name": ('return {"": (1,)}', "a name of 1 to 30 printable ASCII characters"),
    "a name with a line end": ('return {"a\\nb": (1,)}', "a name of 1 to 30 printable ASCII characters"),
    "a list": ('return {"m": [1]}', "a tuple of 1 number, or of 2"),
    "as many as no answer has": ('return {"m": (1, 2, 3)}', "a tuple of 1 number, or of 2"),
    "none at all": ('return {"m": ()}', "a tuple of 1 number, or of 2"),
    "a truth value": ('return {"m": (True,)}', "whole numbers from 0 to 31 expected from marks() as m"),
    "a fraction": ('return {"m": (0.5,)}', "whole numbers from 0 to 31"),
    "a negative number": ('return {"m": (-1,)}', "whole numbers from 0 to 31"),
    "a large number": ('return {"m": (32,)}', "whole numbers from 0 to 31"),
    "it raises": ('raise ValueError("no")', "ValueError: no"),
    "it ends its process": ("os._exit(3)", "its process ended with status 3 during marks of 'T12='"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_malformed_is_the_tasks_fault_and_the_next_question_works(case: str, make: Make) -> None:
    body, sentence = MALFORMED[case]
    source = make(body)
    with pytest.raises(TaskError) as caught:
        marks_of(source, [Problem("T12=", "12")])
    assert str(caught.value).startswith("task mine: mine.py")
    assert sentence in str(caught.value)
    assert source.right([(Problem("T12=", "12"), "12")]) == [True]


def test_marks_that_are_malformed_are_refused_before_anyone_signs(make: Make) -> None:
    with pytest.raises(TaskError, match="a dict of at most 8 marks"):
        vet(make("return []"), levels=3, room=0)


def test_marks_that_differ_the_second_time_are_refused_before_anyone_signs(make: Make) -> None:
    drifting = make("Mine.asked = getattr(Mine, 'asked', 0) + 1\nreturn {'m': (Mine.asked % 32,)}")
    with pytest.raises(TaskError, match="the same marks of the same problem expected"):
        vet(drifting, levels=3, room=0)
