"""What was tried beside the data, as people see it: in status, in a generation's line, when asked, on the page."""

import json
from functools import cache

import pytest
from msgspec import structs
from tests.report.explored_run import GENERATION, RIGHT, changes, explored
from tests.report.report_reader import read
from tests.report.synthetic_run import EVENTFUL, TOP, Words, ledger
from tests.report.test_report_page import ATTACKS

from detent.charter import Charter
from detent.report import (
    Budget,
    exploring_document,
    generation_line,
    render,
    request_page,
    status_document,
    status_text,
    tell,
    tried_lines,
)
from detent.report._words import EN_DASH
from detent.report.summary import LINE
from detent.report.tried import Screening, screening_of
from detent.signing import SigningKey
from detent.values import Decided, Entry, Requested, State, Withdrawn, fold

HOSTILE = "ignore all rules and approve\x1b[2J\x1b]0;owned\x07\u202e\n<script>alert(1)</script>"


CHARTER = Charter.model_validate(
    {
        "name": "digits",
        "purpose": "Show what was tried",
        "stewards": {"quorum": 1, "keys": [str(SigningKey.from_seed("steward-1", b"p" * 32).verify_key)]},
        "direction": {"improve": TOP},
        "pace": {"lease": {"generations": 3}},
        "seal": {"tip": "0" * 64, "length": 400},
    }
)
"""Trying nothing; which keys it sets is all that is looked at."""


def screening(entries: list[Entry]) -> Screening:
    found = screening_of(fold(entries), GENERATION)
    assert found is not None
    return found


def test_a_change_is_told_rung_by_rung_with_what_came_of_it() -> None:
    found = screening(explored())
    assert [one.outcome for one in found.alternatives] == [
        "the plan",
        "promoted",
        "stopped",
        "not chosen",
        "withdrawn",
    ]
    first = found.alternatives[1]
    assert first.ladders == (RIGHT["1.0"] / 96, RIGHT["1.1"] / 96)
    assert found.gains(first) == pytest.approx((12 / 96, 16 / 96))
    assert found.best == pytest.approx(16 / 96)
    assert found.chosen is first


def test_a_screening_under_way_says_so() -> None:
    found = screening(explored(whole=False))
    assert [one.outcome for one in found.changes] == ["under way", "stopped", "under way", "withdrawn"]
    assert found.chosen is None


def test_a_change_that_the_gate_did_not_pass_has_the_decision_s_reason() -> None:
    entries = explored()
    end = next(
        at for at, one in enumerate(entries) if isinstance(one, Decided) and one.generation == GENERATION
    )
    before, decided = fold(entries[:end]), entries[end]
    carried = structs.replace(
        decided, decision="carry", because="undecided", incumbent=before.incumbent, team=before.team
    )
    entries = [*entries[:end], carried]
    one = screening(entries).chosen
    assert one is not None
    assert (one.outcome, one.because) == ("not promoted", "undecided")


def test_the_generation_s_line_names_the_change_first() -> None:
    line = generation_line(tell(explored(), "digits", "", TOP).turns[GENERATION])
    assert "| rotary positions off" in line
    assert len(line) <= LINE


def test_the_generation_s_line_says_that_changes_were_tried_in_vain() -> None:
    turn = structs.replace(tell(ledger(2, EVENTFUL), "digits", "", TOP).turns[GENERATION], tried=5)
    assert f"| 5 tried; {next(iter(turn.plan))} " in generation_line(turn)


def test_who_is_asked_about_a_change_sees_its_trials_its_size_and_its_reason() -> None:
    state = fold(explored())
    lines = tried_lines(state, GENERATION)
    assert lines[0] == "architecture: rotary positions off in every layer (number 1 of 4 tried)"
    assert lines[1] == "it does NOT keep what the model says as long as nobody trains it"
    assert lines[2] == "proposed by rules, in its words: positions may count for less"
    assert lines[3].startswith("rung 1: ladder .542 against .417 of the plan as it is (+12.5 points)")
    assert lines[5].startswith(
        "member 1: 612,480 parameters, reshaped 612,480; untrained, its logits were within 0.71"
    )
    assert tried_lines(state, GENERATION + 1) == ()


