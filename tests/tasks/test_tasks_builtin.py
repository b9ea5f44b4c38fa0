"""The built-in families ask what their docstrings say, and judge exactly."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import detent.tasks.catalogue as catalogue_module
from detent import tasks
from detent.errors import UsageError
from detent.tasks import BUILTINS, Problem, builtin, vet

NAMES = st.sampled_from(sorted(BUILTINS))
SEEDS = st.binary(max_size=40)
LEVELS = st.integers(1, 40)
LETTER = {"add": "A", "copy": "C", "reverse": "R", "sort": "S"}


@given(name=NAMES, level=LEVELS, seed=SEEDS)
def test_same_seed_same_problem(name: str, level: int, seed: bytes) -> None:
    assert builtin(name).problems([(level, seed)] * 2) == builtin(name).problems([(level, seed)]) * 2


@given(name=NAMES, level=LEVELS, seed=SEEDS)
def test_a_prompt_is_a_letter_level_digits_and_an_equals_sign(name: str, level: int, seed: bytes) -> None:
    (problem,) = builtin(name).problems([(level, seed)])
    digits = problem.prompt[1:-1]
    assert problem.prompt == f"{LETTER[name]}{digits}="
    twice, more = (2, 1) if name == "add" else (1, 0)
    assert (len(digits), len(problem.answer)) == (twice * level, level + more)
    assert digits.isascii()
    assert digits.isdigit()


def column_by_column(digits: str) -> str:
    """As one adds by hand; digits of the two numbers by turns, units first."""
    written, carried = "", 0
    for one, other in zip(digits[::2], digits[1::2], strict=False):
        carried, rest = divmod(int(one) + int(other) + carried, 10)
        written += str(rest)
    return written + str(carried)


@given(name=NAMES, level=LEVELS, seed=SEEDS)
def test_the_answer_is_right_by_a_second_definition(name: str, level: int, seed: bytes) -> None:
    (problem,) = builtin(name).problems([(level, seed)])
    digits = problem.prompt[1:-1]
    want = {
        "add": column_by_column(digits),
        "copy": digits,
        "reverse": "".join(digits[-1 - i] for i in range(level)),
        "sort": "".join(d * digits.count(d) for d in "0123456789"),
    }
    assert problem.answer == want[name]


@given(name=NAMES, level=LEVELS, seed=SEEDS, wrong=st.text(max_size=50))
def test_check_accepts_the_answer_and_nothing_else(name: str, level: int, seed: bytes, wrong: str) -> None:
    source = builtin(name)
    (problem,) = source.problems([(level, seed)])
    answer = problem.answer
    near = [answer + "0", answer[:-1], " " + answer, answer + " ", wrong]
    rights = source.right([(problem, completion) for completion in [answer, *near]])
    assert rights == [True, *(completion == answer for completion in near)]


EXAMPLES = {
    "add": ("A8756=", "521"),
    "copy": ("C3142=", "3142"),
    "reverse": ("R3142=", "2413"),
    "sort": ("S3142=", "1234"),
}


@pytest.mark.parametrize("name", BUILTINS)
def test_the_example_on_top_of_the_file_is_right(name: str) -> None:
    prompt, answer = EXAMPLES[name]
    text = (Path(tasks.__file__).parent / f"{name}.py").read_text()
    assert f"{prompt}  ->  {answer}" in text
    assert builtin(name).right([(Problem(prompt, answer), answer)]) == [True]


@pytest.mark.parametrize("name", BUILTINS)
def test_a_digest_is_what_sha256sum_of_the_files_says(name: str) -> None:
    folder = Path(tasks.__file__).parent
    lines = [
        f"{hashlib.sha256((folder / file).read_bytes()).hexdigest()}  {file}\n"
        for file in (f"{name}.py", "_digits.py", "rng.py")
    ]
    assert builtin(name).digest == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_digests_differ_between_tasks() -> None:
    assert len({builtin(name).digest for name in BUILTINS}) == len(BUILTINS)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="copy, reverse, sort expected, got 'rotate'"):
        builtin("rotate")


@pytest.mark.parametrize("name", BUILTINS)
def test_a_built_in_task_passes_vetting(name: str) -> None:
    vet(builtin(name), levels=15, room=0)


def test_the_front_door_names_everything_public() -> None:
    assert tasks.__all__ == sorted(
        tasks.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)
    )
    assert all(hasattr(tasks, name) for name in tasks.__all__)


def test_the_worked_example_of_the_catalogue_holds() -> None:
    (problem,) = builtin("reverse").problems([(4, b"detent")])
    assert repr((problem.prompt, problem.answer)) in (catalogue_module.__doc__ or "")
