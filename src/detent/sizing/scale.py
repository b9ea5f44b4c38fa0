"""How long jobs take on many GPUs: one job on one GPU or on several, many jobs in rounds, phases one after the other.

    >>> cluster = Cluster(gpus=10)
    >>> round(place(Answering("profiles", jobs=2, prompts=640), EIGHT_BILLION, cluster).seconds, 1)
    10.0

A *phase* is a number of equal jobs, which is over when its last job is: the next one begins then, as in the loop.

- **Training** on d GPUs, of a batch of b rows of l tokens: a step takes max(L t, 6 N ceil(b/d) l / F), of L layers, t
  seconds to start a layer's kernels, N parameters, and F operations a second. Then the GPUs tell each other: every one
  has its own copy of the model, and gradients of g bytes are summed in 2 (d-1)/d g / B + 2 log2(d) a seconds
  (Thakur, Rabenseifner and Gropp 2005, s. 4: B bytes a second of the slowest link, a seconds a message). A model that
  does not fit into one GPU is cut over all d: its weights are gathered twice and its gradients scattered once a step,
  3 (d-1)/d 2 N / B, layer by layer (Rajbhandari et al., arXiv 1910.02054, s. 7). Nothing of it is hidden behind
  computing: a bound from above. d is at most b.
- **Answering** k prompts of p tokens with w tokens: ceil(k/256) w max(L t', 2 N / M) + k (p r + w (r + c)), of M bytes
  a second of memory, r = 2 N / F, and c the time to read a row's keys and values (Pope et al., arXiv 2211.05102).
- Every job is started, and fetches its weights from a store that all share: s + max(x/reader, x readers/store).

Jobs go onto GPUs in rounds, the same number at a time: `detent.testing.cluster` simulates that event by event, and
tests hold the two against each other. Of all ways to place a phase the fastest is taken, which may leave GPUs idle;
so more GPUs are never slower. Every constant of `Card` and `Cluster` is stated by a maker or assumed, but for
`hashing`: no figure of a GPU was measured.
"""

from collections.abc import Iterator
from math import ceil, log2
from typing import Literal

from msgspec import Struct, structs

from detent.sizing.cost import LEARNT, READ
from detent.sizing.estimate import ASKED_AT_ONCE
from detent.sizing.machine import PEAKS, TRAINING_SHARE
from detent.sizing.memory import BFLOAT16, FLOAT32, Adapter, Batch, training_memory
from detent.sizing.shape import Shape

Way = Literal["today", "cut", "spread"]
"""today: as Detent works: one GPU a job, as many jobs as it makes. cut: sets of prompts are cut into as many jobs as
are of use, but an opening stays on one worker, and every job on one GPU. spread: any job over any number of GPUs."""

ROOM = 0.9
"""Share of a GPU's memory that is used."""

MICRO_ROWS = 1
"""Rows that are learnt from at once where memory is looked at: the least there is."""

WIDTHS = (*range(1, 65), *(odd << shift for shift in range(1, 15) for odd in range(33, 65)))
"""Into how many pieces a job may be cut: all numbers to 64, then every 32nd part of a power of two."""

EVEN = 8
"""Pieces that a job may be cut into where there are fewer slots than jobs."""


class Card(Struct, frozen=True):
    """A GPU in a server of several.

    peak: operations a second, its maker's. share: of it that is reached where computing is the limit.
    memory: bytes. bandwidth: bytes a second of it that are reached.
    link, network: bytes a second and GPU between those of a server, and between servers.
    message: seconds of one. training, writing: seconds to start a layer's kernels, for a step and for a token.
    """

    peak: float = PEAKS["H100"]
    share: float = TRAINING_SHARE
    memory: float = 80e9
    bandwidth: float = 0.7 * 3.35e12
    in_server: int = 8
    link: float = 0.8 * 450e9
    network: float = 0.8 * 400e9
    message: float = 20e-6
    training: float = 3e-3
    writing: float = 0.8e-3

    @property
    def speed(self) -> float:
        """Operations a second."""
        return self.peak * self.share


class Cluster(Struct, frozen=True):
    """So many GPUs, and what they share.

    start: seconds until a job's process computes. store, reader: bytes a second that it gives in all, and to one job.
    hashing: bytes a second that are read again and hashed by one thread where a model is frozen.
    threads: that do so at once. overseeing: seconds of a generation that are neither training nor answers.
    """

    gpus: int
    way: Way = "spread"
    card: Card = Card()
    start: float = 5.0
    store: float = 50e9
    reader: float = 5e9
    hashing: float = 1.5e9
    threads: int = 16
    overseeing: float = 1.0

    @property
    def freezing(self) -> float:
        """Bytes a second."""
        return self.hashing * (self.threads if self.way == "spread" else 1)


