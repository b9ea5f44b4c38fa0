"""The loop and its control arms, at equal steps: what each part of it is worth.

    default    the product as it is
    loop       the team's own labels and nothing else; all but the methods' arms begin with it
    seed-only  the same training on the seed levels only: is it the labels, or just more steps?
    truth      true answers instead of the team's own: the ceiling
    no-gate    every candidate becomes the incumbent
    no-audit   the diagnosis is not told how many labels were right
    alone      a team of one: no second model has to agree
    loop-more, loop-most   the loop with 1.53 and 2.15 times the steps: what dpo, or every method, costs
    judge, refine, constitution, dpo, grpo   one method of [feedback] beside the loop's own labels
    refine-alone, constitution-alone, dpo-alone, grpo-alone   the method and nothing else
    every-method   all of them together
    avalanche  examples/avalanche without a gate: no filter, labels far above what the model can do
    avalanche-gated   the same charter in the product
    add        examples/add: two numbers added, the harder test
    same-compute, same-compute-dpo   data proposals alone, by labels and as the default has it: the same compute
    random     four candidates a generation, three of them with settings drawn at random; the same compute
    feedback   the same, settings by rules and a search that is told what was tried
    architecture   the same, with other shapes by rules; people allow every one
    every-change   settings and shapes, by rules and search

An arm that switches something off is written here, not in the product: no charter can ask for it.

    >>> with arm.lifted(), run.open() as ledger:
    ...     arm.go(parts(ledger), print)
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Literal

from detent.charter import default_text
from detent.engine import Ask, Engine, Watch
from detent.loop import Parts, cycle, drive, judge, learn, measure, suggesting
from detent.oversight import Stop
from detent.values import (
    Audited,
    DataMade,
    Decided,
    Example,
    Job,
    LabelJob,
    Labels,
    Proposal,
    Result,
    folding,
)


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run: what it changes in the charter's text, in the parts, and in the product's functions.

    role: what it is to the loop in a report; see `detent.report.Arm`.
    start: a charter's path under examples/; the default charter when empty.
    generations: after which it ends, if the lease does not end it before.
    lifted: a block without what the arm does without. A ledger without the gate is also read in there.
    """

    name: str
    charter: tuple[tuple[str, str], ...] = ()
    role: Literal["loop", "floor", "ceiling", "control"] = "control"
    generations: int = 8
    start: str = ""
    lifted: Callable[[], AbstractContextManager[None]] = nullcontext
    parts: Callable[[Parts], Parts] = lambda parts: parts

    def go(self, parts: Parts, told: Callable[[Decided], None]) -> Stop:
        """Go on from where the ledger stands until its last generation is closed, or as far as the product lets it."""
        closed = max(parts.book.state.generation - 1, 0)
        return drive(self.parts(parts), self.generations - closed, told)


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
    """A turn whose candidate becomes the incumbent whatever it is; the fold refuses its ledger unless lifted."""
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


@contextmanager
def lifted(module: ModuleType, name: str, put: Callable[..., object]) -> Iterator[None]:
    """A block in which `put` stands for a function of the product; the real one is back after it."""
    real = getattr(module, name)
    setattr(module, name, put)
    try:
        yield
    finally:
        setattr(module, name, real)


def _blind(_parts: Parts, _plan: Proposal, labels: DataMade) -> Audited:
    """An audit that looks at no label."""
    return Audited(data=labels.digest, labels={}, stream="")


@contextmanager
def ungated() -> Iterator[None]:
    """A block whose turns ask no gate, and whose fold misses none."""
    with lifted(cycle, "turn", ungated_turn), lifted(folding, "_passed", lambda *_: True):
        yield


UNAUDITED = partial(lifted, measure, "audit", _blind)
ALONE = (("team = 2", "team = 1"),)
SEED_ONLY = (("newest = 0.5, earlier = 0.3, seed = 0.2", "newest = 0.0, earlier = 0.0, seed = 1.0"),)


