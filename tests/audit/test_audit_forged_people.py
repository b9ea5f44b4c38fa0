"""Whoever holds the log's key rewrites what people said and were asked. Each is named."""

import pytest
from tests.audit.forging import Forgery, assert_found, forge, leave_out, places, without
from tests.audit.forging_people import answer_again, insert, nth, reorder, reply
from tests.audit.peopled_run import ADA, BOB, CY, EVE
from tests.audit.scripted_run import ScriptedRun

from detent.values import (
    Answered,
    CandidateTrained,
    DataMade,
    Decided,
    Ordered,
    Requested,
    Source,
)

PAUSE, RESUME, ROLLBACK, LIFT = range(4)
APPROVED, DENIED, UNANSWERED = range(3)


ORDERS: dict[str, Forgery] = {
    "an order is nobody's": Forgery(lambda run: reorder(run, PAUSE, EVE), "people", "signed by 0/1 stewards"),
    "an order to go on is signed by too few": Forgery(
        lambda run: reorder(run, RESUME, BOB),
        "people",
        "the order resume: the order resume that enough have signed expected",
    ),
    "an order says another than was signed": Forgery(
        lambda run: forge(run, Ordered, PAUSE, order="halt"),
        "people",
        "order/v1 with order 'pause' expected, as signed, got 'halt'",
    ),
    "an order is put into another's mouth": Forgery(
        lambda run: forge(run, Ordered, PAUSE, signers=("ada",)), "people", "order/v1 with signers ('cy',)"
    ),
    "an order is replayed": Forgery(
        lambda run: insert(run, len(run.record()), nth(run, Ordered, PAUSE)),
        "people",
        "which stands on the ledger already",
    ),
    "a halt is lifted by people who had not seen it": Forgery(
        lambda run: reorder(run, LIFT, ADA, BOB, sight=60), "people", "the order lift given in sight of entry"
    ),
    "a halt of another ledger is lifted": Forgery(
        lambda run: reorder(run, LIFT, ADA, BOB, at="ab" * 32),
        "people",
        "the order lift given in sight of entry",
    ),
    "a run that was paused goes on by itself": Forgery(
        lambda run: without(run, Ordered, RESUME), "order", "while the run is paused by cy"
    ),
    "a run that a tripwire halted goes on by itself": Forgery(
        lambda run: without(run, Ordered, LIFT), "order", "while the run is halted by break_in"
    ),
    "nobody ordered the rollback": Forgery(
        lambda run: without(run, Ordered, ROLLBACK),
        "decisions",
        "no rollback that nobody ordered expected, got rollback",
    ),
    "a rollback brings other models back": Forgery(
        lambda run: forge(run, Decided, 4, incumbent=nth(run, Decided, 3).incumbent),
        "decisions",
        "the models of generation 1",
    ),
    "a rollback goes further back than people ordered": Forgery(
        lambda run: forge(run, Decided, 4, to=0), "decisions", "the models of generation 1"
    ),
    "a rollback that people ordered is not carried out": Forgery(
        lambda run: forge(run, Decided, 4, decision="discard", to=None),
        "decisions",
        "the rollback to generation 1 expected, got discard",
    ),
    "data that a rollback put away is trained on again": Forgery(
        lambda run: forge(run, CandidateTrained, 8, data=(Source(nth(run, DataMade, 3).digest, 1.0),)),
        "lineage",
        "that neither a rollback nor a no of people put away",
    ),
}


def promote_the_denied(run: ScriptedRun) -> None:
    """The candidate that people did not want is promoted all the same."""
    candidate = nth(run, Requested, DENIED).candidate
    forge(run, Decided, 2, decision="promote", incumbent=candidate, candidate=candidate)


def carry_the_denied(run: ScriptedRun) -> None:
    """Training goes on from what people did not want."""
    team = tuple(nth(run, CandidateTrained, number).digest for number in (2, 3))
    forge(run, Decided, 2, decision="carry", team=team)


def discard_the_approved(run: ScriptedRun) -> None:
    """A generation later nobody knows of it."""
    before = nth(run, Decided, 0)
    forge(run, Decided, 1, decision="discard", incumbent=before.incumbent, team=before.team)


