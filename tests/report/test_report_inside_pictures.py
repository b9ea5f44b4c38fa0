"""A look inside in pictures: each with its table, inside its frame, and nothing in them but what was measured."""

from functools import cache
from typing import Any

import pytest
from msgspec import UNSET, structs
from tests.report.inside_looks import absent, look
from tests.report.report_reader import Document, read
from tests.report.synthetic_run import EVENTFUL, TOP, ledger
from tests.report.test_report_page import ATTACKS, PALETTE, luminance

from detent.engine.inside import LONGEST
from detent.report import inside_page, readings, render, request_page, tell
from detent.report.explained import explanation_of, joined, looks_of
from detent.report.figures import Figure
from detent.report.grids import HIGH_SHADE, MIDDLE_SHADE
from detent.report.inside_figures import pictures
from detent.report.inside_tables import MOST_ROWS, lists
from detent.values import Decided, Entry, Explained, Interpreted, Requested, fold
from detent.values.inside import (
    ALWAYS,
    DEEPER,
    Layers,
    Lens,
    Moved,
    Patch,
    Patches,
    Probe,
    Probes,
    Splice,
    Splices,
    Weights,
)

SIZES = {"one block": (1, 1, 1), "two blocks": (2, 2, 3), "48 layers": (48, 32, 40)}


def drawn(figure: Figure) -> Document:
    return read(figure.drawing)


@pytest.mark.parametrize("size", SIZES)
def test_every_picture_stays_inside_its_frame_whatever_its_size(size: str) -> None:
    for figure in pictures(look(*SIZES[size])):
        picture = drawn(figure).named("svg")[0]
        wide, high = map(float, picture.attributes["viewbox"].split()[2:])
        assert picture.attributes["aria-label"]
        assert high < 1300
        for shape in drawn(figure).named("rect"):
            x, y, w, h = (float(shape.attributes[side]) for side in ("x", "y", "width", "height"))
            assert (x >= -0.01, y >= -0.01, w > 0, h > 0) == (True,) * 4
            assert (x + w <= wide + 0.5, y + h <= high + 0.5) == (True, True)


def test_every_section_with_figures_has_its_picture_or_its_table() -> None:
    found = look()
    titles = [figure.title for figure in pictures(found)]
    assert titles == [
        "How alike layers are",
        "How far weights moved",
        "Where they part",
        "What heads look at",
        "What can be read: 7",
        "Which part carries the gain",
        "Where the new skill sits",
    ]
    assert [listed.title for listed in lists(found)] == [
        "Tokens that flipped",
        "What layers say more and less of",
    ]
    for figure in pictures(found):
        assert figure.table.rows
        assert all(len(row) == len(figure.table.head) for row in figure.table.rows)


def test_a_look_without_figures_has_no_picture() -> None:
    assert pictures(absent("their widths differ")) == ()
    assert lists(Interpreted()) == ()


def test_matched_layers_are_outlined_and_starred() -> None:
    found = Interpreted(layers=Layers(((1.0, 0.2, 0.1), (0.2, 0.4, 0.9)), ((0, 0), (1, 2))))
    (figure,) = pictures(found)
    titles = {
        shape.text: "outlined" in cell.attributes["class"]
        for cell, shape in zip(drawn(figure).named("rect"), drawn(figure).named("title"), strict=True)
    }
    assert [text for text, outlined in titles.items() if outlined] == [
        "layer 0 before, layer 0 after: CKA 1.00, matched",
        "layer 1 before, layer 2 after: CKA .90, matched",
    ]
    assert figure.table.rows == (("0", "1.000*", ".200", ".100"), ("1", ".200", ".400", ".900*"))


def test_of_many_modules_the_one_of_each_block_that_moved_most_is_drawn_and_all_are_listed() -> None:
    names = [f"model.layers.{block}.{part}" for block in range(20) for part in "abcdefghij"]
    found = Weights(tuple(Moved(name, 0.001 * (1 + ord(name[-1]))) for name in names), 0.02)
    (figure,) = pictures(Interpreted(weights=found))
    bars = [shape for shape in drawn(figure).named("rect") if shape.attributes["class"].startswith("bar")]
    assert len(bars) == 20
    assert [text.text for text in drawn(figure).named("title")] == [
        f"model.layers.{block}.j: 11 %" for block in range(20)
    ]
    assert "Of 200 modules" in figure.caption
    assert len(figure.table.rows) == 200


