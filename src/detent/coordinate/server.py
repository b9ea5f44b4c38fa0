"""A witness or an auditor behind HTTP, for anybody on the network.

    >>> serve(witness_service(witness), "127.0.0.1", 8321, print)

A witness answers `POST /add-checkpoint` and `GET /<hex sha256(origin)>/checkpoint`, an auditor `POST /release`.

asyncio holds each step to its deadline, h11 reads the bytes. Ready-made servers that were looked at give a client as
long as it likes to send its head and body; here a request has ten seconds, whatever drips in. When all places are
taken, who has kept the server waiting longest gives up its own. Requests that come in while the disk is busy are
answered together, with one write for all.
"""

import asyncio
import re
import resource
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import h11

from detent.coordinate._answers import PLAIN, Answer, Say
from detent.coordinate._request import LARGEST_REQUEST
from detent.coordinate.auditor import LARGEST_ASKED, Auditor
from detent.coordinate.witness import Witness
from detent.errors import StorageError

_LARGEST_HEAD = 16_384
_CHUNK = 65_536
_MOST_TOGETHER = 256
_SPARE_FILES = 64  # descriptors for the state, the program, and whoever is turned away
_LAST_WORDS = 0.1  # seconds for answers that are on their way out
_MONITOR = re.compile(rb"/([0-9a-f]{64})/checkpoint")
_JUNK = {h11.CLOSED, h11.ERROR, h11.MUST_CLOSE}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, and how many."""

    request: float = 10.0
    """From a request's first byte to its last."""

    idle: float = 30.0
    """Until the first byte of a request."""

    answer: float = 10.0
    """Until the client has taken its answer."""

    connections: int = 512


@dataclass(frozen=True, slots=True)
class Service:
    """What is asked of a party, and who answers.

    posted: the path that requests are posted to. largest: bytes of one.
    answers: to requests that came in together, in their order; gets seconds since 1970 too.
    shown: what a GET of that path shows; None when it shows nothing. known: the paths, in words.
    """

    posted: bytes
    largest: int
    answers: Callable[[Sequence[bytes], int], list[Answer]]
    shown: Callable[[bytes], Answer | None]
    known: str


def witness_service(witness: Witness) -> Service:
    """C2SP tlog-witness v1.0.0."""

    def newest(path: bytes) -> Answer | None:
        log = _MONITOR.fullmatch(path)
        return None if log is None else witness.checkpoint(log[1].decode())

    known = "add-checkpoint, or a log's newest checkpoint"
    return Service(b"/add-checkpoint", LARGEST_REQUEST, witness.add_checkpoints, newest, known)


def auditor_service(auditor: Auditor) -> Service:
    """The links of a seal, each for one intent."""
    return Service(
        b"/release",
        LARGEST_ASKED,
        lambda bodies, _: auditor.release_all(bodies),
        lambda _: None,
        "release",
    )


def serve(
    service: Service,
    host: str,
    port: int,
    say: Say,
    *,
    patience: Patience = Patience(),
    clock: Callable[[], float] = time.time,
) -> None:
    """Answer until SIGINT or SIGTERM; what was asked before is answered first.

    Args:
        service: stays open.
        host: to listen on.
        port: likewise; 0 for any that is free.
        say: takes a sentence with the address, and others about faults.
        patience: with clients.
        clock: seconds since 1970.

    Raises:
        StorageError: the address cannot be listened on.
    """
    asyncio.run(_Server(service, say, patience, clock).run(host, port))


