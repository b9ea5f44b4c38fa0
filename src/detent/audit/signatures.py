"""What people signed: the charter and its amendments, leases, orders, answers, each judged where it stands.

>>> signatures = judged(steps, tree, catalogue)
>>> signatures.charters.at(step).charter.version, signatures.faults
(2, {})
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from detent.audit.fsck import Tree
from detent.audit.steps import Step
from detent.charter import Catalogue, SignedCharter, claimed, set_by, verified
from detent.errors import DetentError
from detent.oversight import Desk, check_entry, payload_digest
from detent.values import Answered, CharterSigned, LeaseGranted, Ordered

Handed = CharterSigned | LeaseGranted | Ordered | Answered


@dataclass(frozen=True, slots=True)
class Charters:
    """The charters that can be believed, each in force from its entry on.

    since: where those entries stand.
    """

    signed: tuple[SignedCharter, ...]
    since: tuple[int, ...]

    @property
    def newest(self) -> SignedCharter:
        """The one in force at the end."""
        return self.signed[-1]

    def at(self, step: Step) -> SignedCharter:
        """The one in force before the entry was written: an amendment's own entry is judged by the charter before.

        With what changes of the feedback loop had set until then; where those cannot be set, as people signed it, and
        `lineage` says so.
        """
        signed = self.until(step)[-1]
        try:
            return replace(signed, charter=set_by(signed.charter, step.before.set_now))
        except DetentError:
            return signed

    def until(self, step: Step) -> tuple[SignedCharter, ...]:
        """That one, and those before it."""
        return self.signed[: max(1, bisect_left(self.since, step.index))]


@dataclass(frozen=True, slots=True)
class Signatures:
    """What can be believed of it.

    charters: None when not even the first can be believed; mistrust: why not. faults: by the entries' places.
    """

    charters: Charters | None
    mistrust: str
    faults: Mapping[int, str]


def judged(steps: Sequence[Step], tree: Tree, catalogue: Catalogue) -> Signatures:
    """Judge everything that people signed; an amendment that cannot be believed is not in force."""
    handed = [step for step in steps if isinstance(step.entry, Handed)]
    first = next((step for step in handed if isinstance(step.entry, CharterSigned)), None)
    if first is None or not isinstance(first.entry, CharterSigned):
        return Signatures(None, "a charter expected as the first entry, got none on the ledger", {})
    try:
        signed = verified(first.entry.envelope, catalogue, "the ledger's charter")
    except DetentError as error:
        return Signatures(None, str(error), {})
    desk = Desk(signed, first.before, catalogue, tree.roots.__getitem__, _payload(first.entry), "")
    return _judged([step for step in handed if step is not first], first.index, desk)


def _judged(handed: Sequence[Step], first: int, desk: Desk) -> Signatures:
    signed, since, faults = [desk.signed], [first], {}
    obeyed = set(
        desk.obeyed
    )  # one for all desks: a copy for each of a hundred thousand orders would take minutes
    desk = replace(desk, obeyed=obeyed)
    for step in handed:
        entry = step.entry
        assert isinstance(entry, Handed)  # noqa: S101  as `judged` chose them
        desk = replace(desk, state=step.before, now=entry.at, signed=signed[-1])
        # What an order or an answer that hangs was given to is not known; that it cannot stand is said once.
        fault = _fault(entry, desk) if not step.hangs or isinstance(entry, CharterSigned) else ""
        if fault:
            faults[step.index] = fault
        elif isinstance(entry, CharterSigned):
            signed.append(claimed(entry.envelope, desk.catalogue))
            since.append(step.index)
        obeyed |= _payload(entry)
    return Signatures(Charters(tuple(signed), tuple(since)), "", faults)


def _fault(entry: Handed, desk: Desk) -> str:
    """Why the entry is not what people signed, "" when it is."""
    try:
        check_entry(entry, desk)
    except Exception as error:  # noqa: BLE001  whatever a hostile envelope breaks, it is not believed
        return str(error) or type(error).__name__
    return ""


def _payload(entry: Handed) -> frozenset[str]:
    """SHA-256 of what was signed: believed or not, it is used once."""
    try:
        return frozenset({payload_digest(entry.envelope)})
    except (DetentError, RecursionError):
        return frozenset()