def test_a_table_that_is_too_long_says_how_much_it_leaves_out() -> None:
    figure = pictures(Interpreted(patches=Patches(1.0, 9, (), tuple(Patch(n, 0, 0.1) for n in range(900)))))[
        0
    ]
    assert len(figure.table.rows) == MOST_ROWS + 1
    assert figure.table.rows[-1] == ("and 700 more", "")
    assert "The 24 of 900 that carry most." in figure.caption


def test_shares_out_of_all_measure_are_drawn_at_the_edge_and_told_as_such() -> None:
    found = Splices(1e-9, 9, (Splice("a", 9e9, -9e9), Splice("b", 0.5, 0.5)))
    (figure,) = pictures(Interpreted(splices=found))
    assert figure.table.rows[0] == ("a", "more than 10,000 %", "less than -10,000 %")
    assert "nan" not in figure.drawing


def explained(text: str = "7") -> list[Entry]:
    """A run of which each generation was looked into, and the last one deeper."""
    whole = look(text=text)
    entries: list[Entry] = []
    always, deeper = (
        Interpreted(**{name: getattr(whole, name) for name in sections}) for sections in (ALWAYS, DEEPER)
    )
    first = incumbent = ""
    for entry in ledger(3, EVENTFUL):
        if isinstance(entry, Decided) and not entry.generation:
            first = incumbent = entry.incumbent
        elif isinstance(entry, Decided):
            look_at = Explained(
                generation=entry.generation,
                depth="always",
                candidate=entry.candidate,
                incumbent=incumbent,
                first=first,
                basis=incumbent,
                changed=always,
                since=UNSET if incumbent == first else always,
            )
            entries.append(look_at)
            if entry.generation == 3:
                entries.append(structs.replace(look_at, depth="deeper", changed=deeper, since=UNSET))
            incumbent = entry.incumbent
        entries.append(entry)
    return entries


def shown(entries: list[Entry]) -> Document:
    return read(render(tell(entries, "digits", "", TOP)))


def test_the_report_shows_the_newest_look_whole_and_a_sentence_of_each() -> None:
    page = shown(explained())
    assert "What changed inside" in [heading.text for heading in page.named("h2")]
    titles = [figure.text for figure in page.named("strong")]
    assert "Where the new skill sits" in titles
    assert "Tokens that flipped" in [heading.text for heading in page.named("h3")]
    assert "The candidate of generation 3 beside the model that was in force" in page.texts()
    rows = [cell.text for cell in page.named("td")]
    said = readings(look())[3].said
    assert rows.count(said) == 3
    assert "Since generation 0" in [summary.text for summary in page.named("summary")]


def test_the_report_of_a_run_without_looks_says_nothing_of_them() -> None:
    assert "What changed inside" not in shown(ledger(2, EVENTFUL)).texts()


def test_every_picture_of_a_look_on_the_report_has_words_and_a_table() -> None:
    page = shown(explained())
    for picture in page.named("svg"):
        hidden = picture.attributes.get("aria-hidden") == "true" or "ramp" in picture.attributes["class"]
        assert hidden or picture.attributes["aria-label"]
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    figures = "".join(page.shape).split("<figure [")[1:]
    assert all("<svg" in figure and "<details" in figure and "<table" in figure for figure in figures)


@cache
def run_shape_with(text: str) -> list[str]:
    return shown(explained(text)).shape


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_no_text_of_a_model_changes_the_structure_of_the_report(attack: str) -> None:
    assert run_shape_with(attack[:LONGEST]) == run_shape_with(
        "word"
    )  # of longer ones the whole look is absent


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_who_is_asked_reads_what_changed_inside_and_no_model_adds_a_line_to_it(attack: str) -> None:
    slots = fold(explained(attack)).history[3]
    asked = Requested(
        number=1,
        candidate="a" * 64,
        reasons=("because",),
        unchecked=(),
        expires="2026-02-01T00:00:00Z",
        approvers=1,
    )
    lines = request_page(asked, None, slots).split("\n")
    assert all(line.isprintable() for line in lines)
    at = lines.index("what changed inside:")
    end = lines.index("", at)
    sections = [
        line.strip().removeprefix("since generation 0, ").partition(":")[0] for line in lines[at + 1 : end]
    ]
    assert sections[:9] == [*ALWAYS, *DEEPER]
    assert sections[9:] in ([], [*ALWAYS])
    assert "what changed inside:" not in request_page(asked, None, {})


