"""A run whose seal an auditor holds, behind a server of its own, beside three witnesses.

>>> with three_witnesses(folder) as three, auditor(folder, three) as held:
...     run = make_run(folder / "run", held.draft(), outsiders=three.outsiders)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.audit.scripted_run import LOG, SECRET, QuickFiles
from tests.audit.witnessed_run import Three
from tests.coordinate.witness_world import say, serving

from detent.coordinate import Auditor
from detent.evaluate import Chain
from detent.ledger import Ledger, Policy
from detent.signing import SigningKey

CHAIN = Chain(SECRET, 100)


@dataclass
class Held:
    """The auditor of a run. down: whether it does not answer now. asked: how often it was."""

    three: Three
    auditor: Auditor
    key: SigningKey
    url: str = ""
    down: bool = False
    asked: int = 0
    said: list[str] = field(default_factory=list)

    def draft(self, more: str = "") -> str:
        """A scripted run's, with three witnesses and this auditor."""
        return self.three.draft(more) + (
            f'[auditor]\nurl = "{self.url}"\nkey = "{self.key.verify_key}"\n'
            f'tip = "{CHAIN.tip.hex()}"\nlength = {CHAIN.length}\n'
        )


@contextmanager
def auditor(folder: Path, three: Three) -> Iterator[Held]:
    """One whose policy is the run's own log, and two of the three witnesses."""
    key = SigningKey.create("audit.example")
    policy = Policy.parse(f"log {LOG.verify_key}\n{three.policy()}".encode())
    with Ledger.create(folder / "releases", key, key.name, QuickFiles) as log:
        said: list[str] = []
        held = Held(three, Auditor(key, CHAIN, policy, log, said.append), key, said=said)

        def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
            held.asked += 1
            if held.down:
                say(handler, 503, b"down")
                return
            given = held.auditor.release(body)
            say(handler, given.status, given.body, given.content_type)

        with serving(answer) as url:
            held.url = url
            yield held
