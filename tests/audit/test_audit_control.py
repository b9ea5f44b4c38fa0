"""The trainings of record once more with another seed: the same jobs, but for the seed, each on what came before."""

from pathlib import Path

import pytest
from tests.audit.scripted_run import ScriptedRun, make_run
from tests.audit.tuned_run import TRAINED, TUNED, TunedWorker

from detent.audit import Means, Trainings, Turn, read, trainings_of, turn_of
from detent.engine import FakeEngine, ModelStore
from detent.errors import UsageError
from detent.values import CandidateTrained, Entry, PreferJob, ReinforceJob, TrainJob, Tuned


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Two members a generation, each taught by preferences, then by scores. Never changed."""
    return make_run(tmp_path_factory.mktemp("tuned") / "run", TUNED, trained=TRAINED, worker_kind=TunedWorker)


def nobody(job: object) -> None:
    raise AssertionError(f"nobody is asked, got {job}")


@pytest.fixture(scope="module")
def turn(run: ScriptedRun, tmp_path_factory: pytest.TempPathFactory) -> Turn:
    engine = FakeEngine(nobody)  # type: ignore[arg-type]
    staging: Path = tmp_path_factory.mktemp("staging")
    means = Means(
        lambda _: engine, ModelStore(run.folder / "models"), staging, lambda *_: {}, {}, lambda _: None
    )
    found = turn_of(read(run.evidence()), 1, means)
    assert found is not None
    return found


def of(turn: Turn, member: int) -> tuple[CandidateTrained, Tuned, Tuned]:
    entries: dict[str, Entry] = turn.entries
    first = entries[f"candidate/v1/{member}"]
    second, third = (entries[f"tuned/v1/{method}/{member}"] for method in ("dpo", "grpo"))
    assert isinstance(first, CandidateTrained)
    assert isinstance(second, Tuned)
    assert isinstance(third, Tuned)
    return first, second, third


@pytest.mark.parametrize("member", [0, 1])
def test_the_jobs_are_those_of_record_but_for_the_seed(turn: Turn, member: int) -> None:
    first, second, third = of(turn, member)
    train, prefer, reinforce = trainings_of(turn, third.digest, seed=70).jobs
    assert isinstance(train, TrainJob)
    assert isinstance(prefer, PreferJob)
    assert isinstance(reinforce, ReinforceJob)
    assert (train.parent, train.sources, train.steps) == (first.parent, first.data, first.steps)
    assert (train.optimizer, prefer.parent, prefer.data) == (first.optimizer, second.parent, second.data)
    assert (prefer.steps, prefer.rate, prefer.beta) == (second.steps, second.rate, second.beta)
    assert (reinforce.parent, reinforce.judge, reinforce.steps) == (third.parent, third.judge, third.steps)
    assert reinforce.prompts
    assert [train.seed, prefer.seed, reinforce.seed] == [70, 71, 72]


def test_a_model_is_trained_again_as_far_as_it_came(turn: Turn) -> None:
    first, second, _ = of(turn, 0)
    assert len(trainings_of(turn, first.digest, seed=1).jobs) == 1
    assert len(trainings_of(turn, second.digest, seed=1).jobs) == 2


def test_what_it_cost_is_what_the_record_counted(turn: Turn) -> None:
    chain = of(turn, 0)
    found: Trainings = trainings_of(turn, chain[2].digest, seed=1)
    assert found.flops == sum(one.flops for one in chain)
    assert found.tokens == pytest.approx(sum(one.flops / (6 * one.parameters) for one in chain))
    assert found.seconds >= 0


def test_a_model_that_the_generation_did_not_train_has_no_trainings_in_it(turn: Turn) -> None:
    with pytest.raises(UsageError, match="a model that was trained in generation 1 expected"):
        trainings_of(turn, "0" * 64, seed=1)
