"""Toy models sample, revise, judge and learn from preferences, in what the loop looks at, as models do."""

from pathlib import Path

import pytest
from tests.testing.test_testing_toy import PROMPTS, Toys

from detent.engine import DataStore, ModelStore
from detent.values import (
    Contest,
    Form,
    Job,
    Judged,
    JudgeJob,
    Preference,
    PreferJob,
    ReinforceJob,
    Result,
    Revised,
    ReviseJob,
    Sampled,
    SampleJob,
    TrainedModel,
)

FORM = Form("{prompt}{first}{second}{draft}")


@pytest.fixture
def toys(tmp_path: Path) -> Toys:
    return Toys(tmp_path)


def run(toys: Toys, job: Job) -> Result:
    return toys.engine.run(job, lambda _: None)


def test_samples_differ_where_a_model_is_unsure_and_come_again(toys: Toys) -> None:
    job = SampleJob(model=toys.model(6.0), prompts=PROMPTS, samples=8, seed=1)
    found = run(toys, job)
    assert isinstance(found, Sampled)
    kinds = [len({one.text for one in samples}) for samples in found.samples]
    assert max(kinds[:8]) == 1  # level 1
    assert max(kinds) > 1
    assert run(toys, job) == found


def test_a_revision_goes_right_and_wrong(toys: Toys) -> None:
    found = run(toys, ReviseJob(model=toys.model(6.0), prompts=PROMPTS, revise=FORM))
    assert isinstance(found, Revised)
    flips = {
        (f"C{one.draft}=" == prompt, f"C{one.final}=" == prompt)
        for one, prompt in zip(found.revisions, PROMPTS, strict=True)
    }
    assert {(True, False), (False, True)} <= flips


def test_a_judge_knows_what_it_can_do_itself_and_else_prefers_a_place(toys: Toys) -> None:
    pairs = tuple(Contest(prompt, prompt[1:-1], "x") for prompt in PROMPTS)
    able, unable = (
        run(toys, JudgeJob(model=toys.model(horizon), pairs=pairs, form=FORM)) for horizon in (99.0, 0.0)
    )
    assert isinstance(able, Judged)
    assert isinstance(unable, Judged)
    assert {ruling.verdict for ruling in able.rulings} == {"first"}
    assert [ruling.verdict for ruling in unable.rulings].count("dropped") > len(PROMPTS) / 2


def horizon(toys: Toys, found: Result) -> float:
    assert isinstance(found, TrainedModel)
    digest = ModelStore(toys.folder / "models").admit(toys.folder / "staging" / found.folder)
    return toys.world.horizons(digest)["copy"]


def test_right_preferences_lift_a_model_and_wrong_ones_lower_it(toys: Toys) -> None:
    (toys.folder / "answers").mkdir()
    data = DataStore(toys.folder / "data", toys.folder / "answers")
    right = [Preference(prompt, prompt[1:-1], "x") for prompt in PROMPTS]
    wrong = [Preference(row.prompt, row.rejected, row.chosen) for row in right]
    found = [
        horizon(toys, run(toys, PreferJob(parent=toys.model(6.0), data=(data.put(rows),), steps=1, seed=1)))
        for rows in (right, wrong)
    ]
    assert found == [7.0, 5.0]


def test_rewards_lift_a_model(toys: Toys) -> None:
    model = toys.model(6.0)
    job = ReinforceJob(parent=model, judge=model, prompts=PROMPTS, form=FORM, steps=1, seed=1)
    assert horizon(toys, run(toys, job)) == 7.0
