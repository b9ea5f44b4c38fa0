"""Jobs that ask and train nobody: samples, revisions, rulings."""

from detent import values
from detent.feedback import Draft, JudgeRule, Pair, Refined, RefineRule, judge, refine
from detent.subject.generate import complete
from detent.values import (
    Judged,
    JudgeJob,
    Revised,
    ReviseJob,
    Revision,
    RevisionStep,
    Ruling,
    Sampled,
    SampleJob,
)
from detent.values.wire import Tell
from detent.worker._asking import Author, Reader, template
from detent.worker._labelling import Meter, answer_limits
from detent.worker._shelf import Shelf
from detent.worker._written import Written


def sampled(job: SampleJob, shelf: Shelf, tell: Tell, written: Written) -> Sampled:
    """Write every sample of every prompt; what was written down before a kill is not asked again."""
    subject = shelf.subject(job.model)
    found = complete(
        *subject,
        [prompt for prompt in job.prompts for _ in range(job.samples)],
        max_new_tokens=[
            limit
            for limit in answer_limits(subject, job.prompts, job.extra_tokens)
            for _ in range(job.samples)
        ],
        temperature=job.temperature,
        seed=job.seed,
        on_progress=tell,
        kept=written.answers([]),
    )
    samples = [values.Sample(one.text, one.ended, one.least_probability) for one in found]
    return Sampled(
        samples=tuple(
            tuple(samples[start : start + job.samples]) for start in range(0, len(samples), job.samples)
        )
    )


def revised(job: ReviseJob, shelf: Shelf, tell: Tell) -> Revised:
    """Draft where no drafts came along, then revise."""
    rule = RefineRule(
        revise=template(job.revise),
        critique=None if job.critique is None else template(job.critique),
        rounds=job.rounds,
        least_confidence=job.least_confidence,
    )
    passes = (not job.drafts) + job.rounds * (2 if job.critique else 1)
    total = passes * len(job.prompts)
    author = Author(shelf.subject(job.model), job.extra_tokens, job.critique_tokens, Meter(total, tell))
    if job.drafts:
        drafts = [Draft(text, sure) for text, sure in zip(job.drafts, job.confidences, strict=True)]
    else:
        drafts = [Draft(one.text, one.least_probability) for one in author.draft(job.prompts)]
    found = refine(author, job.prompts, drafts, rule, job.principles)
    tell(total, total)  # those that stopped early count as done
    return Revised(revisions=tuple(map(_revision, found)))


def judged(job: JudgeJob, shelf: Shelf, tell: Tell, written: Written) -> Judged:
    """Ask about every pair in both orders; what was read before a kill is not read again."""
    rule = JudgeRule(template(job.form), job.verdicts, job.margin)
    pairs = [Pair(one.prompt, one.first, one.second, one.principle) for one in job.pairs]
    found = judge(Reader(shelf.subject(job.model), Meter(2 * len(pairs), tell), written), pairs, rule)
    tell(2 * len(pairs), 2 * len(pairs))
    return Judged(rulings=tuple(Ruling(one.verdict, one.odds) for one in found))


def _revision(refined: Refined) -> Revision:
    return Revision(
        draft=refined.draft,
        steps=tuple(RevisionStep(step.critique, step.text, step.confidence) for step in refined.steps),
        final=refined.final,
        confidence=refined.confidence,
        stopped=refined.stopped,
    )
