"""A run from a web address: the files of its run folder that `verify` reads, as any static host shows them.

    >>> left_out = fetch_run("https://example.org/run/", folder)

Which files there are comes from the ledger: a host is asked for names, never for a list. It is not trusted: whatever
it sends is written down as it is, and verified later; here it can only waste time and space, of which it gets so
much and no more. Nothing but http and https is spoken, and no redirect is followed.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from detent.assembly.enclosing import whole_as_far_as_it_is
from detent.assembly.named import enclosed, named
from detent.audit import fsck, is_member
from detent.engine import DataStore
from detent.errors import TrustError, UsageError
from detent.ledger import Checkpoint, open_note, published_names
from detent.signing import VerifyKey
from detent.values import LARGEST_ENCLOSED, enclosed_in

SCHEMES = ("http", "https")
MEBIBYTE = 1 << 20

SMALL = MEBIBYTE
"""Most bytes of a checkpoint, a charter or a file of code."""

BUNDLE = 17 * MEBIBYTE
"""Of a tile or an entry bundle: 256 entries of the largest size."""

LARGE = 256 * MEBIBYTE
"""Of a file of data, answers or rows."""

MOST = 8192 * MEBIBYTE
"""Of all files together."""

MOST_ENTRIES = 10_000_000

SILENCE = 30.0
"""Seconds without a byte after which a host counts as gone."""

PATIENCE = 300.0
"""Seconds for one file, however it trickles."""

ALL_PATIENCE = 3600.0
"""Seconds for all of them."""

CHUNK = 1 << 16
TRIES = 5
"""Looks at a ledger that grows while it is fetched."""

OK = 200
NOT_THERE = (403, 404, 410)
"""What hosts answer for a file they do not have; some will not say whether they have it."""

FIXED = ("charter.toml", "charter.dsse", "log.vkey")
CHECKPOINT = "ledger/checkpoint"


def is_address(source: str) -> bool:
    """Whether it is a web address, of whatever kind."""
    return "://" in source


def fetch_run(address: str, folder: Path) -> dict[str, str]:
    """Fetch what `verify` reads into an empty folder; returns why something is not there, by its path.

    Raises:
        UsageError: the address is none, nobody answers there, or what answers has no run.
        TrustError: what answers sends more than a run can have, or other than it says.
    """
    host = Host(address, folder)
    for name in (*FIXED, CHECKPOINT):
        if not host.save(name, SMALL):
            raise UsageError(
                f"a run with {name} expected at {address}, got none; is this the run folder's address?"
            )
    key = VerifyKey.parse((folder / "log.vkey").read_bytes().decode(errors="replace").strip())
    _fetch_ledger(host, folder, key)
    entries = fsck(folder / "ledger", key).entries
    for digest in enclosed(entries):
        host.save(f"answers/{digest}", LARGEST_ENCLOSED)
    read = DataStore(folder / "data", folder / "answers").read_bytes
    names = named(whole_as_far_as_it_is(_each_once(entries), read))
    left_out = {f"models/{digest}": "weights are not fetched" for digest in names.models}
    left_out["models/incumbent"] = "a host shows no links"
    for name in [f"tasks/{file}" for file in names.files if is_member(f"tasks/{file}")]:
        if not host.save(name, LARGE if name.endswith(".jsonl") else SMALL):
            left_out[name] = "the host has none"
    contents = [f"data/{digest}.jsonl" for digest in names.data]
    contents += [f"answers/{digest}" for digest in names.answers]
    for name in contents:
        if not host.save(name, LARGE):
            left_out[name] = "the host has none"
    return left_out


def _each_once(entries: Iterable[bytes]) -> Iterator[bytes]:
    """The entries; one that lies beside the ledger names what it names, however often a ledger has it."""
    seen: set[str] = set()
    for data in entries:
        stub = enclosed_in(data)
        if stub is None or stub.sha256 not in seen:
            yield data
        if stub is not None:
            seen.add(stub.sha256)


def _fetch_ledger(host: "Host", folder: Path, key: VerifyKey) -> None:
    """Every file under the checkpoint. What is missing in the end is a fault, and `verify` says so."""
    for _ in range(TRIES):
        note = (folder / CHECKPOINT).read_bytes()
        size = Checkpoint.parse(open_note(note, [key]).text).size
        if size > MOST_ENTRIES:
            raise TrustError(f"a ledger of at most {MOST_ENTRIES:,} entries expected, got one of {size:,}")
        whole = all(
            (folder / "ledger" / name).exists() or host.save(f"ledger/{name}", BUNDLE)
            for name in published_names(size)
        )
        if whole:
            return
        # A log at work takes partial tiles away once they are full: then its checkpoint is another one too.
        host.save(CHECKPOINT, SMALL)
        if (folder / CHECKPOINT).read_bytes() == note:
            return


class Host:
    """One address, and what may still come from there."""

    def __init__(self, address: str, folder: Path) -> None:
        """Say nothing to it yet.

        Raises:
            UsageError: it is no address of files over http or https.
        """
        try:
            parts = urlsplit(address)
            named_host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UsageError(
                f"an address such as https://example.org/run/ expected, got {address}: {error}"
            ) from error
        plain = not (parts.query or parts.fragment or parts.username or parts.password)
        if parts.scheme not in SCHEMES or not named_host or port == 0 or not plain:
            raise UsageError(
                f"an address of a folder over http or https expected, such as https://example.org/run/, got {address}"
            )
        self._base = address.rstrip("/") + "/"
        self._folder = folder
        self._left = MOST
        self._until = time.monotonic() + ALL_PATIENCE
        self._opener = OpenerDirector()
        handlers: tuple[Callable[[], Any], ...] = (
            *(ProxyHandler, HTTPHandler, HTTPSHandler, UnknownHandler),
            *(HTTPDefaultErrorHandler, HTTPErrorProcessor),
        )
        for handler in handlers:
            self._opener.add_handler(handler())

    def save(self, name: str, most: int) -> bool:
        """Fetch one file to its place; False when the host does not have it.

        Raises:
            UsageError: nobody answers, or something else than a file.
            TrustError: it is larger than that, than all may be, or other than the host says.
        """
        address = self._base + quote(name)
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        patience = min(PATIENCE, self._until - time.monotonic())
        most = min(most, self._left)
        got: list[int | Exception] = []

        def work() -> None:
            try:
                got.append(self._saved(address, target, most))
            except Exception as error:  # noqa: BLE001  raised where it is waited for
                got.append(error)

        # A thread of its own: a host that sends a byte now and then, even in its first line, must not keep us.
        worker = Thread(target=work, daemon=True)
        worker.start()
        worker.join(max(patience, 0.0))
        if not got:
            raise UsageError(
                f"{address} within {max(patience, 0.0):.0f} seconds expected, got it too slowly; try again"
            )
        return self._believed(got[0], address)

    def _believed(self, got: int | Exception, address: str) -> bool:
        if isinstance(got, HTTPError):
            got.close()
        match got:
            case int(count):
                self._left -= count
                return True
            case HTTPError(code=code) if code in NOT_THERE:
                return False
            case HTTPError(code=code, headers=headers):
                onward = headers.get("Location")
                where = f", to {onward}: give that address" if onward else ""
                raise UsageError(f"a file at {address} expected, got the answer {code}{where}") from got
            case OSError() | HTTPException() | ValueError():
                raise UsageError(f"an answer from {address} expected, got: {got}; is the host up?") from got
            case _:
                raise got

    def _saved(self, address: str, target: Path, most: int) -> int:
        request = Request(address, headers={"User-Agent": "detent"})  # noqa: S310  the scheme was looked at
        response: HTTPResponse
        with self._opener.open(request, timeout=SILENCE) as response, target.open("wb") as file:
            if response.status != OK:
                raise UsageError(f"a file at {address} expected, got the answer {response.status}")
            count = 0
            while chunk := response.read1(CHUNK):
                count += len(chunk)
                if count > most:
                    raise TrustError(
                        f"at most {most:,} bytes from {address} expected, got more; this is no run"
                    )
                file.write(chunk)
            if response.length:
                raise TrustError(
                    f"{response.length:,} more bytes from {address} expected, as it says, got its end"
                )
        return count
