"""Jobs that nobody can do are refused where they are made and where they arrive."""

import json
from math import inf, nan
from typing import get_args

import msgspec
import pytest
from msgspec import structs

from detent.assembly import timing
from detent.cli.running import PHASES
from detent.errors import UsageError
from detent.values import (
    AnswerJob,
    Contest,
    Form,
    InterpretJob,
    Job,
    JudgeJob,
    PreferJob,
    ReinforceJob,
    ReviseJob,
    SampleJob,
)
from detent.values.jobs import Phase, decode_job, encode_line

JOB = AnswerJob(model="1" * 64, prompts=("C1=",))

FORM = Form("{prompt}{draft}~", fenced=True)
FEEDBACK: list[Job] = [
    SampleJob(model="1" * 64, prompts=("C1=",), samples=3, seed=1),
    ReviseJob(model="1" * 64, prompts=("C1=",), revise=FORM, critique=FORM, principles=("Be kind.",)),
    JudgeJob(model="1" * 64, pairs=(Contest("C1=", "1", "{first}"),), form=FORM),
    PreferJob(parent="1" * 64, data=("2" * 64,), steps=1, seed=1),
    ReinforceJob(parent="1" * 64, judge="2" * 64, prompts=("C1=",), form=FORM, steps=1, seed=1),
]

IMPOSSIBLE = {
    "noise below zero": -0.01,
    "noise without end": inf,
    "noise without end and below zero": -inf,
    "noise that is no number": nan,
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_noise_that_cannot_be_is_refused_where_the_job_is_made(case: str) -> None:
    with pytest.raises(UsageError, match="finite noise of 0 or more expected, got"):
        AnswerJob(model="1" * 64, prompts=("C1=",), noise=IMPOSSIBLE[case])
    with pytest.raises(UsageError, match="finite noise of 0 or more expected, got"):
        structs.replace(JOB, noise=IMPOSSIBLE[case])


def test_noise_that_cannot_be_is_refused_where_the_job_arrives() -> None:
    sent = json.loads(encode_line(JOB))
    with pytest.raises(UsageError, match=r"got -0\.5"):
        decode_job(json.dumps(sent | {"noise": -0.5}).encode())
    with pytest.raises(msgspec.ValidationError):
        decode_job(json.dumps(sent | {"noise": None}).encode())  # as JSON has it for infinity


@pytest.mark.parametrize(
    "job",
    [
        JOB,
        structs.replace(JOB, noise=0.02, seed=7),
        InterpretJob(models=("1" * 64, "2" * 64), prompts=("C1=",)),
        *FEEDBACK,
    ],
    ids=lambda job: type(job).__name__,
)
def test_a_job_arrives_as_it_was_sent(job: Job) -> None:
    assert decode_job(encode_line(job)) == job


NOBODY_CAN: dict[str, tuple[Job, dict[str, object]]] = {
    "no samples": (FEEDBACK[0], {"samples": 0}),
    "samples without heat": (FEEDBACK[0], {"temperature": 0.0}),
    "samples at a temperature without end": (FEEDBACK[0], {"temperature": inf}),
    "no rounds": (FEEDBACK[1], {"rounds": 0}),
    "drafts without confidences": (FEEDBACK[1], {"drafts": ("1",)}),
    "drafts of other prompts": (FEEDBACK[1], {"drafts": ("1", "2"), "confidences": (1.0, 1.0)}),
    "principles of other prompts": (FEEDBACK[1], {"principles": ("a", "b")}),
    "preferences that hold a model to nothing": (FEEDBACK[3], {"beta": 0.0}),
    "no steps": (FEEDBACK[3], {"steps": 0}),
    "rewards that hold a model to nothing": (FEEDBACK[4], {"beta": 0.0}),
    "a divergence that pays": (FEEDBACK[4], {"beta": -0.1}),
    "a learning rate that is no number": (FEEDBACK[4], {"rate": nan}),
}


@pytest.mark.parametrize("case", NOBODY_CAN)
def test_feedback_that_nobody_can_give_is_refused_where_it_is_made_and_where_it_arrives(case: str) -> None:
    job, changes = NOBODY_CAN[case]
    with pytest.raises(UsageError, match="expected, got"):
        structs.replace(job, **changes)
    sent = json.loads(encode_line(job)) | {k: v for k, v in changes.items() if v == v and v != inf}  # noqa: PLR0124
    if sent != json.loads(encode_line(job)):
        with pytest.raises(UsageError, match="expected, got"):
            decode_job(json.dumps(sent).encode())


def test_two_models_are_compared_and_not_three() -> None:
    sent = json.loads(encode_line(InterpretJob(models=("1" * 64, "2" * 64), prompts=("C1=",))))
    for models in ([], ["1" * 64], ["1" * 64] * 3):
        with pytest.raises(msgspec.ValidationError):
            decode_job(json.dumps(sent | {"models": models}).encode())


def test_every_phase_of_a_job_has_words_for_the_terminal_and_a_place_in_the_timing() -> None:
    assert set(get_args(Phase)) == set(PHASES)
    assert set(timing.PHASES) == set(get_args(Job))
