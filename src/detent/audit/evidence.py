"""What there is to be verified, and how it reads: entries, and the state that each of them met.

    >>> case = read(evidence)
    >>> [step.entry.kind for step in case.steps][:2]
    ['charter/v1', 'lease/v1']

Nothing here raises on bad evidence: what cannot be read is kept as a fault, and the rest is read on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from detent.audit.fsck import Tree, fsck
from detent.charter import Catalogue, SignedCharter, verified
from detent.errors import DetentError
from detent.signing import VerifyKey
from detent.tasks import TaskSource
from detent.values import CharterSigned, Entry, State, decode_entry, fold

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run folder, handed over for verification.

    ledger: folder of the log. log_key: that its checkpoints are signed with; None when it cannot be had.
    charter, envelope: the texts of charter.toml and charter.dsse; "" when they cannot be had.
    models, data, answers: folders of files named by digest. models also holds the link `incumbent`.
    tasks: the improved tasks by name; one whose code cannot be had is left out.
    catalogue: what a charter may name.
    """

    ledger: Path
    log_key: VerifyKey | None
    charter: str
    envelope: str
    models: Path
    data: Path
    answers: Path
    tasks: Mapping[str, TaskSource]
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class Step:
    """One entry: where it stands, its bytes, what they say, and the state before it.

    refused: why the state does not take it, "" when it does; it is then left out of the states after it.
    """

    index: int
    data: bytes
    entry: Entry
    before: State
    refused: str

    @property
    def place(self) -> str:
        """How a fault names it."""
        return f"entry {self.index}"


@dataclass(frozen=True, slots=True)
class Case:
    """Evidence as far as it can be read.

    unread: why entries cannot be decoded. state: after the last entry.
    signed: the charter on the ledger, when it can be believed; mistrust: why not.
    """

    evidence: Evidence
    tree: Tree
    steps: tuple[Step, ...]
    unread: tuple[str, ...]
    state: State
    signed: SignedCharter | None
    mistrust: str

    def all(self, kind: type[E]) -> Iterator[tuple[Step, E]]:
        """The steps whose entries are of that kind, in order, each with its entry."""
        for step in self.steps:
            if isinstance(step.entry, kind):
                yield step, step.entry


def read(evidence: Evidence) -> Case:
    """Read everything that checks share."""
    tree = fsck(evidence.ledger, evidence.log_key)
    steps, unread, state = _replayed(tree)
    signed, mistrust = _charter(steps, evidence)
    return Case(evidence, tree, steps, unread, state, signed, mistrust)


def _replayed(tree: Tree) -> tuple[tuple[Step, ...], tuple[str, ...], State]:
    """Fold entry by entry; one that cannot be read or that the state refuses is passed over."""
    steps, unread, state = [], [], State()
    for index, data in enumerate(tree.entries):
        try:
            entry = decode_entry(data)
        except (DetentError, RecursionError) as error:
            unread.append(f"entry {index}: {error}")
            continue
        after, refused = _folded(entry, state)
        steps.append(Step(index, data, entry, state, refused))
        state = after
    return tuple(steps), tuple(unread), state


def _folded(entry: Entry, state: State) -> tuple[State, str]:
    try:
        return fold([entry], state), ""
    except DetentError as error:
        return state, str(error)


def _charter(steps: tuple[Step, ...], evidence: Evidence) -> tuple[SignedCharter | None, str]:
    """The ledger's own charter, since that is the one the run was made under."""
    first = next((step.entry for step in steps if isinstance(step.entry, CharterSigned)), None)
    if first is None:
        return None, "a charter expected as the first entry, got none on the ledger"
    try:
        return verified(first.envelope, evidence.catalogue, "the ledger's charter"), ""
    except DetentError as error:
        return None, str(error)
