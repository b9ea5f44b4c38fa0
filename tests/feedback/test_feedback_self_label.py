"""Only what voters agree on, finish and are sure of is kept, and no true answer plays a part."""

import random
from dataclasses import dataclass

import pytest

from detent import feedback
from detent.errors import SubjectError
from detent.feedback import Filter, Kept, agreement_rate, ballots, self_label


@dataclass(frozen=True)
class Said:
    text: str
    least_probability: float = 0.9
    ended: bool = True


LOOSE = Filter(least_confidence=0.0, least_agreement=0.0, largest_share=1.0)


def test_front_door_is_complete() -> None:
    assert sorted(feedback.__all__) == feedback.__all__
    assert all(hasattr(feedback, name) for name in feedback.__all__)


def test_one_voter_is_filtered_by_its_own_confidence() -> None:
    kept = self_label(
        ["a", "b", "c"],
        [[Said("1", 0.8), Said("2", 0.6), Said("3", 0.95)]],
        Filter(least_confidence=0.7, largest_share=1.0),
    )
    assert kept == [Kept("c", "3", 0.95, 1.0), Kept("a", "1", 0.8, 1.0)]


def test_two_voters_must_write_the_same_text() -> None:
    kept = self_label(
        ["a", "b"], [[Said("1"), Said("2")], [Said("1", 0.8), Said("9")]], Filter(0.0, 1.0, 1.0)
    )
    assert kept == [Kept("a", "1", 0.8, 1.0)]


def test_confidence_is_that_of_the_least_sure_voter_who_wrote_it() -> None:
    (label,) = ballots(["a"], [[Said("1", 0.9)], [Said("1", 0.4)], [Said("2", 0.1)]])
    assert (label.completion, label.confidence) == ("1", 0.4)
    assert label.agreement == pytest.approx(2 / 3)


def test_a_majority_can_be_enough() -> None:
    voters = [[Said("1")], [Said("1")], [Said("2")]]
    assert self_label(["a"], voters, Filter(0.0, 0.6, 1.0))
    assert not self_label(["a"], voters, Filter(0.0, 0.7, 1.0))


CASES: dict[str, list[Said]] = {
    "no answer came to its end": [Said("1", ended=False), Said("1", ended=False)],
    "all answers are empty": [Said(""), Said("")],
}


@pytest.mark.parametrize("case", CASES)
def test_a_prompt_nobody_finished_has_no_label(case: str) -> None:
    assert ballots(["a"], [[answer] for answer in CASES[case]]) == []


def test_an_unfinished_answer_counts_against_agreement() -> None:
    (label,) = ballots(["a"], [[Said("1")], [Said("1", ended=False)]])
    assert label.agreement == 0.5


def test_an_equal_count_goes_to_the_surer_text_then_to_the_first_voter() -> None:
    (surer,) = ballots(["a"], [[Said("1", 0.3)], [Said("2", 0.4)]])
    (first,) = ballots(["a"], [[Said("1", 0.4)], [Said("2", 0.4)]])
    assert (surer.completion, first.completion) == ("2", "1")


def test_the_share_is_of_the_prompts_asked_and_takes_the_surest() -> None:
    prompts = [f"p{i}" for i in range(10)]
    answers = [Said("x", i / 10) for i in range(10)]
    kept = self_label(prompts, [answers], Filter(0.0, 1.0, 0.3))
    assert [label.prompt for label in kept] == ["p9", "p8", "p7"]


def test_equal_confidence_keeps_the_order_of_the_prompts() -> None:
    kept = self_label(["a", "b", "c"], [[Said("1"), Said("2"), Said("3")]], LOOSE)
    assert [label.prompt for label in kept] == ["a", "b", "c"]


def test_agreement_rate_counts_unanimous_and_finished_answers() -> None:
    voters = [[Said("1"), Said("2"), Said("3")], [Said("1"), Said("9"), Said("3", ended=False)]]
    assert agreement_rate(["a", "b", "c"], voters) == pytest.approx(1 / 3)
    assert agreement_rate([], [[], []]) == 0.0


def test_voters_that_err_apart_purify_and_voters_that_err_together_do_not() -> None:
    """Voters right 60 % of the time: independent errors hardly ever coincide, copied errors always do."""
    rng = random.Random(1)  # noqa: S311
    prompts = [str(i) for i in range(500)]

    def vote() -> list[Said]:
        return [Said("right" if rng.random() < 0.6 else f"wrong{rng.randrange(9)}") for _ in prompts]

    first = vote()
    keep_all = Filter(0.0, 1.0, 1.0)
    apart = self_label(prompts, [first, vote()], keep_all)
    together = self_label(prompts, [first, first], keep_all)

    def purity(kept: list[Kept]) -> float:
        return sum(label.completion == "right" for label in kept) / len(kept)

    assert purity(apart) > 0.9
    assert purity(together) < 0.7


BAD: dict[str, tuple[list[list[Said]], str]] = {
    "no voter": ([], "at least one voter"),
    "a voter who left one out": ([[Said("1"), Said("2")], [Said("1")]], "2 answers a voter"),
}


@pytest.mark.parametrize("case", BAD)
def test_incomplete_ballots_are_refused(case: str) -> None:
    voters, message = BAD[case]
    with pytest.raises(SubjectError, match=message):
        self_label(["a", "b"], voters, LOOSE)


@pytest.mark.parametrize("name", ["least_confidence", "least_agreement", "largest_share"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_thresholds_outside_0_to_1_are_refused(name: str, value: float) -> None:
    with pytest.raises(SubjectError, match=name):
        Filter(**{name: value})
