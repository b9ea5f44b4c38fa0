"""The run in plain text: one line a generation, and where it stands."""

import json
import re
from itertools import product

import pytest
from msgspec import structs
from tests.report.synthetic_run import EVENTFUL, TOP, Words, ledger

from detent.oversight import Stop
from detent.report import Budget, generation_line, standing, status_document, status_text, tell, tell_turn
from detent.report.summary import LINE
from detent.values import (
    Decided,
    Entry,
    Hold,
    OutcomeWritten,
    Profile,
    Profiled,
    Score,
    State,
    fold,
)

NOW = "2026-01-31T12:00:00Z"
BUDGET = Budget(0.05, 0.05 / 90, {"5": 1271, "10": 299})
HOSTILE = ("\x1b[2J\x1b]0;owned\x07", "\r\noverwritten", "\u202egnirts", "\x9b31m", "x" * 400)


def lines(entries: list[Entry]) -> list[str]:
    return [generation_line(turn) for turn in tell(entries, "digits", "", TOP).turns]


def test_a_line_says_what_was_weak_what_was_proposed_and_what_came_of_it() -> None:
    entries = ledger(8, EVENTFUL)
    story = tell(entries, "digits", "", TOP)
    for turn, line in zip(story.turns[1:], lines(entries)[1:], strict=True):
        weak, opening = turn.weaknesses[0], turn.opening
        assert line.startswith(f"{turn.generation:>3} | weak {weak.task} {weak.frontier} | ")
        if opening is None:
            assert line.endswith(" | not opened, discarded")
            continue
        assert opening.gain is not None
        low, high = (f"{100 * end:+.1f}" for end in (opening.gain.low, opening.gain.high))
        assert f" [{low}, {high}] pts, {opening.items:,} items | " in line
    assert re.fullmatch(
        r"  0 \| the first model, taught the seed levels \| promoted: ladder \.\d{3}", lines(entries)[0]
    )


def not_promoted() -> dict[str, Entry]:
    """The slots of a generation whose opening did not pass."""
    history = fold(ledger(8, EVENTFUL)).history.values()
    return next(
        slots
        for slots in history
        if "outcome/v1" in slots and getattr(slots["decision/v1"], "decision", "") != "promote"
    )


def line_of(slots: dict[str, Entry]) -> str:
    turn = tell_turn(slots)
    assert turn is not None
    return generation_line(turn)


def test_a_candidate_that_was_screened_out_has_no_figures_of_a_gate() -> None:
    slots = {slot: entry for slot, entry in not_promoted().items() if slot not in {"intent/v1", "outcome/v1"}}
    assert " | not opened, " in line_of(slots)
    assert " pts" not in line_of(slots)


def test_a_void_opening_has_no_gain() -> None:
    slots = not_promoted()
    opened = slots["outcome/v1"]
    assert isinstance(opened, OutcomeWritten)
    void = structs.replace(opened.outcome, verdict="void", results=(), gain=None)
    line = line_of(slots | {"outcome/v1": structs.replace(opened, outcome=void)})
    assert " | void, " in line
    assert "pts" not in line


@pytest.mark.parametrize("seed", range(6))
def test_no_line_is_too_long_and_no_figure_is_cut(seed: int) -> None:
    for line in lines(ledger(20, seed))[1:]:
        assert len(line) <= LINE
        assert re.search(r"(promoted: ladder \.\d{3}|carried on|discarded)$", line)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_control_character_reaches_a_terminal(text: str) -> None:
    words = Words((text, text + "2", "sort"), text, text, text, text, text, text, {text: text})
    entries = ledger(3, 2, words)
    for line in lines(entries):
        assert line.isprintable()
        assert len(line) <= LINE
    held = structs.replace(fold(entries), hold=Hold("halted", text, text, 0))
    document = status_document(held, "halted", BUDGET, NOW)
    assert all(line.isprintable() for line in status_text(document).split("\n"))


def test_status_has_the_keys_that_scripts_rely_on() -> None:
    document = status_document(fold(ledger(8, EVENTFUL)), "ready", BUDGET, NOW)
    assert list(document) == [
        "state", "generation", "promoted", "incumbent", "ladder", "tasks", "error_budget", "lease",
        "compute", "hold", "request", "alarms",
        "cosigned", "confined",
    ]  # fmt: skip
    assert list(document["ladder"]) == ["start", "now"]
    assert list(document["error_budget"]) == ["total", "spent", "next_alpha", "next_items"]
    assert list(document["lease"]) == ["granted", "spent", "left", "expires", "petaflop_left"]
    assert list(document["tasks"]) == list(TOP)
    assert list(document["tasks"]["copy"]["accuracy"]) == [str(level) for level in range(1, 16)]
    assert json.loads(json.dumps(document)) == document