def test_a_deeper_look_at_another_model_is_not_taken_for_this_one() -> None:
    slots = dict(fold(explained()).history[3])
    deeper = slots["explained/v1/deeper"]
    assert isinstance(deeper, Explained)
    slots["explained/v1/deeper"] = structs.replace(deeper, candidate="f" * 64)
    found = explanation_of(slots)
    assert found is not None
    assert found.learnt.sections == ALWAYS


def test_looks_are_told_of_generations_that_have_one() -> None:
    written = fold(explained()).history
    assert [look_at.generation for look_at in looks_of(written)] == [1, 2, 3]
    assert looks_of({}) == ()


REWRITTEN: dict[str, dict[str, Any]] = {
    "a table with a hole": {"layers": Layers(((1.0, 0.5), ()), ((0, 0), (1, 1)))},
    "layers that are not there": {"layers": Layers(((1.0,),), ((0, 0), (7, 7)))},
    "a lens of more places than it counts": {"lens": Lens(((0, 0),), ((0.1, 0.2),), (4,))},
    "a module that moved by all there is": {"weights": Weights((Moved("a", 1e308),), 1e308)},
    "a chance above one": {"probes": Probes((Probe("x", 0, (0.5,), 2.0, 2.0, (0.5,)),), ("a",), 9)},
    "accuracies of models that are not there": {
        "probes": Probes((Probe("x", 0, (), 0.5, 0.5, (0.5, 0.6)),), ("a",), 9)
    },
}


@pytest.mark.parametrize("what", REWRITTEN)
def test_a_page_is_made_of_a_ledger_whose_looks_somebody_rewrote_and_says_what_they_cannot_be(
    what: str,
) -> None:
    slots = dict(fold(explained()).history[3])
    for slot in ("explained/v1", "explained/v1/deeper"):
        entry = slots[slot]
        assert isinstance(entry, Explained)
        there = {name: one for name, one in REWRITTEN[what].items() if name in entry.changed.sections}
        slots[slot] = structs.replace(entry, changed=structs.replace(entry.changed, **there))
    found = explanation_of(slots)
    assert found is not None
    (name,) = REWRITTEN[what]
    assert "expected of a look inside, got" in found.learnt.absent[name]  # type: ignore[index]
    assert len(found.readings) == 9
    assert pictures(found.learnt) is not None
    assert len(lists(found.learnt)) <= 2


def test_two_looks_are_one_with_the_reasons_of_both() -> None:
    whole = look()
    found = joined(
        Interpreted(words=whole.words, absent={"layers": "a"}),
        Interpreted(heads=whole.heads, absent={"tokens": "b"}),
    )
    assert found.sections == ("words", "heads")
    assert found.absent == {"layers": "a", "tokens": "b"}


@pytest.mark.parametrize("shade", range(21))
@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_a_number_in_a_cell_can_be_read_on_every_shade(shade: int, mode: int) -> None:
    """Half way between two colours nothing reaches the 4.5 to 1 of WCAG 2.2; 3 to 1 is its bound for graphics."""
    style = read(inside_page("", [], look())).named("style")[0].text
    palette = dict(reversed(PALETTE.findall(style.split("prefers-color-scheme: dark")[mode])))
    opacity = 0.05 + 0.0475 * shade
    mixed = blend(palette["h-high"], palette["paper"], opacity)
    over = "paper" if shade >= HIGH_SHADE or (mode and shade >= MIDDLE_SHADE) else "ink"
    low, high = sorted((luminance(mixed), luminance(palette[over])))
    assert (high + 0.05) / (low + 0.05) >= 3


def blend(above: str, below: str, opacity: float) -> str:
    pairs = ((int(above[i : i + 2], 16), int(below[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(opacity * a + (1 - opacity) * b):02x}" for a, b in pairs)


def test_a_look_of_the_largest_models_is_a_file_of_bounded_size() -> None:
    assert len(inside_page("large", [], look(48, 32, 40))) < 1_300_000


@cache
def shape_with(text: str) -> list[str]:
    return read(inside_page(text, [text], look(text=text), look(text=text, seed=2), {text: text})).shape


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_no_text_of_a_model_changes_the_structure_of_the_page(attack: str) -> None:
    assert shape_with(attack) == shape_with("word")


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_every_character_of_a_look_can_be_seen(attack: str) -> None:
    for value in read(inside_page(attack, [attack], look(text=attack), absent(attack))).values():
        assert not [c for c in value if not c.isprintable() and c != "\n"]
