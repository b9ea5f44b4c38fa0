"""Whatever a user's task does wrong ends as one clear line, and leaves no process behind."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.tasks.written_task import CHECK, PROBLEM, children, written

from detent.errors import TaskError
from detent.tasks import Limits, PluginSource, Problem, plugin, vet
from detent.values import AtMost

QUICK = Limits(seconds=0.6, memory=256 << 20)

Make = Callable[[str], PluginSource]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Write a task file and load it; everything started is closed."""
    started: list[PluginSource] = []

    def write(code: str) -> PluginSource:
        (tmp_path / "mine.py").write_text(code)
        started.append(plugin("mine", "mine.py:Mine", tmp_path, limits=QUICK))
        return started[-1]

    yield write
    for source in started:
        source.close()


class Bad(NamedTuple):
    """A task file and the parts its error line must have."""

    code: str
    said: tuple[str, ...]


FAULTS = {
    "problem raises": Bad(
        written('raise ValueError("no such level")'), ("mine.py:10", "ValueError: no such level", "level 7")
    ),
    "problem raises in a helper": Bad(
        written("return helper()", top="def helper(): return 1 / 0"),
        ("mine.py:3", "ZeroDivisionError", "level 7"),
    ),
    "problem raises what cannot be printed": Bad(
        written("class Odd(Exception):\n    def __str__(self): raise KeyError\nraise Odd"),
        ("mine.py:12", "Odd"),
    ),
    "problem hangs": Bad(
        written("while True:\n    pass"), ("mine.py:1", "no result after 0.6 seconds", "level 7")
    ),
    "problem hangs and swallows everything": Bad(
        written("while True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass"),
        ("mine.py:12", "no result after 0.6 seconds", "level 7"),
    ),
    "problem hangs in C": Bad(
        written('import re\nre.match("(a*)*b", "a" * 60)\n' + PROBLEM),
        ("mine.py:11", "no result after 0.6 seconds"),
    ),
    "problem hangs deaf to the alarm": Bad(
        written("import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True:\n    pass"),
        ("mine.py", "no result after 0.6 seconds", "level 7"),
    ),
    "problem calls sys.exit": Bad(written("sys.exit(3)"), ("mine.py:10", "SystemExit: 3")),
    "problem leaves at once": Bad(written("os._exit(3)"), ("ended with status 3", "level 7")),
    "problem kills itself": Bad(written("os.kill(os.getpid(), 9)"), ("ended by SIGKILL", "level 7")),
    "problem says last words and leaves": Bad(
        written('print("out of luck", file=sys.stderr)\nos._exit(1)'), ('its last words: "out of luck"',)
    ),
    "problem floods memory": Bad(written("x = bytearray(1 << 33)"), ("mine.py:10", "MemoryError", "256 MiB")),
    "problem floods memory piece by piece": Bad(
        written("x = []\nwhile True:\n    x.append(bytes(1 << 20))"), ("mine.py:12", "MemoryError", "256 MiB")
    ),
    "problem recurses without end": Bad(
        written("return self.problem(level, rng)"), ("mine.py:10", "RecursionError")
    ),
    "problem writes a file": Bad(
        written('with open("notes", "w") as file:\n    file.write("x")'),
        ("mine.py:10", "OSError", "too large"),
    ),
    "problem returns a tuple": Bad(
        written('return ("T1=", "1")'), ("mine.py:9", "Problem(prompt, answer)", "tuple ('T1=', '1')")
    ),
    "problem returns nothing": Bad(written("pass"), ("mine.py:9", "NoneType None")),
    "answer is a number": Bad(written('return Problem("T1=", 1)'), ("two texts expected", "answer=1")),
    "prompt is empty": Bad(
        written('return Problem("", "1")'), ("a prompt of at least one character", "level 7")
    ),
    "answer is empty": Bad(written('return Problem("1", "")'), ("an answer of at least one character",)),
    "prompt has a letter beyond ASCII": Bad(
        written('return Problem("é", "1")'), ("a prompt of printable ASCII", "'é'")
    ),
    "prompt has a control character": Bad(
        written(r'return Problem("a\n", "1")'), ("printable ASCII", r"'a\n'")
    ),
    "answer has half a surrogate": Bad(
        written(r'return Problem("a", "\ud800")'), ("an answer of printable ASCII",)
    ),
    "prompt is very long": Bad(
        written('return Problem("a" * 5000, "1")'), ("at most 4096 characters", "5000")
    ),
    "the file does not parse": Bad("class Mine\n  pass", ("mine.py:1", "SyntaxError")),
    "the file raises": Bad("\nraise KeyError('k')", ("mine.py:2", "KeyError", "loading it")),
    "the file hangs": Bad(
        written(top="time.sleep(60)"), ("mine.py:3", "no result after 0.6 seconds", "loading it")
    ),
    "the file imports a neighbour": Bad(
        written(top="import neighbour"), ("mine.py:3", "ModuleNotFoundError")
    ),
    "the class has another name": Bad(
        written().replace("class Mine", "class Yours"), ("a class Mine expected",)
    ),
    "the class wants arguments": Bad(
        written(name='name = "mine"\n    def __init__(self, x): pass'), ("TypeError", "loading it")
    ),
    "the class has no check": Bad(
        written().replace("def check", "def chuck"), ("a method check", "got none")
    ),
    "the class has no name": Bad(written(name="pass"), ("a text `name`", "got none")),
    "the class has another task's name": Bad(
        written(name='name = "copy"'), ('name = "mine" expected', 'got "copy"')
    ),
    "the file is not UTF-8": Bad("# \udcff", ("UTF-8",)),
    "the file forges a reply": Bad(
        written(
            top="import gc, io; [(o.write(b'junk\\n'), o.flush()) for o in gc.get_objects() "
            "if isinstance(o, io.BufferedWriter) and o.fileno() > 2]"
        ),
        ("spoke out of turn", "junk"),
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_becomes_one_clear_line(case: str, tmp_path: Path) -> None:
    before = children()
    (tmp_path / "neighbour.py").write_text("")
    (tmp_path / "mine.py").write_bytes(FAULTS[case].code.encode("utf-8", "surrogateescape"))
    source = plugin("mine", "mine.py:Mine", tmp_path, limits=QUICK)
    with pytest.raises(TaskError) as caught:
        source.problems([(7, b"seed")])
    message = str(caught.value)
    assert message.startswith("task mine: mine.py")
    assert "\n" not in message
    assert [part for part in FAULTS[case].said if part not in message] == [], message
    assert children() == before  # killed and waited for, without a close()


CHECK_FAULTS = {
    "check raises": Bad(
        written(check="raise ValueError(completion)"), ("mine.py:14", "ValueError: 12", "'T12='")
    ),
    "check hangs": Bad(
        written(check="while True: pass"), ("mine.py:14", "no result after 0.6 seconds", "'T12='")
    ),
    "check returns a number": Bad(written(check="return 1"), ("mine.py:13", "True or False", "int 1")),
    "check returns nothing": Bad(written(check="pass"), ("mine.py:13", "True or False", "NoneType None")),
}


@pytest.mark.parametrize("case", CHECK_FAULTS)
def test_a_fault_in_check_names_the_prompt(case: str, make: Make) -> None:
    with pytest.raises(TaskError) as caught:
        make(CHECK_FAULTS[case].code).right([(Problem("T12=", "12"), "12")])
    assert [part for part in CHECK_FAULTS[case].said if part not in str(caught.value)] == [], caught.value


def test_after_a_fault_the_next_question_is_answered_as_if_nothing_was(make: Make) -> None:
    source = make(written('if level == 7:\n    raise ValueError("seven")\nreturn Problem(f"{level}", "x")'))
    with pytest.raises(TaskError, match="seven"):
        source.problems([(level, b"") for level in range(1, 500)])
    assert [each.prompt for each in source.problems([(3, b""), (4, b"")])] == ["3", "4"]


def test_a_deep_item_that_hangs_is_the_one_that_is_named(make: Make) -> None:
    source = make(written('if level == 300: time.sleep(60)\nreturn Problem(f"{level}", "x")'))
    with pytest.raises(TaskError, match=r"mine\.py:10: .* a problem of level 300;"):
        source.problems([(level, b"") for level in range(1, 500)])


PROMISES = {
    "check rejects its own answer": Bad(
        written(check="return completion == problem.prompt"), ("rejects", "own answer", "level 1")
    ),
    "check accepts an empty completion": Bad(
        written(check="return problem.answer.startswith(completion)"), ("accepts an empty completion",)
    ),
    "check accepts anything": Bad(written(check="return bool(completion)"), ("accepts any other answer",)),
    "problem reads the clock": Bad(
        written('return Problem(f"{level}{rng.random()}{time.time_ns()}", "x")', CHECK),
        ("the same problem", "level 1"),
    ),
    "problem depends on the order of a set": Bad(
        written(
            'order = "".join({str(i) for i in range(30)})\nreturn Problem(f"{rng.random()}" + order, "x")'
        ),
        ("the same problem", "set's order"),
    ),
    "problem depends on what was asked before": Bad(
        written(
            'self.asked = getattr(self, "asked", 0) + 1\nreturn Problem(f"{rng.random()}{self.asked}", "x")'
        ),
        ("the same problem", "asked before"),
    ),
    "problem draws nothing": Bad(
        written('return Problem(f"{level}", "x")'), ("different problems", "'5' 8 times", "level 5")
    ),
    "answer needs more room": Bad(
        written('return Problem(f"{rng.randrange(10)}", "x" * level)'),
        ("at most 2 characters longer", "level 4", "subject.extra_tokens"),
    ),
    "problem raises above level 4": Bad(
        written("assert level < 5\n" + PROBLEM), ("mine.py:10", "AssertionError", "level 5")
    ),
}


def test_a_prefix_that_fixes_the_hash_seed_hides_nothing(tmp_path: Path) -> None:
    case = PROMISES["problem depends on the order of a set"]
    (tmp_path / "mine.py").write_text(case.code)
    prefix = ["/usr/bin/env", "PYTHONHASHSEED=0"]
    source = plugin("mine", "mine.py:Mine", tmp_path, command_prefix=prefix, limits=QUICK)
    with pytest.raises(TaskError, match="the same problem"):
        vet(source, levels=5, room=2)
    source.close()


def test_an_answer_that_is_longer_than_all_may_be_is_found_whatever_its_prompt(make: Make) -> None:
    code = written('return Problem(f"{rng.randrange(10)}" * 20, "x" * level)')
    vet(make(code), levels=2, room=AtMost(2))
    with pytest.raises(TaskError, match=r"at most 3 characters long expected.*raise subject\.answer_tokens"):
        vet(make(code), levels=5, room=AtMost(3))


@pytest.mark.parametrize("case", PROMISES)
def test_a_broken_promise_is_found_before_anything_runs(case: str, make: Make) -> None:
    with pytest.raises(TaskError) as caught:
        vet(make(PROMISES[case].code), levels=5, room=2)
    assert [part for part in PROMISES[case].said if part not in str(caught.value)] == [], caught.value
