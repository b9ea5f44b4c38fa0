"""What an engine of many machines asks of them, and of whoever finds them: posts, and a line to each.

    >>> line = crew.hire(terms)
    >>> line.begin("run", order)
    >>> line.word()
    b'{"type":"told",...}'

`detent.engine.ray` has a crew on a Ray cluster.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ClusterTerms:
    """Which cluster, and how much of it.

    store: address of the shared folder, as fsspec has it. address: "auto", or HOST:PORT of the cluster's head.
    width: jobs at a time. cpus, gpus: that a job holds; of GPUs at most one. retries: how often a job is begun again
    when its worker or node is lost.
    """

    store: str
    address: str = "auto"
    width: int = 1
    cpus: float = 1.0
    gpus: float = 0.0
    retries: int = 3


class LostPostError(Exception):
    """A post, its node or its worker is gone; it never leaves an engine."""


class Line(Protocol):
    """The line to one post. What it is asked for is answered word by word; one thing at a time."""

    def begin(self, method: str, *given: bytes | str) -> None:
        """Ask for something: a method of `Post`, and what it takes."""

    def word(self) -> bytes:
        """The next word, which is waited for.

        Raises:
            LostPostError: there will be none.
        """


class Crew(Protocol):
    """Finds machines and posts on them."""

    def survey(self, store: str, mark: str) -> list[bytes]:
        """What each node that could have a post says of itself: `Facts`.

        Raises:
            EngineError: there is no cluster, no such node, or one that does not say so.
            UsageError: what is needed to reach it is not installed.
        """

    def hire(self, terms: bytes) -> Line:
        """Ask for a post with these `Terms`, which will be there when there is room; its line, at once."""

    def ready(self, lines: Sequence[Line], seconds: float) -> list[Line]:
        """Those with a word to say; waits up to so long for one."""

    def let_go(self, line: Line) -> None:
        """End a post now, whatever it does; never raises."""

    def close(self) -> None:
        """Let go of the cluster; may be called again."""
