"""What a change to the feedback loop may set: every point of the space makes a valid charter, and no more is in it."""

from itertools import product
from math import inf, nan
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.charter.charter_texts import CATALOGUE, TIP

from detent.charter import Charter, Feedback, Recipe, parse_charter, set_by, space_of
from detent.charter._rules import rule_faults
from detent.errors import UsageError
from detent.propose.forms import COMPARED
from detent.signing import SigningKey
from detent.values.changes import Setting
from detent.values.space import SPACE, Dimension, check_settings

KEY = SigningKey.from_seed("ada", b"ada".ljust(32)).verify_key


def charter(recipe: str = "", feedback: str = "", more: str = "") -> Charter:
    return parse_charter(
        f"""\
name = "small"
purpose = "For tests"
[stewards]
quorum = 1
keys = ["{KEY}"]
[pace]
lease = {{ generations = 8 }}
[direction]
improve = {{ copy = 9, reverse = 9 }}
[seal]
tip = "{TIP}"
length = 400
[recipe]
{recipe}
[feedback]
{feedback}
{more}
""",
        CATALOGUE,
    )


PLAIN = charter()


def faults(found: Charter) -> list[Any]:
    sections = {name: getattr(found, name) for name in type(found).model_fields}
    return list(rule_faults(sections, CATALOGUE))


def values(dimension: Dimension) -> st.SearchStrategy[Setting]:
    if dimension.kind == "choice":
        return st.sampled_from(dimension.choices)
    if dimension.kind == "whole":
        return st.integers(int(dimension.low), int(dimension.high))
    return st.floats(dimension.low, dimension.high)


def ends(dimension: Dimension) -> tuple[Setting, ...]:
    if dimension.kind == "choice":
        return dimension.choices
    if dimension.kind == "whole":
        return (int(dimension.low), int(dimension.high))
    return (dimension.low, dimension.high)


POINTS = st.fixed_dictionaries({}, optional={one.key: values(one) for one in SPACE})
CORNERS = st.fixed_dictionaries({one.key: st.sampled_from(ends(one)) for one in SPACE})


@given(POINTS)
def test_every_point_of_the_space_makes_a_valid_charter(settings: dict[str, Setting]) -> None:
    assert faults(set_by(PLAIN, settings)) == []


@given(CORNERS)
def test_every_corner_of_the_space_makes_a_valid_charter(settings: dict[str, Setting]) -> None:
    assert faults(set_by(PLAIN, settings)) == []


@pytest.mark.parametrize("dimension", SPACE, ids=[one.key for one in SPACE])
def test_every_end_alone_is_what_the_charter_then_says(dimension: Dimension) -> None:
    for end in ends(dimension):
        section, *path = dimension.key.split(".")
        found: Any = getattr(set_by(PLAIN, {dimension.key: end}), section)
        for step in path:
            found = getattr(found, step)
        assert found == end


OVERSIGHT = {
    "recipe.team",
    "recipe.audit",
    "recipe.profile_problems",
    "recipe.fresh_problems",
    "recipe.seed_levels",
    "recipe.seed_problems",
    "recipe.seed_steps",
    "feedback.anchors",
    "feedback.flips",
    "feedback.lessons",
    "feedback.probes",
    "feedback.judge_source",
    "feedback.judge_seed_steps",
    "feedback.judge_steps",
    "feedback.teacher",
    "feedback.methods",
    "feedback.forms",
    "feedback.least_odds",
}


def test_nothing_that_oversight_rests_on_is_in_the_space() -> None:
    assert OVERSIGHT.isdisjoint(one.key for one in SPACE)
    for key in OVERSIGHT:
        section, name = key.split(".")
        assert name in (Recipe if section == "recipe" else Feedback).model_fields, key
        with pytest.raises(UsageError, match="a key of the search space expected"):
            set_by(PLAIN, {key: 1})


def test_the_space_names_each_key_once_and_keys_of_two_sections_alone() -> None:
    keys = [one.key for one in SPACE]
    assert len(set(keys)) == len(keys)
    assert {key.split(".")[0] for key in keys} == {"recipe", "feedback"}


def test_the_space_knows_every_wording_and_every_optimizer_of_the_charter() -> None:
    choices = {one.key: set(one.choices) for one in SPACE if one.kind == "choice"}
    assert choices == {"recipe.optimizer": {"muon", "adamw"}, "feedback.judge_form": set(COMPARED)}


def test_a_space_survives_the_wire() -> None:
    again = msgspec.json.decode(msgspec.json.encode(SPACE), type=tuple[Dimension, ...])
    assert again == SPACE


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a key that nobody knows": (
        {"recipe.stps": 100},
        "a key of the search space expected, got 'recipe.stps'",
    ),
    "a key without its section": ({"confidence": 0.5}, "a key of the search space expected"),
    "a key of another section": ({"constraints.error_budget": 0.5}, "a key of the search space expected"),
    "a part of the charter as a whole": ({"recipe.mix": 0.5}, "a key of the search space expected"),
    "what follows from other keys": ({"recipe.mix.earlier": 0.5}, "a key of the search space expected"),
    "a number below": (
        {"recipe.confidence": 0.29},
        "a number from 0.3 to 0.99 expected for recipe.confidence",
    ),
    "a number above": (
        {"recipe.steps": 481},
        "a whole number from 40 to 480 expected for recipe.steps, got 481",
    ),
    "no number": ({"recipe.confidence": nan}, "got nan"),
    "a number without end": ({"recipe.other_rate": inf}, "got inf"),
    "a truth for a number": ({"recipe.ahead": True}, "a whole number from 0 to 4 expected"),
    "a truth for a real number": ({"recipe.keep_share": True}, "a number from 0.2 to 1 expected"),
    "a part of a whole number": ({"recipe.steps": 100.0}, "a whole number from 40 to 480 expected"),
    "a text for a number": ({"recipe.steps": "100"}, "a whole number from 40 to 480 expected"),
    "a number for a choice": ({"recipe.optimizer": 1}, "one of muon, adamw expected"),
    "a choice that is none": ({"feedback.judge_form": "say yes"}, "one of plain, careful, strict expected"),
    "nothing": ({"recipe.steps": None}, "a whole number from 40 to 480 expected"),
    "a list": ({"recipe.steps": [100]}, "a whole number from 40 to 480 expected"),
}


