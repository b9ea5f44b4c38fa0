"""What the wires found always fits one entry of the ledger, and what fired stays fired."""

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from detent.assembly.tasks import catalogue
from detent.charter import default_text, parse_draft
from detent.loop.parts import Parts, Wire
from detent.loop.watch import look
from detent.oversight import question
from detent.signing import canonical
from detent.values import Reading, Requested, State, Watched, entry_document

LARGEST = 65_535
"""Bytes of an entry."""

TEXTS = st.text(max_size=3_000)


def watched(readings: list[Reading], action: str = "pause") -> Watched:
    """What a run with one wire a reading writes down."""

    def reader(reading: Reading) -> Any:
        return lambda *_: reading

    wires = tuple(Wire(one.wire, cast("Any", action), reader(one)) for one in readings)
    return look(cast("Parts", _Wired(wires)), [])


class _Wired:
    """As much of `Parts` as looking takes."""

    def __init__(self, wires: tuple[Wire, ...]) -> None:
        self.wires = wires


def size(entry: Any) -> int:
    return len(canonical(entry_document(entry)))


@given(said=TEXTS, names=st.lists(TEXTS, max_size=40), count=st.integers(1, 200))
def test_whatever_they_say_it_fits_and_what_fired_has_fired(said: str, names: list[str], count: int) -> None:
    readings = [Reading(f"wire_{n}", "fired", said or "x", about=tuple(names)) for n in range(count)]
    found = watched(readings)
    assert size(found) <= LARGEST
    assert all(reading.fired and reading.said for reading in found.readings)
    assert set(found.actions) == {f"wire_{n}" for n in range(count)}


def test_sixty_wires_that_shout_are_written_down_and_asked_about() -> None:
    readings = [Reading(f"wire_{n}", "fired", "\N{FIRE}" * 400) for n in range(60)]
    found = watched(readings)
    charter = parse_draft(default_text(), catalogue())
    state = State(slots={"watch/v1": found})
    asked = question(state, cast("Any", charter), "", "2026-01-31T12:00:00Z")
    assert isinstance(asked, Requested)
    assert size(asked) <= LARGEST
    assert len(asked.reasons) == 60


THRESHOLDS = """
[[direction.threshold]]
task = "copy"
horizon = 5.0
quorum = 1

[[direction.threshold]]
task = "reverse"
horizon = 9.0
quorum = 3

[constraints] """


def approvers(about: tuple[str, ...]) -> int:
    """How many are asked when the early warning is about these."""
    text = default_text().replace("[constraints] ", THRESHOLDS, 1)
    text = text.replace("quorum = 1 ", "quorum = 1\nkeys = []\n# ", 1) if "keys" in text else text
    charter = parse_draft(text, catalogue())
    found = watched([Reading("threshold_early_warning", "fired", "near", about=about)])
    state = State(slots={"watch/v1": found})
    return question(state, cast("Any", charter), "", "2026-01-31T12:00:00Z").approvers


def test_the_most_demanding_of_the_thresholds_it_is_about_says_how_many_approve() -> None:
    assert approvers(("copy",)) == 1
    assert approvers(("copy", "reverse")) == 3


def test_where_it_does_not_say_which_threshold_it_may_be_any() -> None:
    assert approvers(()) == 3
    assert approvers(tuple(f"task {n}" for n in range(20))) == 3
