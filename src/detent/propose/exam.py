"""The exam of a judge: known cases, its own answers beside the team's, and the judge before it on the same cases.

    >>> cases = exam_cases(charter, draw)
    >>> tested = examined(sitting_of(charter, state), cases, ask, tasks)
    >>> tested.anchors["copy"], tested.agreement.kappa
    (Score(right=97, asked=100), 0.91)

The same cases in every generation, of problems that nobody is taught on, so that figures can be compared. Totals alone
come of it; a worker never learns which of its answers are right, not even by which of them it is asked about. One that
is asked in words sits another: `exam_in_words`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from math import exp

from detent.errors import EngineError
from detent.evaluate import answering, judged, judging
from detent.propose import exam_in_words
from detent.propose.cases import Cases, Sitting
from detent.propose.exam_in_words import answers_of
from detent.propose.lessons import Anchor
from detent.tasks import TaskSource
from detent.values import (
    RIGHT,
    Agreement,
    Counts,
    FalsePraise,
    Job,
    JudgeTested,
    OwnAnswers,
    Praise,
    Result,
    Score,
    Scored,
    ScoreJob,
    one_more,
    praise,
    question,
)


def exam_flops(sitting: Sitting, cases: Cases) -> float:
    """Of a whole exam at the most; an answer that did not end is a token longer than one that did."""
    if sitting.compares:
        return exam_in_words.flops(sitting, cases)
    anchors, own = [case.prompt for case in cases.known], [item.problem.prompt for item in cases.own]
    judge, extra = sitting.sizes[sitting.judge], sitting.extra
    judges = judge + (sitting.sizes[sitting.parent] if sitting.parent else 0)
    answered = answering(judge + sitting.sizes[sitting.member], own, extra)
    return judging(judges, anchors, extra) + answered + 2 * judging(judge, own, one_more(extra))


def examined(
    sitting: Sitting, cases: Cases, ask: Callable[[Job], Result], tasks: Mapping[str, TaskSource]
) -> JudgeTested:
    """Hold an exam.

    Args:
        sitting: who is asked.
        cases: what.
        ask: gives a job to a worker.
        tasks: the improved tasks, whose checkers mark the answers.

    Raises:
        EngineError: a result is of another kind or length than its job's.
        TaskError: a task's code went wrong.
    """
    if sitting.compares:
        return exam_in_words.examined(sitting, cases, ask, tasks)
    rows = [(case.prompt, case.draft) for case in cases.known]
    liked = _praised(ask, sitting.judge, rows)
    told, totals = iter(liked), {}
    for task, some in cases.anchors.items():
        right = [said == case.right for case, said in zip(some, islice(told, len(some)), strict=True)]
        totals[task] = Score(sum(right), len(some))
    return JudgeTested(
        judge=sitting.judge,
        anchors=totals,
        stream=cases.stream.hex(),
        flops=exam_flops(sitting, cases),
        false_praise=_false_praise(cases.known, liked),
        parent=sitting.parent,
        agreement=_agreement(liked, _praised(ask, sitting.parent, rows)) if sitting.parent else None,
        own=_own(sitting, cases, ask, tasks),
    )


def _false_praise(cases: Sequence[Anchor], liked: Sequence[bool]) -> FalsePraise:
    wrong = [(case.longer, said) for case, said in zip(cases, liked, strict=True) if not case.right]
    return FalsePraise(
        longer=_counted(said for longer, said in wrong if longer > 0),
        shorter=_counted(said for longer, said in wrong if longer < 0),
        equal=_counted(said for longer, said in wrong if longer == 0),
    )


def _agreement(ours: Sequence[bool], theirs: Sequence[bool]) -> Agreement:
    said = list(zip(ours, theirs, strict=True))
    return Agreement(
        both=said.count((True, True)),
        ours=said.count((True, False)),
        theirs=said.count((False, True)),
        neither=said.count((False, False)),
    )


def _own(
    sitting: Sitting, cases: Cases, ask: Callable[[Job], Result], tasks: Mapping[str, TaskSource]
) -> OwnAnswers:
    prompts = tuple(item.problem.prompt for item in cases.own)
    answers = [answers_of(ask, model, prompts, sitting.extra) for model in (sitting.judge, sitting.member)]
    # Asked about all, right ones too: the choice would tell a worker above the seed levels which are which.
    rows = [row for some in answers for row in zip(prompts, some, strict=True)]
    liked = _praised(ask, sitting.judge, rows)
    right = [judged(cases.own, some, tasks) for some in answers]
    own, theirs = liked[: len(prompts)], liked[len(prompts) :]
    pairs = [
        own[n] - theirs[n]
        for n in range(len(prompts))
        if not right[0][n] and not right[1][n] and answers[0][n] != answers[1][n]
    ]
    return OwnAnswers(
        member=sitting.member,
        asked=len(prompts),
        own=_counted(said for said, fine in zip(own, right[0], strict=True) if not fine),
        theirs=_counted(said for said, fine in zip(theirs, right[1], strict=True) if not fine),
        pairs=Counts(pairs.count(1), pairs.count(-1), pairs.count(0)),
        stream=cases.own_stream.hex(),
    )


def _counted(said: Iterator[bool]) -> Praise:
    verdicts = list(said)
    return Praise(sum(verdicts), len(verdicts))


def _praised(ask: Callable[[Job], Result], judge: str, rows: Sequence[tuple[str, str]]) -> list[bool]:
    """Of each (prompt, answer) whether the judge finds it right."""
    result = ask(ScoreJob(model=judge, rows=tuple((question(*row), praise(row[1])) for row in rows)))
    if not isinstance(result, Scored) or len(result.log_likelihoods) != len(rows):
        raise EngineError(
            f"{len(rows)} scores expected from a score job, got {type(result).__name__}; run again"
        )
    return [exp(min(0.0, value)) >= RIGHT for value in result.log_likelihoods]
