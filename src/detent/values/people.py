"""What people sign and are asked: charters, leases, orders, requests and answers, as the ledger has them.

>>> Answered(request=1, verdict="deny", because="too fast", signers=("ada",), seconds=60.0, envelope="{...}").kind
'answer/v1'
"""

from typing import Literal

from detent.values.entry import Entry


class CharterSigned(Entry, frozen=True, tag="charter/v1"):
    """The charter in force from here on: its DSSE envelope as JSON text, and the payload's digest."""

    version: int
    digest: str
    envelope: str


class LeaseGranted(Entry, frozen=True, tag="lease/v1"):
    """Stewards granted `generations` more turns until `expires`, and `petaflop` (1e15) of compute for them.

    number: counts leases from 1. envelope: DSSE, as text.
    """

    number: int
    generations: int
    expires: str
    petaflop: float
    envelope: str


class Ordered(Entry, frozen=True, tag="order/v1"):
    """Stewards stopped the run, let it go on, or put an earlier generation back (`to`); DSSE envelope as text.

    pause: no generation begins. resume: they may again. halt: nothing goes on, from the middle of what it does.
    lift: ends a halt. rollback: the generation in progress ends, and generation `to` is in force again.
    """

    order: Literal["pause", "resume", "halt", "lift", "rollback"]
    to: int | None
    because: str
    signers: tuple[str, ...]
    envelope: str


class Requested(Entry, frozen=True, tag="request/v1"):
    """A person is asked before the generation is decided; `number` counts requests from 1.

    candidate: digest of the model that would be promoted, "" when the question is whether to go on at all.
    reasons: why a person is asked. unchecked: what nobody and nothing has looked at. approvers: at least so many.
    expires: when no answer means no.
    """

    number: int
    candidate: str
    reasons: tuple[str, ...]
    unchecked: tuple[str, ...]
    approvers: int
    expires: str


class Answered(Entry, frozen=True, tag="answer/v1"):
    """Stewards answered request number `request`, `seconds` after it was made; DSSE envelope as text."""

    request: int
    verdict: Literal["approve", "deny"]
    because: str
    signers: tuple[str, ...]
    seconds: float
    envelope: str
