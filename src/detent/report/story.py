"""What a run's ledger tells, as plain frozen values: the only thing the page and its charts read.

`telling.tell` makes a Story from entries. The same ledger gives the same story, and the story the same file.
"""

from collections.abc import Mapping
from math import log
from typing import Any, Literal

from msgspec import UNSET, Struct

from detent.evaluate import Horizon
from detent.report._words import span, verdict
from detent.report.tried import Screenings
from detent.values import (
    Change,
    Diagnosis,
    Entry,
    Gain,
    JudgeTested,
    Origin,
    Profile,
    Proposal,
    Score,
    ServerAsked,
    State,
    Target,
    TestResult,
    Verdict,
    Weakness,
)
from detent.values.serving import Budget

Fate = Literal["in force", "promoted", "carried on", "taught further", "discarded", "not decided"]
"""in force: the incumbent now. promoted: was the incumbent once. carried on: training went on from it.
taught further: in its own generation, by a judge's word; what came of that stands for it from there on.
discarded: the next of its line began elsewhere. not decided: its turn is still open."""


class Trial(Struct, frozen=True):
    """One test of an opening: what was asked and, once the seal was opened, what came out."""

    target: Target
    result: TestResult | None


class Opening(Struct, frozen=True):
    """One use of the seal. `verdict` is "open" between intent and outcome.

    smaller: the candidate was asked to be as good with fewer parameters. anchor: the model last promoted as better, ""
    where that is the incumbent.
    """

    k: int
    generation: int
    alpha: float
    candidate: str
    incumbent: str
    trials: tuple[Trial, ...]
    verdict: Verdict | Literal["open"]
    gain: Gain | None
    because: str
    witnesses: tuple[str, ...]
    smaller: bool = False
    anchor: str = ""

    @property
    def said(self) -> str:
        """The verdict in words."""
        return verdict(self.verdict, smaller=self.smaller)

    @property
    def threshold(self) -> float:
        """ln(1/alpha): what ln e of every test must reach."""
        return -log(self.alpha)

    @property
    def deciding(self) -> Trial | None:
        """The superiority test: is it better where the incumbent is weak? Of a smaller candidate the first test."""
        kind = "non_inferiority" if self.smaller else "superiority"
        return next((trial for trial in self.trials if trial.target.kind == kind), None)

    @property
    def items(self) -> int | None:
        """Items that test used; None when the seal was not opened to its end."""
        trial = self.deciding
        return trial.result.counts.items if trial and trial.result else None

    @property
    def items_of_all(self) -> int:
        """Items all tests used together."""
        return sum(trial.result.counts.items for trial in self.trials if trial.result)


class Turn(Struct, frozen=True):
    """One closed generation; generation 0 has no diagnosis.

    candidate: the one the gate was asked about, "" when nothing was tried.
    incumbent: the model in force after it. team: the models that training goes on from.
    ladder: of the model that came into force, on fresh problems; None when none did.
    tried: how many changes beside the data were tried before one of them, or none, was proposed.
    """

    generation: int
    at: str
    decision: Literal["promote", "carry", "discard", "rollback"]
    because: str
    candidate: str
    incumbent: str
    team: tuple[str, ...]
    diagnosis: Diagnosis | None = None
    proposal: Proposal | None = None
    tried: int = 0
    opening: Opening | None = None
    labels: dict[str, Score] = {}
    ladder: float | None = None

    @property
    def weaknesses(self) -> tuple[Weakness, ...]:
        """What the diagnosis wants something done about, worst first."""
        every = self.diagnosis.weaknesses if self.diagnosis else ()
        return tuple(weak for weak in every if weak.remedy != "rest")

    @property
    def plan(self) -> dict[str, list[str]]:
        """What was proposed, by remedy: {"purify": ["reverse 4-5"], "climb": ["copy 7", "sort 8"]}.

        Of a task's levels those that are new to the model; "keep up" where there are none.
        """
        remedies = {weak.task: weak.remedy for weak in self.weaknesses}
        done: dict[str, list[str]] = {}
        for task, recipe in self.proposal.recipes.items() if self.proposal else ():
            new = [level for level in recipe.levels if level >= recipe.frontier]
            remedy = remedies.get(task, "label") if new else "keep up"
            if recipe.levels:
                done.setdefault(remedy, []).append(f"{task} {span(new or recipe.levels)}")
        return done

    @property
    def change(self) -> Change | None:
        """What was proposed beside the data; None for nothing."""
        found = self.proposal.change if self.proposal else UNSET
        return None if found is UNSET else found

    @property
    def promoted(self) -> bool:
        """The candidate is the incumbent from here on."""
        return self.decision == "promote"

    @property
    def proven(self) -> bool:
        """The gate was opened for exactly this candidate, said better, and every one of its tests passed."""
        opening = self.opening
        return (
            opening is not None
            and opening.verdict == "better"
            and opening.candidate == self.candidate
            and all(trial.result is not None and trial.result.passed for trial in opening.trials)
        )


