"""What a batch is drawn from: the newest labels, all earlier ones, and the seed levels. Nothing is ever dropped."""

from collections.abc import Iterable
from typing import NamedTuple

from detent.values import DataMade, DataProposal, Slice, Source, State


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


def sources_of(proposal: DataProposal, labels: DataMade, state: State) -> tuple[Source, ...]:
    """Data files, their rungs and their shares of every batch; shares are relative, tasks count alike.

    newest:  levels from the frontier on: labelled now, or earlier and not again now.
    earlier: levels below it; half for what was labelled again now, half for all that was labelled before.
    """
    mix, count = proposal.mix, len(proposal.recipes)
    made = [data for data in state.data if data.origin.source == "self" and data.digest != labels.digest]
    sources = [Source(data.digest, mix.seed) for data in state.data if data.origin.source == "seed"]
    for task, recipe in sorted(proposal.recipes.items()):
        beyond = _Levels(recipe.frontier, None, frozenset(recipe.levels))
        below = _Levels(0, recipe.frontier, frozenset())
        new = _pools([labels], task, _Levels(recipe.frontier, None, frozenset())) + _pools(made, task, beyond)
        again, before = _pools([labels], task, below), _pools(made, task, below)
        halves = 2 if again and before else 1
        sources += _shared(new, mix.newest / count)
        sources += _shared(again, mix.earlier / count / halves)
        sources += _shared(before, mix.earlier / count / halves)
    return tuple(sources)


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
