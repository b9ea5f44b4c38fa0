"""[explore]: changes beside the data, as constraints.changes allows them: when, how and by whom they are tried."""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from detent.charter._form import Count, Says, Section
from detent.values import Edit, Proposer
from detent.values.serving import server_named

EDITS = tuple(str(kind.__struct_config__.tag) for kind in get_args(Edit))
"""Names of what may be changed about a model's shape."""

PROPOSERS = get_args(Proposer)


def _once(named: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(named)) < len(named):
        raise ValueError(named)
    return named


def _edits(named: tuple[str, ...]) -> tuple[str, ...]:
    if not set(named) <= set(EDITS):
        raise ValueError(named)
    return _once(named)


def _rising(rungs: tuple[int, ...]) -> tuple[int, ...]:
    if list(rungs) != sorted(set(rungs)):
        raise ValueError(rungs)
    return rungs


Rungs = Annotated[
    tuple[Count, ...],
    Field(strict=False, min_length=1, max_length=8),
    AfterValidator(_rising),
    Says("numbers of steps, each larger than the one before, such as [60, 120],"),
]


class Explore(Section):
    """[explore]: with pace.candidates above 1, changes are tried before one of them, or none, is proposed.

    when: "stuck": once no task's frontier has moved for `patience` generations. "always": in every generation.
    rungs: optimizer steps of a trial; at each rung but the last the better half goes on, trained anew for more.
    retrain_steps: of the generation that proposes another shape: what is new, or was broken, must be learnt first.
    proposers: who proposes. "rules" of this program; "search" over settings (Optuna); "model": the language model
        behind `server`.
    server: "server:NAME" of [servers]; "" for none.
    edits, settings: names of the edits and settings that may be proposed; none for all there are.
    approval: which changes people are asked about before a promotion, whatever tripwires say. "breaking": those that
        do not keep what the model says; "architecture": all to its shape; "all"; "none".
    """

    when: Annotated[Literal["stuck", "always"], Says('"stuck" or "always"')] = "stuck"
    patience: Annotated[int, Field(ge=1, le=100), Says("an integer from 1 to 100")] = 2
    rungs: Rungs = (60, 120)
    retrain_steps: Count = 480
    proposers: Annotated[
        tuple[Proposer, ...],
        Field(strict=False, min_length=1),
        AfterValidator(_once),
        Says('some of "rules", "search" and "model", each once,'),
    ] = ("rules", "search")
    server: Annotated[str, Field(pattern=r"^(server:.+)?$"), Says('"server:NAME", or nothing,')] = ""
    edits: Annotated[
        tuple[str, ...],
        Field(strict=False),
        AfterValidator(_edits),
        Says(f"some of {', '.join(EDITS)}, each once,"),
    ] = ()
    settings: Annotated[
        tuple[str, ...], Field(strict=False), AfterValidator(_once), Says("names of settings")
    ] = ()
    approval: Annotated[
        Literal["breaking", "architecture", "all", "none"],
        Says('"breaking", "architecture", "all" or "none"'),
    ] = "breaking"

    @property
    def model_server(self) -> str:
        """The name of the server whose model proposes; "" where none does."""
        return server_named(self.server)