class Standing(Struct, frozen=True):
    """How the model in force after a generation does on fresh problems.

    measured: generation in which it was measured; before `generation` when the incumbent did not change.
    low, high: 95 % interval of the ladder score, normal approximation, stratified by task and level.
    horizons: per task, the level at about 50 %.
    """

    generation: int
    measured: int
    promoted: bool
    profile: Profile
    ladder: float
    low: float
    high: float
    horizons: dict[str, Horizon]


class Batch(Struct, frozen=True):
    """A data file: kept and offered examples a task (seed data is all offered and all kept)."""

    digest: str
    generation: int
    origin: Origin
    kept: dict[str, int]
    offered: dict[str, int]


class Descent(Struct, frozen=True):
    """One model and where it comes from. The parents of generation 0 are untrained or given, not of this run.

    member: its place in the team. data: for each file its share of a batch; shares sum to 1. method: by which a judge's
    word taught it, "" of a model that was taught from examples.
    """

    digest: str
    generation: int
    member: int
    parent: str
    data: dict[str, float]
    steps: int
    seed: int
    parameters: int
    flops: float
    fate: Fate
    method: str = ""


class Session(Struct, frozen=True):
    """One `detent run`."""

    at: str
    software: dict[str, str]
    seed: int
    threads: int
    confined: bool
    unconfined_because: str
    evaluator: str


class Awaited(Struct, frozen=True):
    """A threshold of the charter: before `task` reaches the horizon `level`, so many approvers are asked."""

    task: str
    level: float
    approvers: int = 1


class Story(Struct, frozen=True):
    """A run, told. Order of every tuple is the ledger's order.

    top: improved tasks and the top level of each ladder; its order is the order of the tasks everywhere.
    written: entries by generation and slot.
    under_way: slots the open turn has written so far, empty when none is open.
    exams: of the judges of each generation's labels. served: each time that a model server was asked.
    budgets: what the charter allows servers. adapter: as `adapter_document` has it, None of whole models.
    screenings: what was tried beside the data, of each generation that tried something.
    thresholds: the charter's. ahead: generations to forecast, 0 for none. See `forecast.foreseen`.
    """

    name: str
    purpose: str
    top: dict[str, int]
    state: State
    turns: tuple[Turn, ...]
    standings: tuple[Standing, ...]
    openings: tuple[Opening, ...]
    batches: tuple[Batch, ...]
    models: tuple[Descent, ...]
    sessions: tuple[Session, ...]
    written: Mapping[int, Mapping[str, Entry]]
    under_way: tuple[str, ...]
    began: str
    last: str
    exams: tuple[JudgeTested, ...] = ()
    served: tuple[ServerAsked, ...] = ()
    budgets: dict[str, Budget] = {}
    adapter: dict[str, Any] | None = None
    screenings: Screenings = Screenings()
    thresholds: tuple[Awaited, ...] = ()
    ahead: int = 0

    @property
    def decided(self) -> tuple[Turn, ...]:
        """Closed turns of the loop: generation 0 made the first model, nothing was decided about it."""
        return tuple(turn for turn in self.turns if turn.generation > 0)

    @property
    def promotions(self) -> tuple[Turn, ...]:
        """Turns that changed the incumbent."""
        return tuple(turn for turn in self.decided if turn.promoted)

    @property
    def unproven(self) -> tuple[Turn, ...]:
        """Promotions that the gate did not pass; a loop with its gate has none."""
        return tuple(turn for turn in self.promotions if not turn.proven)

    @property
    def ladder_start(self) -> float | None:
        """Ladder score of the first measured incumbent."""
        return self.standings[0].ladder if self.standings else None

    @property
    def ladder_now(self) -> float | None:
        """Ladder score of the incumbent."""
        return self.standings[-1].ladder if self.standings else None

    @property
    def budget(self) -> float | None:
        """The whole run's error budget A, from a_k = A / (k (k + 1)); None before the first opening."""
        if not self.openings:
            return None
        newest = self.openings[-1]
        return newest.alpha * newest.k * (newest.k + 1)

    @property
    def flops(self) -> float:
        """Floating point operations of all training."""
        return sum(model.flops for model in self.models)

    @property
    def unconfined(self) -> tuple[Session, ...]:
        """Sessions whose workers were not confined."""
        return tuple(session for session in self.sessions if not session.confined)


class Arm(Struct, frozen=True):
    """One arm and seed of a comparison at equal compute: the ladder score after each generation, from 0.

    role: `loop` is the loop itself, `floor` what it must beat, `ceiling` what it cannot be asked to beat.
    """

    name: str
    seed: int
    ladder: tuple[float, ...]
    role: Literal["loop", "floor", "ceiling", "control"] = "control"
