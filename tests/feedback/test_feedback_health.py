"""What a judge's records say of it."""

import pytest

from detent.errors import UsageError
from detent.feedback import (
    Figure,
    Judgement,
    Pair,
    Verdict,
    health,
    kappa,
    known_answers,
    length_preference,
    own_preference,
    swap_consistency,
)


def said(verdict: Verdict, first: str = "a", second: str = "b", prompt: str = "p") -> Judgement:
    return Judgement(Pair(prompt, first, second), verdict, ())


def test_a_known_answer_counts_only_when_it_was_given() -> None:
    verdicts: list[Verdict] = ["first", "second", "tie", "dropped", "unfit"]
    assert known_answers([(said(verdict), "first") for verdict in verdicts]) == Figure(0.2, 5)


def test_orders_agree_on_ties_too_and_what_was_not_asked_does_not_count() -> None:
    verdicts: list[Verdict] = ["first", "second", "tie", "dropped", "unfit"]
    assert swap_consistency([said(verdict) for verdict in verdicts]) == Figure(0.75, 4)


def test_length_counts_where_a_side_won_and_one_is_longer() -> None:
    judgements = [
        said("first", "long", "b"),
        said("second", "a", "long"),
        said("first", "a", "long"),
        said("first", "a", "b"),
        said("tie", "long", "b"),
        said("dropped", "long", "b"),
    ]
    assert length_preference(judgements) == Figure(2 / 3, 3)


def test_own_answers_count_where_one_of_them_is_its_own() -> None:
    judgements = [said("first"), said("second"), said("second"), said("tie"), said("first")]
    assert own_preference(judgements, ["first", "first", None, "first", "second"]) == Figure(1 / 3, 3)
    with pytest.raises(UsageError, match="whose answers 5 pairs are expected, got 1"):
        own_preference(judgements, [None])


def test_kappa_as_in_a_worked_example() -> None:
    """20 both first, 15 both second, 5 and 10 apart: observed .7, expected .5, kappa .4 (Cohen's definition)."""
    table: dict[tuple[Verdict, Verdict], int] = {
        ("first", "first"): 20,
        ("first", "second"): 5,
        ("second", "first"): 10,
        ("second", "second"): 15,
    }
    pairs = [both for both, count in table.items() for _ in range(count)]
    found = kappa([said(a) for a, _ in pairs], [said(b) for _, b in pairs])
    assert found.value == pytest.approx(0.4)
    assert found.n == 50


def test_kappa_of_two_that_say_only_one_thing_is_not_defined() -> None:
    assert kappa([said("first")] * 3, [said("first")] * 3) == Figure(None, 3)
    assert kappa([said("first"), said("second")], [said("second"), said("first")]).value == -1.0
    assert kappa([], []) == Figure(None, 0)


def test_kappa_is_of_the_same_pairs() -> None:
    with pytest.raises(UsageError, match="the same pairs"):
        kappa([said("first", prompt="p")], [said("first", prompt="q")])


def test_what_is_not_given_is_not_measured() -> None:
    found = health([said("first")])
    assert found.swap == Figure(1.0, 1)
    assert {found.accuracy, found.own, found.agreement, found.length} == {Figure(None, 0)}


def test_all_figures_come_together() -> None:
    judgements = [said("first", "long", "b"), said("dropped")]
    found = health(
        judgements,
        anchors=[(said("first"), "first")],
        own=["first", None],
        other=[judgements[0], said("tie")],
    )
    assert found == (Figure(1.0, 1), Figure(0.5, 2), Figure(1.0, 1), Figure(1.0, 1), Figure(1 / 3, 2))
