"""What a judge's counts amount to."""

import pytest

from detent.values import (
    Agreement,
    Audited,
    Example,
    FalsePraise,
    JudgeTested,
    Praise,
    Score,
    decode_entry,
    praised_right,
)


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        (Agreement(both=20, ours=5, theirs=10, neither=15), 0.4),  # .7 agree, .5 would by chance
        (Agreement(both=50, ours=0, theirs=0, neither=50), 1.0),
        (Agreement(both=0, ours=50, theirs=50, neither=0), -1.0),
        (Agreement(both=25, ours=25, theirs=25, neither=25), 0.0),
        (Agreement(both=100, ours=0, theirs=0, neither=0), None),
        (Agreement(both=0, ours=0, theirs=0, neither=0), None),
    ],
)
def test_kappa_is_agreement_beyond_what_their_own_frequencies_give(
    table: Agreement, kappa: float | None
) -> None:
    assert table.kappa == pytest.approx(kappa) if kappa is not None else table.kappa is None


def test_false_praise_adds_up_over_lengths() -> None:
    assert FalsePraise(Praise(3, 9), Praise(1, 4), Praise(0, 2)).total == Praise(4, 15)
    assert FalsePraise().total == Praise(0, 0)


@pytest.mark.parametrize(
    ("praise", "possible"), [((0, 0), True), ((2, 2), True), ((3, 2), False), ((-1, 2), False)]
)
def test_no_more_can_be_praised_than_asked_about(praise: tuple[int, int], possible: bool) -> None:
    assert Praise(*praise).possible == possible


def test_of_labels_those_count_that_the_judge_finds_right_at_least_as_likely_as_not() -> None:
    labels = [
        Example("copy", 1, f"C{n}=", str(n), judged=judged) for n, judged in enumerate((0.5, 0.9, 0.49, 1.0))
    ]
    assert praised_right(labels, [True, False, True, True]) == Score(2, 3)


def test_tests_and_audits_of_before_the_new_figures_are_read_as_they_were() -> None:
    old = b'{"anchors":{"copy":[7,8]},"at":"","flops":1.0,"generation":1,"judge":"a","kind":"health/v1","stream":"b"}'
    found = decode_entry(old)
    assert isinstance(found, JudgeTested)
    assert (found.false_praise, found.parent, found.agreement, found.own) == (FalsePraise(), "", None, None)
    audit = decode_entry(
        b'{"at":"","data":"a","generation":1,"kind":"audit/v1","labels":{"copy":[7,8]},"stream":"b"}'
    )
    assert isinstance(audit, Audited)
    assert audit.praised == {}
