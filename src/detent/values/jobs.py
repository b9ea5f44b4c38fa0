"""What crosses between the two sides: a job goes in, progress and one result come out.

Each is a line of JSON. Prompts go in, completions come out; a true answer above the seed levels never
crosses. Weights and data cross as folders and files named by digest.
"""

from math import isfinite
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from detent.errors import UsageError
from detent.values._record import Record
from detent.values.feedback import (
    Judged,
    JudgeJob,
    PreferJob,
    ReinforceJob,
    Revised,
    ReviseJob,
    Sampled,
    SampleJob,
)
from detent.values.inside import Interpreted, InterpretJob
from detent.values.problems import Example, Slice
from detent.values.proposals import LabelRecipe
from detent.values.room import Room
from detent.values.search import SuggestedPoints, SuggestJob
from detent.values.shape import Edit

Device = Literal["auto", "cpu", "cuda"]
"""What a worker computes on. "auto": the first GPU where PyTorch finds one, else the processor."""


class Lora(Struct, frozen=True, forbid_unknown_fields=True):
    """What of a model is trained when it is not all of it: a product of two thin matrices beside each layer's weights.

    rank: their common side. alpha: the product counts alpha / rank times. dropout: share of inputs left out at
    training. targets: the last parts of the layers' names; "all-linear" is all but the output.
    """

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"


