"""What is to be signed, as the very bytes, and what it says: no key is opened here.

>>> drafted = draft_answer(folder, 1, "approve", "looked at every row")
>>> hand_in(folder, drafted.sealed(keys))         # or an envelope of the same bytes, signed anywhere else

Command line and browser share it, so that both sign the same. Whoever drafts is not believed for it: what comes back
is looked at as the run would, and only signatures count.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from detent.assembly import places
from detent.assembly.clock import now
from detent.assembly.inbox import Inbox
from detent.assembly.places import RunFolder
from detent.assembly.reading import LedgerAt, ledger_at, signed_charter
from detent.assembly.showing import told
from detent.assembly.tasks import catalogue
from detent.charter import (
    ANSWER_TYPE,
    LEASE_TYPE,
    ORDER_TYPE,
    Command,
    Question,
    Reply,
    SignedCharter,
    answer_payload,
    lease_payload,
    order_payload,
)
from detent.engine import DataStore, ModelStore
from detent.errors import DetentError, UsageError
from detent.loop import check_whole
from detent.oversight import believe, type_of
from detent.signing import SigningKey, add_signature, peek_envelope, seal_envelope, unsigned_envelope
from detent.values import lost


@dataclass(frozen=True, slots=True)
class ToSign:
    """What is to be signed. signed: the charter in force. envelope: what others have signed of it already, or ""."""

    payload: bytes
    payload_type: str
    signed: SignedCharter
    envelope: str = ""

    def sealed(self, keys: Sequence[SigningKey]) -> str:
        """Its envelope, with signatures by `keys` beside those that are there."""
        if not self.envelope:
            return seal_envelope(self.payload, self.payload_type, keys)
        envelope = self.envelope
        for key in keys:
            envelope = add_signature(envelope, self.payload_type, key)
        return envelope

    def says(self, folder: Path) -> list[str]:
        """What it holds, a line each; of an amendment, what it changes."""
        envelope = self.envelope or unsigned_envelope(self.payload, self.payload_type)
        return told(envelope, self.signed, RunFolder(folder).tasks)


def draft_lease(
    folder: Path, generations: int, *, hours: float | None = None, petaflop: float | None = None
) -> ToSign:
    """Another lease; hours and petaflop are the most the charter allows where they are not given.

    Raises:
        CharterError: the charter does not allow as much at once.
    """
    signed, at = look(folder)
    terms = signed.charter.pace.lease
    payload = lease_payload(
        signed,
        at.state.leases + 1,
        generations,
        hours=terms.hours if hours is None else hours,
        petaflop=terms.petaflop if petaflop is None else petaflop,
        at=max(now(), at.state.latest_at),
        size=at.size,
        root=at.root(at.size).hex(),
    )
    return ToSign(payload, LEASE_TYPE, signed)


def draft_order(folder: Path, command: Command, because: str, *, to: int | None = None) -> ToSign:
    """A pause, a halt, a rollback; to resume a run that is halted is to lift the halt.

    Raises:
        UsageError: there is nothing to resume, lift or roll back.
        TrustError: what a rollback is to put back is damaged.
    """
    signed, at = look(folder)
    held = at.state.hold
    if command == "resume" and held is not None and held.kind == "halted":
        command = "lift"
    if command in ("resume", "lift") and held is None:
        raise UsageError(
            f"a run that is paused or halted expected, got one that is not; see: detent status {folder}"
        )
    if command == "rollback":
        run = RunFolder(folder)
        check_rollback(at, to, folder)
        check_whole(at.state, to or 0, ModelStore(run.models), DataStore(run.data, run.answers))
    payload = order_payload(signed, command, because, size=at.size, root=at.root(at.size).hex(), to=to)
    return ToSign(payload, ORDER_TYPE, signed)


def draft_answer(folder: Path, number: int, verdict: Reply, because: str) -> ToSign:
    """A yes or a no to what request `number` asks; a no counts until the decision, also after a yes.

    Raises:
        UsageError: there is no such request, or it is answered.
    """
    signed, at = look(folder)
    asked = at.state.request
    if asked is None or asked.number != number or not at.state.open_to(verdict):
        waiting = f"request {asked.number}" if asked and at.state.answer is None else "none"
        raise UsageError(f"a request that waits for an answer expected, got {number}; waiting: {waiting}")
    root = at.root(at.state.request_index + 1).hex()
    question = Question(request=number, candidate=asked.candidate, root=root, expires=asked.expires)
    return ToSign(answer_payload(signed, question, verdict, because), ANSWER_TYPE, signed)


def draft_waiting(folder: Path, name: str) -> ToSign:
    """What waits for signatures; `name` is the beginning of the file's, its payload's digest.

    Raises:
        UsageError: no such file holds what its name says, or several do.
    """
    found = Inbox(RunFolder(folder).inbox).named(name)
    if len(found) != 1:
        names = ", ".join(path.stem[:12] for path, _ in found) or "none"
        raise UsageError(
            f"one file in {folder}/inbox that begins with {name!r}, and holds what has that digest, expected, "
            f"got {names}"
        )
    ((_, envelope),) = found
    signed, _ = look(folder)
    kind = type_of(envelope)
    return ToSign(peek_envelope(envelope, kind), kind, signed, envelope)


def waiting_for(folder: Path) -> dict[str, ToSign]:
    """Everything that waits for signatures, by its digest; what no run would look at is left out.

    Whether enough will ever sign is not said: it may be a stranger's.
    """
    signed, _ = look(folder)
    found: dict[str, ToSign] = {}
    for path, envelope in Inbox(RunFolder(folder).inbox).named(""):
        with suppress(DetentError):
            kind = type_of(envelope)
            found[path.stem] = ToSign(peek_envelope(envelope, kind), kind, signed, envelope)
    return found


def look(folder: Path) -> tuple[SignedCharter, LedgerAt]:
    """The charter in force, as the ledger has it: a copy that was edited must keep nobody from stopping a run."""
    run = RunFolder(folder)
    run.check()
    at = ledger_at(run)
    return believe(at.entries, catalogue(), at.root), at


def check_rollback(at: LedgerAt, to: int | None, folder: Path) -> None:
    """Return when the run can go back to generation `to`.

    Raises:
        UsageError: it cannot; the message says why.
    """
    state = at.state
    if not state.history:
        raise UsageError(
            f"a run with a closed generation expected, got one that has none; see: detent status {folder}"
        )
    if to is None or to not in state.history:
        raise UsageError(
            f"a closed generation from 0 to {state.generation - 1} expected, got {to}; see: detent status {folder}"
        )
    if to in lost(state, state.collected):
        raise UsageError(
            f"a generation whose models and data are there expected, got {to}, of which `detent gc` deleted some"
        )
    if to == state.generation - 1 and not state.slots:
        raise UsageError(f"an earlier generation than {to} expected: that is where the run stands")
    RunFolder(folder).check()
    if not places.seal_path(signed_charter(RunFolder(folder)).charter.seal.tip).is_file():
        raise UsageError("the seal's secret expected on this machine, got none; roll back where the run runs")
