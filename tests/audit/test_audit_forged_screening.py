"""Whoever holds the log's key opens, passes over and goes on from what the open did not promise. Each is named."""

from collections.abc import Callable

import pytest
from msgspec import structs
from tests.audit.forging import Forgery, assert_found, forge, forge_intent, leave_out, places
from tests.audit.scripted_run import ScriptedRun

from detent.values import (
    CandidateTrained,
    Decided,
    Diagnosed,
    IntentWritten,
    OutcomeWritten,
    Profiled,
    Score,
    Watched,
    fold,
)

PROMOTED, CARRIED, DISCARDED = 1, 2, 3
"""Which decision is of which turn; turn 3 opened nothing."""


def candidate(run: ScriptedRun, turn: int, member: int) -> str:
    """Digest of what that member's training made."""
    found = [entry for entry in run.entries() if isinstance(entry, CandidateTrained)]
    return next(one.digest for one in found if (one.generation, one.member) == (turn, member))


def decided(run: ScriptedRun, turn: int) -> Decided:
    entry = run.entries()[places(run, Decided)[turn]]
    assert isinstance(entry, Decided)
    return entry


def look(run: ScriptedRun, turn: int, *members: int, right: int) -> None:
    """Their candidates had so many right on every visible rung."""
    for nth, place in enumerate(places(run, Profiled)):
        entry = run.entries()[place]
        assert isinstance(entry, Profiled)
        if (entry.generation, entry.purpose) == (turn, "visible") and entry.member in members:
            scores = {
                task: tuple(Score(right, row.asked) for row in rows)
                for task, rows in entry.profile.scores.items()
            }
            forge(run, Profiled, nth, profile=structs.replace(entry.profile, scores=scores))


def move(turn: int, *members: int, decision: str) -> Callable[[ScriptedRun], None]:
    """These members go on from their candidates, the others do not."""

    def tamper(run: ScriptedRun) -> None:
        before = fold(run.entries()[: places(run, Decided)[turn]]).team
        team = tuple(
            candidate(run, turn, place) if place in members else model for place, model in enumerate(before)
        )
        forge(run, Decided, turn, team=team, decision=decision)

    return tamper


def untried(run: ScriptedRun) -> None:
    """Of the last turn only its diagnosis and a decision are left."""
    diagnosed = places(run, Diagnosed)[DISCARDED - 1]
    forge(run, Decided, DISCARDED, candidate="")
    leave_out(run, *range(diagnosed + 1, places(run, Decided)[DISCARDED]))


def undiagnosed(run: ScriptedRun) -> None:
    """Nothing at all is left of it."""
    forge(run, Decided, DISCARDED, candidate="")
    leave_out(run, *range(places(run, Diagnosed)[DISCARDED - 1], places(run, Decided)[DISCARDED]))


def at_rest(run: ScriptedRun) -> None:
    """The last turn's diagnosis found nothing to do, and all the same something was done."""
    entry = run.entries()[places(run, Diagnosed)[DISCARDED - 1]]
    assert isinstance(entry, Diagnosed)
    weak = tuple(structs.replace(one, remedy="rest") for one in entry.diagnosis.weaknesses)
    forge(run, Diagnosed, DISCARDED - 1, diagnosis=structs.replace(entry.diagnosis, weaknesses=weak))


def lone(run: ScriptedRun) -> None:
    """One candidate of the last turn was never measured, and no watch can say so."""
    profiles = [place for place in places(run, Profiled) if run.entries()[place].generation == DISCARDED]
    leave_out(run, profiles[-1], places(run, Watched)[-1])


def swap_first(run: ScriptedRun) -> None:
    """The run begins with the weaker of its first models."""
    forge(run, Decided, 0, incumbent=decided(run, 0).team[1], candidate=decided(run, 0).team[1])


TRIED: dict[str, Forgery] = {
    "a turn is closed with nothing tried although something was weak": Forgery(
        untried,
        "decisions",
        "2 candidates with their visible profiles before the decision expected, got fewer",
    ),
    "a turn is closed without a diagnosis": Forgery(
        undiagnosed, "decisions", "a diagnosis before the decision expected, got none"
    ),
    "something is trained although every task is at its top": Forgery(
        at_rest, "decisions", "no candidate expected where every task is at its top"
    ),
    "a candidate is passed over before it is measured": Forgery(
        lone, "decisions", "2 candidates with their visible profiles before the decision expected, got fewer"
    ),
}

OPENED: dict[str, Forgery] = {
    "the second best candidate is opened": Forgery(
        lambda run: forge_intent(run, candidate=candidate(run, PROMOTED, 1)),
        "intents",
        "the best candidate in the open, ",
    ),
    "a candidate is opened that is not above the incumbent in the open": Forgery(
        lambda run: look(run, CARRIED, 0, 1, right=0),
        "intents",
        "0.000: not worth an opening",
    ),
    "a candidate is opened before it is measured": Forgery(
        lambda run: leave_out(run, places(run, IntentWritten)[0] - 1),
        "intents",
        "2 candidates with their visible profiles before the intent expected, got fewer",
    ),
    "what is above the incumbent in the open is not opened": Forgery(
        lambda run: leave_out(run, places(run, IntentWritten)[1], places(run, OutcomeWritten)[1]),
        "decisions",
        "an opening for ",
    ),
    "it is not opened since the record says that it looks worse, and it does not": Forgery(
        lambda run: look(run, DISCARDED, 1, right=32),
        "decisions",
        "before the decision expected, since its visible ladder",
    ),
    "another candidate than the best in the open is named": Forgery(
        lambda run: forge(run, Decided, CARRIED, candidate=candidate(run, CARRIED, 1)),
        "decisions",
        "the best candidate in the open, ",
    ),
    "no candidate is named": Forgery(
        lambda run: forge(run, Decided, DISCARDED, candidate=""),
        "decisions",
        "to be named expected, got none",
    ),
    "the run begins with the weaker of its first models": Forgery(
        swap_first, "decisions", "the best of the first models in the open, "
    ),
}

MOVED: dict[str, Forgery] = {
    "a decision that is no rollback names a generation to go back to": Forgery(
        lambda run: forge(run, Decided, -1, to=0), "decisions", "no generation to go back to expected"
    ),
    "a member goes on from a candidate that looks worse": Forgery(
        move(DISCARDED, 0, decision="carry"),
        "decisions",
        "members move where their visible ladder rose and only there",
    ),
    "a member stays although its candidate looks better": Forgery(
        move(CARRIED, decision="discard"),
        "decisions",
        "members move where their visible ladder rose and only there",
    ),
    "a member stays behind after a promotion": Forgery(
        move(PROMOTED, 0, decision="promote"), "decisions", "(all of them with a promotion"
    ),
    "the members of the first team change places": Forgery(
        lambda run: forge(run, Decided, 0, team=decided(run, 0).team[::-1]), "decisions", "of the team ("
    ),
}

ALL = TRIED | OPENED | MOVED


@pytest.mark.parametrize("done", ALL)
def test_what_the_open_did_not_say_is_found_although_the_ledger_is_sound(run: ScriptedRun, done: str) -> None:
    assert_found(run, ALL[done])
