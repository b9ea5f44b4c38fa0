"""What changed between two models inside: nine sections, each a table of figures, and the job that asks for them.

    >>> Splice(part="block 2", carries=0.81, loses=0.77).part
    'block 2'

before, after: the two models. Layers are counted from the embedding's output, layer 0; block n ends in layer n.
A section that cannot be made of these two models is absent, and says why: nothing is compared that is not alike.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from detent.errors import UsageError
from detent.values._record import Record
from detent.values.room import Room

Section = Literal["layers", "weights", "lens", "words", "heads", "probes", "splices", "tokens", "patches"]
"""layers: how alike each layer of the one is to each of the other. weights: how far each module's weights moved, and
along how many directions. lens: what each layer would say if it were the last. words: what they say. heads: what
each attention head looks at. probes: what can be read from a layer by a straight line. splices: one part of the one
put into the other. tokens: what the mean difference of a layer says. patches: one head's output of the one put into
the other, place by place."""

ALWAYS: tuple[Section, ...] = ("layers", "weights", "lens", "words")
"""Made in every generation."""

DEEPER: tuple[Section, ...] = ("heads", "probes", "splices", "tokens", "patches")
"""Made when a person is asked, or asks."""

MOST_FLIPS = 12
"""Examples of tokens that flipped which are kept."""

TOP = 8
"""Singular values, and tokens, of which so many are kept."""


class Figures(Struct, frozen=True, forbid_unknown_fields=True):
    """Common shape of what stands in a section."""


class Layers(Figures, frozen=True):
    """Debiased linear CKA, -1 to 1. similarity[i][j]: layer i of before with layer j of after.

    matched: pairs (i, j) of layers that correspond, rising in both; all of the shallower model's are in it. Of models
    of one depth by number, of others by how alike that is which each block adds.
    """

    similarity: tuple[tuple[float, ...], ...]
    matched: tuple[tuple[int, int], ...]


class Moved(Figures, frozen=True):
    """One module's weights. share: |after - before| / |before|, Frobenius; 1 where all were 0 and some no longer are.

    Of a matrix too: top, the largest singular values of the change, over its norm (their squares are shares of its
    energy), less those that are rounding; rank, its effective rank (sum of squares of singular values)^2 / sum of
    their fourth powers. along: cosine of this change with the earlier one of the same module; UNSET where there was
    none, or one of the two is zero.
    """

    module: str
    share: float
    top: tuple[float, ...] = ()
    rank: float | UnsetType = UNSET
    along: float | UnsetType = UNSET


class Weights(Figures, frozen=True):
    """Modules in the order of the model, by after's names. share: of all of them together.

    unmatched: of modules without their like, in shape too: "layers.1.mlp of before", "... of after" where only one of
    the two has it, and the bare name where both have it and shapes differ.
    """

    modules: tuple[Moved, ...]
    share: float
    unmatched: tuple[str, ...] = ()


class Lens(Figures, frozen=True):
    """KL(after || before), nats, of what two matched layers would say through their own model's final norm and output.

    divergence[n][p]: of pair n of `layers`, mean over the texts at place p of the answer; 0 is its first token.
    counts[p]: texts that have that place, among those that are looked at. layers: pairs (i, j).
    """

    layers: tuple[tuple[int, int], ...]
    divergence: tuple[tuple[float, ...], ...]
    counts: tuple[int, ...]


class Flip(Figures, frozen=True):
    """One place where the likeliest token is another: after `prompt` and `so_far`. divergence: there, in nats."""

    prompt: str
    so_far: str
    before: str
    after: str
    divergence: float


class Words(Figures, frozen=True):
    """Over the `tokens` places that predict a token of before's answers.

    divergence: mean KL(after || before), nats. flips: share of places whose likeliest token differs. examples: of
    them, the most divergent first.
    """

    divergence: float
    flips: float
    tokens: int
    examples: tuple[Flip, ...] = ()


class Head(Figures, frozen=True):
    """One attention head, in matched blocks; numbers from 1.

    entropy: of where it looks, mean over places, nats, before and after. moved: mean over places of half the summed
    difference of where the two look, 0 to 1.
    """

    blocks: tuple[int, int]
    head: int
    entropy: tuple[float, float]
    moved: float


class Heads(Figures, frozen=True):
    """unmatched: heads that only one of the two has, in matched blocks. places: how many each mean is over."""

    heads: tuple[Head, ...]
    places: int
    unmatched: int = 0


class Probe(Figures, frozen=True):
    """A linear reading of `trait` from `layer`, made on the first model and never changed.

    accuracy: of each model of the job, on prompts it was not made on; None where there is no such layer, or too few
    are known. chance: the share of the commonest class there. shuffled: of the first model, by a reading made on the
    same layer with classes dealt to prompts at random: what a straight line finds in anything. anew: the accuracies of
    readings made anew on each model: what is there, where the first model's no longer finds it.
    """

    trait: str
    layer: int
    accuracy: tuple[float | None, ...]
    chance: float
    shuffled: float
    anew: tuple[float | None, ...]


class Probes(Figures, frozen=True):
    """models: digests, in the order of the accuracies. prompts: it was tested on."""

    probes: tuple[Probe, ...]
    models: tuple[str, ...]
    prompts: int


class Splice(Figures, frozen=True):
    """carries: of the gain, the share that before has with this part of after. loses: that after has not without it."""

    part: str
    carries: float
    loses: float


class Splices(Figures, frozen=True):
    """gain: of (ln p of after's answer - ln p of before's), nats, mean over `rows`, from the one model to the other."""

    gain: float
    rows: int
    parts: tuple[Splice, ...]


class Said(Figures, frozen=True):
    """The mean difference of two matched layers, read through after's output.

    size: its length over that of before's mean. more, fewer: the tokens it raises and lowers most.
    """

    layers: tuple[int, int]
    size: float
    more: tuple[str, ...]
    fewer: tuple[str, ...]


class Tokens(Figures, frozen=True):
    """What each layer's mean difference says."""

    layers: tuple[Said, ...]
    places: int