def test_status_counts_closed_generations() -> None:
    entries = ledger(8, EVENTFUL)
    story = tell(entries, "digits", "", TOP)
    document = status_document(fold(entries), "lease_spent", BUDGET, NOW)
    assert (document["generation"], document["promoted"]) == (8, len(story.promotions))
    assert document["ladder"]["now"] == story.ladder_now
    nothing = {"expires": None, "petaflop_left": 0.0}
    assert document["lease"] == {"granted": 8, "spent": 8, "left": 0, **nothing}


def test_status_shows_the_incumbent_while_a_candidate_is_not_decided_on() -> None:
    entries = ledger(8, EVENTFUL)
    last = max(i for i, e in enumerate(entries) if isinstance(e, Profiled) and e.purpose == "fresh")
    before = status_document(fold(entries[:last]), "ready", BUDGET, NOW)
    between = status_document(fold(entries[: last + 1]), "ready", BUDGET, NOW)
    after = status_document(fold(entries[: last + 2]), "ready", BUDGET, NOW)
    assert between["ladder"] == before["ladder"]
    assert after["ladder"] != before["ladder"]


def test_status_of_a_run_that_has_not_begun_claims_nothing() -> None:
    document = status_document(State(), "ready", BUDGET, NOW)
    assert document["ladder"] == {"start": None, "now": None}
    assert (document["tasks"], document["incumbent"], document["confined"]) == ({}, "", None)
    assert "not measured yet" in status_text(document)


def test_a_horizon_beyond_the_ladder_is_called_at_least() -> None:
    entries = ledger(0)
    at = next(i for i, e in enumerate(entries) if isinstance(e, Profiled) and e.purpose == "fresh")
    measured = entries[at]
    assert isinstance(measured, Profiled)
    perfect = Profile(measured.profile.subject, {"copy": (Score(64, 64),) * 15})
    entries[at] = structs.replace(measured, profile=perfect)
    document = status_document(fold(entries), "ready", BUDGET, NOW)
    assert document["tasks"]["copy"]["horizon_is_at_least"] is True
    assert ">=15.5" in status_text(document)


def test_status_text_says_what_the_next_opening_costs() -> None:
    text = status_text(status_document(fold(ledger(8, EVENTFUL)), "lease_spent", BUDGET, NOW))
    assert "state         lease spent" in text
    assert "alpha .00056; items likely needed by points of true gain: 1,271 for 5, 299 for 10" in text


STOPS: dict[Stop | None, str] = {
    None: "ready",
    "enough": "ready",
    "amended": "ready",
    "asked": "waiting",
    "review": "waiting",
    "pace": "waiting",
    "unevaluated": "waiting",
    "lease_spent": "lease_spent",
    "lease_expired": "lease_spent",
    "compute_spent": "lease_spent",
    "finished": "finished",
    "paused": "paused",
    "halted": "halted",
}


@pytest.mark.parametrize("stop", STOPS)
def test_what_keeps_the_next_step_from_being_made_is_where_a_run_stands(stop: Stop | None) -> None:
    assert standing(stop, running=False) == STOPS[stop]


def test_a_run_that_is_held_says_so_while_its_process_ends() -> None:
    assert standing("halted", running=True) == "halted"
    assert standing(None, running=True) == "running"


def test_a_generation_with_nothing_to_do_has_no_candidate() -> None:
    entries = ledger(2, 4)
    entries = entries[
        : max(i for i, e in enumerate(entries) if isinstance(e, Decided) and e.generation == 1) + 1
    ]
    resting = Decided(
        generation=2,
        decision="discard",
        incumbent=fold(entries).incumbent,
        candidate="",
        team=fold(entries).team,
        because="every task is at its top",
    )
    assert lines([*entries, resting])[-1] == "  2 | no candidate: every task is at its top"


def test_every_state_that_status_may_name_is_written_for_a_person() -> None:
    document = status_document(fold(ledger(1, 2)), "ready", BUDGET, NOW)
    states = ("ready", "running", "waiting", "paused", "halted", "lease_spent", "finished")
    for state, confined in product(states, (True, False, None)):
        text = status_text({**document, "state": state, "confined": confined})
        assert text.startswith(f"state         {state.replace('_', ' ')}\n")
