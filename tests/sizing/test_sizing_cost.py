"""What a generation is said to take, before it starts, is what ledgers count."""

import json
from pathlib import Path

import pytest

from detent.assembly.estimating import draft_for, estimate_draft, estimate_source, lengths_of
from detent.assembly.tasks import catalogue, closing, draft_sources
from detent.charter import Draft, default_text, parse_draft
from detent.errors import CharterError, UsageError
from detent.sizing import (
    Adapter,
    Gpu,
    Machine,
    Plan,
    Shape,
    Speed,
    adapter_for,
    built_shape,
    draft_text_for,
    estimate,
    estimate_lines,
    first_cost,
    generation_cost,
    tasks_in,
)

DIGITS_SEED_1 = {0: 7.757e12, 1: 2.792e12, 8: 4.150e12}
"""Operations of generations on the ledger of the charter `digits`, seed 1: docs/benchmarks.md#estimates."""

DIGITS_ALL = 2.942e13
"""Of its generations 1 to 8 together."""

SMALL = Machine(cpus=2, memory=8e9)


def digits(text: str = "") -> Draft:
    return parse_draft(text or default_text(), catalogue())


def plan(draft: Draft, shape: Shape | None = None, adapter: Adapter | None = None) -> Plan:
    with closing(draft_sources(draft, Path())) as tasks:
        lengths = lengths_of(tasks, draft.direction.improve)
    return Plan(draft, shape or built_shape(draft.subject), lengths, adapter)


@pytest.fixture(scope="module")
def default() -> Plan:
    return plan(digits())


def test_generation_0_of_digits_takes_what_its_ledger_counted(default: Plan) -> None:
    assert first_cost(default).flops == pytest.approx(DIGITS_SEED_1[0], rel=0.05)


def test_the_first_and_the_last_generation_of_digits_are_within_a_quarter_of_the_ledger(
    default: Plan,
) -> None:
    assert generation_cost(default, default.first_frontier).flops == pytest.approx(DIGITS_SEED_1[1], rel=0.25)
    assert generation_cost(default, default.last_frontier).flops == pytest.approx(DIGITS_SEED_1[8], rel=0.25)


def test_a_whole_lease_of_digits_is_within_a_tenth_of_the_ledger(default: Plan) -> None:
    assert estimate(default, SMALL, None).lease_flops == pytest.approx(DIGITS_ALL, rel=0.1)


def test_an_adapter_learns_at_two_thirds_of_the_price_and_a_little(default: Plan) -> None:
    shape = Shape(494_000_000, 24, 896, 4864, 14, 2, 64, 151_936, 2.0)
    whole = generation_cost(plan(default.draft, shape), 6).training
    light = generation_cost(plan(default.draft, shape, Adapter(16)), 6).training
    assert 2 / 3 < light / whole < 0.70


def test_more_of_anything_costs_more(default: Plan) -> None:
    base = generation_cost(default, 6).flops
    for key, more in (("steps = 120", "steps = 240"), ("label_prompts = 800", "label_prompts = 1600")):
        assert generation_cost(plan(digits(default_text().replace(key, more))), 6).flops > base


def test_time_follows_from_speed_and_nothing_is_said_of_a_machine_nobody_knows(default: Plan) -> None:
    fast, slow = (estimate(default, SMALL, Speed(x, x, "stated")) for x in (2e9, 1e9))
    assert fast.seconds(fast.first) == pytest.approx(fast.first.flops / 2e9)
    assert (slow.seconds(slow.last) or 0) == pytest.approx(2 * (fast.seconds(fast.last) or 0))
    unknown = estimate(default, SMALL, None)
    assert unknown.seconds(unknown.first) is None
    assert "not known for this machine" in "\n".join(estimate_lines(unknown))


def test_a_lease_that_is_too_small_is_said_to_be() -> None:
    poor = estimate(plan(digits(default_text().replace("petaflop = 0.2", "petaflop = 0.001"))), SMALL, None)
    assert "NOT enough" in "\n".join(estimate_lines(poor))
    assert "NOT enough" not in "\n".join(estimate_lines(estimate(plan(digits()), SMALL, None)))


