"""What a batch is drawn from: the newest labels, earlier ones from the whole history, and the seed levels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from detent.charter import Feedback
from detent.propose.revisions import REVISING, principle_of
from detent.tasks import is_principle
from detent.values import DataMade, DataProposal, Method, Slice, Source, State

MOST_FILES = 32
"""Earlier label files that one training draws from."""

FULL = 600
"""Revised answers that fill their share of a batch. Fewer have less of it: a few rows, seen again and again, are learnt
by heart, with what is wrong in them."""

NEWEST_FILES = 3
"""Files of revised answers that one training draws from: what was revised long ago, models answer better by now."""


class _Pool(NamedTuple):
    """Some rungs of one file, and how many examples they hold."""

    data: str
    rungs: tuple[Slice, ...]
    size: int


class _Levels(NamedTuple):
    """first <= level < end, but not those in `without`."""

    first: int
    end: int | None
    without: frozenset[int]

    def __contains__(self, level: object) -> bool:
        inside = isinstance(level, int) and level >= self.first and (self.end is None or level < self.end)
        return inside and level not in self.without


def sources_of(
    proposal: DataProposal, labels: DataMade, state: State, feedback: Feedback | None = None
) -> tuple[Source, ...]:
    """Data files, their rungs and their shares of every batch; shares are relative, tasks count alike.

    newest:  levels from the frontier on: labelled now, or earlier and not again now.
    earlier: levels below it; half for what was labelled again now, half for all that was labelled before.
    Beside them what the charter's methods made: corrections, and answers that were revised.
    feedback: the charter's; its defaults when None.
    """
    feedback = feedback or Feedback()
    sources = [Source(data.digest, proposal.mix.seed) for data in state.data if data.origin.source == "seed"]
    if feedback.labelled:
        sources += _labelled(proposal, labels, state)
    return (*sources, *_correcting(state, feedback), *_revised(proposal, state, feedback))


def first_sources(seeds: DataMade, state: State, feedback: Feedback) -> tuple[Source, ...]:
    """What generation 0 is taught: the seed data, and what teaches revising where the charter wants it."""
    taught = _correcting(state, feedback)
    return (Source(seeds.digest, 1.0 - sum(one.weight for one in taught)), *taught)


def _correcting(state: State, feedback: Feedback) -> tuple[Source, ...]:
    """What models are taught revising from, where the charter wants it."""
    files = [data for data in state.data if data.origin.source == "corrections"]
    wanted = [
        data for data in files if data.counts and feedback.corrected
    ]  # of principles without cases, nothing
    return tuple(Source(data.digest, feedback.correction_share) for data in wanted)


def _revised(proposal: DataProposal, state: State, feedback: Feedback) -> list[Source]:
    """Answers that were revised now and in the newest generations: each weighs what its method is worth in its task."""
    sources: list[Source] = []
    for method, source in REVISING.items():
        files = [data for data in state.data if data.origin.source == source][-NEWEST_FILES:]
        every = _Levels(0, None, frozenset())
        pools = {
            task: _pools(files, task, every) for task in sorted({t for data in files for t in data.counts})
        }
        shares = _shares(proposal, method, pools)
        each = feedback.revised_share / max(FULL, sum(pool.size for some in pools.values() for pool in some))
        sources += [
            Source(pool.data, each * shares[task] * pool.size, pool.rungs)
            for task, some in pools.items()
            if task in shares
            for pool in some
        ]
    return sources


def _shares(proposal: DataProposal, method: Method, rows: Iterable[str]) -> Mapping[str, float]:
    """Of each task's rows: none where the method was switched off, or is the charter's no longer.

    Rows by principle stand under the principle's sources; what it is worth decided how many there are.
    """
    used = proposal.tasks_of(method)
    if method == "refine":
        return used
    return {name: 1.0 for name in rows if principle_of(name) in used}


def _labelled(proposal: DataProposal, labels: DataMade, state: State) -> list[Source]:
    mix, count = proposal.mix, len(proposal.recipes)
    made = _spread([d for d in state.data if d.origin.source == "self" and d.digest != labels.digest])
    sources: list[Source] = []
    for task, recipe in sorted(proposal.recipes.items()):
        beyond = _Levels(recipe.frontier, None, frozenset(recipe.levels))
        below = _Levels(0, recipe.frontier, frozenset())
        new = _pools([labels], task, _Levels(recipe.frontier, None, frozenset())) + _pools(made, task, beyond)
        again, before = _pools([labels], task, below), _pools(made, task, below)
        halves = 2 if again and before else 1
        sources += _shared(new, mix.newest / count)
        sources += _shared(again, mix.earlier / count / halves)
        sources += _shared(before, mix.earlier / count / halves)
    return sources


def _spread(files: Sequence[DataMade]) -> list[DataMade]:
    """All files while they are few; then the newest half and others evenly over all that came before.

    What a model was trained on is one entry, and an entry has a largest size.
    """
    if len(files) <= MOST_FILES:
        return list(files)
    half = MOST_FILES // 2
    old = files[:-half]
    return [old[len(old) * place // half] for place in range(half)] + list(files[-half:])


def _pools(files: Iterable[DataMade], task: str, levels: _Levels) -> list[_Pool]:
    """The wanted rungs of one task in each file that has any."""
    found = []
    for data in files:
        counts = {int(level): kept for level, kept in data.counts.get(task, {}).items()}
        wanted = [level for level, kept in sorted(counts.items()) if kept and level in levels]
        if wanted:
            rungs = tuple(Slice(task, level) for level in wanted)
            found.append(_Pool(data.digest, rungs, sum(counts[level] for level in wanted)))
    return found


def _shared(pools: list[_Pool], share: float) -> list[Source]:
    """Every example of the pools weighs the same."""
    total = sum(pool.size for pool in pools)
    return [Source(pool.data, share * pool.size / total, pool.rungs) for pool in pools]


LEARNT, SEEDS = (0.35, 0.2), (0.3, 0.15)
"""Shares of a judge's batches: lessons and answers of this generation, and of the seed levels.

