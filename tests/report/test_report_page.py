"""The report as a file: self-contained, escaped, complete at every moment of a run, readable by everyone."""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from itertools import pairwise

import pytest
from msgspec import structs
from tests.report.report_reader import Document, read
from tests.report.synthetic_run import EVENTFUL, TOP, Words, ledger

from detent.errors import TrustError
from detent.report import Arm, render, tell
from detent.values import Decided, Entry, IntentWritten, OutcomeWritten

SECTIONS = [
    "Ladder and horizon",
    "Generations",
    "Accuracy by task and level",
    "Labels the model made for itself",
    "Evidence at the gate",
    "Error budget",
    "Lineage",
    "What this does not show",
    "How to verify",
    "Software",
]
ATTACKS = {
    "an element of its own": "<script>alert(1)</script>",
    "out of an attribute, into a handler": '" onmouseover="alert(1)',
    "out of a single-quoted attribute": "' onload='alert(1)",
    "out of the style sheet": "</style><script>alert(1)</script>",
    "out of the title": "</title><img src=x onerror=alert(1)>",
    "out of a picture": "</text></svg><iframe src=https://example.org></iframe>",
    "a comment that hides the rest": "<!-- ",
    "a template expression": "{{ 7 * 7 }}{% include 'style.css' %}",
    "an entity that becomes a tag": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "a character data section": "<![CDATA[<script>alert(1)</script>]]>",
    "a null byte inside a tag": "<scr\0ipt>alert(1)</script>",
    "a newline inside an attribute": '"\n><svg/onload=alert(1)>\n',
    "writing from right to left": "\u202e<tpircs>",
    "a terminal's control sequence": "\x1b]0;owned\x07\x1b[2J",
    "a lone surrogate's neighbour": "\U000e0001\ufffe<b>",
    "very long": "W" * 5000,
}


def page(entries: list[Entry], name: str = "digits", purpose: str = "Longer strings, same rules") -> str:
    return render(tell(entries, name, purpose, TOP))


def hostile(attack: str) -> tuple[Words, dict[str, int]]:
    tasks = (attack + "1", attack + "2", attack + "3")
    software = {attack: attack, attack + "2": attack}
    words = Words(tasks, attack, attack, attack, attack, attack, attack, software)
    return words, dict.fromkeys(tasks, 15)


@pytest.fixture(scope="module")
def document() -> Document:
    return read(page(ledger(8, EVENTFUL)))


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_no_text_on_the_ledger_changes_the_structure_of_the_page(attack: str) -> None:
    assert shape_with(attack) == shape_with("word")


@cache
def shape_with(text: str) -> list[str]:
    words, top = hostile(text)
    story = tell(ledger(2, 2, words, confined=False), text, text, top)
    return read(render(story, [Arm(text, 1, (0.4, 0.5))])).shape


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_every_character_that_reaches_a_reader_can_be_seen(attack: str) -> None:
    words, top = hostile(attack)
    story = tell(ledger(2, 2, words, confined=False), attack, attack, top)
    for value in read(render(story, [Arm(attack, 1, (0.4, 0.5))])).values():
        assert not [c for c in value if not c.isprintable() and c != "\n"]


def test_text_from_the_ledger_is_shown_as_it_was_written() -> None:
    words, top = hostile("<b>bold & 'quoted'</b>")
    shown = read(render(tell(ledger(2, 2, words), "<i>name</i>", "a & b", top)))
    assert shown.named("h1")[0].text == "<i>name</i>"
    assert "<b>bold & 'quoted'</b>1" in shown.texts()


def test_nothing_is_fetched_and_nothing_runs(document: Document) -> None:
    assert not {e.name for e in document.elements} & {
        "script",
        "img",
        "link",
        "iframe",
        "object",
        "a",
        "base",
    }
    for element in document.elements:
        assert not [a for a in element.attributes if a.startswith("on")]
        assert not set(element.attributes) & {"src", "href", "srcset", "action", "style", "xlink:href"}
    style = document.named("style")[0].text
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_forbids_everything_but_its_own_style(document: Document) -> None:
    style = document.named("style")[0].text
    policy = next(m for m in document.named("meta") if "http-equiv" in m.attributes).attributes["content"]
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    )


def test_sections_stand_in_their_order(document: Document) -> None:
    assert [heading.text for heading in document.named("h2")] == SECTIONS


