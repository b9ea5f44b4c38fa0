"""What a generation is said to take, before it starts, is what ledgers count."""

from pathlib import Path

import pytest

from detent.assembly.estimating import draft_for, estimate_draft, estimate_source, lengths_of
from detent.assembly.tasks import catalogue, closing, draft_sources
from detent.charter import Draft, default_text, parse_draft
from detent.errors import CharterError, UsageError
from detent.sizing import (
    Adapter,
    Asked,
    Gpu,
    Machine,
    Plan,
    Shape,
    Speed,
    built_shape,
    draft_text_for,
    estimate,
    estimate_lines,
    first_cost,
    fitted,
    generation_cost,
    servers_asked,
    stated_speed,
    tasks_in,
    used_machine,
    with_room,
)

DIGITS_SEED_1 = {0: 9.315e12, 1: 3.374e12, 8: 5.081e12}
"""Operations of generations on the ledger of the charter `digits`, seed 1: docs/benchmarks.md#estimates."""

DIGITS_ALL = 3.659e13
"""Of its generations 1 to 8 together."""

SMALL = Machine(cpus=2, memory=8e9)
GPU = Machine(cpus=16, memory=128e9, gpus=(Gpu("NVIDIA L4", 24e9),))


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


HALF_BILLION = Shape(494_000_000, 24, 896, 4864, 14, 2, 64, 151_936, 2.0)


def test_an_adapter_is_charged_with_its_base_as_entries_charge_it(default: Plan) -> None:
    whole = generation_cost(plan(default.draft, HALF_BILLION), 6).training
    light = generation_cost(plan(default.draft, HALF_BILLION, Adapter(16)), 6).training
    own = Adapter(16).parameters(HALF_BILLION)
    assert light / whole == pytest.approx((494_000_000 + own) / 494_000_000)


def test_a_processor_trains_an_adapter_faster_than_ledgers_count_and_a_gpu_does_not() -> None:
    whole, light = (stated_speed(SMALL, 2, adapter=each) for each in (False, True))
    assert whole is not None
    assert light is not None
    assert light.training == pytest.approx(1.5 * whole.training)
    assert light.answering == whole.answering
    assert stated_speed(GPU, 2, adapter=True) == stated_speed(GPU, 2)


def test_room_for_answers_is_what_is_charged(default: Plan) -> None:
    short, long = (
        generation_cost(plan(digits(default_text().replace("answer_tokens = 0", f"answer_tokens = {n}"))), 6)
        for n in (20, 200)
    )
    assert long.steps["labels"].flops > 5 * short.steps["labels"].flops
    assert generation_cost(default, 6).steps["labels"].flops < long.steps["labels"].flops


def test_only_what_an_adapter_adds_is_stored_for_each_model() -> None:
    text = draft_text_for("m", "models/m", {"copy": 9}, HALF_BILLION, GPU)
    with_adapter = estimate(plan(digits(text), HALF_BILLION, Adapter(16)), GPU, None)
    whole = estimate(plan(digits(text), HALF_BILLION), GPU, None)
    assert with_adapter.disk < 3 * HALF_BILLION.weight_bytes
    assert whole.disk > 30 * HALF_BILLION.weight_bytes
    assert "adapter     of rank 16: 8," in "\n".join(estimate_lines(with_adapter))


def test_a_charter_that_keeps_to_the_processor_is_sized_for_it() -> None:
    assert used_machine(GPU, "auto", built=False) == GPU
    assert used_machine(GPU, "cuda", built=True) == GPU
    for device, built in (("cpu", False), ("auto", True)):
        assert used_machine(GPU, device, built=built).gpus == ()


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
    text = default_text()
    assert "not counted" not in "\n".join(estimate_lines(estimate_draft(digits(text), Path())))
    text = text.replace('["self_label", "dpo"]', '["self_label", "dpo", "refine"]')
    assert "not counted refine" in "\n".join(estimate_lines(estimate_draft(digits(text), Path())))


def test_labels_alone_take_what_the_ledger_of_a_run_by_labels_alone_counted() -> None:
    alone = plan(digits(default_text().replace('["self_label", "dpo"]', '["self_label"]')))
    assert first_cost(alone).flops == pytest.approx(7.757e12, rel=0.05)
    assert estimate(alone, SMALL, None).lease_flops == pytest.approx(2.942e13, rel=0.1)
    assert generation_cost(alone, 6).steps["judge"].flops == 0


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
    assert read.subject.lora is not None
    assert (read.subject.lora.rank, read.subject.lora.alpha, read.subject.chat) == (16, 32.0, "auto")
    assert read.constraints.max_parameters >= parameters + Adapter(16).parameters(shape)
    assert (read.recipe.optimizer, read.recipe.other_rate) == ("adamw", 2e-4)
    assert (read.run.device, read.feedback.methods) == ("auto", ("self_label",))
    for gone in ("matrix_rate", "judge_seed_steps", "pairs", "extra_tokens"):
        assert f"\n{gone} =" not in text
    assert "samples" not in read.feedback.model_fields_set  # [recipe] has such a key too
    assert "made here" not in text


def fits_in(bytes_there: float, text: str) -> bool:
    machine = Machine(16, 128e9, (Gpu("NVIDIA L4", bytes_there),))
    return estimate(plan(digits(text), HALF_BILLION, Adapter(16)), machine, None).fits is True


