"""One label job: every model answers every prompt, and the filter keeps what they agree on and are sure of."""

from collections.abc import Sequence
from math import exp
from typing import NamedTuple

from detent import values
from detent.errors import UsageError
from detent.feedback import Filter, Kept, self_label
from detent.subject.generate import Completion, complete
from detent.subject.load import Subject
from detent.subject.score import log_likelihoods
from detent.subject.spell import spell_texts
from detent.values import (
    Example,
    LabelJob,
    LabelRecipe,
    Labels,
    Room,
    praise,
    question,
    room_after,
    sha256_hex,
)
from detent.values.wire import Tell
from detent.worker._shelf import Shelf
from detent.worker._written import Written


class _Rung(NamedTuple):
    task: str
    level: int
    prompts: tuple[str, ...]
    rule: values.Filter
    recipe: LabelRecipe


class _Work(NamedTuple):
    job: LabelJob
    meter: "Meter"
    written: Written


def labelled(job: LabelJob, shelf: Shelf, tell: Tell, written: Written) -> Labels:
    """Label rung by rung: tasks in the job's order, levels upwards, on each rung the surest labels first.

    What was written down before a kill is not asked again.
    """
    rungs = _rungs(job)
    subjects = [shelf.subject(digest) for digest in job.models]
    meter = Meter(sum(len(rung.prompts) * (len(subjects) + rung.recipe.samples) for rung in rungs), tell)
    judge = shelf.subject(job.judge) if job.judge else None
    work = _Work(job, meter, written)
    kept = [label for rung in rungs for label in _label(rung, subjects, judge, work)]
    offered = {
        task: {level: len(some) for level, some in levels.items()} for task, levels in job.prompts.items()
    }
    return Labels(kept=tuple(kept), offered=offered)


def _rungs(job: LabelJob) -> list[_Rung]:
    if not job.models:
        raise UsageError("at least one model expected in a label job, got none; name the labellers")
    return [
        _rung(job, task, int(level), levels[level])
        for task, levels in job.prompts.items()
        for level in sorted(levels, key=int)
    ]


def _rung(job: LabelJob, task: str, level: int, prompts: tuple[str, ...]) -> _Rung:
    recipe = job.recipes.get(task)
    rules = {rung.level: rung.filter for rung in recipe.rungs} if recipe else {}
    if recipe is None or level not in rules:
        raise UsageError(f"a recipe for {task} at level {level} expected, got none; add the rung to the job")
    return _Rung(task, level, prompts, rules[level], recipe)


def _label(rung: _Rung, subjects: Sequence[Subject], judge: Subject | None, work: _Work) -> list[Example]:
    """The votes are each model's likeliest answer and, of the first model, `samples` drawn ones."""
    voters = [_ask(subjects, place, rung, work, temperature=0.0, seed=0) for place in range(len(subjects))]
    for number in range(rung.recipe.samples):
        seed = int(sha256_hex(f"{work.job.seed}/{rung.task}/{rung.level}/{number}".encode())[:15], 16)
        voters.append(_ask(subjects, 0, rung, work, temperature=rung.recipe.temperature, seed=seed))
    rule = Filter(rung.rule.confidence, rung.rule.agreement, largest_share=1.0)
    labels = self_label(rung.prompts, voters, rule)
    kept = _judged(labels, judge, rung.rule.judged) if judge is not None else [(one, 1.0) for one in labels]
    return [
        Example(
            task=rung.task,
            level=rung.level,
            prompt=label.prompt,
            completion=label.completion,
            confidence=label.confidence,
            agreement=label.agreement,
            judged=judged,
        )
        for label, judged in kept[: rung.rule.keep or None]
    ]


def _judged(labels: Sequence[Kept], judge: Subject, floor: float) -> list[tuple[Kept, float]]:
    """The labels that a judge finds right at least so likely; first where it and the voters together are surest."""
    rows = [(question(label.prompt, label.completion), praise(label.completion)) for label in labels]
    found = [(label, exp(value)) for label, value in zip(labels, log_likelihoods(*judge, rows), strict=True)]
    passing = [(label, chance) for label, chance in found if chance >= floor]
    return sorted(passing, key=lambda one: -one[0].confidence * one[1])


def _ask(
    subjects: Sequence[Subject], place: int, rung: _Rung, work: _Work, *, temperature: float, seed: int
) -> list[Completion]:
    """What the model at `place` in the job answers on a rung."""
    job, meter, written = work
    limits = answer_limits(subjects[place], rung.prompts, job.extra_tokens)

    answers = complete(
        *subjects[place],
        rung.prompts,
        max_new_tokens=limits,
        temperature=temperature,
        seed=seed,
        on_progress=lambda done, _: meter.within(done, f"{rung.task} {rung.level}"),
        kept=written.answers([job.models[place], rung.prompts, limits, temperature, seed]),
    )
    meter.advance(len(rung.prompts))
    return answers


def answer_limits(subject: Subject, prompts: Sequence[str], extra_tokens: Room) -> list[int]:
    """New tokens allowed for each prompt: the room of an answer to as many tokens as it has, and the end mark."""
    return [room_after(len(ids), extra_tokens) + 1 for ids in spell_texts(subject.tokenizer, prompts)]


class Meter:
    """Adds up the progress of many calls."""

    def __init__(self, total: int, tell: Tell) -> None:
        self._total = total
        self._tell = tell
        self._done = 0

    def within(self, done: int, note: str) -> None:
        """Say what is done within the call in progress."""
        self._tell(self._done + done, self._total, note)

    def advance(self, done: int) -> None:
        """Count a call that has ended."""
        self._done += done