class Optimizer(Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is trained. Learning rates have no unit; batch counts examples.

    What is UNSET stands in no entry. method: "adamw" for all weights, at `other_rate`; UNSET: Muon for matrices inside
    the layers. micro_batch: most examples at a time, whose gradients are added up; UNSET: half of a batch. lora: what
    is trained; UNSET: all of it. carry: a training leaves its optimizers' state, and goes on from the state that its
    job names; UNSET: each begins with none, and leaves none.
    """

    matrix_rate: float = 0.02
    other_rate: float = 0.003
    batch: int = 128
    warmup_steps: int = 20
    decay_share: float = 0.3
    clip: float = 1.0
    method: Literal["adamw"] | UnsetType = UNSET
    micro_batch: int | UnsetType = UNSET
    lora: Lora | UnsetType = UNSET
    carry: Literal[True] | UnsetType = UNSET


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """A data file by digest, the share of every batch drawn from it, and from which of its rungs (() = all)."""

    data: str
    weight: float
    rungs: tuple[Slice, ...] = ()


class BuildJob(Record, frozen=True, tag="build"):
    """Make an untrained default subject of this shape in the staging folder."""

    seed: int
    layers: int = 3
    hidden: int = 128
    intermediate: int = 352
    heads: int = 4
    rotary: bool = False


class ReshapeJob(Record, frozen=True, tag="reshape"):
    """Make the model `parent` (digest) of another shape, what is new drawn by `seed`, into the staging folder.

    prompts: on which the two are compared; one at least.
    """

    parent: str
    edit: Edit
    seed: int
    prompts: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what nothing could be compared on."""
        if not self.prompts:
            raise UsageError("prompts to compare the two models on expected, got none; give one")


class TrainJob(Record, frozen=True, tag="train"):
    """Train the model `parent` (digest) on `sources` for `steps`; the result lies in the staging folder.

    state: digest of the optimizers' state that the parent's own training left; UNSET: they begin with none. edit: the
    state is of the model that this edit made the parent of, and is carried where names and shapes are still the same.
    """

    parent: str
    sources: tuple[Source, ...]
    steps: int
    seed: int
    optimizer: Optimizer = Optimizer()
    state: str | UnsetType = UNSET
    edit: Edit | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse what says two things at once."""
        if self.state is not UNSET and self.optimizer.carry is UNSET:
            raise UsageError("optimizer.carry expected where a state is named, got none; leave the state out")
        if self.edit is not UNSET and self.state is UNSET:
            raise UsageError(f"a state that {self.edit.said} is of expected, got none; leave the edit out")


class LabelJob(Record, frozen=True, tag="label"):
    """Let `models` (digests, the first writes, all vote) answer `prompts[task][level as text]`, and filter.

    extra_tokens: the room of an answer.
    judge: digest of a model that marks what they agree on; "" for none.
    """

    models: tuple[str, ...]
    prompts: dict[str, dict[str, tuple[str, ...]]]
    recipes: dict[str, LabelRecipe]
    seed: int
    extra_tokens: Room = 4
    judge: str = ""


class ScoreJob(Record, frozen=True, tag="score"):
    """How likely `model` (digest) finds each completion after its prompt: rows of (prompt, completion)."""

    model: str
    rows: tuple[tuple[str, str], ...]


class AnswerJob(Record, frozen=True, tag="answer"):
    """Let `model` (digest) answer `prompts` greedily, in order.

    noise: standard deviation of Gaussian noise on every weight matrix, in units of the root mean square of that
    matrix; drawn by `seed`, for this job only. 0 leaves the model as it is.
    """

    model: str
    prompts: tuple[str, ...]
    extra_tokens: Room = 4
    noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a deviation that none can have."""
        if not (isfinite(self.noise) and self.noise >= 0.0):
            raise UsageError(
                f"a finite noise of 0 or more expected, got {self.noise}; it is a share of a matrix's size"
            )


class ElicitJob(Record, frozen=True, tag="elicit"):
    """Train a copy of `model` (digest) on `sources` for a few `steps`, let it answer `prompts`, and throw it away.

    What a model can do after a little training that it does not do by itself, it may be holding back.
    """

    model: str
    sources: tuple[Source, ...]
    steps: int
    seed: int
    prompts: tuple[str, ...]
    optimizer: Optimizer = Optimizer()
    extra_tokens: Room = 4


class MergeJob(Record, frozen=True, tag="merge"):
    """Write the adapter `model` (digest) and its base as one whole model, in the base's precision, into staging."""

    model: str


Job = (
    BuildJob
    | ReshapeJob
    | TrainJob
    | LabelJob
    | ScoreJob
    | AnswerJob
    | InterpretJob
    | ElicitJob
    | MergeJob
    | SampleJob
    | ReviseJob
    | JudgeJob
    | PreferJob
    | ReinforceJob
    | SuggestJob
)


Phase = Literal[
    "build",
    "reshape",
    "train",
    "label",
    "score",
    "answer",
    "interpret",
    "elicit",
    "merge",
    "sample",
    "revise",
    "judge",
    "prefer",
    "reinforce",
    "suggest",
]
"""What a worker is doing: one for each kind of job."""


class Progress(Record, frozen=True, tag="progress"):
    """`done` of `total` units; `note` is a short live figure such as a loss."""

    phase: Phase
    done: int
    total: int
    note: str = ""


class BuiltModel(Record, frozen=True, tag="built"):
    """A model that nothing was trained for lies in the staging folder under `folder`: untrained, or merged."""

    folder: str
    parameters: int


class ReshapedModel(Record, frozen=True, tag="reshaped"):
    """A model in another shape, which nothing was trained for since, lies in the staging folder under `folder`.

    distance: the largest difference of two logits between it and its parent, over the parent's largest logit.
    """

    folder: str
    parameters: int
    distance: float


class TrainedModel(Record, frozen=True, tag="trained"):
    """A trained model lies in the staging folder under `folder`.

    losses: mean loss of each tenth of the steps (nats a token; of DPO nats a pair, of GRPO its own).
    flops: 6 x parameters x tokens learnt from + 2 x parameters x tokens only read, by the model while it writes, its
    reference and its judge. learnt, read: those tokens, padding included.
    change: for each module, |new - old| / |old| in Frobenius norm. precision: of the matrix products.
    state: a folder beside it, with what its optimizers remember, where the job's optimizer carries that on.
    """

    folder: str
    parameters: int
    losses: tuple[float, ...]
    flops: float
    change: dict[str, float]
    precision: str = "float32"
    learnt: int = 0
    read: int = 0
    state: str | UnsetType = UNSET


class Labels(Record, frozen=True, tag="labels"):
    """The kept examples, and how many prompts were offered on each rung."""

    kept: tuple[Example, ...]
    offered: dict[str, dict[str, int]]


class Answers(Record, frozen=True, tag="answers"):
    """One completion a prompt, in order; cut at the end mark."""

    completions: tuple[str, ...]


class Scored(Record, frozen=True, tag="scored"):
    """ln p of each row's completion, in nats, in order."""

    log_likelihoods: tuple[float, ...]


class JobFailure(Record, frozen=True, tag="failure"):
    """The job could not be done. `error` names a class of the error tree."""

    error: str
    message: str


Result = (
    BuiltModel
    | ReshapedModel
    | TrainedModel
    | Labels
    | Scored
    | Answers
    | Interpreted
    | Sampled
    | Revised
    | Judged
    | SuggestedPoints
    | JobFailure
)

_job_decoder: msgspec.json.Decoder[Job] = msgspec.json.Decoder(Job)
_result_decoder: msgspec.json.Decoder[Result | Progress] = msgspec.json.Decoder(Result | Progress)
encode_line = msgspec.json.encode


def decode_job(line: bytes) -> Job:
    """Read one job line.

    Raises:
        msgspec.ValidationError: it is not one.
        UsageError: nobody can do it.
    """
    return _job_decoder.decode(line)


def decode_result(line: bytes) -> Result | Progress:
    """Read one line from a worker; raises msgspec.ValidationError when it is neither result nor progress."""
    return _result_decoder.decode(line)
