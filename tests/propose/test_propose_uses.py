"""What a method is worth is what it made right and what it made wrong, and one that harms is switched off."""

import pytest

from detent.charter import Constitution, Feedback, Principle
from detent.propose import uses
from detent.values import Flips, Use

ALL = Feedback(methods=("self_label", "refine", "dpo"))


def share(flips: Flips) -> float:
    return uses(ALL, ("copy",), {"refine": {"copy": flips}})["refine"]["copy"].share


WORTH = {
    "nothing was audited yet": (Flips(0, 0, 0), 1.0),
    "too little changed to tell": (Flips(0, 9, 100), 1.0),
    "it helped whenever it changed anything": (Flips(10, 0, 100), 1.0),
    "it helped three times as often as it harmed": (Flips(9, 3, 100), 0.5),
    "it helped as often as it harmed": (Flips(8, 8, 100), 0.0),
    "it harmed more than it helped": (Flips(4, 6, 100), 0.0),
}


@pytest.mark.parametrize(("flips", "worth"), WORTH.values(), ids=WORTH.keys())
def test_a_method_goes_on_with_what_it_is_worth(flips: Flips, worth: float) -> None:
    assert share(flips) == worth


def test_one_that_harms_is_switched_off_in_words() -> None:
    found = uses(ALL, ("copy", "sort"), {"refine": {"sort": Flips(3, 12, 100)}})
    assert found["refine"]["sort"] == Use(
        0.0, "switched off: of 100 audited answers it made 3 right and 12 wrong"
    )
    assert found["refine"]["copy"].share == found["dpo"]["sort"].share == 1.0


def test_methods_that_the_charter_does_not_name_have_no_use() -> None:
    assert set(uses(ALL, ("copy",), {"grpo": {"copy": Flips(50, 0, 100)}})) == {"refine", "dpo"}


PREFERRING = Feedback(methods=("constitution", "dpo"))
DIGITS = Constitution(
    principles={"unsure": Principle(text="Say ? rather than guess.", source="the author", probes="unsure")}
)


def test_a_principle_beside_tasks_is_worth_what_was_seen_of_it() -> None:
    flips = {"dpo": {"copy": Flips(20, 5, 100), "P/unsure": Flips(9, 3, 100)}}
    found = uses(PREFERRING, ("copy",), flips, DIGITS)["dpo"]
    assert {name: use.share for name, use in found.items()} == {"copy": 0.6, "P/unsure": 0.5}


def test_a_task_called_as_a_principle_is_not_taken_for_it() -> None:
    found = uses(PREFERRING, ("unsure",), {"dpo": {"unsure": Flips(20, 5, 100)}}, DIGITS)["dpo"]
    assert {name: use.share for name, use in found.items()} == {"unsure": 0.6, "P/unsure": 1.0}


def test_silence_that_harmed_the_tasks_is_no_gain_for_a_principle() -> None:
    """Models that answered nothing any more kept to it, and were wrong everywhere else."""
    flips = {"dpo": {"copy": Flips(0, 90, 100), "sort": Flips(8, 2, 100), "P/unsure": Flips(80, 0, 100)}}
    found = uses(PREFERRING, ("copy", "sort"), flips, DIGITS)["dpo"]
    assert found["sort"].share == 0.6
    assert found["P/unsure"] == Use(
        0.0, "switched off: of 200 audited answers it made 8 right and 92 wrong, in all tasks"
    )


def test_answers_are_revised_by_principles_not_by_tasks() -> None:
    principle = Principle(text="Say it plainly.", source="the author")
    constitution = Constitution(principles={"plain": principle})
    found = uses(Feedback(methods=("constitution",)), ("copy",), {}, constitution)
    assert found == {"constitution": {"plain": Use(1.0, "little seen of it yet")}}