SIZES = {
    "a GPU of 80 GB": (80e9, 2, 16),
    "a GPU of 16 GB": (16e9, 2, 16),
    "one in which two do not fit": (6e9, 1, 16),
    "one in which nothing fits": (1e9, 1, 1),
}


@pytest.mark.parametrize("case", SIZES)
def test_the_largest_pieces_that_fit_are_written_down(case: str) -> None:
    there, team, piece = SIZES[case]
    text = with_room(draft_text_for("m", "models/m", {"copy": 9}, HALF_BILLION, GPU), 20)
    read = digits(fitted(text, lambda text: fits_in(there, text))).recipe
    assert (read.team, read.micro_batch) == (team, piece)


def test_answers_have_twice_the_room_of_the_longest_that_was_drawn() -> None:
    text = draft_text_for("m", "models/m", {"copy": 9}, HALF_BILLION, GPU)
    rooms = [digits(with_room(text, longest)).subject.answer_tokens for longest in (1, 20, 21)]
    assert rooms == [16, 40, 48]


def test_a_narrow_model_gets_a_thin_adapter() -> None:
    narrow = Shape(100_000, 2, 48, 96, 4, 2, 12, 400)
    read = digits(draft_text_for("m", "models/m", {"copy": 9}, narrow, SMALL))
    assert read.subject.lora is not None
    assert (read.subject.lora.rank, read.subject.lora.alpha) == (6, 12.0)


SERVED = """
[feedback]
methods = ["self_label", "dpo"]
judge_source = "server:wise"
forms = "words"
pairs = 100
samples = 4
anchors = 50

[servers.wise]
url = "https://judges.example.org:8443/v1"
model = "org/judge"
budget = {{ tokens = {tokens}, money = {money}, price_in = 2.0, price_out = 8.0 }}
"""


def served(tokens: int = 10**9, money: float = 0.0, teacher: str = "") -> Asked:
    text = default_text()
    start, end = text.index("[feedback]"), text.index("[gate]")
    section = SERVED.format(tokens=tokens, money=money).replace("forms", f'teacher = "{teacher}"\nforms')
    (found,) = servers_asked(plan(digits(text[:start] + section + "\n" + text[end:])))
    return found


def test_a_judge_on_a_server_is_asked_its_exam_and_pairs_in_both_orders() -> None:
    asked = served()
    own = 3 * 4 * 15  # 50 anchors over 15 levels: 4 a level of each of 3 tasks
    assert asked.use.questions == own + 2 * (3 * 50 + own + 3 * 100 * 4)
    assert (asked.host, asked.model) == ("judges.example.org:8443", "org/judge")
    assert asked.money == pytest.approx((2 * asked.use.read + 8 * asked.use.written) / 1e6, rel=1e-6)


def test_a_teacher_is_asked_for_as_many_answers_as_a_candidate() -> None:
    assert served(teacher="server:wise").use.questions == served().use.questions + 3 * 100 * 4


def test_a_budget_lasts_as_long_as_its_tokens_and_its_money_do() -> None:
    each = served()
    assert served(tokens=int(3.5 * each.tokens)).lasts == 3
    assert served(money=2.5 * each.money).lasts == 2
    said = "\n".join(served(tokens=int(3.5 * each.tokens)).lines())
    assert "3 of 8 generations at the least, perhaps NOT enough" in said
    assert "8 of 8 generations at the least, enough" in "\n".join(each.lines())


ADVISED = """
[servers.adviser]
url = "https://advice.example.org/v1"
model = "org/adviser"
max_tokens = 2048
budget = {{ tokens = {tokens} }}
"""


def test_a_server_that_proposes_is_asked_one_question_and_can_be_done_without() -> None:
    text = default_text()
    for old, new in (
        ('changes = ["data"]', 'changes = ["data", "feedback"]'),
        ("candidates = 1", "candidates = 4"),
        ('proposers = ["rules", "search"]', 'server = "server:adviser"\nproposers = ["rules", "model"]'),
    ):
        assert old in text
        text = text.replace(old, new)
    (asked,) = servers_asked(plan(digits(text + ADVISED.format(tokens=100_000))))
    assert asked.use.questions == 1
    assert asked.use.written == 2048
    assert asked.use.read > 32_000
    said = "\n".join(asked.lines())
    assert "2 of 8 generations at the least, perhaps NOT enough: no more changes are proposed by it" in said


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
    assert tasks_in("gym:acre,gym:ab=9", {"gym:acre": 1, "gym:ab": 4}) == {"gym:acre": 1, "gym:ab": 9}
    for wrong in ("", "copy=0", "copy=101", "copy=9,copy=8", "copy=9,", "a b", "copy=x"):
        with pytest.raises(UsageError, match="NAME or NAME=TOP"):
            tasks_in(wrong)


def test_a_task_that_nobody_knows_is_refused_before_anything_is_made() -> None:
    with pytest.raises(CharterError):
        draft_for("built", "nonsense=9", Path())


def test_a_model_of_a_hub_is_to_be_fetched_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    with pytest.raises(UsageError, match="detent fetch org/model"):
        draft_for("org/model", "copy=9", tmp_path)
