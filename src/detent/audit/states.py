"""What optimizers remember of trainings: left where the charter carries it on, and what its digest says."""

import re
from collections.abc import Iterator

from msgspec import UNSET

from detent.audit.evidence import Case
from detent.charter import SignedCharter
from detent.errors import DetentError
from detent.propose import optimizer_of
from detent.values import Carrying, left_states
from detent.values.folder import folder_digest

_DIGEST = re.compile(r"[0-9a-f]{64}")
LEFT_OUT = "what optimizers remember, which only the run itself goes on from, is not at hand"


def left_faults(entry: Carrying, signed: SignedCharter) -> Iterator[str]:
    """A training leaves a state where the charter carries it on, and nowhere else."""
    wanted = "a state" if optimizer_of(signed.charter).carry is not UNSET else "no state"
    got = "no state" if entry.state is UNSET else "a state"
    if got != wanted:
        yield f"{wanted} beside the model expected, as recipe.carry_optimizer says, got {got}"
    if entry.state is not UNSET and not _DIGEST.fullmatch(entry.state):
        yield f"a digest of 64 lower-case hex digits as the state expected, got {entry.state!r}"


def state_faults(case: Case) -> Iterator[str]:
    """States that are there are what their digests say; those of the models in force are there."""
    if case.evidence.states is None:
        return
    left, needed = named_states(case), {*case.state.team, case.state.judge}
    for model, digest in sorted(left.items()):
        folder = case.evidence.states / digest
        if not folder.is_dir():
            if model in needed:
                yield f"states/{digest}, which the next training goes on from, expected, got none: restore it"
            continue
        try:
            found = folder_digest(folder)
        except (DetentError, OSError) as error:
            yield f"states/{digest}: {error}"
            continue
        if found != digest:
            yield f"a state with digest {digest} expected in states/{digest}, got {found}: restore it from a copy"


def unchecked_states(case: Case) -> tuple[str, ...]:
    """What is said where states are on record and none was handed over."""
    return (LEFT_OUT,) if case.evidence.states is None and named_states(case) else ()


def named_states(case: Case) -> dict[str, str]:
    """Every state that the record names, by its model."""
    left = left_states((*case.state.history.values(), case.state.slots))
    return {model: state for model, state in left.items() if _DIGEST.fullmatch(state)}
