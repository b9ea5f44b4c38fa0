"""A sampler that says what is not so, dies or falls silent; and what it can reach, when it can be confined."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.engine.test_engine_confinement import needs_bubblewrap
from tests.sampler.asking import connection, judging, unwatched

from detent.engine import ServerSampler, check_server_libraries, samplers
from detent.engine.confinement import sampler_prefix
from detent.errors import EngineError, PeerError, StorageError, UsageError
from detent.testing.servers import ChatServer, kind
from detent.values import Judged, Ruling, Served
from detent.values.jobs import encode_line
from detent.values.serving import Greeted, Report

HONEST = Report(
    asked=2, kept=0, abstained=0, reported={"wise-1b": 2}, read=100, written=2, questions="0" * 64
)
RULED = Judged(rulings=(Ruling("first", (1.0, 1.0)),))


def saying(folder: Path, line: bytes) -> ServerSampler:
    """A sampler in whose place something answers every job with this line."""
    said = "\n".join(
        (
            "import sys",
            "sys.stdin.readline()",
            'print(\'{"type":"ready"}\', flush=True)',
            "sys.stdin.readline()",
            f"print({line.decode()!r}, flush=True)",
            "sys.stdin.readline()",
        )
    )
    one = ServerSampler(
        connection("http://127.0.0.1:9/v1"), kept=folder / "kept", log=folder / "log", stall_seconds=20
    )
    one._command = lambda: [sys.executable, "-c", said]  # type: ignore[method-assign]
    return one


def served(**changes: Any) -> bytes:
    return encode_line(Served(result=RULED, report=structs.replace(HONEST, **changes)))


NOT_BELIEVED = {
    "more was kept than was asked": served(kept=3),
    "more abstained than were asked": served(abstained=3),
    "tokens were given back": served(read=-1),
    "others answered than were asked": served(reported={"wise-1b": 1}),
    "a name has control characters": served(reported={"wise\x1b[31m": 2}),
    "a name is long": served(reported={"w" * 501: 2}),
    "too many answered": served(asked=17, reported={f"wise-{n}": 1 for n in range(17)}),
    "a ruling is missing": encode_line(Served(result=Judged(rulings=()), report=HONEST)),
    "a verdict is not that of its odds": encode_line(
        Served(result=Judged(rulings=(Ruling("second", (1.0, 1.0)),)), report=HONEST)
    ),
    "it is no result": b'{"type":"answers","completions":[]}',
    "it is no JSON": b"yes",
}


@pytest.mark.parametrize("line", NOT_BELIEVED.values(), ids=NOT_BELIEVED.keys())
def test_a_sampler_is_not_believed_when(line: bytes, tmp_path: Path) -> None:
    one = saying(tmp_path, line)
    try:
        with pytest.raises(EngineError):
            one.ask(judging(), "generation 1", unwatched)
    finally:
        one.close()


def test_one_that_says_what_is_so_is_believed(tmp_path: Path) -> None:
    one = saying(tmp_path, served())
    try:
        assert one.ask(judging(), "generation 1", unwatched).report == HONEST
    finally:
        one.close()


BLAMED = {"TrustError": EngineError, "TaskError": EngineError, "StorageError": StorageError}


@pytest.mark.parametrize(("named", "raised"), BLAMED.items())
def test_it_cannot_say_that_the_record_or_a_task_is_at_fault(
    named: str, raised: type[Exception], tmp_path: Path
) -> None:
    one = saying(tmp_path, f'{{"type":"failure","error":"{named}","message":"because"}}'.encode())
    try:
        with pytest.raises(raised, match="because") as found:
            one.ask(judging(), "generation 1", unwatched)
        assert type(found.value) is raised
    finally:
        one.close()


def test_one_that_falls_silent_is_ended(tmp_path: Path) -> None:
    one = saying(tmp_path, b"")
    one._stall_seconds = 1.0
    one._command = lambda: [  # type: ignore[method-assign]
        sys.executable,
        "-c",
        'print(\'{"type":"ready"}\', flush=True)\nimport time\ntime.sleep(60)',
    ]
    try:
        with pytest.raises(EngineError, match="got silence"):
            one.ask(judging(), "generation 1", unwatched)
    finally:
        one.close()


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers, "LIBRARIES", ("openai", "no_such_library"))
    with pytest.raises(UsageError, match=r"pip install 'detent\[server\]'"):
        check_server_libraries()


def inside(kept: Path, code: str) -> subprocess.CompletedProcess[str]:
    command = [*sampler_prefix(kept), sys.executable, "-I", "-S", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


REACHED = {
    "read a model": "open('{run}/models/file').read()",
    "read data": "open('{run}/data/file').read()",
    "read answers": "open('{run}/answers/file').read()",
    "read the ledger": "open('{run}/ledger/file').read()",
    "read what another server was paid for": "open('{run}/served/other/file').read()",
    "see the overseer's environment": "import os; os.environ['DETENT_TEST_SECRET']",
    "change the ledger": "open('{run}/ledger/file', 'r+')",
    "see another process": "open('/proc/{pid}/cmdline').read().index('python')",
}


@needs_bubblewrap
@pytest.mark.parametrize("code", REACHED.values(), ids=REACHED.keys())
def test_a_confined_sampler_cannot(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENT_TEST_SECRET", "secret")
    for name in ("models", "data", "answers", "ledger", "served/other", "served/wise"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text("content")
    tried = code.format(run=tmp_path, pid=os.getpid())
    assert inside(tmp_path / "served" / "wise", tried).returncode != 0
    assert inside(tmp_path / "served" / "wise", f"open('{tmp_path}/served/wise/new', 'w')").returncode == 0


@needs_bubblewrap
def test_a_confined_sampler_reaches_its_server(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    with ChatServer(kind()) as server:
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
        assert inside(tmp_path / "kept", code).returncode == 0


def test_a_server_that_is_there_is_greeted_and_asked_nothing(tmp_path: Path) -> None:
    with ChatServer(kind()) as server:
        one = ServerSampler(connection(server.url), kept=tmp_path / "kept", log=tmp_path / "log")
        one.greet()
        one.close()
        assert server.asked == []


ELSEWHERE: dict[str, tuple[str, str]] = {
    "at another path": ("/wrong", "most end in /v1"),
    "where nobody listens": ("", "is it up, is url right"),
}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_server_that_is_looked_for_is_not_there(where: str, tmp_path: Path) -> None:
    path, said = ELSEWHERE[where]
    with ChatServer(kind()) as server:
        url = server.url.replace("/v1", path) if path else "http://127.0.0.1:9/v1"
        one = ServerSampler(connection(url), kept=tmp_path / "kept", log=tmp_path / "log")
        with pytest.raises(PeerError, match=said):
            one.greet()
        one.close()
        assert server.asked == []


def test_a_sampler_that_answers_a_greeting_with_answers_is_not_believed(tmp_path: Path) -> None:
    one = saying(tmp_path, served())
    with pytest.raises(EngineError, match="a greeting expected"):
        one.greet()
    one.close()


def test_a_sampler_that_answers_a_question_with_a_greeting_is_not_believed(tmp_path: Path) -> None:
    one = saying(tmp_path, encode_line(Greeted()))
    with pytest.raises(EngineError, match="answers of a server expected"):
        one.ask(judging(), "turn", unwatched)
    one.close()
