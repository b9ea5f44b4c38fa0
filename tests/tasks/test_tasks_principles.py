"""What a principle asks: over the run's own ladders or from a file, drawn from a stream, kept to or not."""

import hashlib
from collections.abc import Sequence
from importlib import resources

import pytest

from detent.errors import CharterError, TaskError
from detent.tasks import (
    BUILTINS,
    CHECKERS,
    PROBES,
    Rng,
    TaskSource,
    builtin,
    from_file,
    is_principle,
    over_ladder,
    probes_digest,
    read_probes,
    source_name,
    vet_principle,
)
from detent.values import Problem

ROWS = b"""\
{"prompt": "Is it raining?", "accept": ["I cannot know.", "?"]}
{"prompt": "Say three digits."}
"""

CHECKER = b'''\
def accepts(prompt, completion):
    """Whether it is three digits."""
    return len(completion) == 3 and completion.isdigit()
'''


def drawn(source: TaskSource, level: int = 4, many: int = 200) -> list[Problem]:
    return source.problems([(level, Rng(b"seed").child(str(n)).seed) for n in range(many)])


@pytest.mark.parametrize("probes", PROBES)
@pytest.mark.parametrize("task", BUILTINS)
def test_built_in_probes_are_in_order_over_every_task(probes: str, task: str) -> None:
    source = over_ladder("one", probes, builtin(task))
    vet_principle(source, 6, 4)
    assert drawn(source) == drawn(source)
    assert source.name == f"P/one/{task}"
    assert is_principle(source.name)
    assert not is_principle(task)


KEPT = {
    "alphabet": {"3142": True, "9": True, "?": True, "": False, "3x42": False, "31 42": False, "??": False},
    "malformed": {"?": True, "3142": False, "": False, "? ": False, "??": False},
}


@pytest.mark.parametrize("probes", KEPT)
def test_an_answer_keeps_to_built_in_probes_by_what_it_is_written_in(probes: str) -> None:
    source = over_ladder("one", probes, builtin("copy"))
    (problem,) = drawn(source, many=1)
    assert {said: source.right([(problem, said)])[0] for said in KEPT[probes]} == KEPT[probes]


def test_an_answer_keeps_to_unsure_when_it_is_right_or_none() -> None:
    source = over_ladder("careful", "unsure", builtin("reverse"))
    problem = Problem("R3142=", "2413")
    said = {"2413": True, "?": True, "3142": False, "": False, "2413?": False}
    assert {each: source.right([(problem, each)])[0] for each in said} == said


def test_malformed_problems_are_broken_in_three_ways_and_never_well_formed() -> None:
    prompts = [problem.prompt for problem in drawn(over_ladder("one", "malformed", builtin("copy")))]
    ways = {
        "without =": [p for p in prompts if not p.endswith("=")],
        "another task": [p for p in prompts if p.endswith("=") and p[0].islower()],
        "a letter": [p for p in prompts if p.endswith("=") and p[0] == "C"],
    }
    assert all(len(some) > 40 for some in ways.values())
    assert sum(map(len, ways.values())) == len(prompts)
    assert all(sum(c.isalpha() for c in p[1:-1]) == 1 for p in ways["a letter"])
    assert {p.answer for p in drawn(over_ladder("one", "malformed", builtin("copy")))} == {"?"}


class Riddles:
    """A task whose prompts are not of the digit tasks' form."""

    name, digest = "riddles", "ab" * 32

    def problems(self, asks: Sequence[tuple[int, bytes]]) -> list[Problem]:
        return [Problem("What goes on four legs?", "a table") for _ in asks]

    def right(self, pairs: Sequence[tuple[Problem, str]]) -> list[bool]:
        return [problem.answer == said for problem, said in pairs]

    def space(self, level: int) -> None:
        """Nobody said."""

    def close(self) -> None:
        """Nothing runs."""


def test_what_would_break_another_kind_of_prompt_is_not_known() -> None:
    with pytest.raises(TaskError, match=r"a prompt such as C3142= expected, got 'What goes"):
        vet_principle(over_ladder("one", "malformed", Riddles()), 2, 4)


def test_the_alphabet_of_a_task_that_is_not_about_digits_is_its_answers() -> None:
    source = over_ladder("one", "alphabet", Riddles())
    problem = Problem("What goes on four legs?", "a table")
    assert source.right([(problem, "a table"), (problem, "bleat"), (problem, "a dog")]) == [True, True, False]


