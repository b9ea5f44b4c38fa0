"""A node's side of a cluster: the overseer's own code beside the workers there. It holds no key, secret or answer.

    >>> post = Post(encode(Terms(store="file:///shared/detent", run="5f0c21aa", threads=2)))
    >>> for line in post.run(encode(Order(job=Raw(job_line), models=(parent,), data=(labels,)))):
    ...     hear(line)                                     # b'{"type":"told",...}', at last b'{"type":"done",...}'

It fetches what a job needs from the shared store, and starts the very worker that `LocalEngine` starts, as confined as
this machine can confine it. Bytes of JSON come in and go out; what a worker wrote is never unpickled anywhere.
"""

import os
import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib import metadata
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue

import msgspec
import platformdirs
from msgspec import UNSET, Raw, Struct

from detent.disk import WriterLock, discard
from detent.engine._blobs import MOST_BYTES, BlobStore, SpoiltError
from detent.engine.base import Watch
from detent.engine.confinement import confinement
from detent.engine.local import LIBRARIES, LocalEngine
from detent.engine.machine import processor
from detent.engine.store import copy_model
from detent.errors import BusyError, DetentError, EngineError, StorageError
from detent.values import Device, Progress, Result
from detent.values.jobs import decode_job, encode_line

BEAT_SECONDS = 5.0
"""Between two words at the most, so that a node that is cut off is known from one that works."""

KEPT_SECONDS = 7 * 86_400.0
"""For so long a node keeps weights and data that no job asked for."""

_MOST_PLACES = 1024


class Terms(Struct, frozen=True, forbid_unknown_fields=True):
    """What a post is told when it starts. run: names the folder of what its jobs need, which no other run sees."""

    store: str
    run: str
    threads: int
    device: Device = "cpu"
    stall_seconds: float = 120.0


class Order(Struct, frozen=True, forbid_unknown_fields=True):
    """A job line, and the digests of the models and data files that it needs, each adapter after its base."""

    job: Raw
    models: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


class Facts(Struct, frozen=True, forbid_unknown_fields=True, tag="facts"):
    """What a node says of itself. fault: why no job can run there; "" when they can."""

    node: str
    confined: bool
    because: str
    processor: str
    software: dict[str, str]
    fault: str = ""


class Told(Struct, frozen=True, forbid_unknown_fields=True, tag="told"):
    """A worker's progress line."""

    progress: Raw


class Beat(Struct, frozen=True, forbid_unknown_fields=True, tag="beat"):
    """Still there, and nothing new."""


class Done(Struct, frozen=True, forbid_unknown_fields=True, tag="done"):
    """A worker's result line. made: digest in the store of the model that it left, where it left one."""

    result: Raw | msgspec.UnsetType = UNSET
    made: str = ""


class Failed(Struct, frozen=True, forbid_unknown_fields=True, tag="failed"):
    """It was not done. error: a class of the error tree. spoilt: the store holds something else under this digest.

    lost: the worker ended or fell silent, so that the same job may well be done when it is begun again.
    """

    error: str
    message: str
    spoilt: str = ""
    lost: bool = False


Word = Facts | Told | Beat | Done | Failed

encode = msgspec.json.encode
decode_word: Callable[[bytes], Word] = msgspec.json.Decoder(Word).decode


def facts_of(store: str, mark: str) -> Facts:
    """Of this machine. mark: digest of what the overseer put into the store, to see that it is the same one."""
    try:
        BlobStore(store).look_at(mark)
        fault = ""
    except (DetentError, SpoiltError, OSError) as error:
        fault = str(error)
    found = confinement()
    return Facts(
        node=platform.node(),
        confined=found.confined,
        because=found.because,
        processor=processor(),
        software=software(),
        fault=fault,
    )


def software() -> dict[str, str]:
    """Versions of what the bits of a result depend on; overseer and nodes must be of the same."""
    versions = {"python": platform.python_version()}
    for name in ("detent", "tokenizers", *LIBRARIES):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "none"
    return versions


