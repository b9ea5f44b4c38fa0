"""What the jobs take by which models teach each other."""

from math import inf

import pytest

from detent.errors import UsageError
from detent.evaluate import prefer_bound, prefer_least, reinforce_bound, revising, ruling, sampling
from detent.values import Contest, Form, JudgeJob, Preference, PreferJob, ReinforceJob, ReviseJob, SampleJob

MODEL = "a" * 64


def test_every_sample_takes_an_answer() -> None:
    job = SampleJob(model=MODEL, prompts=("C12=", "C1="), samples=3, seed=1, extra_tokens=4)
    assert sampling(10, job) == 3 * 2 * 10 * (4 + 4 + 4 + 3 + 3 + 4)


def test_a_revision_takes_its_question_and_an_answer_every_round() -> None:
    """The draft is drafted first: 3 + 3 + 4; then read with its end mark in the question and answered."""
    job = ReviseJob(model=MODEL, prompts=("C1=",), revise=Form("{prompt}{draft}~"), rounds=2, extra_tokens=4)
    assert revising(10, job) == 2 * 10 * (10 + 2 * ((3 + 8 + 1) + 7))


def test_a_critique_is_asked_for_and_read_and_a_long_draft_is_read_in_whole() -> None:
    job = ReviseJob(
        model=MODEL,
        prompts=("C1=",),
        revise=Form("{draft}{critique}~"),
        critique=Form("{prompt}{draft} by {principle}?"),
        drafts=("1" * 20,),
        confidences=(0.5,),
        principles=("short",),
        critique_tokens=6,
        extra_tokens=4,
    )
    assert revising(10, job) == 2 * 10 * ((3 + 20 + 4 + 5 + 1) + 6 + (20 + 6 + 1) + 7)


def test_a_fence_is_read_around_everything_that_stands_in_one() -> None:
    """Between <mark> and </mark> on lines of their own, a mark of 12 characters; and a quote before each line.

    Where a text has no character that breaks no line, that is one quote more than it has characters.
    """
    plain, fenced = (
        ruling(1, JudgeJob(model=MODEL, pairs=(Contest("C1=", "1", "22"),), form=form))
        for form in (
            Form("Of {prompt}: {first}, {second}?"),
            Form("Of {prompt}: {first}, {second}?", fenced=True),
        )
    )
    assert plain == 2 * 2 * (3 + 2 + 2 + 1 + 3 + 1 + 2)
    quotes = 2 * ((3 + 1) + (1 + 1) + (2 + 1))
    assert fenced == plain + 2 * 2 * (3 * len("<123456789012>\n\n</123456789012>") + quotes)
    marked = ruling(1, JudgeJob(model=MODEL, pairs=(Contest("", "", ""),), form=Form("{mark}", fenced=True)))
    assert marked == 2 * 2 * 12


def test_verdicts_of_several_tokens_are_read_one_by_one() -> None:
    job = JudgeJob(
        model=MODEL, pairs=(Contest("C1=", "1", "2"),), form=Form("{prompt}{first}"), verdicts=("one", "2")
    )
    assert ruling(1, job) == 2 * 2 * ((4 + 2) + 4)


def test_a_preference_is_learnt_from_and_read_by_the_reference_twice() -> None:
    rows = [Preference("C12=", "12", "213"), Preference("C1=", "1", "")]
    job = PreferJob(parent=MODEL, data=(MODEL,), steps=5, seed=1, pairs=2)
    found = prefer_bound(10, job, rows)
    assert found.most == 5 * 2 * 2 * (4 + 3 + 1) * 8 * 10
    assert found.least == 5 * 2 * 2 * 2 * 8 * 10


def test_the_last_step_before_the_pairs_come_again_may_be_a_small_one() -> None:
    """Of 5 pairs, 2 a step: 2, 2, 1, and 2 again. Of one file with 1 pair no step has more."""
    rows = [Preference("C1=", "1", str(n)) for n in range(2, 7)]
    job = PreferJob(parent=MODEL, data=(MODEL,), steps=4, seed=1, pairs=2)
    assert prefer_bound(1, job, rows).least == (5 + 2) * 2 * 2 * 8
    assert prefer_bound(1, job, rows[:1]).most == 4 * 2 * (3 + 1 + 1) * 8


def test_what_is_learnt_from_a_judge_is_written_marked_read_and_learnt() -> None:
    job = ReinforceJob(
        parent=MODEL,
        judge=MODEL,
        prompts=("C12=", "C1="),
        form=Form("{prompt}{draft}!"),
        steps=3,
        seed=1,
        prompts_a_step=2,
        group=4,
        extra_tokens=4,
    )
    found = reinforce_bound(10, 100, job)
    assert found.most == 3 * 2 * 4 * (10 * (8 * 13 + 2 * 12) + 2 * 100 * (4 + 9 + 1))
    assert found.least == 3 * 2 * 4 * 10 * (8 * 2 + 2)
    assert 0.0 < found.least < found.most < inf


def test_whoever_praises_reads_the_answer_and_as_many_marks_and_one() -> None:
    """The answer with its end mark has 9 tokens, and so many are marked; the form is what stood before them."""
    job = ReinforceJob(
        parent=MODEL,
        judge=MODEL,
        prompts=("C12=",),
        form=Form("{prompt}{draft}?"),
        by="praise",
        steps=1,
        seed=1,
        prompts_a_step=1,
        group=2,
        extra_tokens=4,
    )
    own = 10 * (8 * 13 + 2 * 12)
    assert reinforce_bound(10, 100, job).most == 2 * (own + 2 * 100 * (4 + 9 + 1 + 10))


def test_the_least_of_a_training_on_preferences_is_the_same_whatever_they_say() -> None:
    rows = [Preference("C1=", "1", str(n)) for n in range(2, 7)]
    job = PreferJob(parent=MODEL, data=(MODEL,), steps=4, seed=1, pairs=2)
    assert prefer_least(1, job, 5) == prefer_bound(1, job, rows).least
    assert prefer_least(1, job, 0) == 0.0


def test_a_training_on_nothing_has_no_bound() -> None:
    with pytest.raises(UsageError, match="at least one preference expected, got none"):
        prefer_bound(1, PreferJob(parent=MODEL, data=(MODEL,), steps=1, seed=1), [])
    with pytest.raises(UsageError, match="at least one prompt expected, got none"):
        reinforce_bound(
            1, 1, ReinforceJob(parent=MODEL, judge=MODEL, prompts=(), form=Form("{draft}"), steps=1, seed=1)
        )
