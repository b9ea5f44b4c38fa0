"""One opening of the seal: draw, let both models answer, look after every item, stop.

    >>> conducted = conduct(intent, seed, tasks, answer, watch=lambda name, done, limit: None)
    >>> conducted.verdict, conducted.because.split("; ")[0]
    ('better', 'S passed after 41 items')

The targets are tested in the intent's order, superiority first where it is asked; the first that does not pass ends
the opening, since all must. Models answer in batches whose sizes depend on nothing but what was used so far,
and evidence is looked at item by item, so the counts are those of the first crossing and a resumed
opening ends at the same item.

A test also ends when the opposite is shown at the same alpha, or when it is hopeless: at a batch's end, after
HOPELESS_FROM items, rates two standard errors better than those seen would still not reach the threshold at
the limit. Any rule for stopping is valid; this one saves most of the items of candidates without a gain.

The gain reported is the confidence sequence on the first target, superiority where it is asked, at the end of the
last batch answered there. That is a stopping time like any other, so it holds; it costs no answers beyond those the
test asked for, and unlike the interval at the crossing itself it always rests on a first batch at least.
"""

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import NamedTuple

from detent.errors import EngineError, TrustError
from detent.evaluate.confidence import gain_of
from detent.evaluate.evaluator import evaluator_digest
from detent.evaluate.gate import process, threshold
from detent.evaluate.items import ItemStream, judged
from detent.evaluate.recompute import faults_of_intent
from detent.evaluate.record import Row
from detent.evaluate.tally import Tally
from detent.tasks import TaskSource, opened
from detent.values import Counts, Gain, Intent, Item, Target, TestResult, Verdict

Answer = Callable[[str, Sequence[str]], Sequence[str]]
"""(model digest, prompts) -> one completion a prompt, in order."""

Watch = Callable[[str, int, int], None]
"""(target's name, items used, most items)."""

FIRST_BATCH = 512
"""Items of the first two batches; later ones are half of what was used so far."""

HOPELESS_FROM = 1000
"""Items before which no test is given up."""

HOPELESS_ERRORS = 2.0
"""Standard errors by which the rates seen are improved before a test is given up."""


class Conducted(NamedTuple):
    """What an outcome is made of, and the rows of its answers file: every answer, counted or not."""

    verdict: Verdict
    results: tuple[TestResult, ...]
    gain: Gain
    because: str
    record: tuple[Row, ...]


def conduct(
    intent: Intent, seed: bytes, tasks: Mapping[str, TaskSource], answer: Answer, watch: Watch
) -> Conducted:
    """Test every target of `intent` on items drawn from `seed`, until one does not pass.

    Each item is answered by the candidate and by the model that the target compares it with: incumbent or anchor.

    Raises:
        TrustError: the intent cannot be tested, or the tasks or this code are not those it names.
        EngineError: the models gave another number of answers than there were prompts.
        TaskError: a task's code went wrong.
    """
    _check_conditions(intent, tasks)
    tasks = opened(tasks, intent.k)
    tallies: list[Tally] = []
    endings: list[str] = []
    rows: list[Row] = []
    for target in intent.targets:
        sitting = _Sitting(intent, target, ItemStream(seed, target, tasks), tasks, answer)
        endings.append(_run(sitting, watch))
        tallies.append(sitting.tally)
        rows += sitting.rows
        if sitting.tally.ending != "passed":
            break
    return Conducted(
        verdict=_verdict(tallies[-1]),
        results=tuple(tally.result() for tally in tallies),
        gain=gain_of(row.difference for row in rows if row.target == intent.targets[0].name),
        because="; ".join(endings),
        record=tuple(rows),
    )


def hopeless(target: Target, counts: Counts, alpha: float) -> bool:
    """Whether rates HOPELESS_ERRORS standard errors above those seen would not pass at the target's limit."""
    n = counts.items
    if n < HOPELESS_FROM:
        return False
    net = counts.wins - counts.losses
    shift = HOPELESS_ERRORS * sqrt(max(0.0, counts.wins + counts.losses - net * net / n)) / 2
    shift = min(shift, counts.losses)
    scale = target.limit / n
    best = process(target.kind, target.bound).log_e(
        (counts.wins + shift) * scale, (counts.losses - shift) * scale, counts.ties * scale
    )
    return best < threshold(alpha)


