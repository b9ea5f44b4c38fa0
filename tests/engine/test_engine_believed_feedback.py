"""Samples, revisions and rulings are believed only where they answer the job."""

from math import inf, nan

import pytest
from msgspec import structs

from detent.engine import FakeEngine
from detent.errors import EngineError
from detent.values import (
    Contest,
    Form,
    Job,
    Judged,
    JudgeJob,
    PreferJob,
    ReinforceJob,
    Result,
    Revised,
    ReviseJob,
    Revision,
    RevisionStep,
    Ruling,
    Sample,
    Sampled,
    SampleJob,
    TrainedModel,
)

MODEL = "1" * 64
SAMPLE = SampleJob(model=MODEL, prompts=("C1=", "C2="), samples=2, seed=1)
SAMPLED = Sampled(samples=((Sample("1", True, 0.5),) * 2,) * 2)

REVISE = ReviseJob(
    model=MODEL,
    prompts=("C1=",),
    revise=Form("{prompt}{draft}~"),
    drafts=("2",),
    confidences=(0.4,),
    rounds=2,
)
STEP = RevisionStep("", "1", 0.9)
REVISION = Revision("2", (STEP, STEP), "1", 0.9, "same")
REVISED = Revised(revisions=(REVISION,))

JUDGE = JudgeJob(
    model=MODEL, pairs=(Contest("C1=", "1", "2"),) * 2, form=Form("{prompt}{first}|{second}?"), margin=0.5
)
JUDGED = Judged(rulings=(Ruling("first", (1.0, 2.0)), Ruling("unfit", ())))

TRAINED = TrainedModel(folder="x", parameters=1, losses=(1.0,), flops=1.0, change={"w": 0.1})
PREFER = PreferJob(parent=MODEL, data=(MODEL,), steps=1, seed=1)
REINFORCE = ReinforceJob(
    parent=MODEL, judge=MODEL, prompts=("C1=",), form=Form("{prompt}{draft}!"), steps=1, seed=1
)


def asked(job: Job, result: Result) -> Result:
    return FakeEngine(lambda _: result).run(job, lambda _: None)


POSSIBLE: dict[str, tuple[Job, Result]] = {
    "samples as they were asked for": (SAMPLE, SAMPLED),
    "revisions of the drafts given": (REVISE, REVISED),
    "a draft that could not be asked about": (
        REVISE,
        Revised(revisions=(Revision("2", (), "2", 0.4, "unfit"),)),
    ),
    "rulings as their odds have it": (JUDGE, JUDGED),
    "ties and disagreement": (
        JUDGE,
        Judged(rulings=(Ruling("tie", (0.5, -0.5)), Ruling("dropped", (0.6, 0.5)))),
    ),
    "a model that preferences made": (PREFER, TRAINED),
    "a model that rewards made": (REINFORCE, TRAINED),
}


@pytest.mark.parametrize("case", POSSIBLE)
def test_what_a_model_can_have_said_is_believed(case: str) -> None:
    job, result = POSSIBLE[case]
    assert asked(job, result) is result


def revision(**changes: object) -> Revised:
    return Revised(revisions=(structs.replace(REVISION, **changes),))


def ruling(verdict: str, *odds: float) -> Judged:
    return Judged(rulings=(Ruling(verdict, odds), JUDGED.rulings[1]))  # type: ignore[arg-type]


IMPOSSIBLE: dict[str, tuple[Job, Result]] = {
    "a prompt without samples": (SAMPLE, Sampled(samples=SAMPLED.samples[:1])),
    "a sample too few": (SAMPLE, Sampled(samples=(SAMPLED.samples[0], SAMPLED.samples[1][:1]))),
    "surer than sure": (SAMPLE, Sampled(samples=((Sample("1", True, 1.1),) * 2,) * 2)),
    "a prompt without a revision": (REVISE, Revised(revisions=())),
    "a draft that nobody gave": (REVISE, revision(draft="3")),
    "more rounds than were allowed": (REVISE, revision(steps=(STEP,) * 3)),
    "a final text that nobody wrote": (REVISE, revision(final="7")),
    "a confidence that is no number": (REVISE, revision(confidence=nan)),
    "a step surer than sure": (REVISE, revision(steps=(RevisionStep("", "1", 2.0),))),
    "a pair without a ruling": (JUDGE, Judged(rulings=JUDGED.rulings[:1])),
    "a verdict against its odds": (JUDGE, ruling("second", 1.0, 2.0)),
    "a verdict on odds that disagree": (JUDGE, ruling("first", 1.0, -2.0)),
    "a verdict within the margin": (JUDGE, ruling("first", 0.5, 0.5)),
    "a verdict without having asked": (JUDGE, ruling("first")),
    "odds without end": (JUDGE, ruling("first", inf, 1.0)),
    "odds that are no number": (JUDGE, ruling("dropped", nan, 1.0)),
    "samples for a revision": (REVISE, SAMPLED),
    "rulings for samples": (SAMPLE, JUDGED),
    "a model for rulings": (JUDGE, TRAINED),
    "rulings for a model": (PREFER, JUDGED),
    "a folder outside staging": (REINFORCE, structs.replace(TRAINED, folder="../x")),
    "losses that are no number": (PREFER, structs.replace(TRAINED, losses=(nan,))),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_no_model_can_have_said_is_not(case: str) -> None:
    with pytest.raises(EngineError, match="its result is not used"):
        asked(*IMPOSSIBLE[case])


def test_odds_are_exactly_two_or_none() -> None:
    for odds in ((1.0,), (1.0, 1.0, 1.0)):
        with pytest.raises(EngineError, match="two log-odds or none"):
            asked(JUDGE, ruling("first", *odds))
