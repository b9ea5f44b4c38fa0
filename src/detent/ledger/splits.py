"""Split views: two checkpoints of one log and one size with different roots, and who is shown to have lied.

    >>> found = split_view(first, second, policy)
    >>> found.liars
    ('the log example.com/run', 'the witness lab-a')

A log promises never to sign two such checkpoints (tlog-checkpoint, "Signatures"), and a witness never to cosign them
(tlog-cosignature). Whoever signed both broke that promise, whatever else is true, and anybody with the two notes and
the signer's public key can see it: they are the proof, and it is portable.
"""

from dataclasses import dataclass

from detent.errors import TrustError, UsageError
from detent.ledger.notes import Checkpoint, Note
from detent.ledger.policy import LogKey, Policy, shown, signed_by


@dataclass(frozen=True, slots=True)
class SplitView:
    """Two histories of one log, and everybody of the policy who is shown to have signed both.

    notes: both, with the verified lines of the policy's keys alone. log: whether the log signed both.
    witnesses: names in the policy of those who cosigned both.
    """

    notes: tuple[Note, Note]
    log: bool
    witnesses: tuple[str, ...]

    @property
    def liars(self) -> tuple[str, ...]:
        """Who signed both, as words."""
        origin = shown(Checkpoint.parse(self.notes[0].text).origin)
        log = (f"the log {origin}",) if self.log else ()
        return (*log, *(f"the witness {shown(name)}" for name in self.witnesses))

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is proven, for people."""
        one, other = (Checkpoint.parse(note.text) for note in self.notes)
        roots = f"{one.root.hex()} and {other.root.hex()}"
        return (
            f"{shown(one.origin)} has two histories of {one.size} entries, under the roots {roots}",
            *(f"{who} signed both, so one of them is a lie" for who in self.liars),
        )

    def __str__(self) -> str:
        """Both notes: with the policy's keys they are the whole proof."""
        return "\n".join(map(str, self.notes))


def split_view(first: bytes, second: bytes, policy: Policy) -> SplitView | None:
    """The proof of a split view that two checkpoints are, or None when they say the same.

    The policy says whose keys these are; its quorum does not matter. Signatures by keys that it does not name are
    passed over. A log that has two keys in the policy is one log: it signed both when each has one of its keys.

    Raises:
        UsageError: they are checkpoints of different logs or sizes, of which two roots say nothing.
        TrustError: one is no checkpoint, a line that names a key of the policy does not verify, or nobody of the
            policy signed both, so that nobody is shown to have lied.
    """
    notes = (Note.parse(first), Note.parse(second))
    one, other = (Checkpoint.parse(note.text) for note in notes)
    if one.origin != other.origin:
        raise UsageError(
            f"two checkpoints of one log expected, got one of {shown(one.origin)} and one of {shown(other.origin)}; "
            "two logs may say what they like of each other"
        )
    if one.size != other.size:
        raise UsageError(
            f"two checkpoints of one size expected, got {one.size} and {other.size} entries; whether the longer "
            "continues the shorter shows a consistency proof alone: ask the log for one"
        )
    logs = {f"log {number}": log.key for number, log in enumerate(policy.logs) if log.key.name == one.origin}
    logs_of = [{name for name, key in logs.items() if signed_by(note, key)} for note in notes]
    who = [{name for name, each in policy.witnesses.items() if signed_by(note, each.key)} for note in notes]
    if one.root == other.root:
        return None
    log, both = bool(logs_of[0] and logs_of[1]), tuple(sorted(who[0] & who[1]))
    if not log and not both:
        left, right = _or_nobody(who[0], logs_of[0]), _or_nobody(who[1], logs_of[1])
        raise TrustError(
            f"somebody of the policy who signed both checkpoints of {shown(one.origin)} expected, got {left} for one "
            f"root and {right} for the other; without a key that signed both, one of them may be made up: get the "
            "missing key from somebody you believe"
        )
    keys = [*logs.values(), *(witness.key for witness in policy.witnesses.values())]
    return SplitView((_known(notes[0], keys), _known(notes[1], keys)), log, both)


def _known(note: Note, keys: list[LogKey]) -> Note:
    """The note with the lines of these keys alone: what others added is neither checked nor shown."""
    ids = {(key.name, key.id) for key in keys}
    lines = tuple(line for line in note.signatures if (line.name, line.key_id) in ids)
    return Note(note.text, lines)


def _or_nobody(witnesses: set[str], logs: set[str]) -> str:
    return ", ".join((["the log"] if logs else []) + sorted(map(shown, witnesses))) or "nobody"
