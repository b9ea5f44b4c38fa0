"""What candidates are taught by the word of a judge that compares: nobody taught it, it is asked in words.

    >>> asked = contested(items, sampled)                    # of each prompt a few pairs of answers
    >>> rulings = ruled(contests(asked, constitution), ask, judge)
    >>> won(asked, rulings, constitution, least=1.0)
    [Preference(prompt='Name a fruit.', chosen='pear', rejected='brick', task='fruit', level=1, odds=2.1)]

Pure but for `ruled`, so that `verify` and `replay` make it again. Nobody is told whose an answer is: those of all
candidates to a prompt stand together, each once, in the order of their text, and each is compared with the next, at
most `MOST_PAIRS` times a prompt. Both orders are asked; a verdict that changes with the order, or is none, is dropped.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, pairwise
from math import isfinite
from typing import NamedTuple

import msgspec

from detent.charter import Constitution, Feedback, JudgeForm
from detent.errors import EngineError
from detent.evaluate import answering, ruling
from detent.propose.forms import COMPARED
from detent.propose.revisions import principle_of
from detent.tasks import is_principle
from detent.values import (
    Contest,
    Form,
    Item,
    Job,
    Judged,
    JudgeJob,
    Preference,
    Result,
    Room,
    Ruling,
    Sampled,
    room_after,
    sha256_hex,
)

MOST_PAIRS = 4
"""Of a prompt's answers."""

VERDICTS = ("1", "2")
"""What the judge may say: the first is better, or the second."""

Pair = tuple[str, str]
Rulings = Mapping[Contest, Ruling]


class Contested(NamedTuple):
    """A problem's prompt, and which answers to it are compared."""

    item: Item
    pairs: tuple[Pair, ...]


def contested(items: Sequence[Item], sampled: Iterable[Sampled]) -> list[Contested]:
    """Each problem, once, with pairs of the answers of all candidates that ended."""
    every, seen, found = list(sampled), set[tuple[str, str]](), list[Contested]()
    for place, item in enumerate(items):
        asked = (item.slice.task, item.problem.prompt)
        if asked not in seen:
            seen.add(asked)
            texts = {one.text for result in every for one in result.samples[place] if one.ended}
            found.append(Contested(item, tuple(islice(pairwise(sorted(texts)), MOST_PAIRS))))
    return found


def contest_of(item: Item, pair: Pair, constitution: Constitution | None) -> Contest:
    """What is asked about two answers to this problem: by its principle, in its words, if it has one."""
    if not is_principle(item.slice.task):
        return Contest(item.problem.prompt, *pair)
    if constitution is None:
        raise EngineError(f"a constitution with {item.slice.task} expected, got none; run `detent verify`")
    return Contest(item.problem.prompt, *pair, constitution.principles[principle_of(item.slice.task)].text)


def contests(asked: Iterable[Contested], constitution: Constitution | None) -> list[Contest]:
    """All that the judge is asked, each once."""
    every = (contest_of(one.item, pair, constitution) for one in asked for pair in one.pairs)
    return list(dict.fromkeys(every))


def judge_jobs(judge: str, asked: Iterable[Contest], form: JudgeForm = "plain") -> list[JudgeJob]:
    """Those without a principle, and those with one; a job that asks nothing is none.

    form: the charter's feedback.judge_form.
    """
    rows, forms = list(asked), COMPARED[form]
    parts = (
        (forms.better, tuple(one for one in rows if not one.principle)),
        (forms.by_principle, tuple(one for one in rows if one.principle)),
    )
    return [
        JudgeJob(model=judge, pairs=pairs, form=wording, verdicts=VERDICTS)
        for wording, pairs in parts
        if pairs
    ]


def ruled(
    asked: Iterable[Contest], ask: Callable[[Job], Result], judge: str, form: JudgeForm = "plain"
) -> dict[Contest, Ruling]:
    """The judge's word on each, asked in this wording.

    Raises:
        EngineError: a result is of another kind or length than its job's.
    """
    found: dict[Contest, Ruling] = {}
    for job in judge_jobs(judge, asked, form):
        result = ask(job)
        if not isinstance(result, Judged) or len(result.rulings) != len(job.pairs):
            raise EngineError(
                f"{len(job.pairs)} rulings expected from a judge job, got {type(result).__name__}; run again"
            )
        found |= zip(job.pairs, result.rulings, strict=True)
    return found


def won(
    asked: Iterable[Contested], rulings: Rulings, constitution: Constitution | None, least: float
) -> list[Preference]:
    """The answers that won in both orders, in the order in which they were asked about.

    least: nats of log-odds for the winner, in the order in which they are fewer; where there are fewer, or none, it is
    a tie.
    """
    found = []
    for one in asked:
        prompt, rung = one.item.problem.prompt, one.item.slice
        for first, second in one.pairs:
            ruling = rulings[contest_of(one.item, (first, second), constitution)]
            odds = margin_of(ruling)
            if odds > 0 and odds >= least:
                chosen, rejected = (first, second) if ruling.verdict == "first" else (second, first)
                found.append(Preference(prompt, chosen, rejected, rung.task, rung.level, odds))
    return found


def margin_of(ruling: Ruling) -> float:
    """Nats for the winner, in the order in which they are fewer; 0 where no answer won, or the odds are no numbers."""
    if ruling.verdict not in {"first", "second"} or not all(map(isfinite, ruling.odds)):
        return 0.0
    return min(map(abs, ruling.odds))


def writers(candidates: Sequence[str], feedback: Feedback) -> tuple[str, ...]:
    """Whose answers are preferred among: all candidates', and those of the charter's teacher, where it names one."""
    return (*candidates, *([feedback.teacher] if feedback.teacher else []))


def contest_text(feedback: Feedback) -> str:
    """By what the preferences of a file came about, for their lineage; the forms by their digests."""
    wording = COMPARED[feedback.judge_form]
    forms = [wording.better, *([wording.by_principle] if feedback.prefers_by_principle else [])]
    beside = "; by principle, in its words" if feedback.prefers_by_principle else ""
    teacher = f" and of {feedback.teacher}" if feedback.teacher else ""
    said = " or ".join(VERDICTS)
    return (
        f"of {feedback.samples} answers of each candidate{teacher} neighbours in the order of their text, at most "
        f"{MOST_PAIRS} pairs a prompt, the one that a judge finds better in both orders, by {feedback.least_odds:g} "
        f"nats of log-odds or more in either{beside}; {said} said to the form {', '.join(map(form_digest, forms))}"
    )


def form_digest(form: Form) -> str:
    """What tells a form from any other."""
    return sha256_hex(msgspec.json.encode(form))


def contesting(  # noqa: PLR0917
    sizes: Sequence[int],
    judge: int,
    items: Sequence[Item],
    feedback: Feedback,
    extra: Room,
    constitution: Constitution | None,
) -> float:
    """Floating point operations at the most: every candidate writes all its answers, and pairs of all are compared.

    sizes: parameters of the candidates; judge: of the judge.
    """
    written = answering(sum(sizes), [item.problem.prompt for item in items], extra)
    pairs = min(MOST_PAIRS, feedback.samples * (len(sizes) + bool(feedback.teacher)) - 1)
    longest = [contest_of(item, ("x" * longest_answer(item, extra),) * 2, constitution) for item in items]
    jobs = judge_jobs("", longest, feedback.judge_form)
    return feedback.samples * written + pairs * sum(ruling(judge, job) for job in jobs)


def longest_answer(item: Item, extra: Room) -> int:
    """Characters, a token a character; one that did not end is a token longer than one that did."""
    return room_after(len(item.problem.prompt), extra) + 1
