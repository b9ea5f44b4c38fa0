"""What a batch is drawn from: the newest labels, all earlier ones, and the seed levels. Nothing is ever dropped."""

from collections.abc import Mapping

from detent.values import DataMade, DataProposal, LabelRecipe, Slice, Source, State


def sources_of(proposal: DataProposal, labels: DataMade, state: State) -> tuple[Source, ...]:
    """Data files, their rungs and their shares of every batch; shares are relative.

    Half of the earlier labels' share goes to what was labelled again now, half to the files before.
    """
    mix, count = proposal.mix, len(proposal.recipes)
    earlier = [data for data in state.data if data.origin.source == "self" and data.digest != labels.digest]
    sources = [Source(data.digest, mix.seed) for data in state.data if data.origin.source == "seed"]
    for task, recipe in sorted(proposal.recipes.items()):
        sources += _of(labels, task, recipe, mix.newest / count, new=True)
        now = _of(labels, task, recipe, mix.earlier / count / 2, new=False)
        before = [
            source
            for data in earlier
            for source in _of(data, task, recipe, mix.earlier / count / 2 / len(earlier), new=False)
        ]
        sources += now + before
    return tuple(sources)


def _of(data: DataMade, task: str, recipe: LabelRecipe, share: float, *, new: bool) -> list[Source]:
    """The rungs of one task in one file, at or below the frontier; none where the file has none."""
    counts: Mapping[str, int] = data.counts.get(task, {})
    rungs = tuple(
        Slice(task, int(level))
        for level, kept in sorted(counts.items(), key=lambda pair: int(pair[0]))
        if kept and (int(level) >= recipe.frontier) == new
    )
    return [Source(data.digest, share, rungs)] if rungs else []