class Learner(Struct, frozen=True):
    """A model that improves itself, whole or by an adapter."""

    name: str
    shape: Shape
    adapter: Adapter | None = None

    @property
    def learning(self) -> int:
        """Numbers that are trained."""
        return self.shape.parameters if self.adapter is None else self.adapter.parameters(self.shape)

    @property
    def made(self) -> float:
        """Bytes of what a training leaves, stored in float32."""
        return FLOAT32 * self.learning

    @property
    def held(self) -> float:
        """Bytes of the whole model where it answers."""
        return BFLOAT16 * self.shape.parameters

    def least(self, card: Card, tokens: float) -> int:
        """GPUs that one training needs at the least, a power of two; other models wait in the host's memory."""
        need = training_memory(self.shape, Batch(MICRO_ROWS, tokens, tokens), self.adapter, gpu=True)
        everywhere = need.activations + need.logits
        cut = need.weights + need.gradients + need.optimizer
        return _power(cut / (ROOM * card.memory - everywhere))

    def answering(self, card: Card) -> int:
        """GPUs that one copy which answers lies on, with half as much again for keys and values."""
        return _power(1.5 * self.held / (ROOM * card.memory))


class Training(Struct, frozen=True):
    """Equal trainings. work: operations a parameter and token."""

    name: str
    jobs: int
    steps: int
    rows: int = 32
    tokens: int = 256
    work: float = LEARNT

    def pieces(self, way: Way) -> int:
        """Into how many jobs one is cut: a training stays whole."""
        del way
        return 1

    def spans(self, learner: Learner, cluster: Cluster) -> Iterator[int]:
        """On how many GPUs a job may be."""
        span = learner.least(cluster.card, self.tokens)
        if cluster.way != "spread":
            yield from [1] if span == 1 else []
            return
        while span <= min(self.rows, cluster.gpus):
            yield span
            span *= 2

    def seconds(self, learner: Learner, card: Card, span: int, pieces: int) -> float:
        """Of a job on so many GPUs."""
        del pieces
        shape = learner.shape
        tokens = ceil(self.rows / span) * self.tokens
        computing = max(shape.layers * card.training, self.work * shape.parameters * tokens / card.speed)
        return self.steps * (computing + telling(learner, card, span, self.tokens))

    def fetched(self, learner: Learner) -> float:
        """Bytes: the parent is read, and what was made of it is written."""
        return 2 * learner.made


class Answering(Struct, frozen=True):
    """Equal sets of prompts, each answered by `models` one after the other where it is one job.

    read, written: tokens of a prompt, and of an answer. cut: into how many jobs Detent cuts one today.
    fresh: whether workers are new and fetch the whole model. alive: whether they are those of the phase before.
    """

    name: str
    jobs: int
    prompts: int
    read: int = 128
    written: int = 128
    models: int = 1
    cut: int = 1
    fresh: bool = False
    alive: bool = False

    def pieces(self, way: Way) -> int:
        """Into how many jobs one may be cut; several models are jobs of their own before prompts are divided."""
        if way == "today":
            return min(self.cut, self.prompts)
        opening = self.fresh or self.alive
        return 1 if opening and way == "cut" else self.prompts * self.models

    def spans(self, learner: Learner, cluster: Cluster) -> Iterator[int]:
        """On how many GPUs a job may be."""
        span = learner.answering(cluster.card)
        if span <= cluster.gpus and (span == 1 or cluster.way == "spread"):
            yield span

    def seconds(self, learner: Learner, card: Card, span: int, pieces: int) -> float:
        """Of a job: one piece of so many."""
        return self.answered(learner, card, span, ceil(self.prompts * self.models / pieces))

    def answered(self, learner: Learner, card: Card, span: int, prompts: int) -> float:
        """Seconds in which one worker answers so many."""
        shape = learner.shape
        token = max(shape.layers * card.writing, learner.held / (span * card.bandwidth))
        computing = READ * shape.parameters / (span * card.speed)
        cached = shape.cached_numbers_a_token * BFLOAT16 * (self.read + self.written / 2)
        row = self.read * computing + self.written * (computing + cached / (span * card.bandwidth))
        return ceil(prompts / ASKED_AT_ONCE) * self.written * token + prompts * row

    def fetched(self, learner: Learner) -> float:
        """Bytes of the model that answers."""
        if self.alive:
            return 0.0
        return learner.held + (learner.made if learner.adapter else 0.0) if self.fresh else learner.made


