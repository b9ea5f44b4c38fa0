"""A user's tripwire runs apart, like a task; whatever its function does ends as a sentence, or as one clear line."""

import os
import socket
import time
from pathlib import Path
from textwrap import indent
from typing import Any, NamedTuple

import pytest
from tests.tasks.written_task import children

from detent.engine import confinement, host_prefix
from detent.errors import TaskError, TrustError
from detent.tasks import Limits, Lookout, lookout, pinned_lookout
from detent.tasks._rules import LONGEST_SENTENCE

QUICK = Limits(seconds=0.6, memory=256 << 20)
NUMBERS: dict[str, Any] = {"generation": 3, "ladder": {"candidate": None, "incumbent": 0.25}}

needs_bubblewrap = pytest.mark.skipif(not confinement().confined, reason=confinement().because or "confined")


def written(body: str, top: str = "") -> str:
    """A tripwire's file. `top` is line 2, the body of `watch` begins at line 4."""
    return f"import os, sys, time\n{top}\ndef watch(numbers):\n{indent(body, ' ' * 4)}\n"


def made(folder: Path, code: str, prefix: tuple[str, ...] = ()) -> Lookout:
    (folder / "mine.py").write_bytes(code.encode("utf-8", "surrogateescape"))
    return lookout("mine", "mine.py:watch", folder, command_prefix=prefix, limits=QUICK)


def said(folder: Path, code: str) -> str | None:
    return made(folder, code).look(NUMBERS, "a look at generation 3")


def test_none_is_quiet_and_a_sentence_is_an_alarm(tmp_path: Path) -> None:
    body = 'return f"generation {numbers[\'generation\']}" if numbers["generation"] > 2 else None'
    found = made(tmp_path, written(body))
    assert found.look(NUMBERS, "a look") == "generation 3"
    assert found.look({"generation": 2}, "a look") is None


def test_the_numbers_arrive_as_plain_json_values(tmp_path: Path) -> None:
    assert said(tmp_path, written("return repr(numbers)")) == repr(NUMBERS)


def test_nothing_is_remembered_from_one_look_to_the_next(tmp_path: Path) -> None:
    found = made(tmp_path, written('seen.append(1)\nreturn f"look {len(seen)}"', top="seen = []"))
    assert [found.look(NUMBERS, "a look") for _ in range(2)] == ["look 1", "look 1"]


class Bad(NamedTuple):
    """A file and the parts its error line must have."""

    code: str
    said: tuple[str, ...]


