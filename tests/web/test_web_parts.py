"""What pages are made of: long lists in pages, gauges, notes of generations."""

import pytest
from markupsafe import Markup
from msgspec import structs
from tests.web.standing import Room

from detent.web.gauges import gauges, wires
from detent.web.index import Index
from detent.web.run_values import MOST_DRAWN, thinned
from detent.web.showing import address, lines_of, piece, whole_number

NUMBERS = {
    "digits": ("12", 12),
    "nothing": ("", 7),
    "a sign": ("-3", 7),
    "a fraction": ("1.5", 7),
    "other digits": ("\u0661\u0662", 7),
    "more digits than any number of ours has": ("9" * 5000, 7),
    "space around": (" 3", 7),
    "a superscript, which is a digit and no number": ("²", 7),
}


@pytest.mark.parametrize(("text", "number"), NUMBERS.values(), ids=NUMBERS.keys())
def test_a_number_in_an_address_is_digits_and_nothing_else(text: str, number: int) -> None:
    assert whole_number(text, 7) == number


def test_a_list_is_cut_into_pages_that_lead_to_each_other() -> None:
    middle = piece(list(range(25)), 2, 10, {"kind": "a b", "none": ""})
    assert list(middle.items) == list(range(10, 20))
    assert (middle.newer, middle.older) == ("?kind=a+b&page=1", "?kind=a+b&page=3")
    last = piece(list(range(25)), 99, 10)
    assert (list(last.items), last.older, last.last) == ([20, 21, 22, 23, 24], "", 3)
    assert piece([], 1, 10).last == 1


def test_every_part_of_an_address_is_quoted() -> None:
    assert address("a/b", 7, "<x>?#") == "/runs/a%2Fb/7/%3Cx%3E%3F%23"


def test_a_text_is_cut_and_says_by_how_much() -> None:
    assert lines_of("ab\ncd", 3) == ["ab", "… 2 more characters"]
    assert lines_of("") == [""]


def test_a_lease_that_is_used_up_or_over_fills_its_gauge(climbing: Room) -> None:
    found = {one.name: one for one in gauges(climbing.story, "2031-01-01T00:00:00Z")}
    assert found["Lease, generations"].value == "0 of 8 left"
    assert found["Lease, time"].value == "expired"
    for name in ("Lease, generations", "Lease, time"):
        assert 'class="filled full"' in found[name].drawing
    assert 'width="240"' in found["Lease, time"].drawing


def test_a_fresh_lease_has_an_empty_gauge(climbing: Room) -> None:
    state = climbing.state
    grants = tuple(structs.replace(one, spent=0, used=0.0) for one in state.grants)
    fresh = structs.replace(climbing.story, state=structs.replace(state, grants=grants))
    found = {one.name: one for one in gauges(fresh, climbing.story.last)}
    assert found["Lease, generations"].value == "8 of 8 left"
    assert 'width="0"' in found["Lease, generations"].drawing


def test_tripwires_that_fired_last_come_first_and_show_where_they_fired(steered: Room) -> None:
    notes = Index().read_on(steered.story)
    found = wires(steered.story, notes)
    assert {one.name for one in found} >= {"drift", "gap", "break_in"}
    assert [one.reading.fired for one in found] == sorted((one.reading.fired for one in found), reverse=True)
    drift = next(one for one in found if one.name == "drift")
    assert isinstance(drift.spark, Markup)
    assert drift.spark.count('class="alarm"') == sum(
        one.wire == "drift" and one.fired for note in notes for one in note.measured
    )


def test_closed_generations_are_noted_once(steered: Room) -> None:
    index = Index()
    first = index.read_on(steered.story)
    again = index.read_on(steered.story)
    assert [note.generation for note in first] == list(steered.story.written)
    closed = len(steered.state.history)
    assert all(one is other for one, other in zip(first[:closed], again[:closed], strict=True))


def test_a_thinned_story_keeps_its_ends(climbing: Room) -> None:
    standings = tuple(structs.replace(climbing.story.standings[0], generation=n) for n in range(1000))
    thin = thinned(structs.replace(climbing.story, standings=standings)).standings
    assert len(thin) <= MOST_DRAWN + 1
    assert (thin[0].generation, thin[-1].generation) == (0, 999)
