"""A generation on record, and what its models are asked again with.

>>> turn = turn_of(case, 3, means)
>>> turn.entry("outcome/v1", OutcomeWritten).outcome.verdict
'better'
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from detent.audit.constitutions import believed_principles
from detent.audit.differences import Rule, rule_of
from detent.audit.evidence import Case
from detent.audit.material import believed_tasks
from detent.audit.steps import Step, outside_turns
from detent.charter import SignedCharter
from detent.engine import Ask, Engine, ModelStore
from detent.errors import EngineError, SubjectError
from detent.tasks import TaskSource
from detent.values import AnswerJob, Answers, Entry, Item, Progress, Reading, Result

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class NotRead:
    """Why a wire was not read again. gone: what it looks at is no longer there; else it never can be."""

    because: str
    gone: bool = False


Alarms = Callable[[Step, Engine], Mapping[str, Reading | NotRead]]
"""(a watch, workers) -> what each wire reads now, by name, of the record as it stood before that entry."""


@dataclass(frozen=True, slots=True)
class Means:
    """What models are asked again with.

    engine: with the threads and workers that a charter sets. models: believed by their digests alone. staging: where
        its workers leave what they train; nobody takes it from there.
    alarms: reads tripwires again. here: what bits depend on, as sessions record it. watch: told how jobs go on.
    """

    engine: Callable[[SignedCharter], Engine]
    models: ModelStore
    staging: Path
    alarms: Alarms
    here: Mapping[str, str]
    watch: Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """A generation on record: its entries by slot, where they stand, and by which charter and rule.

    tried: what its trials wrote, in the ledger's order.
    """

    case: Case
    means: Means
    signed: SignedCharter
    steps: Mapping[str, Step]
    tried: Sequence[Step]
    rule: Rule
    tasks: Mapping[str, TaskSource]
    principles: Mapping[str, TaskSource]
    engine: Engine

    @property
    def generation(self) -> int:
        """Which."""
        return next(iter(self.steps.values())).before.generation

    @property
    def entries(self) -> dict[str, Entry]:
        """By slot."""
        return {slot: step.entry for slot, step in self.steps.items()}

    def entry(self, slot: str, kind: type[E]) -> E | None:
        """What stands in the slot."""
        found = self.steps[slot].entry if slot in self.steps else None
        return found if isinstance(found, kind) else None

    def places(self, *slots: str) -> tuple[int, ...]:
        """Where these entries stand on the ledger."""
        return tuple(self.steps[slot].index for slot in slots)

    def gone(self, models: Sequence[str]) -> str:
        """Which of these weights are no longer there, as a clause; "" when all are.

        Raises:
            TrustError: a folder holds other files than its name says.
        """
        for digest in models:
            try:
                self.means.models.path(digest)
            except SubjectError:
                return f"the weights models/{digest} are no longer there"
        return ""

    def job(self, model: str, items: Sequence[Item]) -> AnswerJob:
        """The model's answers to the items."""
        prompts = tuple(item.problem.prompt for item in items)
        return AnswerJob(model=model, prompts=prompts, extra_tokens=self.signed.charter.subject.room)

    def said(self, ask: Ask, model: str, items: Sequence[Item]) -> Sequence[str]:
        """The same, asked of one worker."""
        return completions(ask(self.job(model, items), self.means.watch))


def turn_of(case: Case, generation: int, means: Means) -> Turn | None:
    """The generation, closed or in progress; None where nothing was done in it.

    Raises:
        TrustError: the code of its tasks, or of what its principles ask, is not at hand.
    """
    found = [
        step
        for step in case.steps
        if step.before.generation == generation and not (step.refused or outside_turns(step.entry))
    ]
    steps = {step.entry.slot: step for step in found if not step.trial}
    tried = [step for step in found if step.trial]
    if not steps or case.charters is None:
        return None
    signed = case.charters.at(list(steps.values())[-1])  # with what the turn's own proposal has set
    # A turn that was cut short may have gone on elsewhere.
    rule = rule_of((step.before.session for step in steps.values()), means.here)
    tasks, principles = believed_tasks(case, signed), believed_principles(case, signed)
    return Turn(case, means, signed, steps, tried, rule, tasks, principles, means.engine(signed))


def completions(result: Result) -> Sequence[str]:
    """What an answer job gave."""
    if not isinstance(result, Answers):
        raise EngineError(f"answers expected from an answer job, got {type(result).__name__}; run again")
    return result.completions
