"""A run of the real loop whose charter names witnesses: three of them, each behind a server of its own.

>>> with three_witnesses(folder) as three:
...     run = make_run(folder / "run", three.draft(), outsiders=three.outsiders)
"""

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path

import py_arkworks_bls12381 as bls
from tests.audit.scripted_run import DRAFT, LOG
from tests.coordinate.witness_world import say, served, serving

from detent.assembly.outsiders import Outsiders, outsiders_of
from detent.charter import SignedCharter
from detent.coordinate import Witness
from detent.ledger import CosigningKey, Ledger

ON_G1 = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


@dataclass
class Three:
    """Witnesses a, b and c. down: names of those that do not answer now. asked: how often each was."""

    keys: dict[str, CosigningKey]
    urls: dict[str, str] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

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
