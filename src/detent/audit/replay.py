"""A generation once more, by whoever doubts it: its models are asked again, and all that followed is drawn from that.

    >>> rerun = replay(case, 3, means)
    >>> rerun.lines()[0]
    'generation 3, on the kind of machine that its session recorded: all must be equal'

`verify` comes first: what is computed again here is what the record, found in order, cannot show by itself. Of
trainings only those by a judge's word are done again. What cannot be made again since weights or files are gone is
said, and is no fault.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from detent.audit.alarms import alarms_again
from detent.audit.deciding import decision_faults
from detent.audit.differences import MOST_DIFFERING, Remade, Rule, failed, judged
from detent.audit.evidence import Case
from detent.audit.findings import COLUMN, printable
from detent.audit.measuring import visible_again
from detent.audit.reexamining import exam_again
from detent.audit.relabelling import labels_again
from detent.audit.relooking import looks_again
from detent.audit.reopening import Opened, opened_again
from detent.audit.rerevising import revisions_again
from detent.audit.retrying import reshaped_again, trials_again
from detent.audit.retuning import tuned_again
from detent.audit.turns import Means, Turn, turn_of
from detent.errors import SubjectError, TaskError, UsageError
from detent.oversight import permission, seconds_between
from detent.values import Decided


@dataclass(frozen=True, slots=True)
class Rerun:
    """One generation, made again.

    seconds: what it took. recorded: what the record says that the same took then, in whole seconds.
    """

    generation: int
    rule: Rule
    made: tuple[Remade, ...]
    seconds: float
    recorded: float

    @property
    def differing(self) -> list[Remade]:
        """What differs more than it may."""
        return [remade for remade in self.made if not remade.finding.ok]

    @property
    def missing(self) -> list[Remade]:
        """What is no longer re-runnable."""
        return [remade for remade in self.made if remade.missing]

    def lines(self) -> list[str]:
        """For a person."""
        said = [f"generation {self.generation}, {_rule(self.rule)}"]
        for remade in self.made:
            said += _lines(remade)
        took = f"{self.seconds:.1f} s here; {self.recorded:.0f} s at the time, as the record's clock says"
        return [printable(line) for line in (*said, f"{'time':<{COLUMN}}{took}")]


def replay(case: Case, generation: int, means: Means) -> Rerun:
    """Make a generation again.

    Args:
        case: a record in which `verify` found no fault.
        generation: which, from 0.
        means: what models are asked with.

    Raises:
        UsageError: nothing was done in that generation.
        TrustError: a file is not what its name says.
        EngineError: a worker died; nothing follows for the record.
    """
    turn = turn_of(case, generation, means)
    if turn is None:
        newest = case.state.generation
        raise UsageError(
            f"a generation of this run expected, got {generation}; it stands in generation {newest}"
        )
    began = time.monotonic()
    made = tuple(_made(turn))
    places = {place for remade in made if not remade.missing for place in remade.steps}
    return Rerun(generation, turn.rule, made, time.monotonic() - began, _recorded(case, places))


def _made(turn: Turn) -> Iterator[Remade]:
    opened = Opened()
    yield from _answered("trials", trials_again(turn))
    yield from _answered("labels", labels_again(turn))
    yield from _answered("revisions", revisions_again(turn))
    yield from _answered("judge", exam_again(turn))
    yield from _answered("reshaped", reshaped_again(turn))
    yield from _answered("tuned", tuned_again(turn))
    yield from _answered("visible", visible_again(turn))
    yield from _answered("opening", opened_again(turn, opened))
    yield from _answered("inside", looks_again(turn))
    yield from _answered("alarms", alarms_again(turn))
    yield from _decided(turn, opened)


def _answered(check: str, made: Iterator[Remade]) -> Iterator[Remade]:
    """A model that cannot answer again, or code that cannot draw again, is a difference: once it could."""
    try:
        yield from made
    except (SubjectError, TaskError) as error:
        yield failed(check, "what was asked again", str(error))


def _decided(turn: Turn, opened: Opened) -> Iterator[Remade]:
    decided = turn.entry("decision/v1", Decided)
    if decided is None:
        return
    step = turn.steps["decision/v1"]
    allowed = permission(step.before, decided.at) in ("free", "approved")
    wrong = decision_faults(
        turn.entries, step.before, decided, opened.verdict, turn.signed.charter, allowed=allowed
    )
    detail = f"{decided.decision}, which follows from profiles, verdict and what people allowed"
    yield judged("decision", detail, [], asked=0, rule=turn.rule, wrong=wrong)


def _recorded(case: Case, places: set[int]) -> float:
    """Each entry was made between the one before it and itself."""
    at = {step.index: step.entry.at for step in case.steps}
    return sum(seconds_between(at[place - 1], at[place]) for place in places if place - 1 in at)


def _rule(rule: Rule) -> str:
    if rule.exact:
        return "on the kind of machine that its session recorded: all must be equal"
    return (
        f"on another kind of machine ({rule.because}): verdict, alarms and decision must be equal, and all but "
        f"{MOST_DIFFERING:.1%} of the answers"
    )


def _lines(remade: Remade) -> list[str]:
    if remade.missing:
        return [f"{remade.finding.check:<{COLUMN}}no longer re-runnable: {remade.missing}"]
    more = [f"{'':<{COLUMN}}- {remade.tolerated}"] if remade.tolerated else []
    if remade.finding.ok and not more:
        return [f"{remade.finding.check:<{COLUMN}}equal: {remade.finding.detail}"]
    return [*remade.finding.lines(), *more]
