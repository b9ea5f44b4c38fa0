"""Changes beside the data, once more: reshaped models are made again, and trials' models are asked again.

On the machine's own kind an edit makes the same model, to the last digit. Elsewhere what is new in it may be drawn
otherwise, and weights are not compared. What trials came to decides nothing but what is proposed, and is held against
the same rule as a profile.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from detent.audit.differences import Difference, Remade, judged, not_made
from detent.audit.findings import counted
from detent.audit.measuring import differing_by_rung
from detent.audit.steps import Step
from detent.audit.turns import Turn, completions
from detent.errors import EngineError
from detent.evaluate import ladder_rungs, profile_items, score_profile
from detent.propose import COMPARED, compared_on, reshape_job
from detent.tasks import shown
from detent.values import Profiled, Reshaped, ReshapedModel, ReshapeJob
from detent.values.folder import folder_digest


class _Made(NamedTuple):
    """A reshaped model on record, where it stands, and the job that makes it."""

    step: Step
    entry: Reshaped
    job: ReshapeJob


def reshaped_again(turn: Turn) -> Iterator[Remade]:
    """Every model that was put in another shape, in the turn and in its trials; each job once."""
    found = list(_reshaped(turn))
    if not found:
        return
    if not turn.rule.exact:
        yield not_made("reshaped", "on another kind of machine what is new in a model may be drawn otherwise")
        return
    if gone := turn.gone(sorted({made.job.parent for made in found})):
        yield not_made("reshaped", gone)
        return
    differing: list[Difference] = []
    jobs = {made.job: _digest(turn, made.job) for made in {one.job: one for one in found}.values()}
    for made in found:
        digest, distance = jobs[made.job]
        if digest != made.entry.digest:
            said = f"entry {made.step.index}: models/{made.entry.digest} recorded, models/{digest} made again"
            differing.append(Difference(said))
        elif distance != made.entry.distance:
            said = f"entry {made.step.index}: {made.entry.distance:g} from its parent recorded, {distance:g} again"
            differing.append(Difference(said))
    detail = f"{counted(len(jobs), 'model')} in another shape, made again from its parent"
    steps = [made.step.index for made in found]
    yield judged("reshaped", detail, differing, asked=len(jobs), rule=turn.rule, steps=steps)


def _reshaped(turn: Turn) -> Iterator[_Made]:
    tops = dict(turn.signed.charter.direction.improve)
    for step in (*turn.steps.values(), *turn.tried):
        entry = step.entry
        if isinstance(entry, Reshaped):
            prompts = compared_on(turn.tasks, tops, step.stream(turn.signed, COMPARED))
            yield _Made(step, entry, reshape_job(entry.parent, entry.edit, entry.seed, prompts))


def _digest(turn: Turn, job: ReshapeJob) -> tuple[str, float]:
    """Of the model that the job makes, and how far it is from its parent. One at a time: its folder has its name."""
    result = turn.engine.run(job, turn.means.watch)
    if not isinstance(result, ReshapedModel):
        raise EngineError(f"a model expected from a reshape job, got {type(result).__name__}; run again")
    return folder_digest(turn.means.staging / result.folder), result.distance


def trials_again(turn: Turn) -> Iterator[Remade]:
    """The models of the turn's trials in the open, as far as they are there."""
    found = [step for step in turn.tried if isinstance(step.entry, Profiled)]
    there, lost = list[Step](), list[str]()
    for step in found:
        gone = turn.gone([_profile(step).profile.subject])
        if gone:
            lost.append(f"trial {step.trial}: {gone}")
        else:
            there.append(step)
    if lost:
        yield not_made("trials", "; ".join(lost))
    if there:
        yield _asked_again(turn, there)


def _asked_again(turn: Turn, steps: Sequence[Step]) -> Remade:
    charter = turn.signed.charter
    rungs = ladder_rungs(dict(charter.direction.improve), charter.recipe.profile_problems)
    # All trials of a turn are asked the same, so that they can be compared.
    items = profile_items(shown(turn.tasks), rungs, steps[0].stream(turn.signed, "visible"))
    models = list(dict.fromkeys(_profile(step).profile.subject for step in steps))
    results = turn.engine.run_all([turn.job(model, items) for model in models], turn.means.watch)
    scores = {
        model: score_profile(turn.tasks, items, completions(result))
        for model, result in zip(models, results, strict=True)
    }
    differing: list[Difference] = []
    for step in steps:
        profile = _profile(step).profile
        differing += differing_by_rung(f"trial {step.trial}", profile, scores[profile.subject])
    detail = f"{counted(len(steps), 'trial')}, {counted(len(items), 'problem')} each"
    places = [step.index for step in steps]
    asked = len(items) * len(steps)
    return judged("trials", detail, differing, asked=asked, rule=turn.rule, steps=places)


def _profile(step: Step) -> Profiled:
    assert isinstance(step.entry, Profiled)  # noqa: S101  as its callers chose it
    return step.entry