class _Server:
    def __init__(self, service: Service, say: Say, patience: Patience, clock: Callable[[], float]) -> None:
        self.service, self._say, self._clock = service, say, clock
        self._patience = patience
        self._open: set[asyncio.StreamWriter] = set()
        self._waiting: dict[asyncio.StreamWriter, None] = {}  # for their clients, longest first
        self._posted: asyncio.Queue[tuple[bytes, asyncio.Future[Answer]]] = asyncio.Queue()

    async def run(self, host: str, port: int) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        try:
            listening = await asyncio.start_server(self._connection, host, port, limit=_CHUNK, backlog=1024)
        except OSError as error:
            raise StorageError(
                f"to listen on {host}:{port} expected, got {error.strerror or error}; choose another address"
            ) from error
        at = listening.sockets[0].getsockname()
        self._say(f"listening on http://{f'[{at[0]}]' if ':' in at[0] else at[0]}:{at[1]}")
        answering = asyncio.create_task(self._answering())
        await stop.wait()
        listening.close()
        for writer in list(self._waiting):
            writer.transport.abort()
        await self._posted.join()
        await asyncio.sleep(_LAST_WORDS)
        answering.cancel()

    async def _answering(self) -> None:
        """Answer what was posted: all that is there, with one write, then what has come in meanwhile."""
        while True:
            batch = [await self._posted.get()]
            while len(batch) < _MOST_TOGETHER and not self._posted.empty():
                batch.append(self._posted.get_nowait())
            bodies, now = [body for body, _ in batch], int(self._clock())
            try:
                answers = await asyncio.to_thread(self.service.answers, bodies, now)
            except Exception as error:  # noqa: BLE001  a fault must not end the service, and nobody gets a signature
                self._say(f"a fault in the service: {type(error).__name__}: {error}")
                answers = [Answer(500, PLAIN, b"a fault in this server; tell who runs it\n")] * len(batch)
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
                self._posted.task_done()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._has_room():
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            await _Conversation(self, reader, writer).hold()
        except (OSError, TimeoutError, h11.ProtocolError):
            pass  # a client that breaks off, or lets us wait: nothing to tell anybody
        except Exception as error:  # noqa: BLE001  one client's trouble is not the others'
            self._say(f"a fault in the server: {type(error).__name__}: {error}")
        finally:
            self._open.discard(writer)
            self._waiting.pop(writer, None)
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    def _has_room(self) -> bool:
        """Whether one more is taken; when all places are, the client that keeps us waiting longest loses its own."""
        most = min(self._patience.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _SPARE_FILES)
        if len(self._open) < most:
            return True
        longest = next(iter(self._waiting), None)
        if longest is None:
            return False
        del self._waiting[longest]
        self._open.discard(longest)
        longest.transport.abort()
        return True

    def waits(self, writer: asyncio.StreamWriter) -> None:
        """Its client keeps us waiting from now on."""
        self._waiting.pop(writer, None)
        self._waiting[writer] = None

    async def answer(self, writer: asyncio.StreamWriter, request: h11.Request, body: bytes) -> Answer:
        """What the party says, whatever was asked."""
        if request.target == self.service.posted:
            if request.method != b"POST":
                return Answer(405, PLAIN, b"POST expected\n")
            self._waiting.pop(writer, None)
            future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            self._posted.put_nowait((body, future))
            return await future
        shown = self.service.shown(request.target)
        if shown is None:
            return Answer(404, PLAIN, f"{self.service.known} expected\n".encode())
        if request.method not in {b"GET", b"HEAD"}:
            return Answer(405, PLAIN, b"GET expected\n")
        return shown

    @property
    def patience(self) -> Patience:
        """With clients."""
        return self._patience


class _Conversation:
    """One connection: request, answer, request, answer, each within its time."""

    def __init__(self, server: _Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)

    async def hold(self) -> None:
        """Until the client goes, lets us wait too long, or sends what is no HTTP."""
        while await self._arrives():
            try:
                async with asyncio.timeout(self._server.patience.request):
                    request, body = await self._request()
            except TimeoutError:
                await self._send(Answer(408, PLAIN, b"a whole request in time expected\n"), last=True)
                return
            except h11.RemoteProtocolError as error:
                await self._send(Answer(error.error_status_hint, PLAIN, b"HTTP/1.1 expected\n"), last=True)
                return
            if request is None:
                return
            if body is None:
                await self._send(Answer(413, PLAIN, b"a shorter request expected\n"), last=True)
                return
            await self._send(
                await self._server.answer(self._writer, request, body), head=request.method == b"HEAD"
            )
            if self._http.our_state in _JUNK or self._http.their_state in _JUNK:
                return
            self._http.start_next_cycle()

    async def _arrives(self) -> bool:
        """Wait for the first byte of a request; False when the client has gone, or says nothing."""
        self._server.waits(self._writer)
        if self._http.trailing_data[0]:
            return True
        try:
            async with asyncio.timeout(self._server.patience.idle):
                data = await self._reader.read(_CHUNK)
        except TimeoutError:
            return False
        self._http.receive_data(data)
        return bool(data)

    async def _request(self) -> tuple[h11.Request | None, bytes | None]:
        """A request and its body: no request when the client has gone, no body when there is too much of it."""
        request: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    go_on = h11.InformationalResponse(status_code=100, headers=[])
                    self._writer.write(self._http.send(go_on) or b"")
                self._http.receive_data(await self._reader.read(_CHUNK))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._server.service.largest:
                    return request, None
            elif isinstance(event, h11.EndOfMessage):
                return request, bytes(body)
            else:  # ConnectionClosed, or PAUSED, which start_next_cycle has ended
                return None, None

    async def _send(self, answer: Answer, *, head: bool = False, last: bool = False) -> None:
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        if last:
            headers.append(("Connection", "close"))
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        data = (
            self._http.send(
                h11.Response(
                    status_code=answer.status, headers=headers, reason=HTTPStatus(answer.status).phrase
                )
            )
            or b""
        )
        if not head:
            data += self._http.send(h11.Data(data=answer.body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        self._writer.write(data)
        async with asyncio.timeout(self._server.patience.answer):
            await self._writer.drain()
