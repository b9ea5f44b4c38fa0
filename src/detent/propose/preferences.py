"""What candidates are taught by a judge's word: which prompts, and of their answers which is better by how much.

    >>> chances = {Question("R123=", "321"): -0.01, Question("R123=", "312"): -4.0}
    >>> chosen([Asked(item, ("321", "312"))], chances, least=1.0)
    [Preference(prompt='R123=', chosen='321', rejected='312', task='reverse', level=3, odds=8.58...)]

Pure, so that `verify` and `replay` make it again. Nobody is told whose an answer is: those of all candidates to a
prompt stand together, each once. What lies between the best and the worst is not used: the judge is least sure there.
A problem that a principle asks is compared by that principle, and by no other word.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import expm1, log
from typing import NamedTuple

from detent.charter import Feedback
from detent.evaluate import answering, judging, weighing
from detent.propose.forms import SCORED_IN_WORDS, filled, forms_of, signs_of
from detent.propose.revisions import principle_of
from detent.tasks import is_principle
from detent.values import (
    Example,
    Flips,
    Form,
    Item,
    Preference,
    PreferJob,
    Proposal,
    ReinforceJob,
    Room,
    Sampled,
    SampleJob,
    Tuning,
    praise,
    question,
)
from detent.values.critique import ASKED

STREAMS: dict[Tuning, str] = {"dpo": "preferences", "grpo": "rewards"}
"""From which public stream each method's prompts are drawn."""

SUREST = -1e-6
"""Nats: likelier than that nothing is taken to be, so that odds are finite; float32 tells no more apart."""

SCORED = Form("{prompt}{draft}" + ASKED)
"""What the judge reads of an answer; one that holds the sign that asks is not asked about."""

PAIRS_A_STEP, MOST_TIMES = 32, 4
"""Of a training on preferences; how often each comes, at the most."""

PROMPTS_A_STEP = 16
"""Of a training on scores, at the most."""


class Question(NamedTuple):
    """An answer to a prompt, which the judge is asked about: whether it is right, or keeps to a principle."""

    prompt: str
    answer: str
    principle: str = ""


Odds = Mapping[Question, float]
"""ln p that the judge marks all of the answer as right, or says that it keeps to the principle, nats."""


class Asked(NamedTuple):
    """A problem's prompt, and what candidates answered to it."""

    item: Item
    answers: tuple[str, ...]


def tuning_rungs(
    proposal: Proposal, method: Tuning, most: int, *, whole: bool = False
) -> dict[str, dict[int, int]]:
    """How many prompts a method asks, by task and level: evenly on the proposal's levels from its frontier on.

    Args:
        proposal: says in which tasks the method is used, and how much.
        method: which.
        most: prompts of a task where the method is used in full.
        whole: whether every task in which it is used gets as many.
    """
    found = {}
    for task, share in sorted(proposal.tasks_of(method).items()):
        recipe = proposal.recipes.get(task)
        levels = [level for level in recipe.levels if level >= recipe.frontier] if recipe else []
        rungs = _spread(most if whole else int(most * share), sorted(levels))
        if rungs:
            found[task] = rungs
    return found


def _spread(count: int, levels: Sequence[int]) -> dict[int, int]:
    """As many on each level as can be; what is left over on the lowest."""
    each, more = divmod(count, len(levels)) if levels else (0, 0)
    return {level: each + (place < more) for place, level in enumerate(levels) if each + (place < more)}


def pooled(items: Sequence[Item], sampled: Iterable[Sampled]) -> list[Asked]:
    """Each problem with the answers of all candidates that ended, each once and in the order of their text.

    What cannot be asked about is dropped.
    """
    every = list(sampled)
    return [
        Asked(
            item,
            tuple(
                sorted(
                    {
                        one.text
                        for result in every
                        for one in result.samples[place]
                        if one.ended and askable(item, one.text)
                    }
                )
            ),
        )
        for place, item in enumerate(items)
    ]


