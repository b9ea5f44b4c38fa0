"""What trials take is said before a run: how many, what they cost, and how large a changed model may be."""

import pytest
from tests.sizing.test_sizing_cost import SMALL, digits, plan

from detent.charter import default_text
from detent.sizing import Plan, Speed, estimate, estimate_lines, generation_cost, largest, screening
from detent.sizing.shape import weights_of

ALL = '["data", "feedback", "architecture"]'


def exploring(
    candidates: int = 6, when: str = "always", changes: str = ALL, rungs: str = "[60, 120]"
) -> Plan:
    text = default_text()
    for old, new in {
        "candidates = 1": f"candidates = {candidates}",
        'changes = ["data"]': f"changes = {changes}",
        'when = "stuck"': f'when = "{when}"',
        "rungs = [60, 120]": f"rungs = {rungs}",
    }.items():
        assert old in text
        text = text.replace(old, new)
    return plan(digits(text))


def test_a_charter_that_tries_nothing_pays_for_nothing() -> None:
    alone = estimate(plan(digits()), SMALL, None)
    assert alone.trials is None
    assert alone.document()["trials"] is None
    assert not any(line.startswith("trials") for line in estimate_lines(alone))
    assert largest(alone.plan) == alone.plan.shape


@pytest.mark.parametrize(
    ("candidates", "rungs", "trials"), [(2, "[60]", 2), (6, "[60, 120]", 10), (8, "[30, 60, 120]", 16)]
)
def test_the_better_half_goes_on_and_the_plan_always_does(candidates: int, rungs: str, trials: int) -> None:
    found = screening(exploring(candidates, rungs=rungs), 6)
    assert found is not None
    assert (found.changes, found.trials) == (candidates - 1, trials)


def test_a_trial_trains_one_model_for_its_rung_s_steps() -> None:
    found = screening(exploring(2, rungs="[120]"), 8)
    assert found is not None
    # Two trials of one model and 120 steps are a generation's training of a team of two, where no judge learns.
    by_labels = plan(digits(default_text().replace('["self_label", "dpo"]', '["self_label"]')))
    assert (by_labels.draft.recipe.team, by_labels.draft.recipe.steps) == (2, 120)
    assert found.training.flops == pytest.approx(generation_cost(by_labels, 8).training, rel=1e-9)


def test_trials_of_every_generation_are_in_its_cost_and_others_are_said_to_come_on_top() -> None:
    plain, always, stuck = (
        estimate(one, SMALL, Speed(1e9, 1e9, "stated"))
        for one in (plan(digits()), exploring(when="always"), exploring(when="stuck"))
    )
    assert always.trials is not None
    assert always.last.flops == pytest.approx(plain.last.flops + always.trials.cost.flops)
    assert always.seconds(always.last) == pytest.approx(always.last.flops / 1e9)
    assert always.disk > plain.disk
    assert stuck.last.flops == plain.last.flops
    assert "in every generation, and counted in those above" in "\n".join(estimate_lines(always))
    assert "once no frontier has moved for 2 generations, ON TOP" in "\n".join(estimate_lines(stuck))
    assert always.document()["trials"]["trials"] == 10


def test_memory_is_that_of_the_largest_model_a_change_may_make() -> None:
    shape = exploring().shape
    grown = largest(exploring())
    assert grown.parameters > shape.parameters
    assert grown.parameters == weights_of(grown)
    assert estimate(exploring(), SMALL, None).memory > estimate(plan(digits()), SMALL, None).memory
    assert largest(exploring(changes='["data", "feedback"]')) == shape


def test_no_larger_model_is_counted_than_the_charter_allows() -> None:
    text = default_text().replace("max_parameters = 1_000_000", "max_parameters = 700_000")
    text = text.replace("candidates = 1", "candidates = 6").replace('changes = ["data"]', f"changes = {ALL}")
    tight = plan(digits(text))
    assert tight.shape.parameters < largest(tight).parameters <= 700_000 < largest(exploring()).parameters
