"""The ledger's entry kinds. Each is a fact that happened; its kind carries the schema's version.

    >>> Decided(decision="carry", incumbent="", candidate="", team=(), because="").kind
    'decision/v1'

The ledger itself sees bytes; `decoding` reads them as these.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from detent.values.changes import Change, Proposer
from detent.values.entry import Entry
from detent.values.explained import Explained
from detent.values.gate import Intent, Outcome
from detent.values.health import Agreement, Compares, FalsePraise, OwnAnswers
from detent.values.outside import Inspected, ModelFetched, ModelGiven
from detent.values.people import Answered, CharterSigned, LeaseGranted, Ordered, Requested
from detent.values.problems import Origin
from detent.values.profiles import Flips, Profile, Score
from detent.values.proposals import Diagnosis, Proposal
from detent.values.serving import ServerAsked
from detent.values.trained import (
    CandidateTrained,
    JudgeTrained,
    Method,
    OfMember,
    Reshaped,
    SubjectBuilt,
    Tuned,
)
from detent.values.watching import Action, Reading

PROCESSOR = "processor"
"""The name under which a session's `software` has the kind of processor; sessions of older versions have none."""


class Refused(Entry, frozen=True, tag="refusal/v1"):
    """Something was handed to the run, or done to it, that may not be: `digest` of what it was, and why it was refused.

    Where nothing of it was kept, as of a worker's result, `digest` is that of the reason.
    """

    what: str
    digest: str
    because: str


class Collected(Entry, frozen=True, tag="collected/v1"):
    """Files that the charter's [retention] lets go were deleted: `models`, `data` and `answers`, by their digests.

    It is written before they are: what it names may still be there, and nobody may count on it.
    """

    models: tuple[str, ...]
    data: tuple[str, ...]
    answers: tuple[str, ...]
    because: str


class SessionStarted(Entry, frozen=True, tag="session/v1"):
    """A `detent run` began. `confined` says whether workers were; `unconfined_because` why not.

    software: versions by name, and under PROCESSOR the kind of processor.
    evaluator: digest of the evaluating code. tasks: of each task's code. threads: CPU threads of a worker.
    """

    software: dict[str, str]
    seed: int
    threads: int
    confined: bool
    unconfined_because: str
    evaluator: str
    tasks: dict[str, str] = {}  # noqa: RUF012  msgspec copies it


class DataMade(Entry, frozen=True, tag="data/v1"):
    """A data file came to be. counts[task][level as text]; offered likewise for self-made data.

    A generation has one of answers, and may have one of each other origin.

    stream: seed (hex) of the problems it was made from. flops: of the answers it was made from, at the most.
    """

    digest: str
    origin: Origin
    counts: dict[str, dict[str, int]]
    offered: dict[str, dict[str, int]]
    stream: str
    flops: float = 0.0

    @property
    def slot(self) -> str:
        return self.kind if self.origin.source in {"seed", "self"} else f"{self.kind}/{self.origin.source}"


class Profiled(OfMember, frozen=True, kw_only=True, tag="profile/v1"):
    """A model was measured on problems from `stream` (hex seed).

    visible: problems in the open, the same for all members of a generation; they aim and screen.
    fresh: problems nothing else used, drawn after the model's digest was on the ledger; what status shows.
    flops: of the answers, at the most.
    """

    purpose: Literal["visible", "fresh"]
    profile: Profile
    stream: str
    flops: float = 0.0

    @property
    def slot(self) -> str:
        return f"{self.kind}/visible/{self.member}" if self.purpose == "visible" else f"{self.kind}/fresh"


class Diagnosed(Entry, frozen=True, tag="diagnosis/v1"):
    """The ranked weaknesses."""

    diagnosis: Diagnosis


class Declined(Struct, frozen=True, forbid_unknown_fields=True):
    """A change that may not be tried, in the proposer's words or ours, and why."""

    by: Proposer
    said: str
    because: str


class Suggested(Entry, frozen=True, tag="suggested/v1"):
    """Changes that are tried in this turn, each in trials of its own, before one of them or none is proposed.

    Number 0 is no change, and stands for all of them to beat; changes[0] is number 1.
    declined: what was suggested and is outside of what the charter allows. because: why now.
    """

    changes: tuple[Change, ...]
    because: str
    declined: tuple[Declined, ...] = ()


class Withdrawn(Entry, frozen=True, tag="withdrawn/v1"):
    """A trial that could not go on: the change cannot be made, or its model cannot be trained."""

    because: str


class Proposed(Entry, frozen=True, tag="proposal/v1"):
    """What will be tried."""

    proposal: Proposal


class Audited(Entry, frozen=True, tag="audit/v1"):
    """Totals of a label audit: of `asked` drawn from the file, `right` were right. Never single outcomes.

    praised: likewise of those among them that the labels' judge praised; empty where none had a say.
    """

    data: str
    labels: dict[str, Score]
    stream: str
    praised: dict[str, Score] = {}  # noqa: RUF012  msgspec copies it


class Flipped(Entry, frozen=True, tag="flips/v1"):
    """What a method made right and what it made wrong, on audited problems: totals by task, never single outcomes.

    before -> after: a draft and its revision in the file `data`; or what a member answered before it was tuned, and
    after. Of revisions by principle the tasks are the principle's, and right is what keeps to it.
    stream: drew the sample, or the problems. flops: of the answers, at the most.
    """

    method: Method
    data: str
    flips: dict[str, Flips]
    stream: str
    flops: float = 0.0

    @property
    def slot(self) -> str:
        return f"{self.kind}/{self.method}"


