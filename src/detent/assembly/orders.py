"""What people tell a run: leases, orders, answers, amendments. The only code beside `init` that opens a steward's key.

Each is signed here, looked at as the run would, and put into its inbox. When no process has the run open it is
written down at once; else the one that has it does, at once for a halt, otherwise after the generation in progress.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detent.assembly.clock import now
from detent.assembly.drafting import (
    check_rollback,
    draft_answer,
    draft_lease,
    draft_order,
    draft_waiting,
    look,
)
from detent.assembly.inbox import Inbox
from detent.assembly.office import open_office
from detent.assembly.places import RunFolder
from detent.assembly.principles import vet_amended
from detent.assembly.reading import ledger_at
from detent.assembly.tasks import amended_wires, catalogue, closing
from detent.charter import (
    Charter,
    Command,
    Reply,
    amend_text,
    draft_text,
    endorse,
    parse_charter,
    rotate,
)
from detent.errors import BusyError, TrustError, UsageError
from detent.oversight import STOPS, Desk, Pending, payload_digest, payloads_of, received, type_of
from detent.signing import SigningKey, add_signature
from detent.tripwires import CATALOGUE, own
from detent.values import Decided, Entry, Ordered, restored

PATIENCE = 15.0
"""Seconds to wait for a running process to obey a halt."""

GLANCE = 1.0
"""Seconds to wait for one to take in anything else, which it does between generations."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of something that was handed in.

    entry: as it stands on the ledger; None while it waits. waits: for what, "" when it is on the ledger. path: where.
    moved: what was moved out of the run's way meanwhile, a sentence each.
    """

    entry: Entry | None
    waits: str
    path: Path
    moved: tuple[str, ...] = ()


def grant_lease(
    folder: Path,
    generations: int,
    *,
    hours: float | None = None,
    petaflop: float | None = None,
    keys: Sequence[SigningKey],
) -> Handed:
    """Grant another lease; hours and petaflop are the most the charter allows where they are not given.

    Raises:
        CharterError: the charter does not allow as much at once.
        TrustError: the key is not a steward's.
    """
    draft = draft_lease(folder, generations, hours=hours, petaflop=petaflop)
    return hand_in(folder, draft.sealed(keys))


def give_order(
    folder: Path, command: Command, because: str, *, to: int | None = None, keys: Sequence[SigningKey]
) -> Handed:
    """Pause, resume, halt, lift or roll back, as stewards.

    Raises:
        UsageError: there is nothing to resume, lift or roll back.
        TrustError: the key is not a steward's, or what a rollback is to put back is damaged.
        BusyError: a rollback while a process runs the loop.
    """
    return hand_in(folder, draft_order(folder, command, because, to=to).sealed(keys))


def undone_by(folder: Path, to: int) -> str:
    """What a rollback to generation `to` undoes, as a sentence.

    Raises:
        UsageError: no such generation is closed, or there is nothing to undo.
    """
    at = ledger_at(RunFolder(folder))
    check_rollback(at, to, folder)
    state = at.state
    undone = [generation for generation in state.past if generation > to]
    promoted = [g for g in undone if _promoted(state.history[g].get("decision/v1"))]
    then = restored(state.history, to).fresh
    parts = [_span(undone), "the one in progress" if state.slots else ""]
    sentence = f"undoes {' and '.join(part for part in parts if part)}"
    sentence += (
        f", of which {', '.join(map(str, promoted))} promoted" if promoted else ", none of which promoted"
    )
    if then is not None and state.fresh is not None:
        sentence += f"; the ladder goes from {state.fresh.ladder():.3f} to {then.ladder():.3f}"
    return f"{sentence}. What was spent stays spent"


def _span(generations: Sequence[int]) -> str:
    if len(generations) > 1:
        return f"generations {generations[0]} to {generations[-1]}"
    return f"generation {generations[0]}" if generations else ""


def _promoted(entry: Entry | None) -> bool:
    return isinstance(entry, Decided) and entry.decision == "promote"


def give_answer(
    folder: Path, number: int, verdict: Reply, because: str, *, keys: Sequence[SigningKey]
) -> Handed:
    """Approve or deny what request `number` asks; a no counts until the decision, also after a yes.

    Raises:
        UsageError: there is no such request, or it is answered.
        TrustError: the key is not a steward's.
    """
    return hand_in(folder, draft_answer(folder, number, verdict, because).sealed(keys))


def amend_charter(folder: Path, source: Path, *, keys: Sequence[SigningKey]) -> Handed:
    """Amend the charter: the old quorum and the new one sign the text in `source`.

    Raises:
        CharterError: everything that is wrong with it, or that no amendment may change; a tripwire of the author's
            own or a constitution is new, and the run folder has not its file.
        TaskError: the file of such a one is there, and is not in order.
        TrustError: a key counts for neither quorum.
    """
    signed, _ = look(folder)
    text = amend_text(signed, draft_text(source), catalogue(), str(source))
    amended, files = parse_charter(text, catalogue(), str(source)), RunFolder(folder).tasks
    _vet_wires(signed.charter, amended, files)
    vet_amended(amended, files)
    return hand_in(folder, endorse(text, keys))


def _vet_wires(old: Charter, new: Charter, files: Path) -> None:
    """Let those of the author's tripwires that are new or changed look at examples."""
    with closing(amended_wires(old, new, files)) as lookouts:
        for lookout in lookouts.values():
            own.vet(lookout, new.direction.improve, CATALOGUE)