class Patch(Figures, frozen=True):
    """One component, whose output in after's run was put into before's. head: from 1; 0 for the block's MLP.

    carries: share of the gain that comes with it, at every place at once. places: at each alone; () where it was not
    tried place by place.
    """

    block: int
    head: int
    carries: float
    places: tuple[float, ...] = ()

    @property
    def said(self) -> str:
        """In words."""
        return f"block {self.block} head {self.head}" if self.head else f"block {self.block} MLP"


class Patches(Figures, frozen=True):
    """Of `rows` rows of one length. labels: of the places, as text of a first row's tokens.

    gain: of (ln p of after's token - ln p of before's), nats, where their answers first differ, mean over the rows.
    """

    gain: float
    rows: int
    labels: tuple[str, ...]
    patches: tuple[Patch, ...]


class Gained(Struct, frozen=True, forbid_unknown_fields=True):
    """A prompt, and what the two models answer, of which the overseer finds after's right and before's wrong."""

    prompt: str
    before: str
    after: str


class Known(Struct, frozen=True, forbid_unknown_fields=True):
    """What probes are made for and tested on: made on models[0], on every second prompt, tested on the others.

    traits: by name, a class for each prompt at the first place of the answer, or one for each place of it.
    right: for each model, whether its own answer to each prompt is right.
    """

    models: tuple[str, ...]
    prompts: tuple[str, ...]
    traits: dict[str, tuple[tuple[int, ...], ...]]
    right: tuple[tuple[bool, ...], ...]


class InterpretJob(Record, frozen=True, tag="interpret"):
    """Look inside two `models` (digests: before, after), on what the first answers to `prompts`.

    It holds which answers are right (`gained`, `known`), so it is done where nothing can be kept: in an opening.
    earlier: two models between which the earlier change lies. gained: for splices and patches. known: for probes.
    """

    models: tuple[str, str]
    prompts: tuple[str, ...]
    sections: tuple[Section, ...] = ALWAYS
    extra_tokens: Room = 4
    earlier: tuple[str, str] | UnsetType = UNSET
    gained: tuple[Gained, ...] = ()
    known: Known | UnsetType = UNSET
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what nothing could be compared on."""
        if not self.prompts or not self.sections:
            raise UsageError("prompts and sections to compare two models by expected, got none; give some")


def always_job(models: tuple[str, str], prompts: tuple[str, ...], extra: Room, first: str) -> InterpretJob:
    """What is looked at in every generation. first: what the model before descends from; earlier changes are since."""
    earlier = UNSET if models[0] == first else (first, models[0])
    return InterpretJob(models=models, prompts=prompts, sections=ALWAYS, extra_tokens=extra, earlier=earlier)


def models_of(job: InterpretJob) -> tuple[str, ...]:
    """Digests of all models that a job names, each once."""
    earlier = () if job.earlier is UNSET else job.earlier
    probed = () if job.known is UNSET else job.known.models
    return tuple(dict.fromkeys((*job.models, *earlier, *probed)))


class Interpreted(Record, frozen=True, tag="interpreted"):
    """The sections that were asked for: each has its figures here, or under its name in `absent` why it has none."""

    layers: Layers | UnsetType = UNSET
    weights: Weights | UnsetType = UNSET
    lens: Lens | UnsetType = UNSET
    words: Words | UnsetType = UNSET
    heads: Heads | UnsetType = UNSET
    probes: Probes | UnsetType = UNSET
    splices: Splices | UnsetType = UNSET
    tokens: Tokens | UnsetType = UNSET
    patches: Patches | UnsetType = UNSET
    absent: dict[Section, str] = {}  # noqa: RUF012  msgspec copies it

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections with figures."""
        return tuple(name for name in (*ALWAYS, *DEEPER) if getattr(self, name) is not UNSET)