def test_methods_that_are_not_counted_are_named() -> None:
    assert "not counted dpo" in "\n".join(estimate_lines(estimate_draft(digits(), Path())))


def test_what_init_starts_from_can_be_estimated_without_a_run() -> None:
    assert estimate_source("digits").document()["generations"]["beginning"]["petaflop"] > 0


def test_a_written_charter_is_one_that_can_be_read_with_every_comment_of_the_built_in_one() -> None:
    made = draft_for("built", "copy=9,sort=7", Path())
    read = parse_draft(made.text, catalogue())
    assert dict(read.direction.improve) == {"copy": 9, "sort": 7}
    assert made.estimate.lease_flops / 1e15 < read.pace.lease.petaflop < 3 * made.estimate.lease_flops / 1e15
    for line in default_text().splitlines()[3:]:
        comment = line.partition("#")[2]
        assert comment in made.text


@pytest.mark.parametrize("parameters", [135_000_000, 494_000_000, 1_500_000_000, 8_000_000_000])
def test_a_given_model_of_any_size_gets_a_charter_that_allows_it(parameters: int) -> None:
    shape = Shape(parameters, 24, 896, 4864, 14, 2, 64, 151_936, 2.0)
    text = draft_text_for("org/model", "models/given", {"copy": 9, "sort": 12}, shape, SMALL)
    read = parse_draft(text, catalogue())
    assert read.constraints.max_parameters >= parameters
    assert read.subject.source == "models/given"
    assert "layers" not in read.subject.model_fields_set
    assert "nobody has measured them" in text


@pytest.mark.parametrize("parameters", [135_000_000, 8_000_000_000])
def test_a_large_model_gets_an_adapter_with_rates_for_one_and_no_judge_that_reads_signs(
    parameters: int,
) -> None:
    shape = Shape(parameters, 24, 896, 4864, 14, 2, 64, 151_936, 2.0)
    text = draft_text_for("org/model", "models/given", {"copy": 9}, shape, SMALL)
    read = parse_draft(text, catalogue())
    assert read.subject.lora is not None
    assert (read.recipe.optimizer, read.recipe.other_rate) == ("adamw", 2e-4)
    assert 0 < read.recipe.micro_batch < read.recipe.batch
    assert read.feedback.methods == ("self_label",)
    assert "made here, from a config" not in text


def test_a_small_model_that_is_given_is_trained_whole_and_labels_alone() -> None:
    shape = Shape(500_000, 2, 64, 96, 4, 2, 16, 400, 4.0)
    read = parse_draft(draft_text_for("x", "given", {"copy": 9}, shape, SMALL), catalogue())
    assert read.subject.lora is None
    assert read.feedback.methods == ("self_label",)


def test_a_written_charter_has_room_for_the_longest_answers(tmp_path: Path) -> None:
    widths = {"num_hidden_layers": 24, "hidden_size": 896, "intermediate_size": 4864, "vocab_size": 151_936}
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "config.json").write_text(json.dumps(widths | {"num_attention_heads": 14}))
    for top in (9, 60):
        read = parse_draft(draft_for("given", f"copy={top}", tmp_path).text, catalogue())
        assert 2 * top <= read.subject.answer_tokens < 2 * top + 32


HOSTILE = {
    "a quote and a new key": 'x"\nerror_budget = 0.9\n#',
    "a table": "x]\n[constraints]\nmax_parameters = 1",
    "a control character": "x\x00\x1b[2J",
    "very long": "W" * 5000,
    "nothing": "",
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_name_is_a_name_in_the_charter_whatever_it_says(attack: str) -> None:
    shape = Shape(135_000_000, 30, 576, 1536, 9, 3, 64, 49_152, 2.0)
    text = draft_text_for(HOSTILE[attack], "given", {"copy": 9}, shape, SMALL)
    read = parse_draft(text, catalogue())
    assert read.constraints.error_budget == parse_draft(default_text(), catalogue()).constraints.error_budget
    assert read.subject.source == "given"


def test_tasks_are_read_as_they_are_written() -> None:
    assert tasks_in("copy=9, sort,gym:chain_sum") == {"copy": 9, "sort": 15, "gym:chain_sum": 5}
    for wrong in ("", "copy=0", "copy=101", "copy=9,copy=8", "copy=9,", "a b", "copy=x"):
        with pytest.raises(UsageError, match="NAME or NAME=TOP"):
            tasks_in(wrong)


def test_a_task_that_nobody_knows_is_refused_before_anything_is_made() -> None:
    with pytest.raises(CharterError):
        draft_for("built", "nonsense=9", Path())


def test_a_model_of_a_hub_is_to_be_fetched_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="detent fetch org/model"):
        draft_for("org/model", "copy=9", tmp_path)


