"""The process a user's code runs in: `python -m detent.tasks.host FILE NAME`, lines of JSON on its pipes.

FILE only names the code in messages; the code itself comes down the pipe, so what runs is what was hashed. NAME is a
task's class, or a tripwire's or proxy's function in it. The process has no keys, writes no file, and ends by itself
when its pipe closes or an item takes too long. Whatever the code prints goes to standard error.
"""

import contextlib
import faulthandler
import math
import os
import resource
import signal
import sys
import types
from collections.abc import Callable
from functools import partial
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Any, cast

from detent.tasks._protocol import (
    Accept,
    Call,
    Check,
    Checked,
    Draw,
    Drawn,
    Fault,
    Load,
    Loaded,
    Look,
    Mark,
    Marked,
    Reply,
    Said,
    decode_call,
    encode_line,
)
from detent.tasks._rules import flaw, marks_flaw, sentence_flaw, sign_flaw, text_flaw
from detent.tasks.base import Task
from detent.tasks.rng import Rng
from detent.values import Problem

MIB = 1 << 20


class _WrongReturnError(Exception):
    """A function of the user's is, or returned, what it must not; carries the sentence."""

    def __init__(self, sentence: str, function: object = None) -> None:
        super().__init__(sentence)
        self.function = function


class Host:
    """One task, tripwire or proxy, loaded and asked."""

    def __init__(self, file: str, member: str) -> None:
        self._file = file
        self._member = member
        self._seconds = 1.0
        self._memory = 0
        self._flaw = sign_flaw
        self._task: Task | None = None
        self._function: Callable[..., object] | None = None

    def answer(self, call: Call, say: Callable[[Reply], None]) -> None:
        """Answer one call item by item; the first fault ends it."""
        steps: list[partial[Reply]]
        match call:
            case Load():
                self._limit(call)
                steps = [partial(self._load, call)]
            case Draw():
                steps = [partial(self._draw, *ask) for ask in call.asks]
            case Check():
                steps = [partial(self._check, *pair) for pair in call.pairs]
            case Mark():
                steps = [partial(self._mark, problem) for problem in call.problems]
            case Look():
                steps = [partial(self._look, call.numbers)]
            case Accept():
                steps = [partial(self._accept, *pair) for pair in call.pairs]
        self._limit_cpu(len(steps))
        for step in steps:
            reply = self._timed(step)
            say(reply)
            if isinstance(reply, Fault):
                return

    def _timed(self, step: partial[Reply]) -> Reply:
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        try:
            return step()
        except _WrongReturnError as error:
            return Fault(str(error), self._defined(error.function))
        except BaseException as error:  # noqa: BLE001 - sys.exit in it is a fault like any other
            return Fault(self._said(error), self._where(error))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _limit(self, call: Load) -> None:
        """Once, before the user's code runs. It writes no file, so that nothing outlasts it."""
        self._seconds, self._memory = call.seconds, call.memory
        limits = {resource.RLIMIT_AS: call.memory, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
        for kind, value in limits.items():
            # Not every system knows every limit; the deadline and the pipe hold on all of them.
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(kind, (value, value))

    def _limit_cpu(self, items: int) -> None:
        """What a thread that the code left behind may burn before SIGXCPU ends the process."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        allowed = used.ru_utime + used.ru_stime + items * self._seconds + 10
        with contextlib.suppress(ValueError, OSError):
            _, hard = resource.getrlimit(resource.RLIMIT_CPU)
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(allowed), hard))

    def _load(self, call: Load) -> Reply:
        module = types.ModuleType(f"detent_{call.kind}")
        module.__file__ = self._file
        sys.modules[module.__name__] = module  # dataclasses and typing look their module up there
        # Running a stranger's code is what this process is for.
        exec(compile(call.source, self._file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102
        found = getattr(module, self._member, None)
        self._flaw = text_flaw if call.kind == "gym" else sign_flaw
        if call.kind in {"task", "gym"}:
            self._task = self._made(found, call.name)
        elif isinstance(found, types.FunctionType):
            self._function = found
        else:
            raise _WrongReturnError(f"a function {self._member} expected, got {_short(found)}")
        return Loaded()

    def _made(self, kind: object, name: str) -> Task:
        if not isinstance(kind, type):
            raise _WrongReturnError(f"a class {self._member} expected, got {kind!r}")
        task = kind()
        for member in ("problem", "check"):
            if not callable(getattr(task, member, None)):
                raise _WrongReturnError(f"a method {member} of class {self._member} expected, got none")
        own = getattr(task, "name", None)
        if type(own) is not str:
            raise _WrongReturnError(f"a text `name` in class {self._member} expected, got none")
        if own != name:
            raise _WrongReturnError(f'name = "{name}" expected, as in the charter, got "{own}"')
        return cast("Task", task)

    def _draw(self, level: int, seed: str) -> Reply:
        task = self._loaded()
        problem = task.problem(level, Rng(bytes.fromhex(seed)))
        if type(problem) is not Problem or not (type(problem.prompt) is type(problem.answer) is str):
            raise _WrongReturnError(
                f"Problem(prompt, answer) with two texts expected from problem(), got {_short(problem)}",
                task.problem,
            )
        if sentence := flaw(problem, self._flaw):
            raise _WrongReturnError(sentence, task.problem)
        return Drawn(problem)

    def _check(self, problem: Problem, completion: str) -> Reply:
        task = self._loaded()
        right = task.check(problem, completion)
        if type(right) is not bool:
            raise _WrongReturnError(f"True or False expected from check(), got {_short(right)}", task.check)
        return Checked(right)

    def _mark(self, problem: Problem) -> Reply:
        mark = getattr(self._loaded(), "marks", None)
        marks = {} if mark is None else mark(problem)
        if sentence := marks_flaw(problem, marks):
            raise _WrongReturnError(sentence, mark)
        return Marked(marks)

    def _look(self, numbers: dict[str, Any]) -> Reply:
        watch = self._called()
        sentence = watch(numbers)
        if sentence is not None and type(sentence) is not str:
            wanted = "a sentence, or None when all is well, expected from the function"
            raise _WrongReturnError(f"{wanted}, got {_short(sentence)}", watch)
        if sentence is not None and (fault := sentence_flaw(sentence)):
            raise _WrongReturnError(fault, watch)
        return Said(sentence)

    def _accept(self, prompt: str, completion: str) -> Reply:
        accepts = self._called()
        found = accepts(prompt, completion)
        if type(found) is not bool:
            raise _WrongReturnError(f"True or False expected from the function, got {_short(found)}", accepts)
        return Checked(found)

    def _called(self) -> Callable[..., object]:
        if self._function is None:
            raise _WrongReturnError("Load of a function expected first, got another call")
        return self._function

    def _loaded(self) -> Task:
        if self._task is None:
            raise _WrongReturnError("Load of a task expected first, got another call")
        return self._task

    def _said(self, error: BaseException) -> str:
        if isinstance(error, MemoryError):
            return f"MemoryError: at most {self._memory // MIB} MiB may be used"
        with contextlib.suppress(Exception):
            return f"{type(error).__name__}: {error}"[:400]
        return type(error).__name__

    def _where(self, error: BaseException) -> str:
        line = error.lineno if isinstance(error, SyntaxError) and error.filename == self._file else None
        step = error.__traceback__
        while step is not None:
            if step.tb_frame.f_code.co_filename == self._file:
                line = step.tb_lineno
            step = step.tb_next
        return f"{self._file}:{line}" if line else self._file

    def _defined(self, function: object) -> str:
        code = getattr(function, "__code__", None)
        own = isinstance(code, types.CodeType) and code.co_filename == self._file
        return f"{self._file}:{code.co_firstlineno}" if own and code else self._file


def _short(value: object) -> str:
    with contextlib.suppress(Exception):
        return f"{type(value).__name__} {value!r}"[:120]
    return type(value).__name__


def _own_pipes() -> tuple[BufferedReader, BufferedWriter]:
    """Take the pipes away from the code: it reads nothing, and what it prints goes to standard error."""
    calls, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(calls, "rb"), os.fdopen(replies, "wb")


def main(file: str, member: str) -> None:
    """Serve calls until the pipe closes."""
    calls, replies = _own_pipes()
    # An item that takes too long: where it hangs is written to standard error, then SIGALRM ends the process.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    faulthandler.register(signal.SIGALRM, file=sys.stderr, all_threads=False, chain=True)
    host = Host(Path(file).name, member)

    def say(reply: Reply) -> None:
        replies.write(encode_line(reply))
        replies.flush()

    for line in calls:
        host.answer(decode_call(line), say)


if __name__ == "__main__":
    main(*sys.argv[1:])