class _Sitting:
    """One target's items, answered and counted batch by batch."""

    def __init__(
        self,
        intent: Intent,
        target: Target,
        stream: ItemStream,
        tasks: Mapping[str, TaskSource],
        answer: Answer,
    ) -> None:
        self.tally = Tally(target, intent.alpha)
        self.rows: list[Row] = []
        self.intent = intent
        self._stream = stream
        self._tasks = tasks
        self._answer = answer

    def next_batch(self) -> None:
        """Draw and answer the next items, and count them up to the one at which the test ends."""
        start = self.tally.items
        size = max(FIRST_BATCH, start // 2)
        items = self._stream.take(start, min(start + size, self.tally.target.limit))
        for row in self._answered(start, items):
            self.rows.append(row)
            if self.tally.ending is None:
                self.tally.add(row.difference)

    def _answered(self, start: int, items: list[Item]) -> list[Row]:
        candidate = self._completions(self.intent.candidate, items)
        right = judged(items, candidate, self._tasks)
        if self.tally.target.kind == "floor":
            rivals: Sequence[tuple[str, bool] | tuple[None, None]] = [(None, None)] * len(items)
        else:
            rival = self._completions(self.intent.rival(self.tally.target), items)
            rivals = list(zip(rival, judged(items, rival, self._tasks), strict=True))
        name = self.tally.target.name
        return [
            Row(
                target=name,
                index=index,
                slice=item.slice,
                prompt=item.problem.prompt,
                answer=item.problem.answer,
                candidate=said,
                candidate_right=is_right,
                incumbent=answered,
                incumbent_right=rival_right,
            )
            for index, (item, said, is_right, (answered, rival_right)) in enumerate(
                zip(items, candidate, right, rivals, strict=True), start
            )
        ]

    def _completions(self, model: str, items: list[Item]) -> list[str]:
        completions = list(self._answer(model, [item.problem.prompt for item in items]))
        if len(completions) != len(items):
            raise EngineError(
                f"{len(items)} answers of model {model[:12]} expected, got {len(completions)}; run again"
            )
        return completions


def _run(sitting: _Sitting, watch: Watch) -> str:
    """Go on until the test ends; says how it ended."""
    tally, target = sitting.tally, sitting.tally.target
    while tally.ending is None:
        sitting.next_batch()
        watch(target.name, tally.items, target.limit)
        if tally.ending is None and hopeless(target, tally.counts, sitting.intent.alpha):
            return f"{target.name} given up after {tally.items} of {target.limit} items: hopeless"
    said = {"passed": "passed", "opposite": "showed the opposite", "limit": "undecided"}[tally.ending]
    return f"{target.name} {said} after {tally.items} items"


def _verdict(last: Tally) -> Verdict:
    """All targets before the last tested one passed, so it decides."""
    if last.ending == "passed":
        return "better"
    return "not_better" if last.ending == "opposite" else "undecided"


def _check_conditions(intent: Intent, tasks: Mapping[str, TaskSource]) -> None:
    faults = faults_of_intent(intent)
    if faults:
        raise TrustError(
            f"an intent that can be tested expected, got opening {intent.k}: {'; '.join(faults)}"
        )
    if intent.evaluator != evaluator_digest():
        raise TrustError(
            f"the evaluating code {intent.evaluator[:12]} that the intent names expected, "
            f"got {evaluator_digest()[:12]}; go back to that version of detent, or record the opening as void"
        )
    for task in sorted({one.task for target in intent.targets for one in target.slices}):
        found = tasks[task].digest if task in tasks else "no such task"
        if intent.tasks.get(task) != found:
            raise TrustError(
                f"task {task} with the intent's digest {intent.tasks.get(task)} expected, got {found}; "
                "restore the task's source, or record the opening as void"
            )