def by(*methods: str) -> tuple[tuple[str, str], ...]:
    """A charter whose [feedback] names these methods and nothing else; the digits' constitution where one needs it."""
    named = ", ".join(f'"{method}"' for method in methods)
    constitution = '[constitution]\nfile = "digits"\n\n' if "constitution" in methods else ""
    return ((FEEDBACK, f"[feedback]\nmethods = [{named}]\n\n{constitution}"),)


FEEDBACK = default_text()[default_text().index("[feedback] ") : default_text().index("[explore] ")]
"""What the default charter says of methods. The arms do without, or have methods as they are by default."""
LABELS = by("self_label")
MORE = (("seed_steps = 700", "seed_steps = 1070"), ("steps = 120 ", "steps = 184 "))
"""The loop with the compute of the arm dpo, 1.53 times its own: judge, samples and training on preferences."""
MOST = (("seed_steps = 700", "seed_steps = 1500"), ("steps = 120 ", "steps = 258 "))
"""The same with the compute of the arm every-method, 2.15 times the loop's."""
RECORDED = (('action = "pause" ', 'action = "record" '),)
"""What the gate makes of an avalanche can only be seen when the tripwire lets the run go on."""

LEASE = "lease = { generations = 8, hours = 24, petaflop = 0.2 }"
SAME = ((LEASE, "lease = { generations = 100, hours = 24, petaflop = 0.08 }"),)
"""Twice what the loop takes for eight generations; who tries more in a generation has fewer of them."""
MANY = 100


def changes(*kinds: str, proposers: str = '"rules", "search"') -> tuple[tuple[str, str], ...]:
    """A charter that has four candidates in every generation, until the compute is used; nobody is asked."""
    named = ", ".join(f'"{kind}"' for kind in ("data", *kinds))
    return (
        *LABELS,
        *SAME,
        ("candidates = 1 ", "candidates = 4 "),
        ('changes = ["data"] ', f"changes = [{named}] "),
        ("max_parameters = 1_000_000", "max_parameters = 2_000_000"),
        ('when = "stuck" ', 'when = "always" '),
        ('approval = "breaking" ', 'approval = "none" '),
        ('proposers = ["rules", "search"]', f"proposers = [{proposers}]"),
    )


def untold() -> AbstractContextManager[None]:
    """A block whose search is never told what came of what it proposed: it draws at random."""
    return lifted(suggesting, "told", lambda *_: ())


ARMS = {
    arm.name: arm
    for arm in (
        Arm("default"),
        Arm("loop", LABELS, role="loop"),
        Arm("seed-only", LABELS + SEED_ONLY, role="floor"),
        Arm("truth", LABELS, role="ceiling", parts=lambda parts: replace(parts, engine=TrueLabels(parts))),
        Arm("no-gate", LABELS, lifted=ungated),
        Arm("no-audit", LABELS, lifted=UNAUDITED),
        Arm("alone", LABELS + ALONE),
        Arm("loop-more", LABELS + MORE),
        Arm("loop-most", LABELS + MOST),
        Arm("judge", by("self_label", "judge")),
        Arm("refine", by("self_label", "refine")),
        Arm("constitution", by("self_label", "constitution")),
        Arm("dpo", by("self_label", "dpo")),
        Arm("grpo", by("self_label", "grpo")),
        Arm("refine-alone", by("refine")),
        Arm("constitution-alone", by("constitution")),
        Arm("dpo-alone", by("dpo")),
        Arm("grpo-alone", by("grpo")),
        Arm("every-method", by("self_label", "judge", "refine", "constitution", "dpo", "grpo")),
        Arm("same-compute", LABELS + SAME, generations=MANY),
        Arm("same-compute-dpo", SAME, generations=MANY),
        Arm("random", changes("feedback", proposers='"search"'), generations=MANY, lifted=untold),
        Arm("feedback", changes("feedback"), generations=MANY),
        Arm("architecture", changes("architecture", proposers='"rules"'), generations=MANY),
        Arm("every-change", changes("feedback", "architecture"), generations=MANY),
        Arm("add", start="add/charter.toml"),
        Arm("avalanche", RECORDED, start="avalanche/charter.toml", lifted=ungated),
        Arm("avalanche-gated", RECORDED, start="avalanche/charter.toml"),
    )
}
