"""The overseer's end of the line to a post, and what is believed of what a node says of itself."""

import time

import msgspec

from detent.engine._post import BEAT_SECONDS, Facts, Told, Word, decode_word, software
from detent.engine.crew import Line, LostPostError
from detent.errors import EngineError, StorageError
from detent.values import Progress
from detent.values.jobs import decode_result

SILENT_SECONDS = 12 * BEAT_SECONDS
"""Without a word from a post, after which it counts as lost: it says something at least every BEAT_SECONDS."""


class Hand:
    """A post, and what it does: `place` of its job, if any. facts: of its node, once it has said them."""

    def __init__(self, line: Line, mark: str) -> None:
        """Ask it what its node is. mark: as `facts_of`."""
        self.line = line
        self.facts: Facts | None = None
        self.place: int | None = None
        self.begin("begin", mark)

    def begin(self, method: str, *given: bytes | str) -> None:
        """Ask for something, as `Line`."""
        self.line.begin(method, *given)
        self.heard = time.monotonic()

    def word(self) -> Word:
        """The next word, as `Line`."""
        said = self.line.word()
        self.heard = time.monotonic()
        return decoded(said)

    @property
    def idle(self) -> bool:
        """Whether it can be given something."""
        return self.facts is not None and self.place is None

    @property
    def silent(self) -> float:
        """Seconds."""
        return time.monotonic() - self.heard


def decoded(said: bytes) -> Word:
    """A node's word.

    Raises:
        EngineError: it is none.
    """
    try:
        return decode_word(said)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EngineError(
            f"a word expected from a node, got {error}; install one version everywhere"
        ) from error


def check_facts(facts: Facts) -> None:
    if facts.fault:
        raise StorageError(f"a node that can be worked on expected, got {facts.node}: {facts.fault}")
    here = software()
    other = [
        f"{name} {facts.software.get(name, 'none')} there and {version} here"
        for name, version in here.items()
        if facts.software.get(name) != version
    ]
    if other:
        raise EngineError(
            f"the same versions on all nodes expected, since results depend on them, got of {facts.node} "
            f"{'; '.join(other)}; install the same there"
        )


def given_up(times: int, hand: Hand | None, lost: LostPostError) -> EngineError:
    return EngineError(
        f"a finished job expected, got its worker or node lost {times} times, the last time on "
        f"{hand.facts.node if hand and hand.facts else 'a node'}: {lost}; see `ray status`, then run again"
    )


def progress_of(word: Told) -> Progress:
    try:
        said = decode_result(bytes(word.progress))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EngineError(f"a progress line expected from a node, got {error}; run again") from error
    if not isinstance(said, Progress):
        raise EngineError("progress expected from a node, got a result; run again")
    return said


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
