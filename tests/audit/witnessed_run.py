"""A run of the real loop whose charter names witnesses: three of them, each behind a server of its own.

>>> with three_witnesses(folder) as three:
...     run = make_run(folder / "run", three.draft(), outsiders=three.outsiders)
"""

import hashlib
import json
import shutil
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path

import msgspec
import py_arkworks_bls12381 as bls
import pytest
from tests.audit.forging import places
from tests.audit.scripted_run import (
    DRAFT,
    LOG,
    MODELS,
    QuickFiles,
    ScriptedRun,
    ScriptedWorker,
    go_on,
    make_run,
    never,
    session,
    sign,
)
from tests.coordinate.witness_world import say, served, serving

from detent.assembly.outsiders import Outsiders, outsiders_of
from detent.charter import SignedCharter
from detent.coordinate import Witness
from detent.coordinate._request import Request
from detent.errors import PeerError
from detent.evaluate import opening_seed
from detent.ledger import CosigningKey, Ledger
from detent.loop import Book
from detent.loop.witnessing import entropy, link, witness_waiting
from detent.values import Entry, Intent, IntentWritten

ON_G1 = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


@dataclass
class Three:
    """Witnesses a, b and c.

    down: names of those that do not answer now. asked: how often each was.
    bad: those that sign whatever they are shown, as of this time: whoever has their keys is the operator's friend.
    """

    keys: dict[str, CosigningKey]
    urls: dict[str, str] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    bad: dict[str, int] = field(default_factory=dict)

    def policy(self) -> str:
        """Two of three."""
        lines = [f"witness {name} {key.verify_key} {self.urls[name]}" for name, key in self.keys.items()]
        return "\n".join([*lines, "group all-three 2 a b c", "quorum all-three", ""])

    def draft(self, more: str = "") -> str:
        """The draft of a scripted run with these witnesses, who are asked for a second and no longer."""
        return f'{DRAFT}[witnesses]\npolicy = """\n{self.policy()}"""\ngrace_minutes = 0.02\n{more}\n'

    def outsiders(self, signed: SignedCharter, ledger: Ledger) -> Outsiders | None:
        """As `detent run` has them."""
        return outsiders_of(signed.charter, ledger, print)


@contextmanager
def three_witnesses(
    folder: Path, began: int = 1_900_000_000, keys: Mapping[str, CosigningKey] | None = None
) -> Iterator[Three]:
    """Witnesses with state on disk and a clock that goes on with every request, from `began`; new ones without keys."""
    three = Three(dict(keys or {name: CosigningKey.create(f"{name}.example/w") for name in "abc"}))
    clock = count(began)
    with ExitStack() as stack:
        for name, key in three.keys.items():
            (folder / name).mkdir(parents=True)
            witness = Witness.open(
                [key], [LOG.verify_key], folder / name / "state", folder / name / "mark", lambda _: None
            )
            answer = served(witness, clock.__next__)

            def answered(
                handler: BaseHTTPRequestHandler, body: bytes, name: str = name, answer: object = answer
            ) -> None:
                three.asked.append(name)
                if name in three.down:
                    say(handler, 503, b"down")
                elif name in three.bad and handler.command == "POST":
                    checkpoint = Request.parse(body).checkpoint
                    say(handler, 200, str(three.keys[name].cosign(checkpoint, three.bad[name])).encode())
                else:
                    answer(handler, body)  # type: ignore[operator]

            three.urls[name] = stack.enter_context(serving(answered))
        yield three