class Serial(Struct, frozen=True):
    """What happens in one place: frozen bytes are hashed, and the overseeing side decides."""

    name: str
    bytes: float = 0.0
    seconds: float = 0.0


Phase = Training | Answering | Serial


class Placed(Struct, frozen=True):
    """A phase on a cluster: so many jobs, `abreast` at a time, each on `span` GPUs.

    start, computing: seconds of a job. fetched: bytes of it. store, reader: bytes a second, as in `Cluster`.
    """

    name: str
    jobs: int = 0
    abreast: int = 1
    span: int = 0
    start: float = 0.0
    computing: float = 0.0
    fetched: float = 0.0
    store: float = 1.0
    reader: float = 1.0

    def job(self, readers: int) -> float:
        """Seconds of each of so many jobs that begin together."""
        return self.start + self.fetched * max(1 / self.reader, readers / self.store) + self.computing

    @property
    def seconds(self) -> float:
        """Until the last job is over."""
        full, rest = divmod(self.jobs, self.abreast)
        return full * self.job(self.abreast) + (self.job(rest) if rest else 0.0)

    @property
    def fetching(self) -> float:
        """Of these seconds those in which weights are fetched."""
        return self.seconds - structs.replace(self, fetched=0.0).seconds

    @property
    def worked(self) -> float:
        """GPU-seconds in which jobs hold GPUs."""
        full, rest = divmod(self.jobs, self.abreast)
        return self.span * (
            full * self.abreast * self.job(self.abreast) + (rest * self.job(rest) if rest else 0.0)
        )


def telling(learner: Learner, card: Card, span: int, tokens: float) -> float:
    """Seconds of a step in which GPUs that train one model together tell each other weights or gradients."""
    if span == 1:
        return 0.0
    least, layers = learner.least(card, tokens), learner.shape.layers
    speed = card.link if span <= card.in_server else min(card.link, card.network)
    if least > 1:  # cut over all of them
        moved, rounds = (3 if learner.adapter is None else 2) * learner.held, 3 * layers
    else:
        moved, rounds = 2 * learner.made, 2
    return (span - 1) / span * moved / speed + rounds * ceil(log2(span)) * card.message


def place(phase: Phase, learner: Learner, cluster: Cluster) -> Placed | None:
    """The fastest way to place a phase, of those with the fewest GPUs; None where it does not fit at all."""
    if isinstance(phase, Serial):
        return Placed(phase.name, jobs=1, computing=phase.seconds + phase.bytes / cluster.freezing)
    return min(
        placements(phase, learner, cluster),
        key=lambda placed: (placed.seconds, placed.abreast * placed.span),
        default=None,
    )


def placements(phase: Training | Answering, learner: Learner, cluster: Cluster) -> Iterator[Placed]:
    """All ways to place a phase; what a smaller cluster may do a larger one may do too."""
    alive = isinstance(phase, Answering) and phase.alive
    for span in phase.spans(learner, cluster):
        slots = cluster.gpus // span
        for pieces in _cuts(phase.pieces(cluster.way), phase.jobs, slots):
            jobs = phase.jobs * pieces
            computing = phase.seconds(learner, cluster.card, span, pieces)
            for abreast in _abreast(jobs, slots):
                yield Placed(
                    name=phase.name,
                    jobs=jobs,
                    abreast=abreast,
                    span=span,
                    start=0.0 if alive else cluster.start,
                    computing=computing,
                    fetched=phase.fetched(learner),
                    store=cluster.store,
                    reader=cluster.reader,
                )


def _cuts(most: int, jobs: int, slots: int) -> list[int]:
    """Pieces to cut a job into: as many as fill the slots in one round; and a few, so that rounds come out even."""
    useful = min(most, max(EVEN, slots // jobs))
    return [width for width in WIDTHS if width <= useful]


def _abreast(jobs: int, slots: int) -> list[int]:
    """How many at a time: all where they fit, since to share the store is never slower than to wait for it."""
    if jobs <= slots:
        return [jobs]
    return sorted({ceil(jobs / rounds) for rounds in range(ceil(jobs / slots), jobs + 1)})


def _power(number: float) -> int:
    """The least power of two that is not below it."""
    return 1 << max(0, ceil(log2(number))) if number > 0 else 1 << 30
