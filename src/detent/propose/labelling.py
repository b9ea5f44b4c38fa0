"""A proposal's labels as jobs, and the labels that are kept as a file's lines: the loop makes them, `replay` again.

    >>> job = label_job(proposal, items, seed=7, extra_tokens=4)
    >>> [sorted(part.prompts) for part in split(job, 2)]
    [['reverse'], ['copy']]

No answer key goes along: of the items, jobs hold prompts.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from detent.tasks import Proxy
from detent.values import Example, Item, LabelJob, Proposal, Room


def label_rungs(proposal: Proposal) -> dict[str, dict[int, int]]:
    """How many prompts a proposal has labelled, by task and level, in its order."""
    return {
        task: {rung.level: rung.prompts for rung in recipe.rungs} for task, recipe in proposal.recipes.items()
    }


def label_job(
    proposal: Proposal, items: Sequence[Item], *, seed: int, extra_tokens: Room, judge: str = ""
) -> LabelJob:
    """Let the proposal's team answer the prompts of `items`, and filter as it says.

    Args:
        proposal: what is carried out.
        items: the problems of its rungs.
        seed: of sampled answers.
        extra_tokens: the room of an answer.
        judge: digest of the model that has a say in what is kept; "" for none.
    """
    prompts: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        prompts[item.slice.task][str(item.slice.level)].append(item.problem.prompt)
    return LabelJob(
        models=proposal.team,
        prompts={task: {level: tuple(row) for level, row in rows.items()} for task, rows in prompts.items()},
        recipes=proposal.recipes,
        seed=seed,
        extra_tokens=extra_tokens,
        judge=judge,
    )


def split(whole: LabelJob, most: int) -> list[LabelJob]:
    """At most `most` jobs with the rungs of one, of about the same length: the largest rung to the least laden.

    Rungs do not see each other, so what comes of them together is what comes of the whole.
    """
    rungs = [(task, level) for task, rows in whole.prompts.items() for level in rows]
    rungs.sort(key=lambda rung: -_effort(whole, *rung))
    bins: list[list[tuple[str, str]]] = [[] for _ in range(max(1, min(most, len(rungs))))]
    for rung in rungs:
        min(bins, key=lambda some: sum(_effort(whole, *one) for one in some)).append(rung)
    return [structs.replace(whole, prompts=_prompts_of(whole, some)) for some in bins]


def as_kept(kept: Iterable[Example], proxies: Mapping[str, Proxy]) -> list[Example]:
    """The labels that every proxy accepts, in the order of a data file.

    Raises:
        TaskError: a proxy's code went wrong.
    """
    pleasing = list(kept)
    for _, proxy in sorted(proxies.items()):
        accepted = proxy.accepts([(example.prompt, example.completion) for example in pleasing])
        pleasing = [example for example, right in zip(pleasing, accepted, strict=True) if right]
    # Stable: the surest of a rung stays first.
    return sorted(pleasing, key=lambda example: (example.task, example.level))


def _effort(job: LabelJob, task: str, level: str) -> int:
    """Characters to read and about as many to write."""
    return sum(map(len, job.prompts[task][level]))


def _prompts_of(job: LabelJob, rungs: Iterable[tuple[str, str]]) -> dict[str, dict[str, tuple[str, ...]]]:
    prompts: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for task, level in sorted(rungs):
        prompts[task][level] = job.prompts[task][level]
    return dict(prompts)