class Post:
    """One worker's place on a node, for as long as the overseer wants it. Calls come one after the other."""

    engine_class: type[LocalEngine] = LocalEngine

    def __init__(self, terms: bytes) -> None:
        """Take note. What may fail comes later: from here nobody would hear of it."""
        self._terms = msgspec.json.decode(terms, type=Terms)
        self._opened: ExitStack | None = None
        self._ask: Callable[[bytes, Watch], Result] | None = None

    def begin(self, mark: str) -> Iterator[bytes]:
        """Take the first place of this run that is free here; `Facts`, once.

        What a worker wrote down of a training before it was lost lies there: the next one goes on from it.
        """
        facts = facts_of(self._terms.store, mark)
        try:
            self._settle()
        except (DetentError, OSError) as error:
            facts = msgspec.structs.replace(facts, fault=facts.fault or str(error))
        yield encode(facts)

    def _settle(self) -> None:
        self._store = BlobStore(self._terms.store)
        _cache().mkdir(mode=0o700, parents=True, exist_ok=True)  # other users of the node have no part in it
        home = _cache() / self._terms.run
        self._models, self._data = home / "models", home / "data"
        for folder in (self._models, self._data):
            folder.mkdir(parents=True, exist_ok=True)
        _prune(_cache())
        place, self._lock = _taken(home)
        self._made = place / "made"
        self._staging = place / "staging"
        self._engine = self.engine_class(
            models=self._models,
            data=self._data,
            staging=self._staging,
            log=place / "worker.log",
            threads=self._terms.threads,
            device=self._terms.device,
            stall_seconds=self._terms.stall_seconds,
        )

    def run(self, order: bytes) -> Iterator[bytes]:
        """Do a job; words as they come, `Done` or `Failed` at last."""
        yield from _spoken(lambda watch: self._done(order, self._on_engine, watch))

    def open(self) -> Iterator[bytes]:
        """Get a worker that has run no job before; words as `run`."""
        yield from _spoken(self._opening)

    def ask(self, order: bytes) -> Iterator[bytes]:
        """Do a job in the opening; words as `run`."""
        yield from _spoken(lambda watch: self._done(order, self._in_opening, watch))

    def shut(self) -> Iterator[bytes]:
        """End the opening, and its worker; words as `run`."""
        yield from _spoken(self._shutting)

    def _opening(self, _: Watch) -> Done:
        self._end_opening()
        stack = ExitStack()
        ask = stack.enter_context(self._engine.opening())
        self._opened, self._ask = stack, lambda line, watch: ask(decode_job(line), watch)
        return Done()

    def _shutting(self, _: Watch) -> Done:
        self._end_opening()
        return Done()

    def _end_opening(self) -> None:
        stack, self._opened, self._ask = self._opened, None, None
        if stack is not None:
            stack.close()

    def _on_engine(self, line: bytes, watch: Watch) -> Result:
        return self._engine.run(decode_job(line), watch)

    def _in_opening(self, line: bytes, watch: Watch) -> Result:
        if self._ask is None:
            raise EngineError("an opening on this node expected, got none; run again")
        return self._ask(line, watch)

    def _done(self, order: bytes, do: Callable[[bytes, Watch], Result], watch: Watch) -> Done:
        said = msgspec.json.decode(order, type=Order)
        self._fetch(said.models, said.data)
        result = do(bytes(said.job), watch)
        folder = getattr(result, "folder", "")
        return Done(result=Raw(encode_line(result)), made=self._handed_in(folder) if folder else "")

    def _fetch(self, models: Iterable[str], data: Iterable[str]) -> None:
        for digest in models:
            os.utime(self._store.fetch_model(digest, self._models))
        for digest in data:
            os.utime(self._store.fetch_data(digest, self._data))

    def _handed_in(self, name: str) -> str:
        """Put what a worker left in staging into the store.

        It is copied first: a worker that still holds a file open could write into it after it was given its name.
        """
        staged = self._staging / name  # a plain name, as `believed` has seen to
        discard(self._made)
        try:
            copy_model(staged, self._made, MOST_BYTES)
            return self._store.put_model(self._made)
        finally:
            discard(self._made)
            discard(staged)


def _spoken(work: Callable[[Watch], Done]) -> Iterator[bytes]:
    """What is said while `work` goes on in a thread: its progress, a beat where there is none, and how it ended."""
    said: SimpleQueue[Word] = SimpleQueue()

    def told(progress: Progress) -> None:
        said.put(Told(Raw(encode_line(progress))))

    def go() -> None:
        try:
            said.put(work(told))
        except BaseException as error:  # noqa: BLE001  it becomes a word; nobody else would hear of it
            said.put(_failure(error))

    threading.Thread(target=go, name="detent-post", daemon=True).start()
    while True:
        try:
            word = said.get(timeout=BEAT_SECONDS)
        except Empty:
            word = Beat()
        yield encode(word)
        if isinstance(word, Done | Failed):
            return


def _failure(error: BaseException) -> Failed:
    match error:
        case SpoiltError():
            return Failed(error=StorageError.__name__, message=str(error), spoilt=error.digest)
        case EngineError():
            return Failed(error=EngineError.__name__, message=str(error), lost=error.lost)
        case DetentError():
            return Failed(error=type(error).__name__, message=str(error))
    return Failed(
        error=EngineError.__name__,
        message=f"a finished job expected, got {type(error).__name__}: {error}; run again",
    )


def _cache() -> Path:
    """Not in a folder that others on the machine may write to: weights are checked, and then they are used."""
    return platformdirs.user_cache_path("detent") / "cluster"


def _taken(home: Path) -> tuple[Path, WriterLock]:
    """The first place that no living process has. The lock is the kernel's: it ends with who holds it."""
    for number in count():
        place = home / f"place-{number}"
        place.mkdir(exist_ok=True)
        try:
            return place, WriterLock.take(place / "lock")
        except BusyError:
            if number >= _MOST_PLACES:
                raise
    raise AssertionError  # pragma: no cover  count() has no end


def _prune(cache: Path) -> None:
    """Remove what no job asked for in a long time, of any run."""
    now = time.time()
    for path in (*cache.glob("*/models/*"), *cache.glob("*/data/*"), *cache.glob("*/place-*/staging/*")):
        try:
            old = now - path.lstat().st_mtime > KEPT_SECONDS
        except OSError:
            continue
        if old:
            discard(path)
