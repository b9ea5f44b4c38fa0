"""What whoever holds the log's key, and some of the people's keys, can put into people's mouths.

>>> reorder(run, 0, EVE)            # the first order, signed by nobody who may
"""

from collections.abc import Sequence
from typing import Any

from msgspec import structs
from tests.audit.forging import forge, places
from tests.audit.scripted_run import CATALOGUE, LOG, ScriptedRun

from detent.audit import fsck
from detent.charter import (
    LEASE_TYPE,
    Command,
    Lease,
    Question,
    SignedCharter,
    amend_text,
    answer,
    claimed,
    endorse,
    order,
)
from detent.signing import SigningKey, canonical, seal_envelope
from detent.values import (
    Answered,
    CharterSigned,
    Entry,
    LeaseGranted,
    Ordered,
    Requested,
)


def nth(run: ScriptedRun, kind: type[Entry], number: int) -> Any:
    """The nth entry of that kind."""
    return run.entries()[places(run, kind)[number]]


def insert(run: ScriptedRun, place: int, entry: Entry) -> None:
    """One more entry, stamped like the one before it."""
    record, before = run.record(), run.entries()[place - 1]
    stamped = structs.replace(entry, at=before.at, generation=before.generation)
    run.rewrite([*record[:place], stamped, *record[place:]])


def root(run: ScriptedRun, size: int) -> str:
    """Of the first so many entries."""
    return fsck(run.folder / "ledger", LOG.verify_key).roots[size].hex()


def charter(run: ScriptedRun, number: int) -> SignedCharter:
    """The nth charter on the ledger."""
    return claimed(nth(run, CharterSigned, number).envelope, CATALOGUE)


def reorder(run: ScriptedRun, number: int, *keys: SigningKey, sight: int | None = None, at: str = "") -> None:
    """The nth order in another envelope: signed by these, given at that size and root."""
    place, entry = places(run, Ordered)[number], nth(run, Ordered, number)
    command: Command = entry.order
    size = place if sight is None else sight
    envelope = order(
        charter(run, 0),
        command,
        entry.because,
        size=size,
        root=at or root(run, size),
        keys=keys,
        to=entry.to,
    )
    forge(run, Ordered, number, envelope=envelope, signers=tuple(sorted(key.name for key in keys)))


def reply(run: ScriptedRun, request: int, verdict: Any, *keys: SigningKey, **fields: Any) -> Answered:
    """An answer to the nth request, whoever signs it and whatever it is about."""
    place, asked = places(run, Requested)[request], nth(run, Requested, request)
    question = Question(
        request=asked.number, candidate=asked.candidate, root=root(run, place + 1), expires=asked.expires
    )
    envelope = answer(
        charter(run, 0), Question(**(question.model_dump() | fields)), verdict, "so be it", keys
    )
    names = tuple(key.name for key in keys)
    return Answered(
        request=asked.number,
        verdict=verdict,
        because="so be it",
        signers=names,
        seconds=60.0,
        envelope=envelope,
    )


def answer_again(run: ScriptedRun, number: int, *keys: SigningKey, **fields: Any) -> None:
    """The nth answer in another envelope."""
    other = reply(run, number, nth(run, Answered, number).verdict, *keys, **fields)
    forge(run, Answered, number, envelope=other.envelope, signers=other.signers)


def lease(run: ScriptedRun, number: int, keys: Sequence[SigningKey], under: int = 0, **fields: Any) -> None:
    """The nth lease with other terms, in its entry and in what is signed."""
    entry = nth(run, LeaseGranted, number)
    terms = {
        name: fields.get(name, getattr(entry, name))
        for name in ("number", "generations", "expires", "petaflop")
    }
    size = fields.get("size", places(run, LeaseGranted)[number])
    seen = {"charter": charter(run, under).digest, "size": size, "root": fields.get("root", root(run, size))}
    payload = Lease(**seen, **terms)
    envelope = seal_envelope(canonical(payload.model_dump()), LEASE_TYPE, keys)
    forge(run, LeaseGranted, number, **terms, envelope=envelope)


def amend(run: ScriptedRun, keys: Sequence[SigningKey], old: str, new: str) -> None:
    """One more amendment at the end."""
    text = amend_text(run.signed, run.signed.text.replace("To be verified", "To be believed"), CATALOGUE)
    assert old in text
    envelope = endorse(text.replace(old, new), keys)
    after = claimed(envelope, CATALOGUE)
    insert(
        run,
        len(run.record()),
        CharterSigned(version=after.charter.version, digest=after.digest, envelope=envelope),
    )
