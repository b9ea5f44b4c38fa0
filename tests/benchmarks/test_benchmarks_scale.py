"""docs/scale.md says what the script works out, and its picture can be drawn."""

from xml.etree import ElementTree as ET

import pytest
from tests.benchmarks.scripts import ROOT, script

from detent.sizing import halved

scale = script("scale")
PAGE = (ROOT / "docs" / "scale.md").read_text("utf-8")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("table", ["times", "parts", "savings", "choices", "best_choices"])
def test_the_page_has_the_tables_that_the_script_prints(table: str) -> None:
    assert "\n".join(getattr(scale, table)()) in PAGE


def test_a_constant_that_is_halved_or_doubled_is_the_only_one_that_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scale, "DOUBLINGS", (8, 16))
    rows = [row for row in scale.doubts() if "," in row][1:]
    assert len(rows) == 11
    as_assumed = {row.split("|")[2].split(",")[1] for row in rows}
    assert len(as_assumed) == 1
    assert len({row.split("|")[2] for row in rows}) > 1


def test_the_picture_has_a_mark_for_every_number_and_one_where_it_stops_paying() -> None:
    drawn = ET.fromstring(scale.picture())  # noqa: S314  our own
    times, points = drawn.findall(f"{SVG}svg")
    strong = [mark for mark in times.iter() if mark.get("class") == "mark strong"]
    assert len(strong) == len(scale.LEARNERS)
    best = [mark for mark in points.iter() if mark.get("class") == "mark strong"]
    assert len(best) == len(scale.SIZES)
    titles = [title.text or "" for title in points.iter(f"{SVG}title")]
    assert len(titles) == len(scale.SIZES) * len(scale.CANDIDATES)


def test_the_page_says_what_taking_the_best_would_bring() -> None:
    shares = [rung / scale.Work().steps for rung in scale.Work().rungs]
    four, many = (100 * gain for gain in halved((4, 64), scale.SCREENED, shares))
    assert f"would bring {four:.1f} with four candidates and {many:.1f} with 64" in PAGE
