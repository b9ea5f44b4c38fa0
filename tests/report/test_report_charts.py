"""Charts hold what they are given: inside their frame, escaped, with round ticks."""

import math
import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.report.report_reader import read

from detent.report._svg import element
from detent.report._words import clip, plain, points, rate, small, span
from detent.report.charts import Axis, Lines, Point, Series, axis, line_chart, spread, ticks, whole_ticks
from detent.report.maps import Cell, Node, Row, family_tree, heat_map, shade

values = st.floats(-1e6, 1e6).map(lambda x: round(x, 6))
shares = st.floats(0, 1)


@given(st.text())
def test_text_comes_back_from_an_element_as_plain_text(text: str) -> None:
    drawn = read(element("text", text, class_=text)).named("text")[0]
    assert (drawn.text, drawn.attributes["class"]) == (plain(text), plain(text))


@given(st.text())
def test_plain_text_is_one_line_of_characters_that_are_seen(text: str) -> None:
    assert plain(text).isprintable()
    assert plain(plain(text)) == plain(text)


@given(st.text(), st.integers(1, 50))
def test_a_clipped_text_has_the_width_it_was_given(text: str, width: int) -> None:
    assert len(clip(text, width)) <= width
    assert len(text) > width or clip(text, width) == text


@given(st.lists(values, min_size=1, max_size=20))
def test_an_axis_holds_every_value_and_has_ticks_inside_it(numbers: list[float]) -> None:
    scale = axis("", numbers)
    slack = 1e-8 * max(1.0, abs(scale.low), abs(scale.high))  # a millionth of a pixel
    assert scale.low <= min(numbers) + slack
    assert scale.high >= max(numbers) - slack
    assert all(scale.low - slack <= value <= scale.high + slack for value, _ in scale.ticks)
    assert all(0 <= scale.share(number) <= 1 for number in numbers)


@given(values, st.floats(1e-3, 1e6))
def test_ticks_are_few_and_evenly_spaced(low: float, width: float) -> None:
    marks = [value for value, _ in ticks(low, low + width)]
    assert len(marks) <= 6
    gaps = [after - before for before, after in pairwise(marks)]
    assert all(math.isclose(gap, gaps[0], rel_tol=1e-6, abs_tol=1e-9) for gap in gaps)


@given(st.integers(0, 2000))
def test_whole_ticks_stay_readable_however_long_a_run_is(last: int) -> None:
    marks = whole_ticks(0, last)
    assert marks[0] == (0.0, "0")
    assert len(marks) <= 21


@given(st.lists(st.floats(0, 200), min_size=1, max_size=8))
def test_names_at_line_ends_never_lie_on_each_other(wanted: list[float]) -> None:
    placed = spread(wanted, 15, 0, 200)
    ordered = sorted(placed)
    assert all(after - before >= 15 - 1e-9 for before, after in pairwise(ordered))
    assert ordered[0] >= -1e-9
    assert ordered[-1] <= 200 + 1e-9


def test_names_keep_the_order_of_their_lines() -> None:
    assert spread([50, 52, 10], 15, 0, 100) == [50, 65, 10]


@given(st.lists(st.tuples(values, values), min_size=2, max_size=12))
def test_no_mark_lies_outside_its_picture(places: list[tuple[float, float]]) -> None:
    series = Series("line", tuple(Point(x, y) for x, y in places), band=False)
    across, upwards = (axis("", [place[side] for place in places]) for side in (0, 1))
    drawn = read(line_chart(Lines("marks", (series,), across, upwards)))
    for circle in drawn.named("circle"):
        assert 0 <= float(circle.attributes["cx"]) <= 460
        assert 0 <= float(circle.attributes["cy"]) <= 270


def test_what_is_off_the_scale_is_drawn_at_its_edge() -> None:
    scale = Axis("", 0, 10, ())
    assert [scale.share(value) for value in (-5, 0, 5, 10, 99)] == [0, 0, 0.5, 1, 1]


@given(st.lists(st.lists(shares, min_size=15, max_size=15), min_size=1, max_size=60))
def test_a_heat_map_has_a_cell_for_every_rung_and_generation(rates: list[list[float]]) -> None:
    rows = [Row(i, tuple(Cell(r, "") for r in row), sum(row) + 0.5) for i, row in enumerate(rates)]
    drawn = read(heat_map(rows, 15, "map"))
    cells = drawn.named("rect")
    assert [cell.attributes["class"] for cell in cells] == [f"h{shade(r)}" for row in rates for r in row]
    height = float(drawn.named("svg")[0].attributes["viewbox"].split()[3])
    assert all(float(c.attributes["y"]) + float(c.attributes["height"]) <= height for c in cells)


def test_shades_go_from_none_right_to_all_right() -> None:
    assert [shade(value) for value in (-1, 0, 0.5, 1, 2)] == [0, 0, 10, 20, 20]


def test_a_family_tree_joins_children_to_their_parents() -> None:
    nodes = [
        Node(0, 0, -1, "first", "promoted", now=False),
        Node(1, 1, 0, "refused", "discarded", now=False),
        Node(2, 0, 0, "x", "promoted", now=True),
    ]
    drawn = read(family_tree(nodes, "tree"))
    assert len(drawn.named("path")) == 2
    assert [title.text for title in drawn.named("title")] == ["first", "refused", "x"]


def test_numbers_are_written_in_one_way() -> None:
    assert [rate(0.4153), rate(1.0), rate(0.0)] == [".415", "1.000", ".000"]
    assert [points(0.0412), points(-0.007), points(0.0)] == ["+4.1", "-0.7", "+0.0"]
    assert [small(0.025), small(0.05 / 72), small(1.96e-5), small(0)] == [".025", ".00069", "2.0e-05", "0"]


@given(st.sets(st.integers(1, 40), min_size=1))
def test_a_span_names_every_level_once(levels: set[int]) -> None:
    named: set[int] = set()
    for part in span(sorted(levels)).split("+"):
        ends = [int(end) for end in re.split("-", part)]
        named |= set(range(ends[0], ends[-1] + 1))
    assert named == levels
