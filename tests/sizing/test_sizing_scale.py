"""Jobs on many GPUs: the formula against a simulation of every event, and against what no placement can beat."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from detent.charter import Explore
from detent.evaluate.opening import FIRST_BATCH
from detent.propose import standing, trial_name
from detent.sizing import Adapter, Batch, training_memory
from detent.sizing.scale import (
    ROOM,
    Answering,
    Card,
    Cluster,
    Learner,
    Placed,
    Serial,
    Training,
    Way,
    place,
    telling,
)
from detent.sizing.scale_work import (
    EIGHT_BILLION,
    HALF_BILLION,
    LEARNERS,
    SEVENTY_BILLION,
    Work,
    gate_batches,
    generation,
    knee,
    phases,
)
from detent.testing.cluster import simulated, simulated_in_order
from detent.values import Entry, Profile, Profiled, Score, Suggested, Tune

SMALL_LEARNERS = (HALF_BILLION, EIGHT_BILLION)
GPUS = st.integers(1, 1200)
WAYS: tuple[Way, ...] = ("today", "cut", "spread")

PLACED = st.builds(
    Placed,
    name=st.just("some"),
    jobs=st.integers(1, 60),
    abreast=st.integers(1, 60),
    span=st.sampled_from([1, 2, 8]),
    start=st.floats(0, 30),
    computing=st.floats(0.01, 500),
    fetched=st.floats(0, 1e12),
    store=st.floats(1e9, 1e11),
    reader=st.floats(1e9, 1e11),
)
TRAININGS = st.builds(
    Training,
    name=st.just("training"),
    jobs=st.integers(1, 40),
    steps=st.integers(1, 200),
    rows=st.integers(1, 128),
    tokens=st.integers(16, 2048),
)
ANSWERINGS = st.builds(
    Answering,
    name=st.just("answers"),
    jobs=st.integers(1, 40),
    prompts=st.integers(1, 5000),
    read=st.integers(1, 512),
    written=st.integers(1, 512),
    models=st.integers(1, 3),
    cut=st.integers(1, 12),
    fresh=st.booleans(),
)


@given(PLACED)
def test_a_phase_of_equal_jobs_takes_what_a_simulation_of_every_event_takes(placed: Placed) -> None:
    found = simulated(placed)
    assert found.seconds == pytest.approx(placed.seconds, rel=1e-6)
    assert found.worked == pytest.approx(placed.worked, rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.one_of(TRAININGS, ANSWERINGS), GPUS, st.sampled_from(WAYS), st.sampled_from(SMALL_LEARNERS))
def test_whatever_is_placed_is_simulated_to_take_as_long_and_fits_on_the_gpus(
    phase: Training | Answering, gpus: int, way: Way, learner: Learner
) -> None:
    placed = place(phase, learner, Cluster(gpus, way))
    assert placed is not None
    assert placed.abreast * placed.span <= gpus
    assert simulated(placed).seconds == pytest.approx(placed.seconds, rel=1e-6)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
@pytest.mark.parametrize("gpus", [1, 10, 100, 1000])
def test_a_whole_generation_is_simulated_to_take_as_long(learner: Learner, gpus: int) -> None:
    found = generation(learner, Work(candidates=4), Cluster(gpus))
    if found is None:
        assert gpus < learner.least(Card(), Work().row)
        return
    ended = simulated_in_order(found.phases)
    assert ended.seconds == pytest.approx(found.seconds, rel=1e-6)
    assert ended.worked == pytest.approx(found.busy * gpus * found.seconds, rel=1e-6)


@given(PLACED, st.integers(0, 2**32), st.floats(0, 0.5))
def test_jobs_that_are_unlike_end_between_their_even_share_and_grahams_bound(
    placed: Placed, seed: int, unlike: float
) -> None:
    chance = Random(seed)  # noqa: S311  no secret
    factors = [math.exp(chance.gauss(0, unlike)) for _ in range(placed.jobs)]
    found = simulated(placed, lambda job: factors[job]).seconds
    most = placed.job(min(placed.jobs, placed.abreast)) - placed.computing
    least = placed.job(1) - placed.computing
    longest, whole = max(factors) * placed.computing, sum(factors) * placed.computing
    workers = min(placed.abreast, placed.jobs)
    assert found >= max(least + longest, (placed.jobs * least + whole) / workers) * (1 - 1e-6)
    # Graham 1969: a list's end is at most an even share and (1 - 1/m) of the longest.
    bound = (placed.jobs * most + whole) / workers + (1 - 1 / workers) * (most + longest)
    assert found <= bound * (1 + 1e-6) + 1e-6


@settings(deadline=None, max_examples=60)
@given(
    st.one_of(TRAININGS, ANSWERINGS),
    GPUS,
    GPUS,
    st.sampled_from(WAYS),
    st.sampled_from(SMALL_LEARNERS),
)
def test_more_gpus_are_never_slower(
    phase: Training | Answering, some: int, others: int, way: Way, learner: Learner
) -> None:
    few, many = sorted((some, others))
    slow, fast = (place(phase, learner, Cluster(gpus, way)) for gpus in (few, many))
    assert slow is not None
    assert fast is not None
    assert fast.seconds <= slow.seconds * (1 + 1e-12)


@settings(deadline=None, max_examples=60)
@given(st.one_of(TRAININGS, ANSWERINGS), GPUS, st.sampled_from(SMALL_LEARNERS))
def test_no_number_of_gpus_does_more_than_its_share_of_what_one_does(
    phase: Training | Answering, gpus: int, learner: Learner
) -> None:
    alone, many = (place(phase, learner, Cluster(size)) for size in (1, gpus))
    assert alone is not None
    assert many is not None
    assert gpus * many.seconds >= alone.seconds * (1 - 1e-9)


@pytest.mark.parametrize("learner", SMALL_LEARNERS, ids=lambda learner: learner.name)
@pytest.mark.parametrize("candidates", [1, 4, 32])
def test_a_generation_obeys_amdahl_and_never_gets_cheaper_by_more_gpus(
    learner: Learner, candidates: int
) -> None:
    work = Work(candidates=candidates)
    alone = generation(learner, work, Cluster(1))
    assert alone is not None
    serial = sum(placed.seconds for placed in alone.phases if placed.span == 0)
    before = alone
    for gpus in (2, 3, 7, 10, 31, 100, 317, 1000):
        found = generation(learner, work, Cluster(gpus))
        assert found is not None
        once = sum(placed.seconds for placed in found.phases if placed.span == 0)
        assert found.seconds >= once + (alone.seconds - serial) / gpus
        assert found.seconds <= before.seconds * (1 + 1e-12)
        assert found.gpu_hours >= alone.gpu_hours * (1 - 1e-9)
        assert found.busy <= 1
        before = found


@pytest.mark.parametrize("gpus", [1, 10, 100, 1000])
def test_what_may_be_spread_further_is_never_slower(gpus: int) -> None:
    for learner in SMALL_LEARNERS:
        found = [generation(learner, Work(candidates=4), Cluster(gpus, way)) for way in WAYS]
        seconds = [one.seconds for one in found if one is not None]
        assert len(seconds) == len(WAYS)
        assert seconds == sorted(seconds, reverse=True)


def test_one_training_is_spread_no_further_than_its_batch_has_rows() -> None:
    for gpus in (32, 1000):
        placed = place(Training("training", 1, 100, rows=32), EIGHT_BILLION, Cluster(gpus))
        assert placed is not None
        assert placed.span <= 32
    assert [*Training("training", 1, 100, rows=5).spans(EIGHT_BILLION, Cluster(1000))] == [1, 2, 4]


def test_as_detent_works_today_a_training_has_one_gpu_and_an_opening_one_worker() -> None:
    today = generation(EIGHT_BILLION, Work(candidates=4), Cluster(1000, "today"))
    assert today is not None
    for placed in today.phases:
        assert placed.span <= 1
        if placed.name.startswith("gate"):
            assert placed.jobs == 1
    cut = generation(EIGHT_BILLION, Work(candidates=4), Cluster(1000, "cut"))
    assert cut is not None
    assert {placed.jobs for placed in cut.phases if placed.name.startswith("gate")} == {1}
    assert max(placed.jobs for placed in cut.phases) > max(placed.jobs for placed in today.phases)


def test_the_gates_batches_have_the_sizes_that_an_opening_gives_them_and_one_waits_for_another() -> None:
    assert gate_batches(0.05) == [FIRST_BATCH, FIRST_BATCH]
    longer = gate_batches(1e-9)
    assert longer[:3] == [FIRST_BATCH, FIRST_BATCH, FIRST_BATCH]
    assert all(size == max(FIRST_BATCH, sum(longer[:at]) // 2) for at, size in enumerate(longer))
    found = generation(EIGHT_BILLION, Work(), Cluster(1000))
    assert found is not None
    batches = [placed for placed in found.phases if placed.name.startswith("gate")]
    assert len(batches) == 2 + 2 * Work().tasks
    one_row = EIGHT_BILLION.shape.layers * Card().writing * Work().written
    assert all(placed.seconds >= one_row for placed in batches)


def test_an_opening_never_has_more_workers_than_it_began_with() -> None:
    for gpus in (7, 100, 1000):
        found = generation(SEVENTY_BILLION, Work(), Cluster(gpus)) or generation(
            EIGHT_BILLION, Work(), Cluster(gpus)
        )
        assert found is not None
        first, *later = (placed for placed in found.phases if placed.name.startswith("gate"))
        assert all(placed.abreast <= first.abreast for placed in later)


def test_a_model_too_large_for_a_gpu_is_cut_over_as_many_as_its_account_of_memory_asks_for() -> None:
    least = SEVENTY_BILLION.least(Card(), 256)
    need = training_memory(SEVENTY_BILLION.shape, Batch(1, 256, 256), gpu=True)
    everywhere = need.activations + need.logits
    cut = need.weights + need.gradients + need.optimizer
    assert cut / least + everywhere <= ROOM * Card().memory < cut / (least / 2) + everywhere
    assert generation(SEVENTY_BILLION, Work(), Cluster(least - 1)) is None
    assert generation(SEVENTY_BILLION, Work(), Cluster(least)) is not None
    assert generation(SEVENTY_BILLION, Work(), Cluster(1000, "today")) is None


def test_gradients_are_told_in_twice_their_bytes_and_a_cut_models_weights_in_three_times_theirs() -> None:
    quick = Card(message=0.0)
    told = telling(EIGHT_BILLION, quick, 8, 256)
    assert told == pytest.approx(7 / 8 * 2 * 4 * EIGHT_BILLION.learning / quick.link)
    told = telling(SEVENTY_BILLION, quick, 32, 256)
    assert told == pytest.approx(31 / 32 * 3 * 2 * SEVENTY_BILLION.shape.parameters / quick.network)
    assert telling(EIGHT_BILLION, Card(), 1, 256) == 0
    large = Learner("8 B, LoRA, on small cards", EIGHT_BILLION.shape, Adapter(16))
    small = Card(memory=12e9, message=0.0)
    told = telling(large, small, 4, 256)  # frozen weights are gathered twice, and have no gradients
    assert told == pytest.approx(3 / 4 * 2 * 2 * large.shape.parameters / small.link)


def test_freezing_is_done_by_one_thread_today() -> None:
    freezing = Serial("freezing", bytes=1.5e12)
    today, spread = (place(freezing, EIGHT_BILLION, Cluster(8, way)) for way in ("today", "spread"))
    assert today is not None
    assert spread is not None
    assert today.seconds == pytest.approx(Cluster(8).threads * spread.seconds)


def test_the_plan_stands_at_every_rung_with_half_of_the_others_rounded_up_and_one_alone_has_none() -> None:
    assert Work(candidates=6, rungs=(10, 20, 40)).alive == (6, 4, 3)
    assert Work(candidates=4).alive == (4, 3)
    assert Work(candidates=2).alive == (2, 2)
    assert Work(candidates=1).alive == ()
    names = [phase.name for phase in phases(EIGHT_BILLION, Work(candidates=1), Cluster(1))]
    assert not any(name.startswith("rung") for name in names)


def test_as_many_are_tried_as_stand_at_a_rung_of_the_loop() -> None:
    changes = tuple(Tune({"recipe.steps": 100 + number}, "rules") for number in range(5))
    suggested, explore = Suggested(changes=changes, because="stuck"), Explore(rungs=(10, 20, 40))
    profile = Profiled(
        member=0, purpose="visible", profile=Profile("a" * 64, {"copy": (Score(1, 2),)}), stream="00"
    )
    trials: dict[str, dict[str, Entry]] = {}
    for rung, alive in enumerate(Work(candidates=6, rungs=explore.rungs).alive):
        numbers = standing(suggested, trials, explore, rung)
        assert len(numbers) == alive
        trials |= {trial_name(number, rung): {"profile/v1/visible/0": profile} for number in numbers}


def test_every_rung_labels_by_the_whole_team_and_trains_one_member_from_the_beginning() -> None:
    work = Work(candidates=5, rungs=(10, 20), team=3)
    found = list(phases(EIGHT_BILLION, work, Cluster(1)))
    rungs = [phase for phase in found if phase.name.startswith("rung")]
    assert found[: len(rungs)] == rungs, "trials come before what is proposed"
    trained = [(phase.jobs, phase.steps) for phase in rungs if isinstance(phase, Training)]
    assert trained == [(5, 10), (3, 20)]
    asked = {phase.name: phase for phase in found if isinstance(phase, Answering)}
    once = asked["labels"]
    assert (once.jobs, once.models) == (1, 3)
    for rung, alive in zip(work.rungs, work.alive, strict=True):
        assert asked[f"rung {rung}: labels"] == structs.replace(once, name=f"rung {rung}: labels", jobs=alive)
        profiles = asked[f"rung {rung}: profiles"]
        assert (profiles.jobs, profiles.models) == (alive, 1)


def test_it_stops_paying_where_time_times_cost_is_least_and_later_with_more_candidates() -> None:
    sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    found = [knee(EIGHT_BILLION, Work(candidates=number), sizes, Cluster(1)) for number in (1, 16, 64)]
    ends = [end for end in found if end is not None]
    assert len(ends) == len(found)
    assert ends == sorted(ends)
    assert ends[0] < ends[-1]
    products = {}
    for size in sizes:
        one = generation(EIGHT_BILLION, Work(candidates=16), Cluster(size))
        assert one is not None
        products[size] = one.seconds**2 * size
    assert ends[1] == min(products, key=lambda size: products[size])
    assert knee(SEVENTY_BILLION, Work(), [1, 2, 4], Cluster(1)) is None
