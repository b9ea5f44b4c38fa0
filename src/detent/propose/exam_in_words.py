"""The exam of a judge that compares: a right answer beside a spoilt one, its own answers beside another model's.

Both orders are asked. What is counted is what `feedback.health` measures in shares: known verdicts, those that the
order does not change, how often the longer answer wins, how often its own. Totals alone come of it; the judge is asked
about all pairs of answers that differ, so that it cannot tell from what it is asked which of them are right.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from detent.errors import EngineError
from detent.evaluate import answering, judged, ruling
from detent.propose.cases import Cases, Sitting
from detent.propose.contests import judge_jobs, longest_answer, ruled
from detent.propose.lessons import Anchor
from detent.tasks import TaskSource
from detent.values import (
    AnswerJob,
    Answers,
    Compares,
    Contest,
    Counts,
    Job,
    JudgeTested,
    OwnAnswers,
    Praise,
    Result,
    Room,
    Ruling,
    Score,
)


def flops(sitting: Sitting, cases: Cases) -> float:
    """Floating point operations of a whole exam, at the most."""
    judge = sitting.sizes[sitting.judge]
    asked = known_contests(cases.known)
    answered = 0.0
    if sitting.member:
        both = judge + sitting.sizes[sitting.member]
        answered = answering(both, [item.problem.prompt for item in cases.own], sitting.extra)
        asked += [
            Contest(item.problem.prompt, *("x" * longest_answer(item, sitting.extra),) * 2)
            for item in cases.own
        ]
    return answered + sum(ruling(judge, job) for job in judge_jobs("", asked, sitting.judge_form))


def known_contests(cases: Sequence[Anchor]) -> list[Contest]:
    """Every spoilt answer beside the right one, which stands first every other time."""
    return [
        Contest(case.prompt, case.draft, case.answer)
        if place % 2
        else Contest(case.prompt, case.answer, case.draft)
        for place, case in enumerate(cases)
    ]


def examined(
    sitting: Sitting, cases: Cases, ask: Callable[[Job], Result], tasks: Mapping[str, TaskSource]
) -> JudgeTested:
    """Hold an exam; as `exam.examined`, which sends those here that compare."""
    asked = known_contests(cases.known)
    rulings = ruled(dict.fromkeys(asked), ask, sitting.judge, sitting.judge_form)
    said = [rulings[one] for one in asked]
    told, totals = iter(enumerate(said)), {}
    for task, some in cases.anchors.items():
        right = [_right(place, ruling) for place, ruling in islice(told, len(some))]
        totals[task] = Score(sum(right), len(some))
    return JudgeTested(
        judge=sitting.judge,
        anchors=totals,
        stream=cases.stream.hex(),
        flops=flops(sitting, cases),
        own=_own(sitting, cases, ask, tasks) if sitting.member else None,
        compares=_compares(cases.known, said),
    )


def _right(place: int, ruling: Ruling) -> bool:
    return ruling.verdict == ("second" if place % 2 else "first")


def _compares(cases: Sequence[Anchor], said: Sequence[Ruling]) -> Compares:
    asked = sum(ruling.verdict != "unfit" for ruling in said)
    dropped = sum(ruling.verdict == "dropped" for ruling in said)
    unequal = [
        _right(place, ruling) == (case.longer < 0)  # the right answer won, and is the longer one; or neither
        for place, (case, ruling) in enumerate(zip(cases, said, strict=True))
        if case.longer and ruling.verdict in {"first", "second"}
    ]
    return Compares(asked=asked, same=asked - dropped, longer=Praise(sum(unequal), len(unequal)))


def _own(
    sitting: Sitting, cases: Cases, ask: Callable[[Job], Result], tasks: Mapping[str, TaskSource]
) -> OwnAnswers:
    prompts = tuple(item.problem.prompt for item in cases.own)
    own, theirs = (
        answers_of(ask, model, prompts, sitting.extra) for model in (sitting.judge, sitting.member)
    )
    pairs = [Contest(*row) for row in zip(prompts, own, theirs, strict=True)]
    rulings = ruled(
        dict.fromkeys(one for one in pairs if one.first != one.second), ask, sitting.judge, sitting.judge_form
    )
    right = [judged(cases.own, some, tasks) for some in (own, theirs)]
    won = [
        rulings[one].verdict
        for one, mine, other in zip(pairs, *right, strict=True)
        if not mine and not other and one in rulings
    ]
    wins, losses = won.count("first"), won.count("second")
    return OwnAnswers(
        member=sitting.member,
        asked=len(prompts),
        own=Praise(),
        theirs=Praise(),
        pairs=Counts(wins, losses, len(won) - wins - losses),
        stream=cases.own_stream.hex(),
    )


def answers_of(
    ask: Callable[[Job], Result], model: str, prompts: tuple[str, ...], extra: Room
) -> tuple[str, ...]:
    """What a model answers.

    Raises:
        EngineError: the result is of another kind or length than its job's.
    """
    result = ask(AnswerJob(model=model, prompts=prompts, extra_tokens=extra))
    if not isinstance(result, Answers) or len(result.completions) != len(prompts):
        raise EngineError(
            f"{len(prompts)} answers expected from an answer job, got {type(result).__name__}; run again"
        )
    return result.completions