HOSTILE = {
    "it raises": Bad(
        written('raise ValueError("too steep")'), ("mine.py:4", "ValueError: too steep", "generation 3")
    ),
    "it raises several lines that colour the terminal": Bad(
        written(r'raise ValueError("one\ntwo \x1b[31m")'), ("ValueError: one two  [31m",)
    ),
    "it asks for a number that is not there": Bad(
        written('return numbers["loss"]'), ("mine.py:4", "KeyError: 'loss'")
    ),
    "it compares what was not measured": Bad(
        written('return numbers["ladder"]["candidate"] > 0.5'), ("mine.py:4", "TypeError")
    ),
    "it hangs": Bad(written("while True: pass"), ("mine.py:4", "no result after 0.6 seconds")),
    "it hangs deaf to every alarm": Bad(
        written("while True: time.sleep(1)", top="import signal; signal.signal(14, signal.SIG_IGN)"),
        ("no result after 0.6 seconds",),
    ),
    "it floods standard error, deaf to every alarm": Bad(
        written(
            "while True: os.write(2, bytes(1 << 16))",
            top="import signal; signal.signal(14, signal.SIG_IGN); signal.signal(signal.SIGXCPU, signal.SIG_IGN)",
        ),
        ("no result after 0.6 seconds",),
    ),
    "it returns a number": Bad(written("return 1"), ("mine.py:3", "a sentence, or None", "int 1")),
    "it returns False": Bad(written("return False"), ("mine.py:3", "a sentence, or None", "bool False")),
    "it returns a text that is no str": Bad(
        written('return Odd("all is well")', top="class Odd(str): pass"), ("a sentence, or None", "Odd")
    ),
    "it returns an empty text": Bad(written('return " "'), ("mine.py:3", "got an empty text")),
    "it returns 10 MB": Bad(
        written('return "x" * 10_000_000'), (f"at most {LONGEST_SENTENCE} characters", "10000000")
    ),
    "it returns two lines": Bad(written(r'return "one\ntwo"'), ("one line of printable text",)),
    "it returns what colours the terminal": Bad(
        written(r'return "\x1b[31mall is well"'), ("printable text", r"'\x1b[31m")
    ),
    "it returns text that reads backwards": Bad(written(r'return "\u202ellew"'), ("printable text",)),
    "it returns half a surrogate": Bad(written(r'return "\ud800"'), ("printable text",)),
    "it floods memory": Bad(written("return bytes(1 << 33)"), ("mine.py:4", "MemoryError", "256 MiB")),
    "it leaves": Bad(written("sys.exit(0)"), ("SystemExit: 0",)),
    "it leaves at once": Bad(written("os._exit(0)"), ("ended with status 0",)),
    "it kills itself": Bad(written("os.kill(os.getpid(), 9)"), ("ended by SIGKILL",)),
    "it writes a file": Bad(
        written('with open("notes", "w") as file: file.write("x")'), ("OSError", "too large")
    ),
    "it imports a neighbour": Bad(written("import neighbour"), ("mine.py:4", "ModuleNotFoundError")),
    "there is no such function": Bad(
        "def look(numbers): pass", ("a function watch expected", "NoneType None", "loading it")
    ),
    "it is a class": Bad("class watch: pass", ("a function watch expected", "loading it")),
    "it wants two arguments": Bad("def watch(numbers, limits): pass", ("TypeError", "limits")),
    "it is a coroutine": Bad("async def watch(numbers): return None", ("a sentence, or None", "coroutine")),
    "the file does not parse": Bad("def watch(numbers)\n", ("mine.py:1", "SyntaxError")),
    "the file is not UTF-8": Bad("# \udcff", ("UTF-8",)),
    "it forges a reply of a task": Bad(
        written(
            "import gc, io\n"
            "for o in gc.get_objects():\n"
            "    if isinstance(o, io.BufferedWriter) and o.fileno() > 2:\n"
            '        o.write(b\'{"type":"checked","right":true}\\n\'); o.flush()'
        ),
        ("spoke out of turn",),
    ),
    "it forges a long sentence": Bad(
        written(
            "import gc, io\n"
            "for o in gc.get_objects():\n"
            "    if isinstance(o, io.BufferedWriter) and o.fileno() > 2:\n"
            '        o.write(b\'{"type":"said","sentence":"\' + b"x" * 500 + b\'"}\\n\'); o.flush()'
        ),
        (f"at most {LONGEST_SENTENCE} characters", "got 500"),
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_fault_becomes_one_clear_line_and_leaves_no_process(case: str, tmp_path: Path) -> None:
    before = children()
    (tmp_path / "neighbour.py").write_text("")
    with pytest.raises(TaskError) as caught:
        said(tmp_path, HOSTILE[case].code)
    message = str(caught.value)
    assert message.startswith("tripwire mine: mine.py")
    assert message.isprintable()
    assert len(message) < 1_000
    assert [part for part in HOSTILE[case].said if part not in message] == [], message
    assert children() == before


HARMLESS = {
    "it prints 10 MB": 'print("x" * 10_000_000); sys.stdout.flush(); return "seen"',
    "it forks, and the child answers too": 'os.fork(); return "seen"',
    "it starts a thread that never ends": (
        "import threading\nthreading.Thread(target=time.sleep, args=(60,)).start()\nreturn 'seen'"
    ),
    "it changes the numbers": 'numbers.clear(); return "seen"',
    "it reads standard input": 'assert sys.stdin.read() == ""; return "seen"',
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_does_no_harm_is_heard(case: str, tmp_path: Path) -> None:
    before = children()
    found = made(tmp_path, written(HARMLESS[case]))
    assert [found.look(NUMBERS, "a look") for _ in range(2)] == ["seen", "seen"]
    assert children() == before


def test_what_it_starts_ends_with_it(tmp_path: Path) -> None:
    body = "pid = os.fork()\nif not pid: time.sleep(60)\nreturn str(pid)"
    pid = int(said(tmp_path, written(body)) or "")
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


SECRETS = {
    "a file of the user's": "return open({secret!r}).read()",
    "the environment of who asks": 'return open("/proc/{pid}/environ").read()',
    "the network": "import socket; socket.create_connection(('127.0.0.1', {port}), 1); return 's3cret'",
}


@needs_bubblewrap
@pytest.mark.parametrize("case", SECRETS)
def test_confined_it_reaches_no_secret(case: str, tmp_path: Path) -> None:
    secret = Path.home() / f".detent-test-{os.getpid()}"
    secret.write_text("s3cret")
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            body = SECRETS[case].format(secret=str(secret), pid=os.getpid(), port=port)
            with pytest.raises(
                TaskError, match=r"FileNotFoundError|PermissionError|OSError|Refused|unreachable"
            ):
                made(tmp_path, written(body), tuple(host_prefix())).look(NUMBERS, "a look")
            if case == "a file of the user's":
                assert said(tmp_path, written(body)) == "s3cret"  # unconfined it could, which verify says
    finally:
        secret.unlink()


@needs_bubblewrap
def test_confined_it_answers(tmp_path: Path) -> None:
    found = made(tmp_path, written('return str(numbers["generation"])'), tuple(host_prefix()))
    assert found.look(NUMBERS, "a look") == "3"


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    digest = made(tmp_path, written("return None")).digest
    assert pinned_lookout("mine", "mine.py:watch", digest, tmp_path).digest == digest
    (tmp_path / "mine.py").write_text(written('return "changed"'))
    with pytest.raises(TrustError, match=f"tripwire mine: .*{digest} expected, as signed, got"):
        pinned_lookout("mine", "mine.py:watch", digest, tmp_path)


def test_a_missing_file_and_another_form_are_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"tripwire mine: the file .*gone\.py expected, got No such file"):
        lookout("mine", "gone.py:watch", tmp_path)
    with pytest.raises(TaskError, match=r'"FILE\.py:function" .* got "\.\./mine\.py:watch"'):
        lookout("mine", "../mine.py:watch", tmp_path)
