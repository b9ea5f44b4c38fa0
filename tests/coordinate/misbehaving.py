"""Witnesses to ask: some as they should be, and servers that answer in every other way."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.coordinate.witness_world import LOG_KEY, NOW, WITNESS_KEY, Log, say, served, serving

from detent.coordinate import Gathered, Witness, WitnessAt, gather
from detent.ledger import CosigningKey

LOG = Log.of(12)
FORK = Log.of(12, differs_from=3)
KEY = WITNESS_KEY.verify_key
SIZE = "text/x.tlog.size"
Handler = BaseHTTPRequestHandler
Misbehaving = Callable[[Handler, bytes], None]


def everybody(names: int) -> Callable[[object], bool]:
    return lambda cosigned: isinstance(cosigned, set) and len(cosigned) == names


def ask(url: str, log: Log = LOG, size: int = 8, seconds: float = 5, known: int = 0) -> Gathered:
    return gather(
        str(log.note(size)),
        log.proof,
        [WitnessAt("w1", KEY, url)],
        everybody(1),
        deadline=seconds,
        known={"w1": known},
    )


@contextmanager
def witnesses(folder: Path, count: int) -> Iterator[tuple[list[WitnessAt], list[Witness]]]:
    with ExitStack() as stack:
        found, at = [], []
        for i in range(count):
            key = CosigningKey.create(f"witness.example.com/w{i}")
            witness = Witness.open(
                [key], [LOG_KEY.verify_key], folder / f"state-{i}", folder / f"mark-{i}", print
            )
            found.append(witness)
            at.append(WitnessAt(f"w{i}", key.verify_key, stack.enter_context(serving(served(witness)))))
        yield at, found


def fixed(status: int, body: bytes, content_type: str = "text/plain") -> Misbehaving:
    return lambda handler, _: say(handler, status, body, content_type)


def raw(data: bytes) -> Misbehaving:
    def answer(handler: Handler, _: bytes) -> None:
        handler.wfile.write(data)

    return answer


def dripping(first: bytes, drop: bytes) -> Misbehaving:
    def answer(handler: Handler, _: bytes) -> None:
        handler.wfile.write(first)
        for _i in range(200):
            handler.wfile.write(drop)
            handler.wfile.flush()
            time.sleep(0.05)

    return answer


def endless(handler: Handler, _: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        handler.wfile.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


RIGHT = WITNESS_KEY.cosign(LOG.checkpoint(8), NOW)
STRANGER = CosigningKey.create(WITNESS_KEY.name)


def redirect(handler: Handler, to: str) -> None:
    handler.send_response(302)
    handler.send_header("Location", to)
    handler.send_header("Content-Length", "0")
    handler.end_headers()