class JudgeTested(Entry, frozen=True, tag="health/v1"):
    """How the judge of this generation's labels does on cases that are known: totals by task.

    anchors: the same cases in every generation, never trained on; of them those judged rightly. stream: they come from.
    false_praise: of the anchors whose answer is wrong.
    parent: the judge before it, whose word on the anchors `agreement` compares; "" and None where there is none, or
        its weights were deleted as the charter allows.
    own: the judge on its own answers; None in records of before it was asked, and where there is no other model.
    flops: of all of it, at the most.
    compares: of a judge that compares answers; its anchors are pairs of answers, and nothing is praised.
    """

    judge: str
    anchors: dict[str, Score]
    stream: str
    flops: float = 0.0
    false_praise: FalsePraise = FalsePraise()
    parent: str = ""
    agreement: Agreement | None = None
    own: OwnAnswers | None = None
    compares: Compares | UnsetType = UNSET


class IntentWritten(Entry, frozen=True, tag="intent/v1"):
    """Opening k will be made, exactly so."""

    intent: Intent


class Cosigned(Entry, frozen=True, tag="cosigned/v1"):
    """Witnesses saw that the ledger's first `size` entries continue all that they saw before.

    purpose: `seal` between an intent and its outcome, of the size right after the intent; `decision` before a
        promotion, of everything up to there.
    note: the checkpoint of that size with the log's signature and theirs (C2SP tlog-checkpoint, tlog-cosignature).
    """

    purpose: Literal["seal", "decision"]
    size: int
    note: str

    @property
    def slot(self) -> str:
        return f"{self.kind}/{self.purpose}"

    @property
    def witnesses(self) -> tuple[str, ...]:
        """Names on the note's signature lines after the first, which is the log's."""
        lines = [line for line in self.note.splitlines() if line.startswith("\N{EM DASH} ")]
        return tuple(sorted({line.split(" ")[1] for line in lines[1:]}))


class BeaconDrawn(Entry, frozen=True, tag="beacon/v1"):
    """The round that the intent named came out. All in hex, as drand publishes it.

    randomness: SHA-256 of the signature. previous: signature of the round before, "" where rounds are not chained.
    """

    chain: str
    round: int
    randomness: str
    signature: str
    previous: str = ""


class Released(Entry, frozen=True, tag="released/v1"):
    """The auditor who holds the seal's chain gave its link for the open intent; `note` is their word for it, signed.

    What the note says: `detent.coordinate.Release`.
    """

    note: str


class OutcomeWritten(Entry, frozen=True, tag="outcome/v1"):
    """Opening k was made; s_k is revealed. flops: of both models' answers, at the most; 0 of a void one."""

    outcome: Outcome
    flops: float = 0.0


class Mastered(Entry, frozen=True, tag="mastery/v1"):
    """Rungs measured for mastery on fresh problems: levels[task][level as text] = [right, asked].

    added: the rungs whose lower bound reached the mastery bound; they stay mastered.
    flops: of the answers, at the most.
    """

    subject: str
    stream: str
    levels: dict[str, dict[str, Score]]
    added: dict[str, tuple[int, ...]]
    flops: float = 0.0


class Watched(Entry, frozen=True, tag="watch/v1"):
    """Every tripwire's measurement, fired or not, and what the charter makes of those that fired.

    flops: of comparisons, sweeps and the few steps of training, at the most.
    """

    readings: tuple[Reading, ...]
    actions: dict[str, Action]
    flops: float = 0.0


class Decided(Entry, frozen=True, tag="decision/v1"):
    """What becomes of the generation. It closes it, and spends one generation of the lease.

    promote:  the candidate is the incumbent from here on.
    carry:    not promoted; training goes on from a candidate.
    discard:  not promoted; training goes on from where it began.
    rollback: stewards ordered the models of generation `to` back in force.
    team: the models that training goes on from; they also vote on each other's labels.
    """

    decision: Literal["promote", "carry", "discard", "rollback"]
    incumbent: str
    candidate: str
    team: tuple[str, ...]
    because: str
    to: int | None = None


class Enclosed(Entry, frozen=True, tag="enclosed/v1"):
    """An entry larger than a ledger takes (65,535 bytes): its `size` bytes lie in `answers/`, under their SHA-256.

    Whoever reads entries reads those bytes in its place; none of it is ever folded.
    """

    sha256: str
    size: int


AnyEntry = (
    CharterSigned
    | LeaseGranted
    | SessionStarted
    | Ordered
    | Refused
    | Collected
    | ModelFetched
    | ModelGiven
    | Inspected
    | DataMade
    | SubjectBuilt
    | Profiled
    | Diagnosed
    | Suggested
    | Withdrawn
    | Proposed
    | Audited
    | Reshaped
    | CandidateTrained
    | Tuned
    | Flipped
    | JudgeTrained
    | ServerAsked
    | JudgeTested
    | IntentWritten
    | Cosigned
    | BeaconDrawn
    | Released
    | OutcomeWritten
    | Mastered
    | Explained
    | Watched
    | Requested
    | Answered
    | Decided
    | Enclosed
)
