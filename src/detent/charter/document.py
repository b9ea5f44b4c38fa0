"""The document as a whole: a draft, as an author writes it, and the charter that `init` makes of it."""

from collections.abc import Mapping
from typing import Annotated, Literal

from detent.charter._form import Line, Says, Section, TaskName
from detent.charter.recipe import Recipe
from detent.charter.sections import (
    Constraints,
    Direction,
    DraftOwnTask,
    DraftStewards,
    Gate,
    OwnTask,
    Pace,
    Run,
    Seal,
    Stewards,
    Subject,
)


class Draft(Section):
    """Everything people decide. What is left out has the default of payload type v1, for ever."""

    name: Line
    purpose: Line
    version: Annotated[Literal[1], Says("1, a first charter,")] = 1
    stewards: DraftStewards
    pace: Pace
    direction: Direction
    constraints: Constraints = Constraints()
    subject: Subject = Subject()
    recipe: Recipe = Recipe()
    gate: Gate = Gate()
    tasks: Mapping[TaskName, DraftOwnTask] = {}
    run: Run = Run()


class Charter(Draft):
    """A draft with the stewards' keys, the seal's tip and the hashes of the authors' own task files."""

    stewards: Stewards
    seal: Seal
    tasks: Mapping[TaskName, OwnTask] = {}
