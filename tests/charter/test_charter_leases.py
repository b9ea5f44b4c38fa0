"""A lease is what stewards granted, as the rule for leases says, no more than the charter lets anyone grant."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.charter.charter_attacks import OTHER, with_payload
from tests.charter.charter_texts import (
    ADA,
    BOB,
    CATALOGUE,
    CYD,
    DEE,
    EVE,
    SAFE,
    TEAM,
    charter_text,
    team_charter,
)

from detent.charter import (
    CHARTER_TYPE,
    LEASE_TYPE,
    ORDER_TYPE,
    Lease,
    SignedCharter,
    check_term,
    endorse,
    grant,
    hours_after,
    verified,
    verified_lease,
)
from detent.errors import CharterError, DetentError, TrustError, UsageError
from detent.signing import SigningKey, canonical, seal_envelope

AT = "2026-01-31T20:00:00Z"
ROOT = "7" * 64
CHARTER = team_charter()


def granted(generations: int = 8, *, hours: float = 10, petaflop: float = 1.0, number: int = 3) -> str:
    return grant(
        CHARTER, number, generations, hours=hours, petaflop=petaflop, at=AT, size=5, root=ROOT, keys=[ADA]
    )


def test_a_lease_comes_back_as_it_was_granted() -> None:
    lease = verified_lease(granted(petaflop=0.25), CHARTER)
    assert lease == Lease(
        charter=CHARTER.digest,
        size=5,
        root=ROOT,
        number=3,
        generations=8,
        expires="2026-02-01T06:00:00Z",
        petaflop=0.25,
    )
    check_term(lease, CHARTER, AT)


def test_a_single_operator_grants_where_the_rule_says_so_and_the_quorum_where_none_does() -> None:
    draft = TEAM.replace("lease = { operator = 1 }\n", "")
    charter = verified(endorse(charter_text(draft, (ADA, BOB, CYD, DEE)), [ADA, BOB]), CATALOGUE)
    alone, both = (
        grant(charter, 1, 8, hours=10, petaflop=1.0, at=AT, size=5, root=ROOT, keys=keys)
        for keys in ([ADA], [CYD, DEE])
    )
    with pytest.raises(TrustError, match="signed by 1/2 stewards"):
        verified_lease(alone, charter)
    assert verified_lease(both, charter).generations == 8


def lease(by: Sequence[SigningKey] = (ADA,), under: SignedCharter = CHARTER, **changes: object) -> str:
    document: dict[str, object] = {
        "charter": under.digest,
        "size": 5,
        "root": ROOT,
        "number": 1,
        "generations": 8,
        "expires": AT,
        "petaflop": 0.5,
    }
    return seal_envelope(canonical(document | changes), LEASE_TYPE, by)


FORM = "a lease with charter, size, root, number, generations, expires and petaflop expected"

ATTACKS: dict[str, tuple[Callable[[], str], type[DetentError], str]] = {
    "stewards without the role grant a lease": (
        lambda: lease(by=[BOB, CYD, DEE]),
        TrustError,
        "signed by 0/1 operators; a valid signature is missing from ada",
    ),
    "a stranger with a steward's name grants one": (
        lambda: lease(by=[SigningKey("ada", EVE.private)]),
        TrustError,
        "signed by 0/1 operators",
    ),
    "the recovery key grants one": (lambda: lease(by=[SAFE]), TrustError, "signed by 0/1 operators"),
    "more generations than the largest grant": (
        lambda: lease(generations=9),
        CharterError,
        "a lease of 1 to 8 generations expected, as pace.lease.generations says, got 9",
    ),
    "more compute than the largest grant": (
        lambda: lease(petaflop=1.5),
        CharterError,
        "a lease of more than 0 and at most 1 petaflop expected, as pace.lease.petaflop says, got 1.5",
    ),
    "granted under another charter": (lambda: lease(under=OTHER), TrustError, "a lease under charter"),
    "without a ledger's root": (lambda: lease(root=None), TrustError, FORM),
    "without a ledger's size": (lambda: lease(size=0), TrustError, FORM),
    "without a number": (lambda: lease(number=None), TrustError, FORM),
    "of no generations": (lambda: lease(generations=0), TrustError, FORM),
    "of generations in words": (lambda: lease(generations="8"), TrustError, FORM),
    "of no compute": (lambda: lease(petaflop=0), TrustError, FORM),
    "that never expires": (lambda: lease(expires="never"), TrustError, FORM),
    "that expires on no day": (lambda: lease(expires="2026-02-30T00:00:00Z"), TrustError, FORM),
    "that expires in a zone of its own": (
        lambda: lease(expires="2026-02-01T06:00:00+01:00"),
        TrustError,
        FORM,
    ),
    "that expires in digits of another script": (
        lambda: lease(expires="٢026-02-01T06:00:00Z"),
        TrustError,
        FORM,
    ),
    "that expires a line later": (lambda: lease(expires=AT + "\n"), TrustError, FORM),
    "with something more in it": (lambda: lease(hours=24), TrustError, FORM),
    "with its number twice": (
        lambda: seal_envelope(
            canonical({**Lease.model_validate_json(payload()).model_dump()}).replace(
                b'"number":1', b'"number":9,"number":1'
            ),
            LEASE_TYPE,
            [ADA],
        ),
        TrustError,
        "a lease in canonical JSON expected",
    ),
    "the number changed afterwards": (
        lambda: with_payload(lease(), lambda p: p.replace(b'"number":1', b'"number":2')),
        TrustError,
        "0/1 operators",
    ),
    "signed as a charter": (lambda: seal_envelope(b"{}", CHARTER_TYPE, [ADA]), TrustError, LEASE_TYPE),
    "signed as an order": (
        lambda: seal_envelope(payload(), ORDER_TYPE, [ADA]),
        TrustError,
        "it was signed to mean something else",
    ),
    "signed bytes that are no document": (
        lambda: seal_envelope(b"eight", LEASE_TYPE, [ADA]),
        TrustError,
        "got b'eight'",
    ),
    "no envelope": (lambda: "", TrustError, "a DSSE envelope expected"),
}


def payload() -> bytes:
    seen = {"charter": CHARTER.digest, "size": 5, "root": ROOT}
    return canonical({**seen, "number": 1, "generations": 8, "expires": AT, "petaflop": 0.5})


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_lease_nobody_granted_is_refused(attack: str) -> None:
    make, error, says = ATTACKS[attack]
    with pytest.raises(error) as caught:
        verified_lease(make(), CHARTER)
    assert says in str(caught.value)


@pytest.mark.parametrize("generations", [0, -1, 9])
def test_no_more_generations_are_granted_than_the_charter_lets_anyone(generations: int) -> None:
    with pytest.raises(CharterError, match=r"1 to 8 generations expected, as pace\.lease\.generations says"):
        granted(generations)


@pytest.mark.parametrize("hours", [0.0, -1.0, 10.5, float("nan"), float("inf")])
def test_no_lease_is_granted_for_longer_than_the_charter_lets_anyone(hours: float) -> None:
    with pytest.raises(CharterError, match=r"at most 10 hours expected, as pace\.lease\.hours says"):
        granted(hours=hours)


@pytest.mark.parametrize("petaflop", [0.0, -0.1, 1.1, float("nan")])
def test_no_more_compute_is_granted_than_the_charter_lets_anyone(petaflop: float) -> None:
    with pytest.raises(CharterError, match=r"at most 1 petaflop expected, as pace\.lease\.petaflop says"):
        granted(petaflop=petaflop)


def test_a_lease_that_runs_longer_than_the_charter_lets_one_is_not_to_be_written_down() -> None:
    long = verified_lease(lease(expires="2026-02-01T06:00:01Z"), CHARTER)
    with pytest.raises(
        CharterError, match=r"until 2026-02-01T06:00:00Z at the latest expected, as pace\.lease\.hours = 10"
    ):
        check_term(long, CHARTER, AT)
    check_term(long, CHARTER, "2026-01-31T20:00:01Z")


def test_a_lease_is_granted_from_a_time_and_counted_from_1() -> None:
    with pytest.raises(UsageError, match="a time such as"):
        grant(CHARTER, 1, 8, hours=1, petaflop=1, at="now", size=5, root=ROOT, keys=[ADA])
    with pytest.raises(UsageError, match="a value of number that a lease takes expected, got 0"):
        granted(number=0)


@given(hours=st.floats(0.001, 87_600), at=st.datetimes().map(lambda t: t.isoformat(timespec="seconds") + "Z"))
def test_later_times_sort_later(hours: float, at: str) -> None:
    try:
        later = hours_after(at, hours)
    except UsageError:
        assert at > "9989"  # the calendar ends
        return
    assert at <= later
    assert len(later) == len(at)
    assert hours_after(at, hours + 1) > later or at > "9989"