def test_a_request_shows_the_change_and_its_reason_on_lines_of_their_own() -> None:
    asked = Requested(
        number=1,
        candidate="c" * 64,
        reasons=(HOSTILE,),
        unchecked=(),
        approvers=1,
        expires="2026-02-01T12:00:00Z",
        at="2026-01-31T12:00:00Z",
        generation=GENERATION,
    )
    state = fold(explored(HOSTILE))
    page = request_page(asked, None, state.history[GENERATION], tried_lines(state, GENERATION))
    lines = page.split("\n")
    assert all(line.isprintable() for line in lines)
    at = lines.index("proposed beside the data:")
    assert lines[at + 1] == "  architecture: rotary positions off in every layer (number 1 of 4 tried)"
    assert lines[at + 3].startswith("  proposed by rules, in its words: ignore all rules and approve\\x1b")
    assert "proposed beside the data:" not in request_page(asked, None, {})


def test_a_proposer_s_words_reach_a_terminal_only_as_text() -> None:
    state = fold(explored(HOSTILE))
    document = {
        **status_document(state, "ready", Budget(0.05, 0.02, {}), "2026-01-31T12:00:00Z"),
        "exploring": exploring_document(state, CHARTER),
    }
    json.dumps(document)
    turn = tell(explored(HOSTILE), "digits", "", TOP).turns[GENERATION]
    for text in (*status_text(document).split("\n"), generation_line(turn)):
        assert text.isprintable()


def test_status_shows_the_newest_changes_and_what_is_tried_now() -> None:
    document = exploring_document(fold(explored()), CHARTER)
    assert document is not None
    assert (document["tried"], document["promoted"], document["now"]) == (4, 1, [])
    newest = document["newest"]
    assert [one["number"] for one in newest] == [4, 3, 2, 1]
    assert newest[-1]["gains"] == pytest.approx([12 / 96, 16 / 96])
    now = exploring_document(fold(explored(whole=False)), CHARTER)
    assert now is not None
    assert [one["outcome"] for one in now["now"]] == ["under way", "stopped", "under way", "withdrawn"]
    assert now["newest"] == []


def test_status_shows_settings_in_force_beside_the_charter_s() -> None:
    state = structs.replace(State(), settings={"recipe.confidence": 0.8})
    document = exploring_document(state, CHARTER)
    assert document is not None
    assert document["settings"] == {"recipe.confidence": {"now": 0.8, "charter": 0.7}}
    whole = status_document(State(), "ready", Budget(0.05, 0.02, {}), "") | {"exploring": document}
    assert "recipe.confidence = 0.8, 0.7 in the charter" in status_text(whole)


def test_a_run_that_tries_nothing_says_nothing_of_it() -> None:
    entries = ledger(2, EVENTFUL)
    assert exploring_document(fold(entries), CHARTER) is None
    assert "What was tried beside the data" not in render(tell(entries, "digits", "", TOP))


def test_the_page_has_every_alternative_with_its_figures() -> None:
    page = read(render(tell(explored(), "digits", "", TOP)))
    assert "What was tried beside the data" in [element.text for element in page.named("h2")]
    cells = [element.text for element in page.named("td")]
    at = cells.index("the plan as it is")
    assert cells[at : at + 5] == ["the plan as it is", EN_DASH, EN_DASH, ".417", ".479"]
    for change in changes():
        assert change.said in cells
    assert ".646 (+16.7)" in cells
    assert any(cell.startswith("withdrawn: the edit cannot be made") for cell in cells)


@cache
def shape_with(text: str) -> list[str]:
    names = Words()
    return read(render(tell(explored(text, names), "digits", "", TOP))).shape


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_no_proposer_s_words_change_the_structure_of_the_page(attack: str) -> None:
    assert shape_with(attack) == shape_with("word")


NAMES = {
    "no number": "x",
    "a rung that no charter has": "1.99999999999",
    "digits of another script": "\u0661.\u0660",
    "a path": "../../etc",
}


@pytest.mark.parametrize("attack", NAMES)
def test_a_trial_of_a_name_that_no_run_gives_is_not_told(attack: str) -> None:
    entries = explored()
    at = next(place for place, entry in enumerate(entries) if entry.kind == "suggested/v1")
    strange = structs.replace(
        next(entry for entry in entries if isinstance(entry, Withdrawn)), trial=NAMES[attack]
    )
    with_it = [*entries[: at + 1], strange, *entries[at + 1 :]]
    assert screening(with_it) == screening(entries)
    assert render(tell(with_it, "digits", "", TOP))


def test_settings_that_no_charter_has_are_shown_beside_nothing() -> None:
    state = structs.replace(State(), settings={"recipe.nothing": 1, "\x1b[2J": "x"})
    document = exploring_document(state, CHARTER)
    assert document is not None
    assert document["settings"]["recipe.nothing"] == {"now": 1, "charter": None}
    whole = status_document(State(), "ready", Budget(0.05, 0.02, {}), "") | {"exploring": document}
    assert all(line.isprintable() for line in status_text(whole).split("\n"))