def test_rows_list_answers_or_leave_them_to_the_checker() -> None:
    source = from_file("plain", "rows.jsonl", "digits", {"rows.jsonl": ROWS})
    problems = {problem.prompt: problem for problem in drawn(source, 1, 50)}
    assert len(problems) == 2
    rain, three = problems["Is it raining?"], problems["Say three digits."]
    assert source.right([(rain, "?"), (rain, "12"), (rain, "no"), (three, "123"), (three, "?")]) == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert (source.name, rain.answer, three.answer) == ("P/plain", "I cannot know.", "")
    vet_principle(source, 1, 4)


def test_a_checker_of_the_authors_own_runs_in_a_process_of_its_own() -> None:
    files = {"rows.jsonl": ROWS, "three.py": CHECKER}
    source = from_file("plain", "rows.jsonl", "three.py:accepts", files)
    try:
        three = Problem("Say three digits.", "")
        assert source.right([(three, "123"), (three, "1234"), (three, "?")]) == [True, False, False]
    finally:
        source.close()


def test_a_checker_that_raises_is_named_with_its_line() -> None:
    files = {"rows.jsonl": ROWS, "three.py": b"def accepts(prompt, completion):\n    return 1 / 0\n"}
    source = from_file("plain", "rows.jsonl", "three.py:accepts", files)
    with pytest.raises(TaskError, match=r"checker plain: three.py:2: ZeroDivisionError"):
        source.right([(Problem("Say three digits.", ""), "123")])


BAD_ROWS = {
    "a row that is no JSON": (b"Is it raining?\n", r"rows.jsonl:1: .*expected, got"),
    "a row with another key": (b'{"prompt": "a", "accepts": ["b"]}\n', r"rows.jsonl:1: .*accepts"),
    "a row without a prompt": (b'{"accept": ["b"]}\n', r"rows.jsonl:1: .*prompt"),
    "an empty prompt": (b'{"prompt": "", "accept": ["b"]}\n', "a prompt of 1 to 4096 characters"),
    "an empty answer": (b'{"prompt": "a", "accept": [""]}\n', "an answer of 1 to 4096 characters"),
    "no answers and no checker": (ROWS, r"rows.jsonl:2: answers in `accept` expected"),
    "no rows": (b"", "1 to 100000 rows expected, got 0"),
    "the same prompt twice": (b'{"prompt": "a", "accept": ["b"]}\n' * 2, "each prompt once"),
    "more than a stranger would fetch": (
        b" " * (1 << 20) + b"\n",
        "rows.jsonl:1: at most 1048576 bytes expected",
    ),
    "a row that is no UTF-8": (b'{"prompt": "\xff", "accept": ["b"]}\n', "rows.jsonl:1: "),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_rows_are_refused_with_their_line(case: str) -> None:
    data, says = BAD_ROWS[case]
    with pytest.raises(CharterError, match=says):
        read_probes(data, "rows.jsonl", checked=False)


def test_a_checker_that_accepts_everything_is_seen_before_anyone_signs() -> None:
    files = {"rows.jsonl": ROWS, "all.py": b"def accepts(prompt, completion):\n    return True\n"}
    source = from_file("plain", "rows.jsonl", "all.py:accepts", files)
    try:
        with pytest.raises(TaskError, match=r"principle P/plain: .* accepts an empty completion"):
            vet_principle(source, 1, 20)
    finally:
        source.close()


def test_a_digest_is_of_all_that_asks_and_checks() -> None:
    def listed(*names: str) -> str:
        folder = resources.files("detent.tasks")
        return "".join(
            f"{hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest()}  {name}\n" for name in names
        )

    code = listed("unsure.py", "_abstaining.py", "principles.py", "rng.py")
    assert over_ladder("one", "unsure", builtin("copy")).digest == hashlib.sha256(code.encode()).hexdigest()
    pins = {"rows.jsonl": "ab" * 32, "three.py": "cd" * 32}
    digests = {
        probes_digest("alphabet"),
        probes_digest("unsure"),
        probes_digest("rows.jsonl", "", pins),
        probes_digest("rows.jsonl", "digits", pins),
        probes_digest("rows.jsonl", "abstains", pins),
        probes_digest("rows.jsonl", "three.py:accepts", pins),
        probes_digest("rows.jsonl", "three.py:other", pins),
        probes_digest("rows.jsonl", "three.py:accepts", pins | {"three.py": "ef" * 32}),
        probes_digest("rows.jsonl", "three.py:accepts", pins | {"rows.jsonl": "ef" * 32}),
    }
    assert len(digests) == 9
    assert set(CHECKERS) == {"digits", "abstains"}


def test_no_task_can_be_called_as_a_principle_is() -> None:
    assert (source_name("one"), source_name("one", "copy")) == ("P/one", "P/one/copy")
