"""A charter with other values for keys of the search space: what a change to the feedback loop comes to.

    >>> set_by(charter, {"recipe.confidence": 0.8}).recipe.confidence
    0.8

Nothing else of a charter can be said: what may be set, and from where to where, is `detent.values.space`. Two keys
follow from what is set. recipe.mix.earlier is what newest and seed leave of 1; where these are more than 1 together,
both shrink by the same ratio until they are 1, and nothing is left. recipe.label_keep is at most recipe.label_prompts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from detent.charter._faults import dotted
from detent.charter._form import Section
from detent.charter._rules import settings_faults
from detent.charter.document import Charter
from detent.errors import UsageError
from detent.values.changes import Setting
from detent.values.space import SPACE, Dimension, check_settings

S = TypeVar("S", bound=Section)

_RECIPE, _FEEDBACK, _MIX = "recipe.", "feedback.", "mix."


def set_by(charter: Charter, settings: Mapping[str, Setting]) -> Charter:
    """The charter with these keys set, each as if people had written it out; the very same object when there are none.

    Raises:
        UsageError: a key or value that is not in the search space, or one that this charter's other sections forbid.
    """
    if not settings:
        return charter
    check_settings(settings, SPACE)
    recipe, feedback = charter.recipe, charter.feedback
    if mine := _under(_RECIPE, settings):
        recipe = _section(recipe, _fitted(recipe.model_dump(), mine))
    if mine := _under(_FEEDBACK, settings):
        feedback = _section(feedback, feedback.model_dump() | mine)
    found = charter.model_copy(update={"recipe": recipe, "feedback": feedback})
    sections = {name: getattr(found, name) for name in ("subject", "recipe", "feedback")}
    if faults := [f"{dotted(fault.path)}: {fault.sentence}" for fault in settings_faults(sections)]:
        raise UsageError("; ".join(faults))
    return found


def space_of(charter: Charter) -> tuple[Dimension, ...]:
    """The part of the search space that may be proposed, and has an effect, under this charter.

    The optimizer and the rates of a model that others trained are people's: how it was trained, nobody here knows.
    """
    without = set[str]()
    feedback = charter.feedback
    if not charter.subject.built:
        without |= {"recipe.optimizer", "recipe.matrix_rate", "recipe.other_rate"}
    without |= {
        f"feedback.{method}_{key}"
        for method in ("dpo", "grpo")
        for key in ("steps", "rate")
        if method not in feedback.methods
    }
    if not feedback.filtered:
        without.add("feedback.judge_floor")
    if not feedback.corrected:
        without |= {"feedback.revised_share", "feedback.correction_share"}
    if not (feedback.compares and "dpo" in feedback.methods):
        without.add("feedback.judge_form")
    named = charter.explore.settings
    return tuple(one for one in SPACE if one.key not in without and (not named or one.key in named))


def _under(prefix: str, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    return {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix)}


def _fitted(recipe: dict[str, Any], settings: Mapping[str, Setting]) -> dict[str, Any]:
    """A recipe with these keys set, and with those that follow from them."""
    found = recipe | {key: value for key, value in settings.items() if not key.startswith(_MIX)}
    found["label_keep"] = min(found["label_keep"], found["label_prompts"])
    if shares := _under(_MIX, settings):
        mix = recipe["mix"] | shares
        together = max(1.0, mix["newest"] + mix["seed"])
        newest, seed = mix["newest"] / together, mix["seed"] / together
        found["mix"] = {"newest": newest, "earlier": max(0.0, 1.0 - newest - seed), "seed": seed}
    return found


def _section(section: S, values: Mapping[str, Any]) -> S:
    try:
        return type(section).model_validate(values)
    except ValidationError as error:
        raise UsageError(f"settings that a charter may hold expected, got {_said(error.errors())}") from error


def _said(errors: Sequence[Any]) -> str:
    return "; ".join(f"{dotted(tuple(one['loc']))} = {one['input']!r}" for one in errors)
