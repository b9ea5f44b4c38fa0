"""A hub on this machine, in a thread: what `huggingface_hub` asks of one, and ways to misbehave.

>>> with serving(Hub({"config.json": b"{}"})) as hub:
...     monkeypatch.setenv("HF_ENDPOINT", hub.url)
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partialmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34


@dataclass
class Hub:
    """One repository at one commit. sent: what comes in place of a file's bytes. announced: what is said is there.

    silent: methods and beginnings of paths that get no answer.
    """

    files: dict[str, bytes]
    sent: dict[str, bytes] = field(default_factory=dict)
    announced: dict[str, int] = field(default_factory=dict)
    commit: str = COMMIT
    asked: list[str] = field(default_factory=list)
    silent: tuple[tuple[str, str], ...] = ()
    url: str = ""

    @property
    def sizes(self) -> dict[str, int]:
        return {name: len(content) for name, content in self.files.items()} | self.announced

    def is_silent(self, method: str, path: str) -> bool:
        return any(method == silent and path.startswith(start) for silent, start in self.silent)

    def tree(self) -> bytes:
        return json.dumps(
            [
                {"type": "file", "path": name, "size": size, "oid": "0" * 40}
                for name, size in self.sizes.items()
            ]
        ).encode()

    def info(self) -> bytes:
        siblings = [{"rfilename": name, "size": size} for name, size in self.sizes.items()]
        return json.dumps(
            {"_id": "1", "id": "org/model", "modelId": "org/model", "sha": self.commit, "siblings": siblings}
        ).encode()


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub, while the block runs."""

    over = Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, *, body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(path)
            if hub.is_silent(self.command, path):
                over.wait(60)
                self.close_connection = True
                return
            before = f"/org/model/resolve/{hub.commit}/"
            if path.startswith("/api/models/org/model/tree/"):
                self._send(hub.tree(), body=body)
            elif path.startswith("/api/models/org/model"):
                self._send(hub.info(), body=body)
            elif path.startswith(before) and (name := path.removeprefix(before)) in hub.files:
                self._send(hub.sent.get(name, hub.files[name]), body=body)
            else:
                self.send_error(404)

        def _send(self, content: bytes, *, body: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", hub.commit)
            self.end_headers()
            if body:
                self.wfile.write(content)

        do_HEAD = partialmethod(_answer, body=False)  # noqa: N815
        do_GET = partialmethod(_answer, body=True)  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
