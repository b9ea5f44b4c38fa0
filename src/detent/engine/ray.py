"""Posts on the nodes of a Ray cluster, as actors. No other module imports ray, and this one only when it is used.

    >>> engine = ClusterEngine(RayCrew(terms), terms, models=..., data=..., staging=..., threads=2)

Between this process and the actors only bytes of JSON pass. The cluster's own machinery is trusted with jobs, weights
and training data; it has no key, secret or answer (docs/clusters.md).
"""

import logging
import signal
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from detent.engine._post import Post, encode, facts_of
from detent.engine.crew import ClusterTerms, Line, LostPostError
from detent.errors import EngineError, UsageError

_SURVEY_SECONDS = 60.0
_CONNECT_SECONDS = 5.0

_connections = 0  # made by this module: Ray has one a process, which crews share
_connecting = threading.Lock()


class _ActorLine:
    """A `Line` to an actor; words come as its methods yield them."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray = ray
        self.actor = actor
        self.stream: Any = None

    def begin(self, method: str, *given: bytes | str) -> None:
        self.stream = getattr(self.actor, method).options(num_returns="streaming").remote(*given)

    def word(self) -> bytes:
        try:
            said = self._ray.get(next(self.stream))
        except StopIteration as error:
            raise LostPostError("it ended without a word") from error
        except self._ray.exceptions.RayError as error:
            raise LostPostError(_first_line(error)) from error
        if not isinstance(said, bytes):
            raise EngineError(f"bytes expected from a node, got {type(said).__name__}; run again")
        return said


class RayCrew:
    """A `Crew` of actors, each of which holds what a job needs of its node."""

    def __init__(self, terms: ClusterTerms, post: type[Post] = Post) -> None:
        """Connect to nothing yet. post: what runs on the nodes."""
        self._terms = terms
        self._post = post
        self._ray: Any = None
        self._ours = False

    def survey(self, store: str, mark: str) -> list[bytes]:
        """As in `Crew`; connects this process to the cluster."""
        if self._ray is None:
            self._ray, self._ours = _connected(self._terms.address)
        ray, there = self._ray, import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy
        nodes = self._nodes()
        asked = [
            ray.remote(_facts_said)
            .options(num_cpus=0, max_retries=1, scheduling_strategy=there(node, soft=False))
            .remote(store, mark)
            for node in nodes
        ]
        answered, silent = ray.wait(asked, num_returns=len(asked), timeout=_SURVEY_SECONDS)
        if silent:
            raise EngineError(
                f"a word from each of {len(nodes)} nodes within {_SURVEY_SECONDS:g} s expected, got {len(answered)}; "
                "see `ray status`"
            )
        try:
            return [bytes(said) for said in ray.get(answered)]
        except ray.exceptions.RayError as error:
            raise EngineError(
                f"each node to say what it is expected, got: {_first_line(error)}; see `ray status`, and install one "
                "version of detent[train,ray] on all nodes"
            ) from error

    def _nodes(self) -> list[str]:
        """Ids of those on which a post could be."""
        terms = self._terms
        wanted = {"CPU": terms.cpus, "GPU": terms.gpus}
        nodes = [
            str(node["NodeID"])
            for node in self._ray.nodes()
            if node["Alive"]
            and all(node["Resources"].get(name, 0.0) >= most for name, most in wanted.items())
        ]
        if not nodes:
            raise EngineError(
                f"a node with {terms.cpus:g} CPUs and {terms.gpus:g} GPUs expected in the cluster at {terms.address}, "
                "got none; add one, or ask for less in [run.ray]"
            )
        return nodes

    def hire(self, terms: bytes) -> _ActorLine:
        """As in `Crew`."""
        actor = self._ray.remote(self._post).options(
            num_cpus=self._terms.cpus,
            num_gpus=self._terms.gpus,
            max_restarts=0,  # begun again by the engine: it knows with what, and how often
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )
        return _ActorLine(self._ray, actor.remote(terms))

    def ready(self, lines: Sequence[Line], seconds: float) -> list[Line]:
        """As in `Crew`."""
        streams = [line.stream for line in lines if isinstance(line, _ActorLine)]
        if not streams:
            time.sleep(seconds)
            return []
        found, _ = self._ray.wait(streams, num_returns=1, timeout=seconds)
        return [
            line
            for line in lines
            if isinstance(line, _ActorLine) and any(line.stream is one for one in found)
        ]

    def let_go(self, line: Line) -> None:
        """As in `Crew`."""
        with suppress(Exception):  # what is dead already, or cannot be reached, is not held against anyone
            self._ray.kill(line.actor if isinstance(line, _ActorLine) else line)

    def close(self) -> None:
        """As in `Crew`; may be called again."""
        if self._ray is not None and self._ours:
            _disconnect(self._ray)
        self._ray = None


def _facts_said(store: str, mark: str) -> bytes:
    """As a task on a node."""
    return encode(facts_of(store, mark))


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _connected(address: str) -> tuple[Any, bool]:
    """Ray, connected; and whether by us, who will have to disconnect it."""
    global _connections  # noqa: PLW0603  as Ray's own connection is
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise UsageError(
            'the extra detent[ray] expected with engine = "ray", got an install without ray; '
            "pip install 'detent[ray]', here and on all nodes"
        ) from error
    with _connecting:
        if ray.is_initialized() and not _connections:
            return ray, False  # whoever connected this process did it for this cluster
        if not _connections:
            _reach(address)
            before = signal.getsignal(signal.SIGTERM)
            try:
                ray.init(
                    address=address,
                    namespace="detent",
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    configure_logging=False,
                )
            except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
                raise _no_cluster(address, _first_line(error)) from error
            finally:
                if threading.current_thread() is threading.main_thread():
                    signal.signal(signal.SIGTERM, before)  # Ray puts its own there
        _connections += 1
    return ray, True


def _disconnect(ray: Any) -> None:
    global _connections  # noqa: PLW0603  as above
    with _connecting:
        _connections -= 1
        if not _connections:
            ray.shutdown()


def _reach(address: str) -> None:
    """Ray tries for a minute, and then ends the process."""
    host, _, port = address.rpartition(":")
    if not host:
        return
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise _no_cluster(address, str(error)) from error


def _no_cluster(address: str, said: str) -> EngineError:
    return EngineError(
        f"a Ray cluster at {address} expected, and a node of it on this machine, got none: {said}; start one with "
        "`ray start --head`, or correct run.ray.address"
    )
