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
from detent.values import AnswerJob, CompareJob, Job
from detent.values.jobs import Phase, decode_job, encode_line

JOB = AnswerJob(model="1" * 64, prompts=("C1=",))

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
        CompareJob(models=("1" * 64, "2" * 64), prompts=("C1=",)),
    ],
    ids=lambda job: type(job).__name__,
)
def test_a_job_arrives_as_it_was_sent(job: AnswerJob | CompareJob) -> None:
    assert decode_job(encode_line(job)) == job


def test_two_models_are_compared_and_not_three() -> None:
    sent = json.loads(encode_line(CompareJob(models=("1" * 64, "2" * 64), prompts=())))
    for models in ([], ["1" * 64], ["1" * 64] * 3):
        with pytest.raises(msgspec.ValidationError):
            decode_job(json.dumps(sent | {"models": models}).encode())


def test_every_phase_of_a_job_has_words_for_the_terminal_and_a_place_in_the_timing() -> None:
    assert set(get_args(Phase)) == set(PHASES)
    assert set(timing.PHASES) == set(get_args(Job))
