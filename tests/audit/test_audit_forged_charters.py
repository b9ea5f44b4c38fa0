"""Whoever holds the log's key rewrites amendments and leases. Each is named."""

import pytest
from tests.audit.forging import Forgery, assert_found, forge, forge_intent, places, without
from tests.audit.forging_people import amend, charter, lease, nth
from tests.audit.peopled_run import ADA, BOB, CY, DAN, EVE, write_copies
from tests.audit.scripted_run import ScriptedRun

from detent.charter import (
    endorse,
)
from detent.values import (
    CharterSigned,
    Decided,
    LeaseGranted,
    SessionStarted,
)

EVERYBODY = (ADA, BOB, CY, DAN)

AMENDMENTS: dict[str, Forgery] = {
    "an amendment is signed by the new stewards alone": Forgery(
        lambda run: forge(run, CharterSigned, 1, envelope=endorse(run.signed.text, [ADA, DAN])),
        "charter",
        "by the stewards in force signed by 1/2 stewards",
    ),
    "an amendment is signed by the old stewards alone": Forgery(
        lambda run: forge(run, CharterSigned, 1, envelope=endorse(run.signed.text, [ADA, CY])),
        "charter",
        "by the new ones signed by 1/2 stewards",
    ),
    "an amendment is nobody's": Forgery(
        lambda run: amend(run, [EVE], "version = 3", "version = 3"),
        "charter",
        "an amendment signed by 2 stewards in force and 2 stewards of its own expected",
    ),
    "an amendment leaves a version out": Forgery(
        lambda run: amend(run, EVERYBODY, "version = 3", "version = 4"),
        "charter",
        "the one after the charter in force, expected, got 4",
    ),
    "an amendment changes the seal": Forgery(
        lambda run: amend(run, EVERYBODY, "length = 100", "length = 200"),
        "charter",
        "as in the charter in force",
    ),
    "an amendment's entry is about another text": Forgery(
        lambda run: forge(run, CharterSigned, 1, digest="ab" * 32), "charter", "charter/v1 with digest"
    ),
    "an amendment is taken off": Forgery(
        lambda run: without(run, CharterSigned, 1),
        "charter",
        "charter.toml as the ledger has it, signed, expected",
    ),
    "the folder shows the charter before": Forgery(
        lambda run: write_copies(run.folder, charter(run, 0)), "charter", "charter.dsse as the ledger has it"
    ),
    "the ledger begins with an amendment": Forgery(
        lambda run: forge(
            run,
            CharterSigned,
            0,
            **{
                field: getattr(nth(run, CharterSigned, 1), field)
                for field in ("version", "digest", "envelope")
            },
        ),
        "charter",
        "version 1 as the first charter expected, got 2",
    ),
    "a generation is judged by the charter before": Forgery(
        lambda run: forge_intent(run, 6, charter=charter(run, 0).digest, charter_version=1),
        "intents",
        "the charter's version 2 expected, got 1",
    ),
    "a generation that an amendment ended goes on": Forgery(
        lambda run: without(run, Decided, 7), "order", "the rollback that was ordered expected"
    ),
    "a session of the charter before goes on": Forgery(
        lambda run: without(run, SessionStarted, len(places(run, SessionStarted)) - 1),
        "sessions",
        "a session since the charter of entry",
    ),
}

LEASES: dict[str, Forgery] = {
    "a lease of the charter before is spent under its successor": Forgery(
        lambda run: lease(run, 1, [ADA, BOB], under=0), "leases", "a lease under charter"
    ),
    "a lease is signed by a steward who was replaced": Forgery(
        lambda run: lease(run, 1, [ADA, CY], under=1), "leases", "signed by 1/2 stewards"
    ),
    "a lease runs for longer than the charter lets one run": Forgery(
        lambda run: lease(run, 0, [ADA, BOB], expires="2026-01-03T00:00:00Z"),
        "leases",
        "at the latest expected, as pace.lease.hours = 24 says",
    ),
    "a lease was granted on a ledger that went another way": Forgery(
        lambda run: lease(run, 1, [ADA, DAN], under=1, root="ab" * 32),
        "leases",
        "the lease given in sight of entry 0 of this ledger expected",
    ),
    "a lease was granted on what the ledger was to become": Forgery(
        lambda run: lease(run, 0, [ADA, BOB], size=3),
        "leases",
        "the lease given in sight of entry 0 of this ledger expected, got one given at size 3",
    ),
    "a lease grants more compute than the charter allows": Forgery(
        lambda run: lease(run, 0, [ADA, BOB], petaflop=5.0), "leases", "at most 0.2 petaflop"
    ),
    "a lease says a later end than was signed": Forgery(
        lambda run: forge(run, LeaseGranted, 0, expires="2026-01-02T00:00:59Z"),
        "leases",
        "lease/v1 with expires",
    ),
    "a generation is decided after the end of its lease": Forgery(
        lambda run: forge(run, Decided, 8, at="2026-02-01T00:00:00Z"),
        "leases",
        "a lease for generation 8 expected when it was decided",
    ),
    "a generation begins after the end of every lease": Forgery(
        lambda run: lease(run, 1, [ADA, DAN], under=1, expires=nth(run, LeaseGranted, 1).at),
        "leases",
        "a lease for generation 8 expected when it began",
    ),
}

ALL = AMENDMENTS | LEASES


@pytest.mark.parametrize("done", ALL)
def test_what_nobody_granted_is_found_although_the_ledger_is_sound(peopled: ScriptedRun, done: str) -> None:
    assert_found(peopled, ALL[done])
