"""Jobs that train on preferences and on a judge's scores: the parent is loaded, trained in place, measured, saved."""

from collections.abc import Callable, Sequence
from pathlib import Path

from detent.feedback import ScoreRule, praised, score
from detent.subject import prefer, reinforce
from detent.subject._trl import Lesson
from detent.subject.checkpoint import Checkpoints
from detent.subject.generate import Completion
from detent.subject.load import Subject
from detent.values import PreferJob, ReinforceJob, TrainedModel
from detent.values.wire import Tell
from detent.worker._asking import Marker, Reader, template
from detent.worker._labelling import answer_limits
from detent.worker._shelf import Shelf
from detent.worker._training import TOKENS, Measured, counted_tokens, saved, told


def preferred(job: PreferJob, shelf: Shelf, folder: Path, tell: Tell, marks: Checkpoints) -> TrainedModel:
    """Train on preferences, from where `marks` stand, and leave the model in the new `folder`."""
    rows = [row for digest in job.data for row in shelf.preferences(digest)]
    subject = shelf.fresh_subject(job.parent)
    measured = Measured(subject)
    tell(0, job.steps, "")
    lesson = prefer.prefer(
        *subject,
        [prefer.Preference(row.prompt, row.chosen, row.rejected) for row in rows],
        prefer.Recipe(
            steps=job.steps,
            pairs=job.pairs,
            rate=job.rate,
            beta=job.beta,
            warm_up=job.warmup_steps,
            clip=job.clip,
        ),
        seed=job.seed,
        on_progress=told(tell),
        checkpoints=marks,
    )
    return _trained(lesson, measured, folder)


def reinforced(job: ReinforceJob, shelf: Shelf, folder: Path, tell: Tell, marks: Checkpoints) -> TrainedModel:
    """Train on a judge's scores, from where `marks` stand, and leave the model in the new `folder`."""
    judge = shelf.subject(job.judge)
    scored = _scoring(job, judge)

    def rewards(prompts: Sequence[str], written: Sequence[Completion]) -> list[float]:
        scores = scored(prompts, [one.text for one in written])
        return [found if found and one.ended else 0.0 for found, one in zip(scores, written, strict=True)]

    subject = shelf.fresh_subject(job.parent)
    measured = Measured(subject)
    tell(0, job.steps, "")
    with counted_tokens(judge.model, marks.tally):
        lesson = reinforce.reinforce(
            *subject,
            job.prompts,
            rewards,
            reinforce.Recipe(
                steps=job.steps,
                prompts=job.prompts_a_step,
                group=job.group,
                rate=job.rate,
                beta=job.beta,
                temperature=job.temperature,
                warm_up=job.warmup_steps,
                clip=job.clip,
            ),
            seed=job.seed,
            max_new_tokens=max(answer_limits(subject, job.prompts, job.extra_tokens), default=1),
            on_progress=told(tell),
            checkpoints=marks,
        )
    return _trained(
        lesson, measured, folder, judged=marks.tally[TOKENS], judge_parameters=judge.model.num_parameters()
    )


def _scoring(
    job: ReinforceJob, judge: Subject
) -> Callable[[Sequence[str], Sequence[str]], Sequence[float | None]]:
    """(prompts, answers) -> what the judge makes of each."""
    form = template(job.form)
    if job.by == "praise":
        marker = Marker(judge)
        return lambda prompts, answers: praised(marker, prompts, answers, form)
    reader, rule = Reader(judge), ScoreRule(form, job.verdicts)
    return lambda prompts, answers: score(reader, prompts, answers, rule)


def _trained(
    lesson: Lesson, measured: Measured, folder: Path, *, judged: int = 0, judge_parameters: int = 0
) -> TrainedModel:
    parameters = measured.subject.model.num_parameters()
    return saved(
        measured,
        folder,
        losses=lesson.losses,
        flops=6.0 * parameters * lesson.learnt + 2.0 * (parameters * lesson.read + judge_parameters * judged),
        learnt=lesson.learnt,
        read=lesson.read + judged,
        precision="float32" if measured.subject.model.device.type == "cpu" else "bfloat16",
    )
