"""What workers hand over, held against proposal, charter and record before it goes onto the ledger.

An entry stays for good: what `verify` would find wrong with it later is refused here, and the job can be run again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import inf

from detent.errors import CharterError, EngineError
from detent.values import (
    Example,
    Filter,
    Proposal,
    TrainedModel,
    TrainJob,
)

Prompts = Mapping[str, Mapping[str, Sequence[str]]]
"""prompts[task][level as text]"""


def check_labels(kept: Sequence[Example], proposal: Proposal, prompts: Prompts) -> None:
    """Labels must be of prompts that were offered, none more often than that, and such as the filter keeps.

    Raises:
        EngineError: others came.
    """
    left = Counter(
        (task, int(level), prompt)
        for task, rows in prompts.items()
        for level, row in rows.items()
        for prompt in row
    )
    left.subtract((example.task, example.level, example.prompt) for example in kept)
    often = [asked for asked, count in left.items() if count < 0]
    if often:
        raise EngineError(
            f"each offered prompt labelled once at most expected, got more of {often[0]}; run again"
        )
    rungs: dict[tuple[str, int], list[Example]] = defaultdict(list)
    for example in kept:
        rungs[example.task, example.level].append(example)
    for task, recipe in proposal.recipes.items():
        for rung in recipe.rungs:
            _check_rung(rungs[task, rung.level], rung.filter)


def check_size(parameters: int, most: int) -> None:
    """A model has parameters, and no more than the charter allows.

    Raises:
        CharterError: it has more.
        EngineError: a number came that no model has.
    """
    if parameters < 1:
        raise EngineError(f"a number of parameters expected from the worker, got {parameters}; run again")
    if parameters > most:
        raise CharterError(
            f"at most {most:,} parameters expected (constraints.max_parameters), got {parameters:,}"
        )


def check_compute(trained: TrainedModel, job: TrainJob) -> None:
    """A lease pays for compute: a training takes 6 operations a parameter and token, and an example has a token.

    Raises:
        EngineError: the worker claims less.
    """
    least = 6.0 * trained.parameters * job.steps * job.optimizer.batch
    if not least <= trained.flops < inf:
        raise EngineError(
            f"{least:.3g} floating point operations or more expected of {job.steps} steps, got {trained.flops:.3g}; "
            "run again"
        )


def check_least(trained: TrainedModel, least: float) -> None:
    """The same of a training by a judge's word, of which its own bound is known.

    Raises:
        EngineError: the worker claims less.
    """
    if not least <= trained.flops < inf:
        raise EngineError(
            f"{least:.3g} floating point operations or more expected of such a training, got {trained.flops:.3g}; "
            "run again"
        )


def check_change(trained: TrainedModel, *, new: bool) -> None:
    """A new model's weights changed, and those of its parent again did not: what is told of a change goes with it.

    Raises:
        EngineError: the worker says otherwise.
    """
    if any(trained.change.values()) != new:
        wanted = (
            "a change of some weights, which are new,"
            if new
            else "no change of weights that are the parent's"
        )
        raise EngineError(f"{wanted} expected from the training, got {trained.change!r:.200}; run again")


def check_new(digests: Iterable[str], known: Iterable[str]) -> None:
    """What was trained is none of the models on record: those were measured, and perhaps opened, before.

    known: digests of the models on record.

    Raises:
        EngineError: it is one of them, or two of the same came.
    """
    known = set(known)
    for digest in digests:
        if digest in known:
            raise EngineError(f"a new model expected from the training, got {digest} again; run again")
        known.add(digest)


def _check_rung(kept: Sequence[Example], rule: Filter) -> None:
    if 0 < rule.keep < len(kept):
        raise EngineError(f"at most {rule.keep} labels of a rung expected, got {len(kept)}; run again")
    for example in kept:
        found = (example.confidence, example.agreement, example.judged)
        floors = (rule.confidence, rule.agreement, rule.judged)
        if not all(floor <= one <= 1 for one, floor in zip(found, floors, strict=True)):
            raise EngineError(
                f"labels with confidence, agreement and a judge's word of {floors} or more, up to 1, expected, "
                f"got {found}; run again"
            )
