"""A look inside in sentences: what stands out is said with its figures, and where nothing does, that is said."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.docs.docs_pages import ROOT
from tests.report.inside_looks import absent, look
from tests.report.test_report_page import ATTACKS

from detent.report._inside_deeper import ERRORS, MARGIN, NO_GAIN, NOTHING
from detent.report._inside_told import ALONG, OUTSTANDING, SAME
from detent.report._inside_words import figure, hundredths, named, percent, quoted
from detent.report.inside import readings
from detent.values import Interpreted
from detent.values.inside import (
    ALWAYS,
    DEEPER,
    Flip,
    Head,
    Heads,
    Layers,
    Lens,
    Moved,
    Patch,
    Patches,
    Probe,
    Probes,
    Said,
    Splice,
    Splices,
    Tokens,
    Weights,
    Words,
)

UP = "model.layers.1.mlp.up_proj"

FOUR = ((1.0, 0.5, 0.3), (0.5, 0.97, 0.71), (0.3, 0.6, 0.71))
UNCHANGED = ((1.0, 0.5), (0.5, 0.99999))

SENTENCES: dict[str, Any] = {
    "block 2 is least like it was: CKA .71": Layers(FOUR, ((0, 0), (1, 1), (2, 2))),
    "block 2 (block 1 before) is least like it was: CKA .71; block 1 of 2 is new": Layers(
        FOUR[:2], ((0, 0), (1, 2))
    ),
    "block 1 (block 2 before) is least like it was: CKA .60; block 1 of 2 is gone": Layers(
        tuple(row[:2] for row in FOUR), ((0, 0), (2, 1))
    ),
    "no layer differs beyond rounding: CKA 1.000 at least": Layers(UNCHANGED, ((0, 0), (1, 1))),
    "every layer is about as like what it was: CKA .90 to .91": Layers(
        ((0.905, 0.1), (0.1, 0.9)), ((0, 0), (1, 1))
    ),
    "block 1 is least like it was: CKA -.20": Layers(((1.0, 0.1), (0.1, -0.2)), ((0, 0), (1, 1))),
    "no layer of the one corresponds to one of the other": Layers((), ()),
    (
        f"{UP} (block 2) moved most, by 4.1 % of its norm, along about 6 directions, in the direction of the "
        "earlier change (cosine .43); all weights together by 2.0 %"
    ): Weights((Moved("lm_head", 0.01), Moved(UP, 0.041, (0.6,), 5.7, 0.43)), 0.02),
    (
        "lm_head moved most, by 120 % of its norm, along about 1 direction, against the earlier change "
        "(cosine -1.00); 2 modules are in one of the two only"
    ): Weights((Moved("lm_head", 1.2, (1.0,), 1.0, -1.0),), 1.2, ("a", "b")),
    "h.0.attn (block 1) moved most, by 4.0 % of its norm, across the earlier change (cosine .02)": Weights(
        (Moved("h.0.attn", 0.04, along=0.02),), 0.04
    ),
    (
        "no module stands out: they moved by 2.0 % to 2.1 % of their norm, a most, along about 3 directions; "
        "all weights together by 2.0 %"
    ): Weights((Moved("a", 0.021, (0.5,), 3.0), Moved("b", 0.02, (0.5,), 3.0)), 0.02),
    "no weight moved": Weights((Moved("a", 0.0), Moved("b", 0.0)), 0.0),
    "no weight moved beyond rounding: 3.0e-08 of a module's norm at most": Weights((Moved("a", 3e-8),), 3e-8),
    "the two have no module in common; 1 module is in one of the two only": Weights((), 0.0, ("a",)),
    (
        "the two part first in block 1, at the answer's place 2: KL .31 nats there; the most is .60 nats, in "
        "block 2 at the answer's first place"
    ): Lens(((0, 0), (1, 1), (2, 2)), ((0.0, 0.1), (0.1, 0.31), (0.6, 0.0)), (4, 4)),
    "the two part first in block 1, at the answer's first place: KL .50 nats there, the most anywhere": Lens(
        ((0, 0), (1, 1)), ((0.0, 9.0), (0.5, 9.0)), (4, 0)
    ),
    "every layer would say the same: no divergence beyond rounding": Lens(((0, 0),), ((1e-9,),), (4,)),
    "there was no place to compare": Lens(((0, 0),), ((0.0,),), (0,)),
    '.120 of 400 places say another token; KL .31 nats; where they differ most, "4" became "3"': Words(
        0.31, 0.12, 400, (Flip("R", "", "4", "3", 2.1), Flip("R", "", "5", "6", 1.0))
    ),
    '1.000 of 2 places say another token; KL 12 nats; of the 2 that differ most, twice "4" became "3"': Words(
        12.3, 1.0, 2, (Flip("R", "", "4", "3", 2.1), Flip("S", "", "4", "3", 1.0))
    ),
    ".120 of 400 places say another token; KL .31 nats": Words(0.31, 0.12, 400),
    "none of 400 places says another token; KL .0031 nats": Words(0.0031, 0.0, 400),
    "none of 1,400 places says another token, and no chance moved": Words(0.0, 0.0, 1400),
    (
        "block 2 head 3 moved most: .41 of where it looks; its entropy went from 1.3 nats to .62 nats; "
        "1 head is in one of the two only"
    ): Heads((Head((1, 1), 1, (1.0, 1.0), 0.02), Head((2, 2), 3, (1.31, 0.62), 0.41)), 9, 1),
    "no head stands out: .40 to .41 of where they look moved, in block 2 (block 1 before) head 3 most": Heads(
        (Head((1, 2), 1, (1.0, 1.0), 0.4), Head((1, 2), 3, (1.3, 0.6), 0.41)), 9
    ),
    "every head looks where it looked": Heads((Head((1, 1), 1, (1.0, 1.0), 1e-7),), 9),
    "there was no head to compare; 8 heads are in one of the two only": Heads((), 0, 8),
    "level is read from block 2 at .93 (chance .07, shuffled .10), .91 in the first model": Probes(
        (
            Probe("level", 1, (0.5, 0.6), 0.07, 0.1, (0.5, 0.7)),
            Probe("level", 2, (0.91, 0.93), 0.07, 0.1, (0.91, 0.95)),
        ),
        ("a", "b"),
        400,
    ),
    "right is read from the embedding at .93 (chance .50, shuffled .60)": Probes(
        (Probe("right", 0, (0.93,), 0.5, 0.6, (0.93,)),), ("a",), 400
    ),
    "right is not read: .60 from block 1 by a reading made anew (chance .55, shuffled .58)": Probes(
        (Probe("right", 1, (0.5, 0.6), 0.55, 0.58, (0.5, 0.6)),), ("a", "b"), 400
    ),
    "right is not read: .70 from block 1 by a reading made anew (chance .50, shuffled .50)": Probes(
        (Probe("right", 1, (0.5, 0.69), 0.5, 0.5, (0.5, 0.7)),), ("a", "b"), 50
    ),
    "right is read only now: .90 from block 1 by a reading made anew (chance .55, shuffled .58)": Probes(
        (Probe("right", 1, (0.5, 0.5), 0.55, 0.58, (0.5, 0.9)),), ("a", "b"), 400
    ),
    "task is written in another way: the first model's reading of block 1 got 1.00 there, and now .34 (chance .34, "
    "shuffled .33); .98 from block 2 by a reading made anew": Probes(
        (
            Probe("task", 1, (1.0, 0.34), 0.34, 0.33, (1.0, 0.9)),
            Probe("task", 2, (0.9, 0.34), 0.34, 0.33, (0.9, 0.98)),
        ),
        ("a", "b"),
        400,
    ),
    "task is no longer read: the first model's reading of block 1 got 1.00 there, and now nothing, since there is no "
    "such layer (chance .34, shuffled .33), and .35 from the embedding by a reading made anew": Probes(
        (
            Probe("task", 1, (1.0, None), 0.34, 0.33, (1.0, None)),
            Probe("task", 0, (0.34, 0.34), 0.34, 0.33, (0.34, 0.35)),
        ),
        ("a", "b"),
        400,
    ),
    "carry was read from no layer: too little is known of it": Probes(
        (Probe("carry", 1, (0.5, None), 0.5, 0.5, (0.5, None)),), ("a", "b"), 400
    ),
    "there was nothing to read": Probes((), (), 0),
    "block 2 carries 81 % of the gain on 40 rows, and without it 77 % are lost": Splices(
        1.2, 40, (Splice("block 1", 0.1, 0.05), Splice("block 2", 0.81, 0.77))
    ),
    (
        "block 2 carries 60 % of the gain on 40 rows, and without it 20 % are lost; most is lost without block 1, "
        "90 %; the shares do not add up (135 %), since parts work together"
    ): Splices(1.2, 40, (Splice("block 1", 0.5, 0.9), Splice("block 2", 0.6, 0.2), Splice("x", 0.25, 0.0))),
    "no part carries the gain on 40 rows by itself: block 1 most, 5.0 %; most is lost without block 2, 90 %": Splices(
        1.2, 40, (Splice("block 1", 0.05, 0.3), Splice("block 2", -0.3, 0.9))
    ),
    "there is no gain to share out: .0040 nats over 3 rows": Splices(0.004, 3, (Splice("a", 9e9, 9e9),)),
    "there is no gain to share out: -1.2 nats over 1 row": Splices(-1.2, 1, (Splice("a", 0.5, 0.5),)),
    "there was no answer that the one has right and the other wrong": Splices(0.0, 0, ()),
    'block 3 moved most, by 41 % of its mean; it now says more of "7", "end", less of "3"': Tokens(
        (Said((1, 1), 0.1, ("1",), ()), Said((3, 3), 0.41, ("7", "end"), ("3",))), 9
    ),
    "no layer's mean moved beyond rounding": Tokens((Said((1, 1), 1e-9, ("1",), ()),), 9),
    "no layer was compared": Tokens((), 0),
    'block 2 head 3 carries 64 % of the gain on 30 rows, 50 % at place 4 of 4, "="': Patches(
        1.1, 30, ("R", "3", "1", "="), (Patch(2, 3, 0.64, (0.0, 0.1, 0.04, 0.5)), Patch(1, 0, 0.3))
    ),
    "block 1 MLP carries 90 % of the gain on 1 row, at no single place": Patches(
        1.1, 1, ("R",), (Patch(1, 0, 0.9, (0.05,)), Patch(1, 1, 0.0))
    ),
    "no head and no MLP carries the gain on 30 rows by itself: block 1 MLP most, 2.0 %": Patches(
        1.1, 30, (), (Patch(1, 0, 0.02), Patch(1, 1, -0.5))
    ),
}


def section_of(figures: Any) -> str:
    return type(figures).__name__.lower()


def only(figures: Any) -> Interpreted:
    return Interpreted(**{section_of(figures): figures})


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_section_is_read_in_a_sentence_made_of_its_figures(sentence: str) -> None:
    (reading,) = readings(only(SENTENCES[sentence]))
    assert reading.said == sentence
    assert reading.line == f"{section_of(SENTENCES[sentence])}: {sentence}"


def test_sections_stand_in_their_order_and_those_that_are_absent_say_why() -> None:
    shown = readings(Interpreted(words=Words(0.1, 0.1, 9), absent={"layers": "their widths differ"}))
    assert [reading.line for reading in shown] == [
        "layers: not made: their widths differ",
        "words: .100 of 9 places say another token; KL .10 nats",
    ]
    assert [reading.section for reading in readings(look())] == [*ALWAYS, *DEEPER]
    assert [reading.made for reading in readings(absent("no inside"))] == [False] * 9
    assert readings(Interpreted()) == ()


def test_a_model_is_called_by_its_generation_where_it_is_known() -> None:
    probes = Probes((Probe("level", 2, (0.91, 0.93), 0.07, 0.1, (0.91, 0.93)),), ("a", "b"), 9)
    (reading,) = readings(only(probes), names={"a": "generation 0"})
    assert reading.said.endswith(".91 in generation 0")


def splices(part: str, share: float) -> Interpreted:
    return only(Splices(1.0, 40, (Splice("block 9", 1 - share, 0.0), Splice(part, share, 0.5))))


CONTROLS = {
    "another seed: block 2, 12 %": ("block 2", 0.81, only(Splices(1.0, 40, (Splice("block 2", 0.12, 0.1),)))),
    (
        "another seed: block 2, 79 %: as much, so this does not tell this change from the same training with "
        "another seed"
    ): ("block 2", 0.81, splices("block 2", 0.79)),
    (
        "another seed: block 1, 79 %: as much elsewhere, so how much it is does not tell the two apart, and "
        "where it lies is up to the seed"
    ): ("block 2", 0.81, splices("block 1", 0.79)),
    "another seed: no gain (-.50 nats)": ("block 2", 0.81, only(Splices(-0.5, 40, (Splice("a", 0.5, 0.1),)))),
    "another seed: not made: their widths differ": (
        "block 2",
        0.81,
        Interpreted(absent={"splices": "their widths differ"}),
    ),
    "another seed: not made: no reason was given": ("block 2", 0.81, Interpreted()),
}


@pytest.mark.parametrize("said", CONTROLS)
def test_beside_a_control_a_figure_says_what_another_seed_shows(said: str) -> None:
    part, share, control = CONTROLS[said]
    (reading,) = readings(splices(part, share), control)
    assert reading.control == said
    assert reading.alike == ("as much" in said)
    assert reading.line == f"splices: {reading.said}; {said}"


def test_what_did_not_change_is_not_held_against_a_control() -> None:
    (reading,) = readings(only(Words(0.0, 0.0, 9)), only(Words(0.5, 0.5, 9)))
    assert not reading.alike


def read_from(level: float, task: float) -> Interpreted:
    made = (("level", level), ("task", task))
    each = tuple(Probe(name, 1, (1.0, now), 0.2, 0.2, (1.0, now)) for name, now in made)
    return only(Probes(each, ("a", "b"), 9))


@pytest.mark.parametrize(
    ("level", "task", "alike"), [(0.7, 0.5, True), (0.7, 0.98, False), (0.98, 0.5, False)]
)
def test_of_several_traits_another_seed_has_to_show_each(level: float, task: float, *, alike: bool) -> None:
    (reading,) = readings(read_from(0.7, 0.5), read_from(level, task))
    assert reading.alike == alike


@pytest.mark.parametrize("section", [*ALWAYS, *DEEPER])
def test_a_figure_beside_itself_tells_nothing(section: str) -> None:
    found = look()
    one = Interpreted(**{section: getattr(found, section)})
    (reading,) = readings(one, one)
    assert reading.alike
    assert reading.control.endswith("does not tell this change from the same training with another seed")


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_models_text_is_one_quoted_line_that_no_terminal_obeys(attack: str) -> None:
    for shown in (
        readings(look(text=attack)),
        readings(absent(attack)),
        readings(look(text=attack), absent(attack)),
    ):
        assert len(shown) == 9
        for reading in shown:
            assert reading.line.isprintable()
            assert reading.line.startswith(f"{reading.section}: ")
            assert len(reading.line) < 1500


FORGERIES = {
    "a quote that ends early": '3"; KL 0 nats',
    "a backslash that frees the quote": "3\\",
    "a line of its own": "3\nverified: nothing is wrong",
    "a line separator": "3\u2028verified",
    "an escape sequence": "\x1b[2K\rverified",
    "a forged section": "\nsplices: block 1 carries 100 %",
}


@pytest.mark.parametrize("attack", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_token_cannot_end_its_quotes_or_its_line(attack: str) -> None:
    words = Words(0.1, 0.1, 9, (Flip("R", "", attack, "3", 1.0),))
    (reading,) = readings(only(words))
    before = ".100 of 9 places say another token; KL .10 nats; where they differ most, "
    assert reading.said == f'{before}{quoted(attack)} became "3"'


@given(st.text(), st.integers(1, 40))
def test_quotes_hold_whatever_is_in_them(text: str, width: int) -> None:
    shown = quoted(text, width)
    assert shown.isprintable()
    inside = shown[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inside
    assert not inside.endswith("\\")
    assert len(shown) <= width + 3


@given(st.text())
def test_a_part_that_is_no_plain_name_is_quoted(name: str) -> None:
    shown = named(name)
    assert shown.isprintable()
    assert shown.startswith('"') or set(shown) <= set(name) | {"…"}


def test_shares_are_written_in_one_way() -> None:
    shares = (0.0, 1.0, -0.12, 1e-9, -1e-9, 0.041, 0.0996, 1e5, -1e9, 12.0)
    assert [percent(share) for share in shares] == [
        "0 %",
        "100 %",
        "-12 %",
        "less than .1 %",
        "0 %",
        "4.1 %",
        "10 %",
        "more than 10,000 %",
        "less than -10,000 %",
        "1,200 %",
    ]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_figure_is_longer_than_a_reader_takes_in(value: float) -> None:
    assert len(figure(value)) <= 10
    assert len(percent(value)) <= 20
    assert figure(value).startswith("-") == (value < 0)


def test_extremes_have_a_sentence() -> None:
    for blocks, heads, places in ((1, 1, 1), (48, 32, 2), (50, 4, 64)):
        shown = readings(look(blocks, heads, places), look(blocks, heads, places, seed=2))
        assert len(shown) == 9
        assert all(len(reading.line) < 700 for reading in shown)
    huge = Splices(math.nextafter(1e300, 0), 1, (Splice("a", 1e300, -1e300),))
    assert readings(only(huge))[0].said.startswith("a carries more than 10,000 % of the gain")


CONVENTIONS = {
    f"from a similarity of {f'{1 - SAME:.4f}'[1:]} on": "layers",
    f"less than {OUTSTANDING} times the median": "weights, heads",
    f"from a cosine of {hundredths(ALONG).rstrip('0')}, or": "weights",
    f"less than {hundredths(MARGIN)} ahead of chance": "probes",
    f"or less than {ERRORS} standard errors": "probes",
    f"a gain of less than {hundredths(NO_GAIN)} nats a row": "splices, patches",
    f"where none carries {percent(NOTHING)}": "splices, patches",
}


@pytest.mark.parametrize("words", CONVENTIONS, ids=CONVENTIONS.values())
def test_where_the_words_change_stands_on_the_page(words: str) -> None:
    assert words in (ROOT / "docs" / "inside.md").read_text("utf-8")