GIVEN = """\
name = "given"
purpose = "Cost what a charter says"
[stewards]
quorum = 1
[pace]
lease = { generations = 8, petaflop = 100 }
[direction]
improve = { copy = 9 }
[constraints]
max_parameters = 600_000_000
[subject]
source = "given"
lora = { rank = 16, alpha = 32.0 }
answer_tokens = 24
[recipe]
batch = 32
micro_batch = 8
optimizer = "adamw"
other_rate = 2e-4
[run]
device = "cuda"
"""
HALF = Shape(494_000_000, 24, 896, 4864, 14, 2, 64, 151_936, 2.0)
ONE_GPU = Machine(cpus=8, memory=64e9, gpus=(Gpu("NVIDIA L4", 24e9),))


def given(*changes: tuple[str, str]) -> Plan:
    text = GIVEN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    draft = digits(text)
    return plan(draft, HALF, adapter_for(draft.subject))


def test_a_charter_with_lora_costs_what_an_adapter_costs_in_time_memory_and_on_the_disk() -> None:
    whole = given(("lora = { rank = 16, alpha = 32.0 }\n", ""))
    light, heavy = (estimate(each, ONE_GPU, None) for each in (given(), whole))
    assert light.first.training < 0.7 * heavy.first.training
    assert light.training.optimizer < heavy.training.optimizer / 50
    assert light.disk == HALF.weight_bytes + 2 * (2 + 8) * 4 * Adapter(16).parameters(HALF)
    assert light.disk < heavy.disk / 10


def test_an_adapter_on_two_layers_is_counted_on_two_layers() -> None:
    some = given(("alpha = 32.0 }", 'alpha = 32.0, targets = ["q_proj", "v_proj"] }'))
    assert some.adapter is not None
    assert some.adapter.parameters(HALF) == 24 * 16 * ((896 + 896) + (896 + 128))


def test_answers_cost_the_room_that_the_charter_leaves_them() -> None:
    short, long = (
        generation_cost(given(("answer_tokens = 24", f"answer_tokens = {n}")), 6) for n in (24, 240)
    )
    assert long.steps["labels"].tokens > 3 * short.steps["labels"].tokens
    assert long.training == short.training


def test_a_micro_batch_is_what_memory_is_needed_for() -> None:
    small, whole = (
        estimate(given(("micro_batch = 8", f"micro_batch = {n}")), ONE_GPU, None) for n in (8, 32)
    )
    assert whole.training.activations == pytest.approx(4 * small.training.activations)


def test_on_a_processor_all_is_float32_and_nothing_is_computed_twice() -> None:
    gpu = estimate(given(), ONE_GPU, None)
    processor = estimate(given(('"cuda"', '"cpu"')), ONE_GPU, None)
    assert processor.training.weights > 1.9 * gpu.training.weights
    assert processor.training.activations > 10 * gpu.training.activations
    assert processor.memory > gpu.memory
    assert "which the charter does not use" in "\n".join(estimate_lines(processor))


def test_a_charter_for_a_gpu_says_that_there_is_none_here() -> None:
    found = estimate(given(), SMALL, None)
    assert found.fits is None
    assert "this charter cannot run here" in "\n".join(estimate_lines(found))


def test_members_side_by_side_share_the_gpus_that_there_are() -> None:
    two = Machine(cpus=8, memory=64e9, gpus=ONE_GPU.gpus * 2)
    assert estimate(given(), ONE_GPU, None).memory == 2 * estimate(given(), two, None).memory