def askable(item: Item, answer: str) -> bool:
    """Whether an answer holds no sign of the question that it would stand in; so neither can say its own praise.

    By principle `?` is no such sign: it is the answer that principles ask for.
    """
    if not is_principle(item.slice.task):
        return ASKED not in answer
    signs = signs_of(forms_of("characters", by_principle=True).critique)
    return not signs & {*answer, *item.problem.prompt}


def question_of(item: Item, answer: str) -> Question:
    """What is asked about an answer to this problem."""
    name = principle_of(item.slice.task) if is_principle(item.slice.task) else ""
    return Question(item.problem.prompt, answer, name)


def questions(asked: Iterable[Asked]) -> list[Question]:
    """All that the judge is asked, each once: of problems with more than one answer."""
    every = (question_of(one.item, text) for one in asked if len(one.answers) > 1 for text in one.answers)
    return list(dict.fromkeys(every))


def as_rows(asked: Iterable[Question]) -> tuple[tuple[str, str], ...]:
    """What a judge reads of each, and the praise whose likelihood counts."""
    return tuple(
        (_weighed(one) if one.principle else question(one.prompt, one.answer), praise(one.answer))
        for one in asked
    )


def _weighed(one: Question) -> str:
    """The critique that a model is asked for by principle."""
    content = [("prompt", one.prompt), ("draft", one.answer), ("principle", one.principle)]
    return filled(forms_of("characters", by_principle=True).critique, content)


def chosen(asked: Iterable[Asked], chances: Odds, least: float) -> list[Preference]:
    """Of each prompt the answers that the judge finds likeliest and least likely to be right, or to keep to it.

    chances: of all `questions`. least: nats of log-odds between them; where there are fewer, or none, it is a tie.
    """
    found = []
    for one in asked:
        if len(one.answers) < 2:  # noqa: PLR2004  nothing to compare
            continue
        prompt, rung = one.item.problem.prompt, one.item.slice
        odds = {text: log_odds(chances[question_of(one.item, text)]) for text in one.answers}
        best, worst = max(odds, key=odds.__getitem__), min(odds, key=odds.__getitem__)
        apart = odds[best] - odds[worst]
        if better(rung.task, odds[best], odds[worst]) and apart >= least:
            found.append(Preference(prompt, best, worst, rung.task, rung.level, apart))
    return found


def better(task: str, one: float, other: float, near: float = 0.0) -> bool:
    """Whether an answer is better than another, by the judge's log-odds of each.

    By principle the one must be likelier to keep to it than not, and the other to break it: of two that keep to it,
    the one of which the judge is surer keeps to it no better. near: nats by which odds may be off.
    """
    kept_and_broken = one > -near and other < near
    return one > other and (kept_and_broken or not is_principle(task))


def log_odds(chance: float) -> float:
    """Ln p - ln (1 - p) of a ln p, nats; finite."""
    chance = min(chance, SUREST)
    return chance - log(-expm1(chance))


def preferring_text(feedback: Feedback) -> str:
    """By what the preferences of a file came about, for their lineage."""
    beside = (
        "; by principle, one that it finds to keep to it and one not" if feedback.prefers_by_principle else ""
    )
    return (
        f"of {feedback.samples} answers of each candidate the one that a judge finds likeliest to be right and the one "
        f"it finds least likely, {feedback.least_odds:g} nats of log-odds apart or more{beside}"
    )


def preferring(
    sizes: Sequence[int], judge: int, items: Sequence[Item], feedback: Feedback, extra: Room
) -> float:
    """Floating point operations at the most: every candidate writes all its answers, and each of them is judged.

    sizes: parameters of the candidates; judge: of the judge.
    """
    prompts = [item.problem.prompt for item in items]
    asked = [question_of(item, "") for item in items]
    own = [one.prompt for one in asked if not one.principle]
    others = [(one.prompt, one.principle) for one in asked if one.principle]
    read = len(sizes) * (judging(judge, own, extra) + weighing(judge, others, extra))
    return feedback.samples * (answering(sum(sizes), prompts, extra) + read)