@contextmanager
def beacon(genesis: int, period: int) -> Iterator[str]:
    """A drand chain of its own behind a server, of quicknet's scheme; the charter's table."""
    secret = bls.Scalar(123_456_789)
    key = (bls.G2Point() * secret).to_compressed_bytes()
    seed = bytes(32)
    chain = hashlib.sha256(struct.pack(">Iq", period, genesis) + key + seed).hexdigest()
    info = json.dumps(
        {
            "public_key": key.hex(),
            "period": period,
            "genesis_time": genesis,
            "groupHash": seed.hex(),
            "schemeID": "bls-unchained-g1-rfc9380",
        }
    )

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        number = int(handler.path.rsplit("/", 1)[1])
        message = hashlib.sha256(struct.pack(">Q", number)).digest()
        signature = (bls.G1Point.hash_to_curve(message, ON_G1) * secret).to_compressed_bytes()
        public = {
            "round": number,
            "randomness": hashlib.sha256(signature).hexdigest(),
            "signature": signature.hex(),
        }
        say(handler, 200, json.dumps(public).encode(), "application/json")

    with serving(answer) as url:
        yield (
            f"entropy = \"beacon\"\n[witnesses.beacon]\nurl = \"{url}\"\nchain = \"{chain}\"\ninfo = '''{info}'''\n"
        )


def at(folder: Path, three: Three, more: str = "") -> ScriptedRun:
    """The run of these witnesses that lies in a folder. more: as in its draft."""
    return ScriptedRun(folder, sign(three.draft(more)))


def first_intent(run: ScriptedRun) -> Intent:
    """What the first opening fixed."""
    return next(entry.intent for entry in run.entries() if isinstance(entry, IntentWritten))


class Operator:
    """Whoever runs it: has the log's key and the seal's secret, copies of the folder, and any number of tries."""

    def __init__(self, folder: Path, three: Three, more: str = "") -> None:
        """Bring a run to where its first opening is about to be made, with witnesses that are down until then."""
        self.three, self.folder, self.more, self.tries = three, folder, more, 0
        three.down |= {"a", "b", "c"}
        with pytest.raises(PeerError):
            make_run(folder / "run", three.draft(more), outsiders=three.outsiders)
        three.down.clear()
        run = at(folder / "run", three, more)
        self.place = places(run, IntentWritten)[0]
        self.before, self.intent = run.record()[: self.place], first_intent(run)

    def seed(self, **other: object) -> bytes:
        """Try an intent, in a copy of the folder as it was before: the seed of its problems, if there is one.

        Raises:
            TrustError: a witness has seen another history.
        """
        self.tries += 1
        copy = at(self.folder / f"try-{self.tries}", self.three, self.more)
        shutil.copytree(self.folder / "run", copy.folder)
        copy.rewrite(self.before)
        intent = msgspec.structs.replace(self.intent, **other)
        with Ledger.open(copy.folder / "ledger", LOG, QuickFiles) as ledger:
            ticks = (f"2026-01-01T10:{n // 60:02}:{n % 60:02}Z" for n in count(60 * self.tries))
            book = Book(ledger, ticks.__next__)
            book.write(IntentWritten(intent=intent))
            worker = ScriptedWorker(copy.folder / "models", copy.folder / "staging", iter(MODELS), never)
            parts = session(copy.folder, copy.signed, book, worker)
            parts = replace(parts, outsiders=self.three.outsiders(copy.signed, ledger))
            added = entropy(parts, intent)
            place = book.state.intent_index
            return opening_seed(
                link(parts, intent), intent.k, ledger.leaf_hash(place), ledger.root(place + 1), added
            )


def go_on_with(run: ScriptedRun, three: Three) -> None:
    """Another session, with the models that are still to come."""
    with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
        ticks = (f"2026-01-01T10:{n // 60:02}:{n % 60:02}Z" for n in count())
        book = Book(ledger, ticks.__next__)
        worker = ScriptedWorker(run.folder / "models", run.folder / "staging", iter(MODELS[4:]), never)
        outsiders = three.outsiders(run.signed, ledger)
        begun: list[Entry] = []
        with pytest.MonkeyPatch.context() as patch:  # as `open_run`: the session's entry comes last
            patch.setattr(book, "write", begun.append)
            parts = replace(session(run.folder, run.signed, book, worker), outsiders=outsiders)
        witness_waiting(parts)
        for entry in begun:
            book.write(entry)
        go_on(parts)