@pytest.mark.parametrize(("settings", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_settings_outside_of_the_space_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_settings(settings, SPACE)
    with pytest.raises(UsageError, match=said):
        set_by(PLAIN, settings)


def test_no_settings_leave_the_very_same_charter() -> None:
    assert set_by(PLAIN, {}) is PLAIN


@given(POINTS.filter(bool))
def test_nothing_but_the_two_sections_can_be_reached(settings: dict[str, Setting]) -> None:
    before, after = PLAIN.model_dump(), set_by(PLAIN, settings).model_dump()
    touched = {key.split(".")[0] for key in settings}
    assert {name for name in before if before[name] != after[name]} <= touched
    free = {"label_keep", "mix"} | {key.split(".")[1] for key in settings}
    for section in touched:
        changed = {key for key, value in before[section].items() if after[section][key] != value}
        assert changed <= free


def test_a_whole_number_counts_for_a_real_one() -> None:
    found = set_by(PLAIN, {"recipe.keep_share": 1}).recipe.keep_share
    assert (found, type(found)) == (1.0, float)


MIXES = {
    "newest alone": ({"newest": 0.6}, (0.6, 0.2, 0.2)),
    "seed alone": ({"seed": 0.1}, (0.5, 0.4, 0.1)),
    "both": ({"newest": 0.3, "seed": 0.3}, (0.3, 0.4, 0.3)),
    "all there is": ({"newest": 0.8}, (0.8, 0.0, 0.2)),
    "more than there is": ({"newest": 0.8, "seed": 0.45}, (0.64, 0.0, 0.36)),
}


@pytest.mark.parametrize(("shares", "wanted"), MIXES.values(), ids=MIXES.keys())
def test_earlier_labels_get_what_is_left_of_a_batch(
    shares: dict[str, float], wanted: tuple[float, float, float]
) -> None:
    mix = set_by(PLAIN, {f"recipe.mix.{key}": value for key, value in shares.items()}).recipe.mix
    assert (mix.newest, mix.earlier, mix.seed) == pytest.approx(wanted)


def test_no_more_labels_are_kept_than_are_made() -> None:
    assert set_by(PLAIN, {"recipe.label_prompts": 200}).recipe.label_keep == 200
    assert set_by(PLAIN, {"recipe.label_prompts": 3200}).recipe.label_keep == PLAIN.recipe.label_keep


def test_an_optimizer_that_an_adapter_cannot_have_is_refused() -> None:
    given_model = charter(
        'optimizer = "adamw"\nother_rate = 0.0002',
        more='[subject]\nsource = "models/small"\nlora = { rank = 4 }',
    )
    assert set_by(given_model, {"recipe.steps": 50}).recipe.steps == 50
    with pytest.raises(UsageError, match=r'recipe\.optimizer: "adamw" expected with subject.lora'):
        set_by(given_model, {"recipe.optimizer": "muon"})


def test_what_has_no_effect_under_a_charter_is_not_searched() -> None:
    def keys(found: Charter) -> set[str]:
        return {one.key for one in space_of(found)}

    everything = {one.key for one in SPACE}
    assert everything - keys(PLAIN) == {key for key in everything if key.startswith("feedback.")}
    judged = charter(feedback='methods = ["self_label", "judge", "refine", "dpo"]')
    assert everything - keys(judged) == {"feedback.grpo_steps", "feedback.grpo_rate", "feedback.judge_form"}
    compared = charter(
        'optimizer = "adamw"\nother_rate = 0.0002',
        'methods = ["self_label", "dpo"]\njudge_source = "incumbent"\nforms = "words"',
        '[subject]\nsource = "models/small"',
    )
    assert "feedback.judge_form" in keys(compared)
    assert {"recipe.optimizer", "recipe.matrix_rate", "recipe.other_rate"}.isdisjoint(keys(compared))


IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "one value": {"kind": "real", "low": 1.0, "high": 1.0},
    "a low end above the high one": {"kind": "real", "low": 2.0, "high": 1.0},
    "an end that is no number": {"kind": "real", "low": nan, "high": 1.0},
    "an end without end": {"kind": "real", "low": 0.0, "high": inf},
    "steps of a ratio from nothing": {"kind": "real", "low": 0.0, "high": 1.0, "log": True},
    "part of a whole number": {"kind": "whole", "low": 0.5, "high": 3.0},
    "no choice": {"kind": "choice", "choices": ("one",)},
    "the same choice twice": {"kind": "choice", "choices": ("one", "one")},
}


@pytest.mark.parametrize("fields", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_a_dimension_without_two_values_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="two values or more"):
        Dimension("recipe.steps", **fields)


@pytest.mark.parametrize(
    ("newest", "seed"), list(product((0.2, 0.8), (0.05, 0.5))), ids=lambda value: f"{value:g}"
)
def test_shares_of_a_batch_sum_to_one_at_every_corner(newest: float, seed: float) -> None:
    mix = set_by(PLAIN, {"recipe.mix.newest": newest, "recipe.mix.seed": seed}).recipe.mix
    assert mix.newest + mix.earlier + mix.seed == pytest.approx(1.0, abs=1e-12)
