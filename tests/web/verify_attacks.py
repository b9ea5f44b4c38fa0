"""What is done to a ledger by whoever hosts it, or holds the log's key; and what the page in the browser must say.

>>> attack.deed(host, run)          # then the page must say attack.says under attack.check
"""

import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs
from tests.audit.forging import forge, places
from tests.audit.peopled_run import ADA, CY, EVE
from tests.audit.scripted_run import CATALOGUE, LOG, ScriptedRun
from tests.web.hosting import Host, say

from detent.charter import CHARTER_TYPE, Question, SignedCharter, answer, endorse, grant, verified
from detent.ledger import Checkpoint, Ledger, LedgerReader, Note, sign_note
from detent.signing import SigningKey, canonical, peek_envelope
from detent.values import Answered, CharterSigned, LeaseGranted, Ordered, Refused, entry_document

SIZE = 600
HTML = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"


class Attack(NamedTuple):
    """What is done, the check that says so, and words of what it says."""

    deed: Callable[[Host, ScriptedRun], object]
    check: str
    says: str


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def flip_entry(host: Host, number: int) -> None:
    """A byte in the middle of an entry of the first bundle."""
    path = host.ledger / "tile/entries/000"
    data = bytearray(path.read_bytes())
    at = 0
    for _ in range(number):
        at += 2 + int.from_bytes(data[at : at + 2], "big")
    data[at + 12] ^= 1
    path.write_bytes(data)


def flip_entry_and_hash(host: Host, number: int) -> None:
    flip_entry(host, number)
    flip(host.ledger / "tile/0/000", number * 32)


