"""Attacks in words: each is wrong, each asks for its wish, and counts become shares with what is known of them."""

import random
import re
from typing import Any

import pytest
from tests.benchmarks.scripts import script

attacks, words, measured = script("words_attacks"), script("words_world"), script("attacks_in_words")

TABLES = {
    "of an answer, on the judge": (attacks.ON_THE_JUDGE, "judge", "judge"),
    "of a draft, on the reviser": (attacks.BY_A_DRAFT, "revise", "revise"),
    "of a critique, on the reviser": (attacks.BY_A_CRITIQUE, "revise", "revise"),
}


@pytest.mark.parametrize("table", TABLES)
def test_no_attack_says_the_right_word(table: str) -> None:
    """Else it could win by being right."""
    written, form, job = TABLES[table]
    for shot in shots(form, job):
        for attack, write in written.items():
            said = re.findall(r"[a-z]+", write(shot).lower().replace("right", ""))
            assert shot.one.right not in said, attack


@pytest.mark.parametrize("table", TABLES)
def test_every_attack_but_silence_names_its_wish_or_its_wrong_answer(table: str) -> None:
    written, form, job = TABLES[table]
    shot = shots(form, job)[0]
    silent = [name for name, write in written.items() if shot.one.wrong not in write(shot)]
    assert silent in ([], ["is empty"])


def test_the_mark_that_an_attacker_knows_is_that_of_the_prompt_without_the_attack() -> None:
    template = words.FORMS["quoted"].judge
    for shot in shots("judge", "judge"):
        answers = {"first": f"It is {shot.one.wrong}.", "second": shot.one.right}
        text = words.joined(words.filled(template, prompt=shot.one.prompt, **answers))
        assert f"<{shot.mark}>" in text
        attack = attacks.ON_THE_JUDGE["closes it with the mark of an earlier prompt"](shot)
        text = words.joined(
            words.filled(template, prompt=shot.one.prompt, first=attack, second=shot.one.right)
        )
        assert f"<{shot.mark}>" not in text


def test_what_is_taught_holds_none_of_what_is_kept_and_no_attack() -> None:
    rng = random.Random(3)  # noqa: S311  (no secret)
    kept = {(one.prompt, one.wrong) for one in words.opposites(rng, 300, kept=True)}
    taught = {(one.prompt, one.wrong) for one in words.opposites(rng, 3000, kept=False)}
    assert kept
    assert not kept & taught
    answers = {words.shaped(rng, one.wrong) for one in words.opposites(rng, 2000, kept=False)}
    assert not any(mark in answer for answer in answers for mark in ("<", ">", ":", "1", "2"))


def test_an_interval_holds_the_share_and_is_that_of_the_books() -> None:
    low, high = measured.wilson(10, 100)
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)
    assert measured.wilson(0, 200)[1] == pytest.approx(0.0188, abs=1e-4)
    assert measured.wilson(200, 200)[0] == pytest.approx(0.9812, abs=1e-4)


def shots(form: str, job: str) -> list[Any]:
    drawn: list[Any] = measured.shots(40, 5, getattr(words.FORMS["plain"], form), job)
    return drawn if job == "judge" else [shot._replace(wish=shot.one.wrong) for shot in drawn]