With .15 and .1 for the seed levels it forgot a ninth of what it had known in eight generations (docs/benchmarks.md)."""


CREED = 0.2
"""What the judge learns of principles, beside the shares of everything else, which sum to 1."""


def judge_sources(
    lessons: DataMade, labels: DataMade, state: State, feedback: Feedback | None = None
) -> tuple[Source, ...]:
    """What the judge is taught from: to mark answers, and to write them too; by principle, where it is asked so.

    A judge that was not taught to answer told right from wrong hardly better than chance above (docs/benchmarks.md).
    feedback: the charter's; its defaults when None.
    """
    creed = _creed(state) if feedback is not None and feedback.prefers_by_principle else ()
    if state.generation == 0:
        return Source(lessons.digest, 0.5), Source(labels.digest, 0.5), *creed
    first = {data.origin.source: data for data in state.data if data.generation == 0}
    # Where an amendment brought the judge, generation 0 made no lessons; and a team may have agreed on nothing.
    shared: list[tuple[DataMade | None, float]] = [
        (lessons, LEARNT[0]),
        (labels, LEARNT[1]),
        (first.get("lessons"), SEEDS[0]),
        (first.get("seed"), SEEDS[1]),
    ]
    return (*(Source(made.digest, share) for made, share in shared if made and made.counts), *creed)


def _creed(state: State) -> tuple[Source, ...]:
    """Rows by principle: whether a draft keeps to it, and what to say where it does not.

    Both, for the reason that a judge of answers learns to write them; and they stand on the same rungs.
    """
    return tuple(
        Source(data.digest, CREED, rungs)
        for data in state.data
        if data.origin.source == "corrections" and (rungs := _by_principle(data))
    )


def _by_principle(data: DataMade) -> tuple[Slice, ...]:
    return tuple(
        Slice(name, level)
        for name, levels in sorted(data.counts.items())
        if is_principle(name)
        for level in sorted(map(int, levels))
    )
