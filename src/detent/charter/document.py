"""The document as a whole: a draft, as an author writes it, and the charter that `init` makes of it."""

from collections.abc import Mapping
from typing import Annotated, get_args

from pydantic import Field

from detent.charter._form import Count, Line, Says, Section, TaskName, WireName
from detent.charter.explore import Explore
from detent.charter.feedback import Feedback
from detent.charter.named_files import (
    ConstitutionFile,
    DraftConstitutionFile,
    DraftOwnTask,
    DraftProxy,
    DraftWire,
    Gym,
    OwnTask,
    Proxy,
    Wire,
)
from detent.charter.recipe import Recipe
from detent.charter.sections import (
    Auditor,
    Constraints,
    Direction,
    Gate,
    Pace,
    Retention,
    Run,
    Seal,
    Subject,
    Witnesses,
)
from detent.charter.servers import Server
from detent.charter.stewards import DraftStewards, Stewards
from detent.errors import UsageError
from detent.values.serving import Purpose


class Draft(Section):
    """Everything people decide. What is left out has the default of payload type v1, for ever."""

    name: Line
    purpose: Line
    version: Annotated[int, Field(ge=1, le=1), Says("1, a first charter,")] = 1
    stewards: DraftStewards
    pace: Pace
    direction: Direction
    constraints: Constraints = Constraints()
    subject: Subject = Subject()
    recipe: Recipe = Recipe()
    feedback: Feedback = Feedback()
    explore: Explore = Explore()
    gate: Gate = Gate()
    retention: Retention = Retention()
    tasks: Mapping[TaskName, DraftOwnTask] = {}
    proxies: Mapping[WireName, DraftProxy] = {}
    tripwires: Mapping[WireName, DraftWire] = {}
    constitution: DraftConstitutionFile | None = None
    servers: Mapping[WireName, Server] = {}
    run: Run = Run()
    witnesses: Witnesses | None = None
    auditor: Auditor | None = None

    def server_for(self, purpose: Purpose) -> str:
        """The name of the server that is asked for that; "" where none is."""
        match purpose:
            case "exam" | "preferences":
                return self.feedback.judge_server
            case "answers":
                return self.feedback.teacher_server
            case "proposals":
                return self.explore.model_server

    @property
    def asked_servers(self) -> frozenset[str]:
        """The names of all servers that are asked for anything."""
        return frozenset(self.server_for(purpose) for purpose in get_args(Purpose)) - {""}

    def wire(self, name: str) -> DraftWire:
        """A tripwire's action and limits, defaults filled in.

        Raises:
            UsageError: neither the catalogue it was read with nor the author names such a wire.
        """
        if name not in self.tripwires:
            raise UsageError(f"one of {', '.join(self.tripwires) or 'no tripwires'} expected, got {name}")
        return self.tripwires[name]


class Charter(Draft):
    """A draft with the stewards' keys, the seal's tip and the hashes of the authors' own files.

    version: 1 is the first; every amendment counts one up.
    """

    version: Count = 1
    stewards: Stewards
    seal: Seal
    gym: Gym | None = None
    tasks: Mapping[TaskName, OwnTask] = {}
    proxies: Mapping[WireName, Proxy] = {}
    tripwires: Mapping[WireName, Wire] = {}
    constitution: ConstitutionFile | None = None
