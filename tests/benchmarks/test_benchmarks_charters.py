"""What the arms change in a charter's text; and the example charters, which are ones."""

from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.scripts import EXAMPLES, arms, bench

from detent.assembly.tasks import catalogue
from detent.charter import Draft, default_text, parse_draft

EVERY = ("self_label", "judge", "refine", "constitution", "dpo", "grpo")
METHODS = {
    "every-method": EVERY,
    "default": ("self_label", "dpo"),
    "same-compute-dpo": ("self_label", "dpo"),
    **{name: ("self_label", name) for name in EVERY[1:]},
    **{f"{name}-alone": (name,) for name in EVERY[2:]},
}

TRYING = {
    "pace": ("lease", "candidates"),
    "constraints": ("changes", "max_parameters"),
    "explore": ("when", "proposers", "approval"),
}
ALLOWED: dict[str, dict[str, tuple[str, ...]]] = {
    **{name: {"pace": ("lease",)} for name in ("same-compute", "same-compute-dpo")},
    **dict.fromkeys(("random", "feedback", "architecture", "every-change"), TRYING),
}
"""Keys in which arms at equal compute differ from the loop by intent."""


def draft(text: str) -> Draft:
    return parse_draft(text, catalogue())


def changed(arm: Any) -> dict[str, object]:
    """Keys of the recipe in which an arm differs from the default, and what they are."""
    usual = draft(default_text()).recipe.model_dump()
    own = draft(bench.charter_text(arm, 1)).recipe.model_dump()
    return {key: value for key, value in own.items() if value != usual[key]}


@pytest.mark.parametrize("name", arms.ARMS)
def test_an_arm_has_the_seed_it_is_given_and_the_directions_and_limits_of_the_loop(name: str) -> None:
    own = draft(bench.charter_text(arms.ARMS[name], 7)).model_dump()
    usual = draft(bench.charter_text(arms.ARMS["loop"], 1)).model_dump()
    assert own["run"].pop("seed") == 7
    usual["run"].pop("seed")
    if name == "add":  # a harder task, by the same rules
        assert own.pop("direction")["improve"] == {"add": 18}
        usual.pop("direction")
    if name.startswith("avalanche"):  # one that asked somebody would not show what the gate makes of it
        for wire in ("label_avalanche", "forgetting"):
            assert own["tripwires"][wire].pop("action") == "record"
            usual["tripwires"][wire].pop("action")
    methods, constitution = own["feedback"].pop("methods"), own.pop("constitution")
    assert methods == METHODS.get(name, ("self_label",))
    for section, keys in ALLOWED.get(name, {}).items():
        for key in keys:
            own[section].pop(key)
            usual[section].pop(key)
    assert (constitution is not None) == ("constitution" in methods)
    usual["feedback"].pop("methods")
    usual.pop("constitution")
    if name in {"default", "same-compute-dpo"}:
        own.pop("feedback")
        usual.pop("feedback")
    for key in usual.keys() - {"name", "purpose", "recipe"}:
        assert own[key] == usual[key], key


def test_an_arm_changes_one_thing_in_the_recipe_or_none() -> None:
    mix = {"newest": 0.0, "earlier": 0.0, "seed": 1.0}
    expected = {
        "seed-only": {"mix": mix},
        "alone": {"team": 1},
        "loop-more": {"seed_steps": 1070, "steps": 184},
        "loop-most": {"seed_steps": 1500, "steps": 258},
    }
    for name, arm in arms.ARMS.items():
        if not arm.start:
            assert changed(arm) == expected.get(name, {}), name


@pytest.mark.parametrize("name", [name for name, arm in arms.ARMS.items() if arm.charter and not arm.start])
def test_an_arm_is_refused_when_the_text_it_changes_has_moved(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = default_text().replace("team = 2", "team = 3").replace("newest = 0.5", "newest = 0.50")
    moved = moved.replace("[feedback] ", "[feedback]\t").replace("steps = 120 ", "steps = 121 ")
    moved = moved.replace("generations = 8,", "generations = 9,")
    monkeypatch.setattr(bench, "default_text", lambda: moved)
    with pytest.raises(SystemExit, match="expected in the default charter, which has changed"):
        bench.charter_text(arms.ARMS[name], 1)


def test_a_seed_that_could_not_be_put_in_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "default_text", lambda: default_text().replace("seed = 1 ", "seed=1 "))
    with pytest.raises(SystemExit, match="seed = 1"):
        bench.charter_text(arms.ARMS["loop"], 2)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/charter.toml")), ids=lambda path: path.parent.name)
def test_an_example_is_a_charter(path: Path) -> None:
    assert draft(path.read_text("utf-8")).name == path.parent.name


def test_the_avalanche_is_the_default_charter_without_what_keeps_wrong_labels_out() -> None:
    own = changed(arms.ARMS["avalanche"])
    assert own.keys() == {
        "team",
        "least_accuracy",
        "purify_accuracy",
        "ahead",
        "label_keep",
        "keep_share",
        "confidence",
        "review_prompts",
        "review_confidence",
        "mix",
    }
    assert (own["team"], own["least_accuracy"], own["confidence"]) == (1, 0.05, 0.0)
    mix: Any = own["mix"]
    assert mix["seed"] == 0.0
