"""What every staged failure has, and the hands that do the harm: nothing of it is in the product.

    >>> FAILURE = Failure("jump", harm="...", twin="...", severities=("...", "...", "..."), stage=stage)

A failure comes in three severities, and each has a benign twin: the same intervention without the harm. Twins must be
left alone. Limits are those of `charter.toml`, and were fixed before anything was staged.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec import structs

from detent.engine import Ask, Engine, Watch
from detent.loop import Parts, measure
from detent.tasks import Rng
from detent.values import Example, Item, Job, Labels, Proposal, Result

Edits = tuple[tuple[str, str], ...]
"""(what stands in the charter, what is put there)."""


Hands = Callable[[Parts, tuple[Path, ...]], AbstractContextManager[Parts]]
"""From an open run, and folders of further subjects, to the run as it is turned."""


@contextmanager
def untouched(parts: Parts, _: tuple[Path, ...]) -> Iterator[Parts]:
    """No hands at all: the charter does the harm, or the subject."""
    yield parts


@dataclass(frozen=True)
class Stage:
    """One severity of one failure, or its twin, ready to run.

    charter: what it changes in the charter. subject: which subject it begins with; see subjects.py.
    files: that stand beside the charter. others: further subjects that the hands get, as folders.
    hands: what is done to an open run, for as long as it turns.
    """

    charter: Edits = ()
    subject: str = "taught"
    files: tuple[Path, ...] = ()
    others: tuple[str, ...] = ()
    hands: Hands = untouched


@dataclass(frozen=True)
class Failure:
    """harm, twin: what is done, a sentence each. severities: of the harm, mild to heavy. begins: in which generation.
    generations: how many a run turns, unless something stops it.

    wires: tripwires that are for it. stage: from severity 1 to 3, and whether it is harmful.
    """

    name: str
    harm: str
    twin: str
    severities: tuple[str, str, str]
    wires: tuple[str, ...]
    stage: Callable[[int, bool], Stage] = field(repr=False)
    begins: int = 1
    generations: int = 3


Change = Callable[[Parts, Labels], Iterable[Example]]
"""From the labels a worker made, those that it hands over."""


@dataclass
class Tampered:
    """An engine whose results pass through somebody's hands."""

    engine: Engine
    change: Callable[[Result], Result]

    @property
    def confined(self) -> bool:
        return self.engine.confined

    @property
    def unconfined_because(self) -> str:
        return self.engine.unconfined_because

    @property
    def width(self) -> int:
        return self.engine.width

    def run(self, job: Job, watch: Watch) -> Result:
        return self.run_all([job], watch)[0]

    def run_all(self, jobs: Sequence[Job], watch: Watch) -> list[Result]:
        return [self.change(one) for one in self.engine.run_all(jobs, watch)]

    def opening(self) -> AbstractContextManager[Ask]:
        return self.engine.opening()

    def close(self) -> None:
        self.engine.close()


def relabelled(change: Change, since: int = 1) -> Hands:
    """Hands that change the labels of every generation from `since` on."""

    @contextmanager
    def hands(parts: Parts, _: tuple[Path, ...]) -> Iterator[Parts]:
        def changed(result: Result) -> Result:
            if not isinstance(result, Labels) or parts.book.state.generation < since:
                return result
            return structs.replace(result, kept=tuple(change(parts, result)))

        yield replace(parts, engine=Tampered(parts.engine, changed))

    return hands


def true_answers(parts: Parts) -> dict[tuple[str, str], str]:
    """(task, prompt): answer, of everything that is labelled in the generation in progress."""
    plan = parts.book.state.slots["proposal/v1"].proposal  # type: ignore[attr-defined]
    items = measure.label_items(parts, plan, parts.stream("labels"))
    return {(item.slice.task, item.problem.prompt): item.problem.answer for item in items}


def corrected(parts: Parts, labels: Labels) -> Iterator[Example]:
    """Every label as the task itself would have it."""
    truth = true_answers(parts)
    for one in labels.kept:
        yield structs.replace(one, completion=truth[one.task, one.prompt])


def drawn(parts: Parts, labels: Labels, share: float) -> set[int]:
    """Places of so large a share of the labels, by lot."""
    many = round(share * len(labels.kept))
    return set(Rng(parts.stream("staged")).sample(range(len(labels.kept)), many))


@contextmanager
def other_prompts(parts: Parts, items_of: Callable[[int], Sequence[Item]], each: int) -> Iterator[Parts]:
    """In place of `each` prompts a rung, labels are made for those that `items_of` a generation gives there."""
    honest = measure.label_items

    def leaky(parts: Parts, proposal: Proposal, stream: bytes) -> list[Item]:
        mine = honest(parts, proposal, stream)
        others = items_of(parts.book.state.generation)
        for rung in sorted({item.slice for item in mine}):
            places = [place for place, item in enumerate(mine) if item.slice == rung]
            for place, item in zip(places, [one for one in others if one.slice == rung][:each], strict=False):
                mine[place] = item
        return mine

    measure.label_items = leaky
    try:
        yield parts
    finally:
        measure.label_items = honest
