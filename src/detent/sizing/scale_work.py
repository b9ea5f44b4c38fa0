"""A generation as phases, and what it takes on so many GPUs: time, and GPU-hours.

    >>> found = generation(EIGHT_BILLION, Work(candidates=4), Cluster(gpus=10))
    >>> round(found.seconds), round(found.gpu_hours, 1)
    (555, 1.5)

The loop's order, and its barriers: the next phase begins when the last job of one is over. With more than one candidate
each is tried in rungs: at every rung the whole team makes its labels, one member is trained on them from the beginning
for all of the rung's steps, and its profile is made. The plan as it is stands at every rung, and half of the others,
rounded up, goes on. What is chosen is labelled and trained once more, in full, by the whole team. GPUs are paid for
from the beginning to the end, whether they work or not.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct, structs

from detent.evaluate import alpha, items_to_expect
from detent.evaluate.mastery import PROBLEMS
from detent.evaluate.opening import FIRST_BATCH
from detent.propose.halving import rung_sizes
from detent.propose.preferences import PAIRS_A_STEP
from detent.sizing.cost import EXPECTED_GAIN, LEARNT, READ
from detent.sizing.memory import Adapter
from detent.sizing.scale import (
    Answering,
    Cluster,
    Learner,
    Phase,
    Placed,
    Serial,
    Training,
    place,
    placements,
)
from detent.sizing.shape import Shape
from detent.tripwires.looks import PROBES

HOUR = 3600.0

SMALL = 16
"""Workers of an opening, up to which every number is tried; beyond, powers of two."""

COMPARED = 6
"""Models that two tripwires compare on the same problems."""

HALF_BILLION = Learner("0.5 B, LoRA", Shape(494_005_120, 24, 896, 4864, 14, 2, 64, 151_936, 2.0), Adapter(16))
EIGHT_BILLION = Learner(
    "8 B, LoRA", Shape(8_030_261_248, 32, 4096, 14_336, 32, 8, 128, 128_256, 2.0), Adapter(16)
)
SEVENTY_BILLION = Learner("70 B, whole", Shape(70_553_706_496, 80, 8192, 28_672, 64, 8, 128, 128_256, 2.0))
LEARNERS = (HALF_BILLION, EIGHT_BILLION, SEVENTY_BILLION)
"""The widths of Qwen2.5-0.5B, Llama-3-8B and Llama-3-70B, as their configs say."""


class Work(Struct, frozen=True):
    """What a generation asks for: a charter's numbers, with tasks x levels problems of each kind.

    candidates: alternatives, the plan as it is among them. rungs: steps of a trial at each. steps: of what is chosen;
    of another shape a charter's explore.retrain_steps. read, written: tokens of a prompt and an answer. frontier:
    levels of a task that labels are made on. Others: as in a charter.
    """

    candidates: int = 1
    rungs: tuple[int, ...] = (60, 120)
    team: int = 2
    steps: int = 120
    rows: int = 32
    tasks: int = 2
    levels: int = 5
    frontier: int = 3
    read: int = 128
    written: int = 128
    label_prompts: int = 800
    profile_problems: int = 64
    fresh_problems: int = 64
    pairs: int = 400
    samples: int = 8
    dpo_steps: int = 16
    error_budget: float = 0.05

    @property
    def row(self) -> int:
        """Tokens that are learnt from at once, of one row."""
        return self.read + self.written

    @property
    def visible(self) -> int:
        """Problems of a profile."""
        return self.tasks * self.levels * self.profile_problems

    @property
    def alive(self) -> tuple[int, ...]:
        """Candidates that are tried at each rung: the plan as it is, and half of the others as before, rounded up."""
        if self.candidates == 1:
            return ()
        return tuple(1 + changes for changes in rung_sizes(self.candidates, len(self.rungs)))


class Generation(Struct, frozen=True):
    """Its phases, placed on a cluster."""

    gpus: int
    phases: tuple[Placed, ...]

    @property
    def seconds(self) -> float:
        """From its beginning to its end."""
        return _seconds(self.phases)

    @property
    def gpu_hours(self) -> float:
        """Paid for: all GPUs, all the time."""
        return self.gpus * self.seconds / HOUR

    @property
    def busy(self) -> float:
        """Share of what is paid for in which a job holds a GPU."""
        return sum(placed.worked for placed in self.phases) / (self.gpus * self.seconds)

    def seconds_of(self, *names: str) -> float:
        """Of the phases whose names begin so."""
        return _seconds([placed for placed in self.phases if placed.name.startswith(names)])


def generation(learner: Learner, work: Work, cluster: Cluster) -> Generation | None:
    """None where a phase does not fit on so many GPUs."""
    found: list[Placed] = []
    gate = [phase for phase in phases(learner, work, cluster) if _opens(phase)]
    for phase in phases(learner, work, cluster):
        if not _opens(phase):
            placed = place(phase, learner, cluster)
            if placed is None:
                return None
            found.append(placed)
        elif gate:
            found += _opening(gate, learner, cluster)
            gate = []
    return Generation(cluster.gpus, tuple(found))


def _opens(phase: Phase) -> bool:
    return isinstance(phase, Answering) and (phase.fresh or phase.alive)


def _opening(gate: list[Phase], learner: Learner, cluster: Cluster) -> list[Placed]:
    """Its batches, on the number of workers on which all together take least; they are fresh in the first alone."""
    first, *later = (phase for phase in gate if isinstance(phase, Answering))
    best: list[Placed] = []
    for begun in placements(first, learner, cluster):
        if begun.abreast <= SMALL or begun.abreast.bit_count() == 1:
            own = structs.replace(cluster, gpus=begun.abreast * begun.span)
            batches = [begun, *filter(None, (place(phase, learner, own) for phase in later))]
            if not best or _seconds(batches) < _seconds(best):
                best = batches
    return best


def _seconds(phases: Sequence[Placed]) -> float:
    return sum(placed.seconds for placed in phases)


def phases(learner: Learner, work: Work, cluster: Cluster) -> Iterator[Phase]:
    """In the order of the loop."""
    yield from _tried(learner, work)
    yield _labelled(work, "labels", 1)
    yield Training("training", work.team, work.steps, work.rows, work.row)
    yield Serial("freezing", bytes=work.team * learner.made)
    yield from _preferred(learner, work)
    yield _asked(work, "profiles", work.team, work.visible)
    yield from _gate(work)
    yield _asked(work, "watching", COMPARED, work.tasks * work.levels * PROBES)
    fresh = work.tasks * work.levels * work.fresh_problems + work.tasks * PROBLEMS
    yield _asked(work, "fresh", 1, fresh)
    yield Serial("overseeing", seconds=cluster.overseeing)


def _tried(learner: Learner, work: Work) -> Iterator[Phase]:
    """Trials: nothing of a rung is used at the next one but which of them are left."""
    for rung, alive in zip(work.rungs, work.alive, strict=False):
        yield _labelled(work, f"rung {rung}: labels", alive)
        yield Training(f"rung {rung}: training", alive, rung, work.rows, work.row)
        yield Serial(f"rung {rung}: freezing", bytes=alive * learner.made)
        yield _asked(work, f"rung {rung}: profiles", alive, work.visible)


def _labelled(work: Work, name: str, plans: int) -> Answering:
    """Labels for so many plans, each by the whole team; they are cut by task and level."""
    cut = work.tasks * work.frontier
    return _asked(work, name, plans, work.label_prompts * cut, models=work.team, cut=cut)


def _preferred(learner: Learner, work: Work) -> Iterator[Phase]:
    """Every member's answers are sampled, a judge of the same size reads each, and each member learns from pairs."""
    prompts = work.tasks * work.pairs * work.samples
    yield _asked(work, "preferences: samples", work.team, prompts)
    judged = work.team * prompts
    yield Answering("preferences: judging", 1, judged, read=work.read + 2 * work.written, written=1)
    yield Training(
        "preferences: training",
        work.team,
        work.dpo_steps,
        2 * PAIRS_A_STEP,
        work.row,
        LEARNT + READ,  # a reference reads what is learnt
    )
    yield Serial("preferences: freezing", bytes=work.team * learner.made)


