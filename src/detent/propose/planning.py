"""A plan with a change, or without: what the rule for data proposes once the change is made.

>>> planned(charter, state, constitution, Tune({"recipe.confidence": 0.8}, "search")).recipes["copy"]...
"""

from typing import Any

from msgspec import structs

from detent.charter import Charter, Constitution, set_by, space_of
from detent.errors import CharterError, UsageError
from detent.propose.labels import propose
from detent.values import Change, DataProposal, Diagnosis, Reshape, Setting, State, Tune
from detent.values.space import check_settings


def planned(
    charter: Charter,
    state: State,
    diagnosis: Diagnosis,
    constitution: Constitution | None = None,
    change: Change | None = None,
) -> DataProposal:
    """The proposal of a turn. A change of shape has its own steps: what is new says nothing yet.

    Args:
        charter: in force, with what earlier changes have set.
        state: with a visible profile of each member of the team.
        diagnosis: what is weak.
        constitution: the charter's, where it names one.
        change: beside the data.
    """
    inside = set_by(charter, change.settings) if isinstance(change, Tune) else charter
    plan = propose(
        diagnosis,
        [state.visible[member] for member in state.team],
        inside.recipe,
        inside.feedback,
        flips=state.flips,
        constitution=constitution,
    )
    if change is None:
        return plan
    steps = charter.explore.retrain_steps if isinstance(change, Reshape) else plan.steps
    return structs.replace(plan, change=change, steps=steps)


def tried(plan: DataProposal, charter: Charter, rung: int) -> DataProposal:
    """The plan as a trial has it at a rung: as many steps for all, but for a change of the steps themselves.

    charter: in force, without the plan's change.
    """
    steps = charter.explore.rungs[rung]
    asked = plan.settings.get("recipe.steps")
    if asked is not None:
        steps = max(1, round(steps * float(asked) / charter.recipe.steps))
    return structs.replace(plan, steps=steps)


def setting_of(charter: Charter, key: str) -> Setting:
    """The value in force of a key of the search space."""
    found: Any = charter
    for name in key.split("."):
        found = getattr(found, name)
    setting: Setting = found
    return setting


def check_change(change: Change, charter: Charter) -> None:
    """A change is of a kind and in the bounds that the charter allows.

    Raises:
        CharterError: it is not.
    """
    allowed = charter.constraints.changes
    if change.kind not in allowed:
        raise CharterError(f"a change among {list(allowed)} expected, as the charter says, got {change.kind}")
    if isinstance(change, Reshape):
        name = str(change.edit.__struct_config__.tag)
        if (edits := charter.explore.edits) and name not in edits:
            raise CharterError(f"an edit among {list(edits)} expected, as the charter says, got {name}")
        return
    try:
        check_settings(change.settings, space_of(charter))
        set_by(charter, change.settings)
    except UsageError as error:
        raise CharterError(f"settings that the charter lets be changed expected: {error}") from error
