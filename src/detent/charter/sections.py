"""The charter's sections: who decides, how fast, in what direction, within what constraints."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from detent.charter._form import (
    LARGEST_EXACT,
    Bool,
    Change,
    Count,
    Hash,
    Hours,
    Level,
    Part,
    Petaflop,
    Says,
    Section,
    TaskName,
    Wait,
)
from detent.charter.stewards import Quorum
from detent.values import AtMost, Device, Entropy, Objective, Room

Tracker = Literal["tensorboard", "mlflow", "wandb"]
"""By the names that Hugging Face's `report_to` has."""

LAST = "last [1-9][0-9]{0,5}"


Generations = Annotated[int, Field(ge=1, le=100_000), Says("an integer from 1 to 100000")]
Gain = Annotated[float, Field(gt=0, le=1), Says("a number above 0, at most 1")]
PerDay = Annotated[int, Field(ge=0, le=100_000), Says("an integer from 0 to 100000")]
Lag = Annotated[int, Field(ge=0, le=100), Says("an integer from 0 to 100")]
Horizon = Annotated[float, Field(gt=0, le=1000), Says("a level, a number above 0, at most 1000,")]
Gigabytes = Annotated[float, Field(gt=0, le=1e6), Says("a number above 0, at most 1000000,")]
ComputeShare = Annotated[float, Field(ge=0, le=1e6), Says("a number from 0 to 1000000")]
Items = Annotated[int, Field(ge=1, le=10_000_000), Says("an integer from 1 to 10000000")]
Url = Annotated[
    str,
    Field(pattern=r"^https?://[^\s?#]+$", max_length=500),
    Says("a URL beginning with http:// or https://"),
]
KeptModels = Annotated[str, Field(pattern=rf"^(all|promoted|{LAST})$"), Says('"all", "promoted" or "last N"')]
KeptData = Annotated[str, Field(pattern=r"^(all|in_force)$"), Says('"all" or "in_force"')]
KeptAnswers = Annotated[str, Field(pattern=rf"^(all|{LAST})$"), Says('"all" or "last N"')]
Threads = Annotated[int, Field(ge=1, le=1024), Says("an integer from 1 to 1024")]
Store = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9+.-]{1,31}://[^\s?#]+$", max_length=500),
    Says("the address of a folder such as file:///shared/detent or s3://bucket/folder"),
]
ClusterAddress = Annotated[
    str,
    Field(pattern=r"^(auto|[A-Za-z0-9_.-]+:[0-9]{1,5}|\[[0-9A-Fa-f:]+\]:[0-9]{1,5})$", max_length=300),
    Says('"auto" or HOST:PORT'),
]
JobsAbreast = Annotated[int, Field(ge=0, le=1024), Says("an integer from 0 to 1024")]
Processors = Annotated[float, Field(ge=0, le=1024), Says("a number from 0 to 1024")]
Gpus = Annotated[float, Field(ge=0, le=1), Says("a number from 0 to 1")]
Retries = Annotated[int, Field(ge=0, le=100), Says("an integer from 0 to 100")]
Seed = Annotated[int, Field(ge=0, le=LARGEST_EXACT), Says(f"an integer from 0 to {LARGEST_EXACT}")]
Layers = Annotated[int, Field(ge=1, le=1000), Says("an integer from 1 to 1000")]
Width = Annotated[int, Field(ge=1, le=1_000_000), Says("an integer from 1 to 1000000")]
Rank = Annotated[int, Field(ge=1, le=4096), Says("an integer from 1 to 4096")]
Alpha = Annotated[float, Field(gt=0, le=65_536), Says("a number above 0, at most 65536,")]
Dropout = Annotated[float, Field(ge=0, lt=1), Says("a number from 0 to below 1")]
LayerName = Annotated[
    str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"), Says("the last part of a layer's name")
]
AnswerTokens = Annotated[int, Field(ge=0, le=1_000_000), Says("an integer from 0 to 1000000")]
Tokens = Annotated[int, Field(ge=0, le=4096), Says("an integer from 0 to 4096")]


class LeaseTerms(Section):
    """[pace] lease: the largest grant of autonomy; init signs the first.

    hours: until it expires. petaflop: 1e15 floating point operations, of training and of answers alike.
    """

    generations: Generations
    hours: Hours = 24.0
    petaflop: Petaflop = 0.2


