"""What people were asked, and what they need in order to answer."""

from collections.abc import Mapping
from itertools import chain
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
    slots: Mapping[str, Entry]


def requests_of(folder: Path) -> list[Asked]:
    """Every request, the oldest first."""
    return asked_in(ledger_at(RunFolder(folder)).state)


def asked_in(state: State) -> list[Asked]:
    """The same of a run that was read already."""
    found = map(asked_of, chain(state.history.values(), [state.slots]))
    return [asked for asked in found if asked is not None]


def asked_of(slots: Mapping[str, Entry]) -> Asked | None:
    """What people were asked in one generation, from what it wrote; None for nothing."""
    asked, answered = slots.get("request/v1"), slots.get("answer/v1")
    if not isinstance(asked, Requested):
        return None
    return Asked(asked, answered if isinstance(answered, Answered) else None, slots)


def request_text(folder: Path, number: int) -> str:
    """One request for a person to read: what changed, the evidence, and what nobody checked.

    Raises:
        UsageError: there is no such request.
    """
    state = ledger_at(RunFolder(folder)).state
    every = asked_in(state)
    found = next((asked for asked in every if asked.request.number == number), None)
    if found is None:
        numbers = ", ".join(str(asked.request.number) for asked in every) or "none"
        raise UsageError(f"the number of a request expected, got {number}; there are: {numbers}")
    change = tried_lines(state, found.request.generation)
    return request_page(found.request, found.answer, found.slots, change)
