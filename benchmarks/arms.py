"""The loop and its control arms, at equal steps: what each part of it is worth.

    loop       the product as it is
    seed-only  the same training on the seed levels only: is it the labels, or just more steps?
    truth      true answers instead of the team's own: the ceiling
    no-gate    every candidate becomes the incumbent
    no-audit   the diagnosis is not told how many labels were right
    alone      a team of one: no second model has to agree
    avalanche  examples/avalanche without a gate: no filter, labels far above what the model can do
    avalanche-gated   the same charter in the product

An arm that switches something off is written here, not in the product: no charter can ask for it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from detent.engine import Ask, Engine, Watch
from detent.loop import Parts, cycle, judge, learn, measure
from detent.values import Audited, DataMade, Decided, Example, Job, LabelJob, Labels, Proposal, Result
from detent.values import state as folding

Turn = Callable[[Parts], Decided]


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run: what it changes in the charter's text, in the parts, and in a turn."""

    name: str
    charter: tuple[tuple[str, str], ...] = ()
    start: str = ""  # a charter's path under examples/; the default charter when empty
    parts: Callable[[Parts], Parts] = lambda parts: parts
    turn: Turn = cycle.turn


class TrueLabels:
    """An engine whose label jobs return the tasks' own answers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._engine: Engine = parts.engine

    @property
    def confined(self) -> bool:
        return self._engine.confined

    @property
    def unconfined_because(self) -> str:
        return self._engine.unconfined_because

    @property
    def width(self) -> int:
        return self._engine.width

    def run(self, job: Job, watch: Watch) -> Result:
        return self.run_all([job], watch)[0]

    def run_all(self, jobs: Sequence[Job], watch: Watch) -> list[Result]:
        """True answers to as many prompts as the filter would keep at the most; other jobs as they are."""
        if any(isinstance(job, LabelJob) for job in jobs):
            return [self._labelled(job) for job in jobs if isinstance(job, LabelJob)]
        return self._engine.run_all(jobs, watch)

    def _labelled(self, job: LabelJob) -> Labels:
        plan = self._parts.book.state.slots["proposal/v1"].proposal  # type: ignore[attr-defined]
        items = measure.label_items(self._parts, plan, self._parts.stream("labels"))
        truth = {(item.slice.task, item.problem.prompt): item.problem.answer for item in items}
        kept = [
            Example(task, rung.level, prompt, truth[task, prompt])
            for task, recipe in job.recipes.items()
            for rung in recipe.rungs
            for prompt in dict.fromkeys(
                job.prompts.get(task, {}).get(str(rung.level), ())[: rung.filter.keep or None]
            )
        ]
        offered = {
            task: {level: len(row) for level, row in rows.items()} for task, rows in job.prompts.items()
        }
        return Labels(kept=tuple(kept), offered=offered)

    @contextmanager
    def opening(self) -> Iterator[Ask]:
        with self._engine.opening() as ask:
            yield ask

    def close(self) -> None:
        self._engine.close()


def ungated_turn(parts: Parts) -> Decided:
    """A turn whose candidate becomes the incumbent whatever it is.

    The fold refuses such a ledger, so what it asks is lifted for this process; `verify` still finds every one.
    """
    folding._passed = lambda *_: True  # noqa: SLF001  nothing public lifts it
    book = parts.book
    before = book.state.visible[book.state.incumbent]
    weak = book.once("diagnosis/v1", lambda: learn.diagnose(parts, before)).diagnosis
    plan = book.once("proposal/v1", lambda: learn.propose(parts, weak)).proposal
    labels = book.once("data/v1", lambda: learn.label(parts, plan))
    book.once("audit/v1", lambda: measure.audit(parts, plan, labels))
    candidates = learn.train(parts, plan, labels)
    profiles = measure.visible(parts, candidates)
    after = judge.best(profiles)
    with parts.opening() as ask:
        book.once("profile/v1/fresh", lambda: measure.fresh(parts, after.subject, ask))
    team = tuple(candidates)
    return book.once(
        "decision/v1",
        lambda: Decided(
            decision="promote", incumbent=after.subject, candidate=after.subject, team=team, because="no gate"
        ),
    )


def _blind(_parts: Parts, _plan: Proposal, labels: DataMade) -> Audited:
    return Audited(data=labels.digest, labels={}, stream="")


def unaudited_turn(parts: Parts) -> Decided:
    """A turn that looks at no label: its audit is written empty."""
    real = measure.audit
    measure.audit = _blind
    try:
        return cycle.turn(parts)
    finally:
        measure.audit = real


ALONE = (("team = 2", "team = 1"),)
SEED_ONLY = (("newest = 0.5, earlier = 0.3, seed = 0.2", "newest = 0.0, earlier = 0.0, seed = 1.0"),)
ARMS = {
    arm.name: arm
    for arm in (
        Arm("loop"),
        Arm("seed-only", SEED_ONLY),
        Arm("truth", parts=lambda parts: replace(parts, engine=TrueLabels(parts))),
        Arm("no-gate", turn=ungated_turn),
        Arm("no-audit", turn=unaudited_turn),
        Arm("alone", ALONE),
        Arm("avalanche", start="avalanche/charter.toml", turn=ungated_turn),
        Arm("avalanche-gated", start="avalanche/charter.toml"),
    )
}