def rebundle(host: Host, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Other entries in the first bundle."""
    path = host.ledger / "tile/entries/000"
    data, entries = path.read_bytes(), []
    while data:
        length = 2 + int.from_bytes(data[:2], "big")
        entries.append(data[:length])
        data = data[length:]
    path.write_bytes(b"".join(change(entries)))


def exchanged(entries: list[bytes]) -> list[bytes]:
    entries[20], entries[30] = entries[30], entries[20]
    return entries


def resigned(host: Host, key: SigningKey, **changes: Any) -> None:
    checkpoint = Checkpoint.parse((host.ledger / "checkpoint").read_text().partition("\n\n")[0] + "\n")
    (host.ledger / "checkpoint").write_text(str(sign_note(replace(checkpoint, **changes).text(), key)))


def by_nobody(host: Host) -> None:
    """The signature line stays, and what it signed is another root."""
    path = host.ledger / "checkpoint"
    note = Note.parse(path.read_bytes())
    other = Checkpoint(LOG.name, SIZE, b"\1" * 32)
    path.write_text(str(Note(other.text(), note.signatures)))


def answering(host: Host, name: str, answered: Callable[[BaseHTTPRequestHandler], None]) -> None:
    host.instead[name] = answered


def endless(handler: BaseHTTPRequestHandler) -> None:
    """100 MB."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(100_000_000))
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(bytes(1_000_000))


def slow(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "8192")
    handler.end_headers()
    for _ in range(30):
        handler.wfile.write(b"x")
        time.sleep(0.1)
    handler.close_connection = True


def elsewhere(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/run/ledger/tile/0/001")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


OTHER = SigningKey.from_seed(LOG.name, b"another key of the same name....")

ON_FILES: dict[str, Attack] = {
    "a byte flipped in an entry": Attack(
        lambda host, _: flip_entry(host, 17), "entries", "entry 17: it is not the one that was signed"
    ),
    "a byte flipped in a hash tile": Attack(
        lambda host, _: flip(host.ledger / "tile/0/001", 40),
        "tiles",
        "tile/0/001: the hash of entry 257 is not that entry's",
    ),
    "a byte flipped in a partial hash tile": Attack(
        lambda host, _: flip(host.ledger / "tile/0/002.p/88", 0),
        "tiles",
        "tile/0/002.p/88: the hash of entry 512 is not that entry's",
    ),
    "a byte flipped in a partial bundle": Attack(
        lambda host, _: flip(host.ledger / "tile/entries/002.p/88", -3),
        "entries",
        "entry 599: it is not the one that was signed",
    ),
    "a byte flipped in an upper tile": Attack(
        lambda host, _: flip(host.ledger / "tile/1/000.p/2", 33),
        "tiles",
        "tile/1/000.p/2: its hashes are not",
    ),
    "an entry and its hash both changed": Attack(
        lambda host, _: flip_entry_and_hash(host, 17),
        "entries",
        "entry 17: it and its hash in tile/0/000 do not go together",
    ),
    "an entry removed": Attack(
        lambda host, _: rebundle(host, lambda entries: entries[:9] + entries[10:]),
        "entries",
        "tile/entries/000: it holds 255 entries, not 256",
    ),
    "two entries exchanged": Attack(
        lambda host, _: rebundle(host, exchanged),
        "entries",
        "entry 20: it is not the one that was signedentry 30: it is not the one that was signed",
    ),
    "a tile of garbage": Attack(
        lambda host, _: (host.ledger / "tile/0/000").write_bytes(b"garbage"),
        "tiles",
        "tile/0/000: it has 7 bytes, not 8192",
    ),
    "a bundle of garbage": Attack(
        lambda host, _: (host.ledger / "tile/entries/001").write_bytes(b"\xff" * 1000),
        "entries",
        "tile/entries/001: its entry 0 is cut off",
    ),
    "a tile that is not there": Attack(
        lambda host, _: (host.ledger / "tile/1/000.p/2").unlink(),
        "tiles",
        "tile/1/000.p/2: the host has no such file",
    ),
    "a bundle that is not there": Attack(
        lambda host, _: (host.ledger / "tile/entries/001").unlink(),
        "entries",
        "tile/entries/001: the host has no such file",
    ),
    "a tile of 100 MB": Attack(
        lambda host, _: answering(host, "tile/0/000", endless),
        "tiles",
        "tile/0/000: it is larger than the 8192 bytes that it can have",
    ),
    "a tile that never ends": Attack(
        lambda host, _: answering(host, "tile/0/000", slow),
        "tiles",
        "tile/0/000: it did not come within 1 seconds",
    ),
    "a tile that leads elsewhere": Attack(
        lambda host, _: answering(host, "tile/0/000", elsewhere),
        "tiles",
        "tile/0/000: it could not be fetched",
    ),
    "a host that breaks": Attack(
        lambda host, _: answering(host, "tile/0/000", lambda handler: say(handler, 500, HTML.encode())),
        "tiles",
        "tile/0/000: the host answered with 500",
    ),
    "a checkpoint of another key with the same name": Attack(
        lambda host, _: resigned(host, OTHER), "checkpoint", "that key did not sign it"
    ),
    "a checkpoint with another key's name": Attack(
        lambda host, _: resigned(host, EVE), "checkpoint", "these claim to have: eve+"
    ),
    "a checkpoint of another log by the right key": Attack(
        lambda host, _: resigned(host, LOG, origin="example.com/other"),
        "checkpoint",
        "it is of example.com/other",
    ),
    "a checkpoint with a signature by nobody": Attack(
        lambda host, _: by_nobody(host), "checkpoint", "the signature by that key does not verify"
    ),
    "a checkpoint with another root": Attack(
        lambda host, _: resigned(host, LOG, root=b"\1" * 32),
        "entries",
        "is signed, and these entries lead to",
    ),
    "a checkpoint of a size that is not there": Attack(
        lambda host, _: resigned(host, LOG, size=1_000_000), "entries", "what it ends with is not there"
    ),
    "a checkpoint of a size that no memory takes": Attack(
        lambda host, _: resigned(host, LOG, size=10**14), "checkpoint", "more than a browser can take"
    ),
    "a checkpoint that is none": Attack(
        lambda host, _: (host.ledger / "checkpoint").write_text(HTML), "checkpoint", "it is no signed note"
    ),
    "no checkpoint": Attack(
        lambda host, _: (host.ledger / "checkpoint").unlink(), "checkpoint", "the host has none"
    ),
    "a cosigned head of another history": Attack(
        lambda host, _: (host.ledger / "cosigned").write_text(
            str(sign_note(Checkpoint(LOG.name, 100, b"\1" * 32).text(), LOG))
        ),
        "witnesses",
        "cosigned: its 100 entries had the root",
    ),
}


def extended(run: ScriptedRun, more: int) -> None:
    last = run.entries()[-1]
    with Ledger.open(run.folder / "ledger", LOG) as ledger:
        ledger.extend(
            canonical(entry_document(structs.replace(last, because=f"more {n}"))) for n in range(more)
        )


def with_entry(run: ScriptedRun, number: int, change: Callable[[bytes], bytes]) -> None:
    """The bytes of one entry changed, and a sound ledger of it signed."""
    record = run.record()
    record[number] = change(record[number])
    run.rewrite(record)


def unsigned_by_quorum(run: ScriptedRun) -> None:
    """The amendment with one signature, of the two that it takes."""
    entry = run.entries()[places(run, CharterSigned)[1]]
    assert isinstance(entry, CharterSigned)
    text = peek_envelope(entry.envelope, CHARTER_TYPE).decode()
    forge(run, CharterSigned, 1, envelope=endorse(text, [ADA]))


def answered_by(run: ScriptedRun, key: SigningKey) -> None:
    """The first answer given anew, with all that it should say, by somebody else."""
    place = places(run, Answered)[0]
    entries = run.entries()
    asked = entries[place - 1]
    root = LedgerReader(run.folder / "ledger", LOG.verify_key).root(place).hex()
    question = Question(request=1, candidate=asked.candidate, root=root, expires=asked.expires)  # type: ignore[attr-defined]
    envelope = answer(first_charter(run), question, "approve", "because", [key])
    forge(run, Answered, 0, envelope=envelope, because="because", signers=(key.name,))


def first_charter(run: ScriptedRun) -> SignedCharter:
    entry = run.entries()[0]
    assert isinstance(entry, CharterSigned)
    return verified(entry.envelope, CATALOGUE)


def leased_by(run: ScriptedRun, *keys: SigningKey, number: int = 1, root: str = "") -> None:
    seen = root or LedgerReader(run.folder / "ledger", LOG.verify_key).root(1).hex()
    at = run.entries()[0].at
    terms: dict[str, Any] = {"hours": 24.0, "petaflop": 0.2, "at": at, "size": 1, "root": seen}
    envelope = grant(first_charter(run), number, 9, **terms, keys=keys)
    expires = "2026-01-02T00:00:00Z"
    forge(run, LeaseGranted, 0, envelope=envelope, number=number, expires=expires, petaflop=0.2)


BY_THE_LOGS_KEY: dict[str, Attack] = {
    "a charter amended without a quorum": Attack(
        lambda _, run: unsigned_by_quorum(run),
        "people",
        "entry 126: the charter: signed by 1 of the 2 stewards in force before it that it takes",
    ),
    "an answer signed by no steward": Attack(
        lambda _, run: answered_by(run, EVE),
        "people",
        "entry 27: the answer: signed by 0 of the 2 that it takes",
    ),
    "a yes by one steward where two are asked": Attack(
        lambda _, run: answered_by(run, CY),
        "people",
        "entry 27: the answer: signed by 1 of the 2 that it takes",
    ),
    "a lease of a stranger": Attack(
        lambda _, run: leased_by(run, EVE), "people", "entry 1: the lease: signed by 0 of the 2 that it takes"
    ),
    "a lease given in sight of another ledger": Attack(
        lambda _, run: leased_by(run, ADA, CY, root="00" * 32), "people", "this one does not begin with"
    ),
    "a lease that says more than was signed": Attack(
        lambda _, run: forge(run, LeaseGranted, 0, generations=1000), "people", "and was signed as 9"
    ),
    "an order that says something else": Attack(
        lambda _, run: forge(run, Ordered, 1, because="we all agreed"),
        "people",
        "it says because we all agreed",
    ),
    "an order written down twice": Attack(
        lambda _, run: run.rewrite([*run.record(), run.record()[places(run, Ordered)[0]]]),
        "people",
        "counts once",
    ),
    "signers that did not sign": Attack(
        lambda _, run: forge(run, Ordered, 0, signers=("ada", "bob", "cy")), "people", "it says signers"
    ),
    "a ledger without its charter": Attack(
        lambda _, run: run.rewrite(run.record()[1:]), "order", "entry 0: the charter is expected first"
    ),
    "a time that goes back": Attack(
        lambda _, run: forge(run, Refused, 0, at="2025-01-01T00:00:00Z"), "order", "is before 2026-"
    ),
    "a generation left out": Attack(
        lambda _, run: run.rewrite([d for d in run.record() if b'"decision/v1"' not in d]),
        "order",
        "and says 1",
    ),
    "an entry that is not in canonical form": Attack(
        lambda _, run: with_entry(run, 40, lambda data: data.replace(b":", b": ", 1)),
        "form",
        "entry 40: it is not in the one form that says it",
    ),
    "a key twice in an entry": Attack(
        lambda _, run: with_entry(run, 40, lambda data: b'{"at":"",' + data[1:]),
        "form",
        "entry 40: it is not in",
    ),
    "an entry nested a hundred times a hundred deep": Attack(
        lambda _, run: with_entry(run, 40, lambda _: b"[" * 30_000 + b"]" * 30_000),
        "form",
        "entry 40: it is no JSON",
    ),
    "an entry that is no text": Attack(
        lambda _, run: with_entry(run, 40, lambda _: b"\xff\xfe"), "form", "entry 40: it is not UTF-8"
    ),
    "half a character in an entry": Attack(
        lambda _, run: with_entry(run, 40, lambda _: b'{"kind":"\\ud800"}'), "form", "half of a character"
    ),
    "a page's markup in what people are said to have signed": Attack(
        lambda _, run: forge(run, Ordered, 1, because=HTML), "people", f"it says because {HTML[:60]}"
    ),
}
