"""What there is to be verified, and how it reads: entries, the state that each of them met, and what people signed.

    >>> case = read(evidence)
    >>> [step.entry.kind for step in case.steps][:2]
    ['charter/v1', 'lease/v1']

Nothing here raises on bad evidence: what cannot be read is kept as a fault, and the rest is read on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from detent.audit.files import named_file
from detent.audit.fsck import Tree, fsck
from detent.audit.signatures import Charters, Signatures, judged
from detent.audit.steps import Step, replayed
from detent.charter import Catalogue
from detent.signing import VerifyKey
from detent.tasks import Proxy, TaskSource
from detent.values import (
    Collected,
    Entry,
    State,
    Trained,
)

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run folder, handed over for verification.

    ledger: folder of the log. log_key: that its checkpoints are signed with; None when it cannot be had.
    charter, envelope: the texts of charter.toml and charter.dsse; "" when they cannot be had.
    models, data, answers: folders of files named by digest. models also holds the link `incumbent`.
    states: the folder of what optimizers remember; None where only the record and its models were handed over.
    tasks: code of tasks, and of what principles ask, of every charter that was in force; what cannot be had is left
        out. They are found by their own names and digests, whatever their keys here.
    catalogue: what a charter may name.
    heads: (who keeps it, size, root in hex) of heads of this ledger that are kept elsewhere.
    unread_heads: why heads that are kept elsewhere cannot be read; whether the ledger was set back is not known then.
    wires: SHA-256 of the files of the author's own tripwires in the charter in force, by name; what cannot be had is
        left out.
    proxies: code of the author's own proxies, as of tasks: labels are asked about as they were when they were made.
    constitutions: texts of the constitutions of all these charters; they are found by their digests.
    left_out: why something is not at hand, by its path in a run folder, such as `data/<digest>.jsonl`,
        `models/<digest>` or `models/incumbent`: whoever handed the evidence over says so. It is no fault that it is
        missing, and what was not checked for it is said.
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
    wires: Mapping[str, str] = field(default_factory=dict)
    proxies: Mapping[str, Proxy] = field(default_factory=dict)
    constitutions: Sequence[str] = ()
    heads: Sequence[tuple[str, int, str]] = ()
    unread_heads: Sequence[str] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    states: Path | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Evidence as far as it can be read.

    unread: why entries cannot be decoded. state: after the last entry.
    collected: by its path in a run folder, why something was deleted: the charter let it go, and that is on record.
    """

    evidence: Evidence
    tree: Tree
    steps: tuple[Step, ...]
    unread: tuple[str, ...]
    state: State
    signatures: Signatures
    collected: Mapping[str, str] = field(default_factory=dict)

    def without(self, path: str) -> str:
        """Why what lies there in a run folder is rightly not at hand; "" where it should be.

        What is there all the same is looked at like everything else.
        """
        return self.collected.get(path, "") or self.evidence.left_out.get(path, "")

    @property
    def charters(self) -> Charters | None:
        """The charters on the ledger, when they can be believed."""
        return self.signatures.charters

    def all(self, kind: type[E]) -> Iterator[tuple[Step, E]]:
        """The steps whose entries are of that kind, in order, each with its entry, without those that only hang."""
        for step in self.steps:
            if isinstance(step.entry, kind) and not step.hangs:
                yield step, step.entry

    def trained(self) -> Iterator[tuple[Step, Trained]]:
        """The same, of every model that was trained."""
        for step in self.steps:
            if isinstance(step.entry, Trained) and not step.hangs:
                yield step, step.entry


def read(evidence: Evidence) -> Case:
    """Read everything that checks share."""
    tree = fsck(evidence.ledger, evidence.log_key)
    steps, unread, state = replayed(tree, lambda digest, most: named_file(evidence.answers, digest, "", most))
    signatures = judged(steps, tree, evidence.catalogue)
    return Case(evidence, tree, steps, unread, state, signatures, _collected(steps, state))


def _collected(steps: Sequence[Step], state: State) -> dict[str, str]:
    """What was deleted and not made again since, with the entry that says so."""
    found: dict[str, str] = {}
    for step in steps:
        if isinstance(step.entry, Collected) and not step.refused:
            entry, why = step.entry, f"deleted by rule ({step.place})"
            for digest in state.collected & {*entry.models, *entry.data, *entry.answers}:
                found |= dict.fromkeys((f"models/{digest}", f"data/{digest}.jsonl", f"answers/{digest}"), why)
    return found