def counts_of(rows: Iterable[Example | Preference]) -> dict[str, dict[str, int]]:
    """How many there are, by task and level as text."""
    counted = Counter((row.task, row.level) for row in rows)
    found: dict[str, dict[str, int]] = {}
    for (task, level), count in sorted(counted.items()):
        found.setdefault(task, {})[str(level)] = count
    return found


def offered_on(rungs: Mapping[str, Mapping[int, int]]) -> dict[str, dict[str, int]]:
    """How many prompts were offered on these rungs, as entries have them: levels as text."""
    return {task: {str(level): count for level, count in levels.items()} for task, levels in rungs.items()}


def sample_jobs(
    models: Sequence[str],
    prompts: Sequence[str],
    number: Callable[[str], int],
    feedback: Feedback,
    extra: Room,
) -> list[SampleJob]:
    """Each candidate answers every prompt several times. number: seeds by their labels, as the run has them."""
    return [
        SampleJob(
            model=model,
            prompts=tuple(prompts),
            samples=feedback.samples,
            seed=number(f"answers of {member} to prefer among"),
            extra_tokens=extra,
        )
        for member, model in enumerate(models)
    ]


def teacher_job(
    prompts: Sequence[str], number: Callable[[str], int], feedback: Feedback, extra: Room
) -> SampleJob:
    """The charter's teacher answers every prompt as often as a candidate does."""
    seed = number("answers of the teacher to prefer among")
    return SampleJob(
        model=feedback.teacher,
        prompts=tuple(prompts),
        samples=feedback.samples,
        seed=seed,
        extra_tokens=extra,
    )


def seed_label(method: Tuning, member: int) -> str:
    """Of the seed of a member's training by that method."""
    return f"{method} training {member}"


def prefer_job(parent: str, data: str, rows: int, seed: int, feedback: Feedback) -> PreferJob:
    """How a candidate is trained on a file (digest) of so many preferences: so long that none comes too often.

    Nineteen times over some fifty, nine in ten of them right, made a model forget what it had mastered.
    """
    return PreferJob(
        parent=parent,
        data=(data,),
        steps=max(1, min(feedback.dpo_steps, -(-MOST_TIMES * rows // PAIRS_A_STEP))),
        pairs=PAIRS_A_STEP,
        seed=seed,
        rate=feedback.dpo_rate,
        beta=feedback.dpo_beta,
    )


def reinforce_job(  # noqa: PLR0917
    parent: str, judge: str, prompts: Sequence[str], seed: int, feedback: Feedback, extra: Room
) -> ReinforceJob:
    """How a candidate is trained on a judge's scores: by its marks, or by how likely it says yes in words."""
    return ReinforceJob(
        parent=parent,
        judge=judge,
        prompts=tuple(prompts),
        form=SCORED_IN_WORDS if feedback.compares else SCORED,
        by="verdict" if feedback.compares else "praise",
        steps=feedback.grpo_steps,
        seed=seed,
        prompts_a_step=max(1, min(PROMPTS_A_STEP, len(prompts))),
        rate=feedback.grpo_rate,
        beta=feedback.grpo_beta,
        extra_tokens=extra,
    )


def flips_label(method: Tuning, tuned: Sequence[str]) -> str:
    """Of the public stream of an audit: nobody could know its problems before the models had their digests."""
    return f"flips of {method}: {', '.join(tuned)}"


def flips_of(
    tasks: Sequence[str], before: Sequence[Sequence[bool]], after: Sequence[Sequence[bool]]
) -> dict[str, Flips]:
    """By task how many answers became right, and how many wrong.

    tasks: of the problems, in order. before, after: by member, whether each problem was answered rightly.
    """
    found: dict[str, Flips] = {}
    for one, other in zip(before, after, strict=True):
        for task, was, now in zip(tasks, one, other, strict=True):
            flip = Flips(int(now and not was), int(was and not now), 1)
            found[task] = found.get(task, Flips(0, 0, 0)).with_more(flip)
    return found