def rotate_key(folder: Path, old: SigningKey, new: SigningKey, *, keys: Sequence[SigningKey] = ()) -> Handed:
    """Put a new key in the place of an old one; both sign, and whoever else the quorums need."""
    signed, _ = look(folder)
    text = rotate(signed.text, old.verify_key, new.verify_key)
    return hand_in(folder, endorse(text, [old, new, *keys]))


def sign_waiting(
    folder: Path, name: str, keys: Sequence[SigningKey], say: Callable[[str], None] = lambda _: None
) -> Handed:
    """Add signatures to what waits in the inbox; `name` is the beginning of the file's, its payload's digest.

    say: told, in lines, what is signed; the very text that was read for it is.

    Raises:
        UsageError: no such file holds what its name says, or several do.
    """
    draft = draft_waiting(folder, name)
    for line in draft.says(folder):
        say(line)
    return hand_in(folder, draft.sealed(keys))


def sign_file(path: Path, keys: Sequence[SigningKey]) -> str:
    """The envelope in a file with more signatures; nothing is written."""
    try:
        envelope = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"an envelope in {path} expected, got: {error}; name another file") from error
    return _with_signatures(envelope, keys)


def _with_signatures(envelope: str, keys: Sequence[SigningKey]) -> str:
    for key in keys:
        envelope = add_signature(envelope, type_of(envelope), key)
    return envelope


def hand_in(folder: Path, envelope: str) -> Handed:
    """Look at an envelope as the run would, and see it onto the ledger where that can be; else it waits in the inbox.

    Where the run can be opened, it comes before what lies in the inbox: no flood of files keeps it out.

    Raises:
        TrustError, CharterError: the run would refuse it; it was not handed in.
        SealError, TrustError: a rollback that was ordered cannot be carried out; what stops the run is written
            down all the same.
    """
    signed, at = look(folder)
    inbox = Inbox(RunFolder(folder).inbox)
    envelope = inbox.with_draft(envelope)
    obeyed = payloads_of(at.entries)
    desk = Desk(signed, at.state, catalogue(), at.root, obeyed, max(now(), at.state.latest_at))
    found = received(envelope, desk)
    handed = _handed_in(folder, envelope, found)
    inbox.drop_draft(payload_digest(envelope))
    return handed


def _handed_in(folder: Path, envelope: str, found: Entry | Pending) -> Handed:
    inbox, digest = Inbox(RunFolder(folder).inbox), payload_digest(envelope)
    stops = isinstance(found, Ordered) and found.order in STOPS
    try:
        with open_office(folder) as office:
            after, taken = office.take_one(envelope)
            one = taken[-1]
            taken += after.take_stops() if stops else after.take_in()[1]
    except BusyError:
        urgent = isinstance(found, Ordered) and found.order == "halt"
        return _awaited(folder, digest, inbox.put(envelope), PATIENCE if urgent else GLANCE)
    moved = tuple(one.said for one in taken if one.path.parent != inbox.folder)
    if one.entry is None and one.path.exists():
        return Handed(None, one.said, one.path, moved)
    return replace(_found(folder, digest, one.path), moved=moved)


def _awaited(folder: Path, digest: str, path: Path, patience: float) -> Handed:
    """A process has the run open: what is urgent it takes in at once, the rest after the generation in progress."""
    deadline = time.monotonic() + patience
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    if path.exists():
        return Handed(None, "the run takes it in when the generation in progress is closed", path)
    return _found(folder, digest, path)


def _found(folder: Path, digest: str, path: Path) -> Handed:
    for entry in reversed(ledger_at(RunFolder(folder)).entries):
        envelope = getattr(entry, "envelope", "")
        if envelope and payload_digest(envelope) == digest:
            return Handed(entry, "", path)
    raise TrustError(
        f"{path.name} on the ledger expected, got it refused; see the newest entries of the ledger"
    )