def test_control_arms_have_a_section_of_their_own_when_they_are_given() -> None:
    arms = [
        Arm("the loop", 1, (0.4, 0.6), "loop"),
        Arm("seed levels only", 1, (0.4, 0.5), "floor"),
        Arm("true labels", 1, (0.4, 0.9), "ceiling"),
    ]
    shown = read(render(tell(ledger(2), "digits", "", TOP), arms))
    assert "Control arms" in [heading.text for heading in shown.named("h2")]
    assert (
        "At the end seed levels only stands at ladder .500, true labels at .900, and the loop at .600, "
        "25 % of the way between" in shown.texts()
    )


def test_every_picture_has_words_and_a_table(document: Document) -> None:
    for picture in document.named("svg"):
        words = picture.attributes.get("aria-label")
        assert (
            words or picture.attributes.get("aria-hidden") == "true" or "ramp" in picture.attributes["class"]
        )
    figures = "".join(document.shape).split("<figure [")[1:]
    # ladder, horizon; gain; a map a task; labels; seven openings; budget; models
    assert len(figures) == 2 + 1 + 3 + 1 + 7 + 1 + 1
    assert all("<svg" in figure and "<details" in figure and "<table" in figure for figure in figures)


def test_headings_go_down_one_step_at_a_time(document: Document) -> None:
    levels = [int(e.name[1]) for e in document.elements if re.fullmatch(r"h[1-6]", e.name)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_what_names_a_section_exists(document: Document) -> None:
    ids = [e.attributes["id"] for e in document.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    assert {e.attributes["aria-labelledby"] for e in document.named("section")} <= set(ids)


def test_a_run_killed_at_any_moment_has_a_report() -> None:
    entries = ledger(3, 2)
    for size in range(len(entries) + 1):
        read(page(entries[:size]))


def test_fifty_generations_fit_into_one_file() -> None:
    html = page(ledger(50, 3))
    assert len(html) < 1_500_000
    assert "earlier openings" in read(html).texts()


def test_the_same_ledger_gives_the_same_bytes() -> None:
    assert page(ledger(4, 9)) == page(ledger(4, 9))


def test_a_promotion_that_was_not_opened_is_no_story() -> None:
    entries = ledger(8, EVENTFUL)
    place, carried = next(
        (place, e) for place, e in enumerate(entries) if isinstance(e, Decided) and e.decision == "carry"
    )
    forged = structs.replace(carried, decision="promote", incumbent=carried.candidate)
    with pytest.raises(TrustError, match="before a promotion"):
        page([*entries[:place], forged])


def test_a_promotion_of_which_a_test_did_not_pass_is_called_so() -> None:
    entries = ledger(8, EVENTFUL)
    better = next(e for e in entries if isinstance(e, OutcomeWritten) and e.outcome.verdict == "better")
    results = tuple(structs.replace(result, passed=False) for result in better.outcome.results)
    forged = structs.replace(better, outcome=structs.replace(better.outcome, results=results))
    told = [forged if e is better else e for e in entries]
    assert [turn.generation for turn in tell(told, "digits", "", TOP).unproven] == [better.generation]
    shown = read(page(told)).texts()
    assert "1 promotion did not pass the gate" in shown
    assert f"Promoted without passing the gate: generation {better.generation}." in shown


def test_an_unconfined_run_says_which_guarantee_is_gone() -> None:
    shown = read(page(ledger(2, confined=False))).texts()
    assert "Workers ran unconfined in 1 of 1 session (bubblewrap is not installed)" in shown
    assert "Sealed against the model: not proven" in shown


def test_the_operators_chance_of_grinding_is_worked_out() -> None:
    # 1 - (1 - .025)^20 = .397..., 1 - (1 - .025)^100 = .920...
    assert "probability of up to .40 in 20 tries, .92 in 100 tries" in read(page(ledger(2))).texts()


def test_where_outsiders_add_to_every_seal_no_mode_without_them_is_described() -> None:
    witnessed = [
        structs.replace(entry, intent=structs.replace(entry.intent, witnesses=("a+00+a",)))
        if isinstance(entry, IntentWritten)
        else entry
        for entry in ledger(2)
    ]
    shown = read(page(witnessed)).texts()
    assert "depend on what outsiders added after each intent" in shown
    assert "no outside randomness" not in shown


PALETTE = re.compile(r"--([a-z0-9-]+): (#[0-9a-f]{6})")


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_everything_written_has_enough_contrast(document: Document, mode: int) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1 for text."""
    style = document.named("style")[0].text
    palette = dict(reversed(PALETTE.findall(style.split("prefers-color-scheme: dark")[mode])))
    for name in ("ink", "soft", "good", "bad", "s0", "s1", "s2", "s3", "s4", "s5"):
        low, high = sorted((luminance(palette["paper"]), luminance(palette[name])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name