def _gate(work: Work) -> Iterator[Phase]:
    """Batch after batch: whether there is another depends on what the last one showed."""
    fresh = True
    for size in gate_batches(work.error_budget):
        yield _asked(work, "gate: gain", 1, size, models=2, fresh=fresh, alive=not fresh)
        fresh = False
    for _ in range(work.tasks):
        yield _asked(work, "gate: loss", 1, FIRST_BATCH, models=2, alive=True)
    for _ in range(work.tasks):
        yield _asked(work, "gate: floor", 1, FIRST_BATCH, alive=True)


def gate_batches(error_budget: float) -> list[int]:
    """Of a test of superiority that needs the median of items for the gain that costs are estimated with."""
    needed = items_to_expect(EXPECTED_GAIN, alpha(1, error_budget)).median
    batches: list[int] = []
    while sum(batches) < needed:
        batches.append(max(FIRST_BATCH, sum(batches) // 2))
    return batches


def _asked(
    work: Work,
    name: str,
    jobs: int,
    prompts: int,
    *,
    models: int = 1,
    cut: int = 1,
    fresh: bool = False,
    alive: bool = False,
) -> Answering:
    return Answering(name, jobs, prompts, work.read, work.written, models, cut, fresh, alive)


def knee(learner: Learner, work: Work, sizes: Sequence[int], base: Cluster) -> int | None:
    """Of these numbers of GPUs the one at which time x GPU-hours is least; None where it fits on none.

    Beyond it, a share less of time costs more than the same share of money (Eager, Zahorjan and Lazowska 1989).
    """
    found = {size: generation(learner, work, structs.replace(base, gpus=size)) for size in sizes}
    product = {size: one.seconds * one.gpu_hours for size, one in found.items() if one is not None}
    return min(product, key=lambda size: product[size], default=None)
