"""A cluster in this process: each post is an object, and what it says comes from a thread. Posts can be lost."""

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from time import sleep

from detent.engine._post import Post, encode, facts_of
from detent.engine.crew import Line, LostPostError


class ThreadLine:
    """A line that can be cut."""

    def __init__(self, post: Post, lie: Callable[[bytes], bytes]) -> None:
        self.post = post
        self.lie = lie
        self.said: SimpleQueue[bytes] = SimpleQueue()
        self.cut = threading.Event()
        self.begun: list[str] = []

    def begin(self, method: str, *given: bytes | str) -> None:
        self.begun.append(method)
        said: SimpleQueue[bytes] = SimpleQueue()
        self.said = said
        words: Iterator[bytes] = getattr(self.post, method)(*given)

        def pump() -> None:
            for word in words:
                said.put(self.lie(word))

        threading.Thread(target=pump, daemon=True).start()

    def word(self) -> bytes:
        if self.cut.is_set():
            raise LostPostError("its node was switched off")
        return self.said.get()


class ThreadCrew:
    """Posts in this process.

    lines: to all posts so far. on_hire: told of each. lie, lie_of_nodes: what their words become on the way.
    """

    def __init__(self, post: type[Post], nodes: int = 2) -> None:
        self.post, self.nodes = post, nodes
        self.lines: list[ThreadLine] = []
        self.on_hire: Callable[[ThreadLine], None] = lambda _: None
        self.lie: Callable[[bytes], bytes] = lambda word: word
        self.lie_of_nodes: Callable[[bytes], bytes] = lambda word: word

    def survey(self, store: str, mark: str) -> list[bytes]:
        return [self.lie_of_nodes(encode(facts_of(store, mark))) for _ in range(self.nodes)]

    def hire(self, terms: bytes) -> ThreadLine:
        line = ThreadLine(self.post(terms), self.lie)
        self.lines.append(line)
        self.on_hire(line)
        return line

    def ready(self, lines: Sequence[Line], seconds: float) -> list[Line]:
        for _ in range(int(seconds * 100)):
            found = [
                line
                for line in lines
                if isinstance(line, ThreadLine) and (line.cut.is_set() or not line.said.empty())
            ]
            if found:
                return list(found)
            sleep(0.01)
        return []

    def let_go(self, line: Line) -> None:
        assert isinstance(line, ThreadLine)
        switch_off(line)

    def close(self) -> None:
        for line in self.lines:
            switch_off(line)


def switch_off(line: ThreadLine) -> None:
    """As a node that loses power: nothing more is heard, and its workers are gone."""
    line.cut.set()
    post = line.post
    if hasattr(post, "_engine"):
        post._engine.close()
        post._lock.release()
