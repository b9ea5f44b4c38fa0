"""A sampler as the overseer has it, on a folder of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from detent.engine import ServerSampler
from detent.propose.contests import judge_jobs
from detent.testing.servers import MODEL
from detent.values import Contest, JudgeJob, Progress
from detent.values.serving import Budget, Connection

KEY = "sk-very-secret-0123456789abcdef"


def connection(url: str, **changes: Any) -> Connection:
    """To a server under that address; its key is the one above."""
    said: dict[str, Any] = {
        "name": "wise",
        "url": url,
        "model": MODEL,
        "budget": Budget(tokens=1_000_000),
        "key": KEY,
        "key_env": "WISE_KEY",
        "seconds": 1.0,
        "connect_seconds": 1.0,
        "retries": 2,
    }
    return Connection(**(said | changes))


@contextmanager
def sampler(folder: Path, url: str, **changes: Any) -> Iterator[ServerSampler]:
    """A running one; its log is folder/log."""
    one = ServerSampler(connection(url, **changes), kept=folder / "kept", log=folder / "log")
    try:
        yield one
    finally:
        one.close()


def contests(count: int = 1) -> list[Contest]:
    """So many different pairs, the longer answer first."""
    return [Contest(f"What is {number} and one?", f"it is {number + 1}", "no") for number in range(count)]


def judging(pairs: Sequence[Contest] | None = None) -> JudgeJob:
    """A job for them."""
    (job,) = judge_jobs("server:wise", pairs or contests())
    return job


def unwatched(_: Progress) -> None:
    """Nobody looks."""
