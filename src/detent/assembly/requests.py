"""What people were asked, and what they need in order to answer."""

from pathlib import Path
from typing import NamedTuple

from detent.assembly.places import RunFolder
from detent.assembly.reading import ledger_at
from detent.errors import UsageError
from detent.report import request_page, tried_lines
from detent.values import Answered, Entry, Requested, State


class Asked(NamedTuple):
    """A request with everything its generation had written."""

    request: Requested
    answer: Answered | None
    slots: dict[str, Entry]


def requests_of(folder: Path) -> list[Asked]:
    """Every request, the oldest first."""
    return _requests(ledger_at(RunFolder(folder)).state)


def _requests(state: State) -> list[Asked]:
    turns = [state.history[generation] for generation in sorted(state.history)] + [state.slots]
    found = []
    for slots in turns:
        asked, answered = slots.get("request/v1"), slots.get("answer/v1")
        if isinstance(asked, Requested):
            found.append(Asked(asked, answered if isinstance(answered, Answered) else None, slots))
    return found


def request_text(folder: Path, number: int) -> str:
    """One request for a person to read: what changed, the evidence, and what nobody checked.

    Raises:
        UsageError: there is no such request.
    """
    state = ledger_at(RunFolder(folder)).state
    every = _requests(state)
    found = next((asked for asked in every if asked.request.number == number), None)
    if found is None:
        numbers = ", ".join(str(asked.request.number) for asked in every) or "none"
        raise UsageError(f"the number of a request expected, got {number}; there are: {numbers}")
    change = tried_lines(state, found.request.generation)
    return request_page(found.request, found.answer, found.slots, change)
