"""Revising is taught from true answers and a public stream alone: drafts, their marks, what should be said."""

from collections import Counter

import pytest

from detent.propose import corrections
from detent.values import Example, marks

SEEDS = [Example("copy", 4, f"C{n}=", str(n)) for n in range(1000, 1200)]
STREAM = b"corrections".ljust(32)
PRINCIPLES = {"bounds": "alphabet", "careful": "unsure", "sound": "malformed"}


def by_principle(name: str) -> list[tuple[str, str, str]]:
    """(prompt, draft, completion) of the critiques by a principle."""
    found = corrections(SEEDS, STREAM, 200, refined=False, principles=PRINCIPLES)
    rows = [row for row in found if row.task == f"P/{name}/copy" and row.prompt.count("~") == 2]
    parts = [(*row.prompt.split("~")[0].split(":"), row.completion) for row in rows]
    return [(prompt, draft, completion) for prompt, draft, completion in parts]


def test_every_draft_has_its_marks_and_then_the_answer() -> None:
    found = corrections(SEEDS, STREAM, 200)
    assert len(found) == 2 * len(SEEDS)
    for example, critique, revision in zip(SEEDS, found[::2], found[1::2], strict=True):
        draft = critique.prompt.removeprefix(example.prompt).removesuffix("~")
        assert critique.completion == marks(draft, example.completion)
        assert revision.prompt == f"{critique.prompt}{critique.completion}~"
        assert revision.completion == example.completion
    right = sum(row.completion.endswith("Y") for row in found[::2])
    assert 70 < right < 130


def test_the_same_stream_gives_the_same_and_another_others() -> None:
    assert corrections(SEEDS, STREAM, 200) == corrections(SEEDS, STREAM, 200)
    assert corrections(SEEDS, STREAM, 200) != corrections(SEEDS, bytes(32), 200)


def test_no_more_of_a_rung_than_wanted() -> None:
    assert len(corrections(SEEDS, STREAM, 5)) == 10


def test_an_example_is_used_for_one_principle() -> None:
    found = corrections(SEEDS, STREAM, 200, refined=False, principles=PRINCIPLES)
    assert Counter(row.task for row in found) == {
        "P/bounds/copy": 134,
        "P/careful/copy": 134,
        "P/sound/copy": 132,
    }


def test_a_malformed_problem_has_one_answer_and_every_other_character_is_marked() -> None:
    for prompt, draft, critique in by_principle("sound"):
        assert prompt not in {example.prompt for example in SEEDS}
        assert critique == ("yY" if draft == "?" else "n" * len(draft) + "N")


def test_when_unsure_a_wrong_draft_is_marked_where_it_is_wrong_and_abstaining_never() -> None:
    found = by_principle("careful")
    assert {critique for _, draft, critique in found if draft == "?"} == {"yY"}
    for prompt, draft, critique in found:
        if draft != "?":
            assert critique == marks(draft, prompt[1:-1])


def test_what_is_not_of_an_answers_alphabet_is_marked_and_nothing_else() -> None:
    for _, draft, critique in by_principle("bounds"):
        wanted = "".join("y" if one.isdigit() or draft == "?" else "n" for one in draft)
        assert critique == wanted + ("N" if "n" in wanted or not draft else "Y")


@pytest.mark.parametrize("name", PRINCIPLES)
def test_what_keeps_to_a_principle_is_left_as_it_is_and_what_breaks_it_is_mended(name: str) -> None:
    found = corrections(SEEDS, STREAM, 200, refined=False, principles=PRINCIPLES)
    rows = [row for row in found if row.task == f"P/{name}/copy"]
    for critique, revision in zip(rows[::2], rows[1::2], strict=True):
        prompt, draft = critique.prompt.split("~")[0].split(":")
        broken = critique.completion.endswith("N")
        assert revision.completion == (prompt[1:-1] if name == "bounds" else "?") if broken else draft