class Pace(Section):
    """[pace]: how fast.

    max_gain_per_generation: of the ladder score; when the lower end of the gain's interval is above, a person is asked.
    generations_per_day: begun in 24 hours at most; 0 is no bound.
    review_hours: from a promotion to the next generation.
    evaluation_lag: generations that may pass without a full evaluation.
    answer_hours: after which a question nobody answered is answered no.
    candidates: tried side by side in the open, of which one at most is confirmed on sealed problems: the plan as it is,
        and changes to it as [explore] says. 1: the plan alone.
    """

    lease: LeaseTerms
    max_gain_per_generation: Gain = 0.25
    generations_per_day: PerDay = 0
    review_hours: Wait = 0.0
    evaluation_lag: Lag = 0
    answer_hours: Hours = 168.0
    candidates: Annotated[int, Field(ge=1, le=256), Says("an integer from 1 to 256")] = 1


class Threshold(Section):
    """[[direction.threshold]]: before `task` reaches that horizon (a level), so many approvers are asked."""

    task: TaskName
    horizon: Horizon
    quorum: Quorum = 1


class Direction(Section):
    """[direction]. improve: each task to improve, and the top level of its ladder. threshold: where to ask first.

    objective: what is promoted: "better", or "better_or_smaller": a candidate with fewer parameters and as good too.
    least_saving: share of the incumbent's parameters that such a candidate must do without.
    """

    improve: Annotated[Mapping[TaskName, Level], Field(min_length=1)]
    objective: Annotated[Objective, Says('"better" or "better_or_smaller"')] = "better"
    least_saving: Part = 0.05
    threshold: Annotated[tuple[Threshold, ...], Field(strict=False, max_length=64)] = ()


class Constraints(Section):
    """[constraints]: within what.

    changes: kinds of proposal that may be made.
    max_parameters: of the subject.
    non_inferiority_margin: share right that a promotion may lose on any task's ladder.
    mastery_floor: share right that mastered levels must keep for good.
    error_budget: chance of any false promotion, ever.
    confined: whether workers must be; where they cannot be, nothing runs.
    max_disk_gb: of 1e9 bytes, the run folder's.
    max_compute_share: all compute since, as a share of what the subject's first training took; 0 is no bound.
    """

    changes: Annotated[tuple[Change, ...], Field(strict=False, min_length=1)] = ("data",)
    max_parameters: Count = 1_000_000
    non_inferiority_margin: Part = 0.05
    mastery_floor: Part = 0.94
    error_budget: Part = 0.05
    confined: Bool = False
    max_disk_gb: Gigabytes = 20.0
    max_compute_share: ComputeShare = 0.0


class Retention(Section):
    """[retention]: what must stay, at the least, when files are deleted: what this keeps not may go, and need not.

    models: "all", "promoted" or "last N". data: "all" or "in_force". answers: "all" or "last N".
    What each of them keeps: `detent.values.kept`; what a run needs to go on stays whatever this says.
    """

    models: KeptModels = "all"
    data: KeptData = "all"
    answers: KeptAnswers = "all"


class LoraTerms(Section):
    """[subject] lora: train an adapter beside a given model, whose own weights stay as they are.

    rank: of what is added to a layer's weights; alpha: it counts alpha / rank times. dropout: at training.
    targets: "all-linear", or the last parts of the names of the layers that get one.
    """

    rank: Rank = 16
    alpha: Alpha = 32.0
    dropout: Dropout = 0.0
    targets: Annotated[
        Literal["all-linear"]
        | Annotated[tuple[LayerName, ...], Field(strict=False, min_length=1, max_length=64)],
        Says('"all-linear" or a list of names such as ["q_proj", "v_proj"]'),
    ] = "all-linear"


class Subject(Section):
    """[subject]: the first model.

    source: "built", in this shape, or a Hugging Face folder beside the charter.
    positions: of a built one. "none": order is known by the causal mask alone; "rotary": as most models have it.
    lora: train an adapter; without it, a given model is trained whole.
    chat: "auto": a given model is asked in its chat template where it has one; "always": it must have one; "never".
    extra_tokens: an answer may be this much longer than its prompt.
    answer_tokens: an answer may have so many tokens, whatever its prompt; 0: as extra_tokens says.
    """

    source: Annotated[str, Field(min_length=1), Says('"built" or the path of a model folder')] = "built"
    layers: Layers = 3
    hidden: Width = 128
    intermediate: Width = 352
    heads: Layers = 4
    positions: Annotated[Literal["none", "rotary"], Says('"none" or "rotary"')] = "none"
    lora: LoraTerms | None = None
    chat: Annotated[Literal["auto", "always", "never"], Says('"auto", "always" or "never"')] = "auto"
    extra_tokens: Tokens = 4
    answer_tokens: AnswerTokens = 0

    @property
    def built(self) -> bool:
        """Whether the first model is made here."""
        return self.source == "built"

    @property
    def room(self) -> Room:
        """Of an answer."""
        return AtMost(self.answer_tokens) if self.answer_tokens else self.extra_tokens


