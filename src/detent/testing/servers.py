"""A model server on this machine that speaks the OpenAI chat protocol, kindly or not: real sockets, no library.

    >>> with ChatServer(kind()) as server:
    ...     server.url, len(server.asked)
    ('http://127.0.0.1:40123/v1', 0)

What it does with a question is a function of the question and of how many came before; `kind` answers as a judge that
prefers the longer answer would, and says how sure it is.
"""

import json
import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

LONGEST = 1 << 24
MODEL = "wise-1b"
"""What it calls its model."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as it came. number: from 0, over all connections."""

    number: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """What the user is made to say."""
        return str(self.body["messages"][-1]["content"])


Behaviour = Callable[[socket.socket, Asked], None]
"""Answers on the open connection, which is closed afterwards."""


@dataclass
class ChatServer:
    """It listens from the moment it is entered until it is left."""

    behaviour: Behaviour
    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0
    _listener: socket.socket = field(init=False)
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _left: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.settimeout(0.1)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._left.is_set():
            with suppress(OSError):
                connection, _ = self._listener.accept()
                connection.settimeout(30)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            heard = _request(connection)
            if heard is None:
                return
            if heard[0].endswith("/models"):
                self._list(connection, heard[0])
                return
            with self._lock:
                asked = Asked(len(self.asked), *heard)
                self.asked.append(asked)
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
            try:
                self.behaviour(connection, asked)
            finally:
                with self._lock:
                    self._at_once -= 1

    def _list(self, connection: socket.socket, path: str) -> None:
        """Which models it has: nobody asks a question by that."""
        if path == "/v1/models":
            send(
                connection,
                json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode(),
            )
        else:
            send(connection, b"{}", "404 Not Found")


def _request(connection: socket.socket) -> tuple[str, dict[str, str], dict[str, Any]] | None:
    heard = b""
    while b"\r\n\r\n" not in heard:
        part = connection.recv(65_536)
        if not part or len(heard) > LONGEST:
            return None
        heard += part
    head, _, body = heard.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65_536)
    return first.split()[1], headers, json.loads(body) if body else {}


def send(
    connection: socket.socket, body: bytes, status: str = "200 OK", headers: dict[str, str] | None = None
) -> None:
    """A whole answer."""
    lines = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in (lines | (headers or {})).items())
    connection.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


def completion(text: str, top: list[tuple[str, float]] | None = None, **changes: Any) -> bytes:
    """A chat completion that says that. changes: fields in the place of its own."""
    logprobs = None
    if top is not None:
        told = [{"token": token, "logprob": chance, "bytes": None} for token, chance in top]
        logprobs = {"content": [{"token": text, "logprob": -0.1, "bytes": None, "top_logprobs": told}]}
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": logprobs}
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "system_fingerprint": "fp_1",
        "choices": [choice],
        "usage": {"prompt_tokens": 50, "completion_tokens": 1, "total_tokens": 51},
    }
    return json.dumps(whole | changes).encode()


def compared(text: str) -> tuple[str, str]:
    """The two answers that a judge in words is asked about."""
    fenced = re.findall(r"<([0-9a-f]{12})>\n(.*?)\n</\1>", text, re.DOTALL)
    first, second = (content.replace("> ", "") for _, content in fenced[1:3])
    return first, second


def kind(sure: float = 2.0) -> Behaviour:
    """It prefers the longer answer, of two as long the one that sorts later, by `sure` nats; and it answers "red"."""

    def behave(connection: socket.socket, asked: Asked) -> None:
        if "max_tokens" in asked.body and "Which of the two answers" in asked.text:
            first, second = compared(asked.text)
            wins = (len(first), second) > (len(second), first)
            best, other = ("1", "2") if wins else ("2", "1")
            send(connection, completion(best, [(best, -0.1), (other, -0.1 - sure), ("I", -5.0)]))
        else:
            send(connection, completion("red"))

    return behave