ANSWERS: dict[str, Forgery] = {
    "nobody was asked": Forgery(
        lambda run: leave_out(run, places(run, Requested)[0], places(run, Answered)[0]),
        "people",
        "a request before the decision expected, since threshold_early_warning",
    ),
    "people are told another reason": Forgery(
        lambda run: forge(run, Requested, APPROVED, reasons=("all is well",)), "people", "reasons ("
    ),
    "people are not told what nobody looked at": Forgery(
        lambda run: forge(run, Requested, APPROVED, unchecked=()), "people", "unchecked ("
    ),
    "fewer people are asked than the threshold says": Forgery(
        lambda run: forge(run, Requested, APPROVED, approvers=1), "people", "approvers 2 expected"
    ),
    "people are asked about another candidate": Forgery(
        lambda run: forge(run, Requested, APPROVED, candidate="ab" * 32), "people", "candidate '"
    ),
    "a request is open until somebody says yes": Forgery(
        lambda run: forge(run, Requested, UNANSWERED, expires="2026-01-02T00:00:00Z"),
        "people",
        "a request that expires at",
    ),
    "an answer is nobody's": Forgery(
        lambda run: answer_again(run, APPROVED, EVE), "people", "signed by 0/2 stewards"
    ),
    "an approval is signed by too few": Forgery(
        lambda run: answer_again(run, APPROVED, ADA), "people", "signed by 1/2 stewards and 1/2 approvers"
    ),
    "an approval is of another candidate": Forgery(
        lambda run: answer_again(run, APPROVED, ADA, BOB, candidate="ab" * 32),
        "people",
        "an answer with candidate",
    ),
    "an approval was given on another ledger": Forgery(
        lambda run: answer_again(run, APPROVED, ADA, BOB, root="ab" * 32), "people", "an answer with root"
    ),
    "a denial is turned into an approval": Forgery(
        lambda run: forge(run, Answered, DENIED, verdict="approve"),
        "people",
        "answer/v1 with verdict 'deny' expected, as signed",
    ),
    "an approval is added to a denial": Forgery(
        lambda run: insert(run, places(run, Answered)[DENIED] + 1, reply(run, DENIED, "approve", ADA, BOB)),
        "people",
        "an answer to a question that waits expected",
    ),
    "a candidate is promoted although a no came after the yes": Forgery(
        lambda run: insert(run, places(run, Answered)[APPROVED] + 1, reply(run, APPROVED, "deny", CY)),
        "people",
        "discard expected, since people did not allow it, got promote",
    ),
    "an approval is added to an approval": Forgery(
        lambda run: insert(
            run, places(run, Answered)[APPROVED] + 1, reply(run, APPROVED, "approve", ADA, BOB, CY)
        ),
        "people",
        "which stands on the ledger already",
    ),
    "an approval is added when it is too late": Forgery(
        lambda run: insert(run, places(run, Decided)[5], reply(run, UNANSWERED, "approve", ADA, BOB)),
        "people",
        "an answer before",
    ),
    "an approval took longer than it says": Forgery(
        lambda run: forge(run, Answered, APPROVED, seconds=3000.0),
        "people",
        "answer/v1 with seconds 60.0 expected",
    ),
    "a candidate is promoted before anybody answered": Forgery(
        lambda run: without(run, Answered, APPROVED),
        "people",
        "an answer, or the end of the request, before the decision expected, got promote",
    ),
    "a candidate is promoted although people denied it": Forgery(
        promote_the_denied, "people", "discard expected, since people did not allow it, got promote"
    ),
    "training goes on from what people denied": Forgery(
        carry_the_denied, "people", "discard expected, since people did not allow it, got carry"
    ),
    "labels of what people denied are trained on again": Forgery(
        lambda run: forge(run, CandidateTrained, 4, data=(Source(nth(run, DataMade, 2).digest, 1.0),)),
        "lineage",
        "that neither a rollback nor a no of people put away",
    ),
    "what the gate passed and people approved of is discarded": Forgery(
        discard_the_approved, "decisions", "promote expected, the verdict is better, got discard"
    ),
}

ALL = ORDERS | ANSWERS


@pytest.mark.parametrize("done", ALL)
def test_what_people_never_said_is_found_although_the_ledger_is_sound(
    peopled: ScriptedRun, done: str
) -> None:
    assert_found(peopled, ALL[done])