class GateItems(Section):
    """[gate] items: most problems a test may use at opening 1; later ones get more, as the threshold grows.

    superiority: the test that the candidate is better. non_inferiority: each test that nothing was lost.
    """

    superiority: Items = 2000
    non_inferiority: Items = 2000


class Gate(Section):
    """[gate]."""

    items: GateItems = GateItems()


class Beacon(Section):
    """[witnesses.beacon]: a drand chain whose rounds add entropy.

    url: of a server that speaks drand's HTTP API. chain: the chain's hash.
    info: what such a server says under /CHAIN/info, which that hash is taken from; `init` holds it against it.
    margin_seconds: a round is named that comes out so much later.
    """

    url: Url
    chain: Hash
    info: Annotated[str, Field(min_length=1, max_length=4096), Says("JSON of at most 4096 characters")]
    margin_seconds: Annotated[int, Field(ge=1, le=86_400), Says("seconds, an integer from 1 to 86400,")] = 60


class Witnesses(Section):
    """[witnesses]: who else checks that the ledger only ever grows, and what they add to the seal.

    policy: witnesses, groups and the quorum, as a C2SP tlog-policy without `log` lines; before a promotion, a quorum
        of them has cosigned the ledger.
    faulty: so many witnesses may sign two histories; a quorum that allows a fork then is refused.
    grace_minutes: those that do not answer are asked again for so long; then the run ends, until it is started again.
    entropy: what outsiders add to each opening's seed: "none", "witnesses" (their cosignatures) or "beacon" (drand).
    sealing: names of those whose cosignatures are added, in this order; without any, all of the policy's.
    """

    policy: Annotated[str, Field(min_length=1, max_length=65_536), Says("a policy's text")]
    faulty: Annotated[int, Field(ge=0, le=1000), Says("an integer from 0 to 1000")] = 0
    grace_minutes: Annotated[
        float, Field(gt=0, le=10_080), Says("minutes, a number above 0, at most 10080,")
    ] = 10.0
    entropy: Annotated[Entropy, Says('"none", "witnesses" or "beacon"')] = "witnesses"
    sealing: Annotated[tuple[str, ...], Field(strict=False, max_length=64)] = ()
    beacon: Beacon | None = None


class Auditor(Section):
    """[auditor]: who holds the seal's chain, in the operator's place; as `detent auditor new` prints it.

    url: under which it is asked for a link. key: its verify key, which signs what it gives out.
    tip, length: of its chain; `init` writes them into [seal].
    """

    url: Url
    key: Annotated[
        str,
        Field(pattern=r"^[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$", max_length=500),
        Says('a verify key "name+hash+base64"'),
    ]
    tip: Hash
    length: Annotated[int, Field(ge=1, le=10_000_000), Says("an integer from 1 to 10000000")]


class Seal(Section):
    """[seal]: the tip s_0 of the hash chain that sealed problems come from, and its length.

    ml_dsa: verify key of the ledger's second signature, where run.post_quantum asks for one.
    """

    tip: Hash
    length: Annotated[int, Field(ge=1, le=10_000_000), Says("an integer from 1 to 10000000")]
    ml_dsa: Annotated[
        str,
        Field(pattern=r"^([^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2})?$", max_length=2500),
        Says('a verify key "name+hash+base64"'),
    ] = ""


class RayTerms(Section):
    """[run.ray]: the cluster that jobs run on.

    store: the folder that all nodes see, as fsspec has it; it must be there. address: of the cluster's head.
    jobs: at a time; 0: as many as the team has members. cpus_per_job: of a node's, 0: as many as run.threads.
    gpus_per_job: of a node's, at most one. retries: how often a job is begun again whose worker or node was lost.
    """

    store: Store
    address: ClusterAddress = "auto"
    jobs: JobsAbreast = 0
    cpus_per_job: Processors = 0.0
    gpus_per_job: Gpus = 0.0
    retries: Retries = 3


class Run(Section):
    """[run]: the seed of every public random choice, and CPU threads of a worker.

    engine: where jobs run: "local" is this machine, "ray" the cluster of [run.ray].
    device: what workers compute on: "auto" is a GPU where there is one.
    post_quantum: sign the ledger's checkpoints with ML-DSA-44 (FIPS 204) too.
    report_to: trackers that are shown each generation's numbers; none of them is ever looked at.
    """

    seed: Seed = 1
    threads: Threads = 2
    engine: Annotated[Literal["local", "ray"], Says('"local" or "ray"')] = "local"
    ray: RayTerms | None = None
    device: Annotated[Device, Says('"auto", "cpu" or "cuda"')] = "auto"
    post_quantum: Bool = False
    report_to: Annotated[
        tuple[Tracker, ...],
        Field(strict=False, max_length=3),
        Says('some of "tensorboard", "mlflow" and "wandb"'),
    ] = ()
