"""What is drafted and revised, and which revisions are kept: rules, over the models' own words."""

import pytest

from detent.charter import Constitution, Feedback, Principle
from detent.propose import (
    Posed,
    asked_of,
    drawn_from,
    kept_revisions,
    lasting_rungs,
    principled_rungs,
    refined_rungs,
    revise_job,
    taught_principles,
)
from detent.values import (
    DataProposal,
    Example,
    Filter,
    Item,
    LabelRecipe,
    Mix,
    Problem,
    Revision,
    RevisionStep,
    Rung,
    Slice,
    Use,
)

KEEP = Filter(0.5, 1.0, 0)
FEEDBACK = Feedback(methods=("constitution",), probes=60)


def principle(probes: str = "", weight: float = 1.0) -> Principle:
    return Principle(text="Say it plainly.", source="the author", probes=probes, weight=weight)


CONSTITUTION = Constitution(
    principles={"careful": principle("unsure"), "plain": principle(), "sound": principle("malformed", 2.0)}
)


def proposal(method: str, **shares: float) -> DataProposal:
    """Copy is labelled on 5 to 7, of which 6 and 7 are new; reverse has nothing new."""
    recipes = {
        "copy": LabelRecipe(6, tuple(Rung(level, 10 * level, KEEP) for level in (5, 6, 7))),
        "reverse": LabelRecipe(9, (Rung(8, 10, KEEP),)),
    }
    uses = {method: {name: Use(share) for name, share in shares.items()}}
    return DataProposal((), recipes, Mix(0.5, 0.25, 0.25), 1, "", uses)


def test_the_prompts_from_the_frontier_on_are_drafted_as_many_as_the_method_is_worth() -> None:
    assert refined_rungs(proposal("refine", copy=0.5, reverse=1.0)) == {"copy": {6: 30, 7: 35}}
    assert refined_rungs(proposal("refine", copy=0.0)) == {}


def test_principles_are_drawn_by_weight_on_every_level_and_unsure_above_what_is_labelled() -> None:
    plan = proposal("constitution", careful=1.0, plain=1.0, sound=1.0)
    found = principled_rungs(plan, CONSTITUTION, FEEDBACK, {"copy": 9, "reverse": 9})
    asked = {name: (min(row), max(row), sum(row.values())) for name, row in found.items()}
    assert asked["P/careful/copy"] == (8, 9, 22)
    assert asked["P/careful/reverse"] == (9, 9, 22)
    assert asked["P/plain/copy"] == (1, 9, 18)
    assert asked["P/sound/copy"] == (1, 9, 45)


def test_a_principle_with_prompts_that_nobody_answered_is_taught_by_them_and_not_by_ladders() -> None:
    prompted = principle().model_copy(update={"prompts": "open.jsonl"})
    constitution = Constitution(principles={"plain": principle(), "kind": prompted})
    found = principled_rungs(
        proposal("constitution", plain=1.0, kind=1.0), constitution, FEEDBACK, {"copy": 9, "reverse": 9}
    )
    assert set(found) == {"P/plain/copy", "P/plain/reverse", "P/kind/*"}
    assert found["P/kind/*"] == {1: FEEDBACK.probes}
    assert drawn_from(found, constitution)["P/kind/*"] == "P/kind/*"


def test_one_that_is_switched_off_is_not_drawn() -> None:
    plan = proposal("constitution", careful=0.0, sound=1.0)
    assert set(principled_rungs(plan, CONSTITUTION, FEEDBACK, {"copy": 9})) == {"P/sound/copy"}


def test_a_principle_without_built_in_probes_is_asked_about_the_tasks_own_problems() -> None:
    rungs = {"P/plain/copy": {1: 1}, "P/sound/copy": {1: 1}, "copy": {1: 1}}
    assert drawn_from(rungs, CONSTITUTION) == {
        "P/plain/copy": "copy",
        "P/sound/copy": "P/sound/copy",
        "copy": "copy",
    }
    assert taught_principles(FEEDBACK, CONSTITUTION) == {"careful": "unsure", "sound": "malformed"}
    assert taught_principles(Feedback(), CONSTITUTION) == {}


def test_a_job_has_prompts_and_no_answers_and_says_the_principle_in_signs_or_in_words() -> None:
    items = [Item(Slice("P/sound/copy", 2), Problem("C1x=", "?"))]
    job = revise_job("a" * 64, asked_of(items), FEEDBACK, 4, CONSTITUTION)
    assert (job.prompts, job.principles, job.drafts) == (("C1x=",), ("sound",), ())
    words = Feedback(methods=("constitution",), forms="words")
    spoken = revise_job("a" * 64, asked_of(items), words, 4, CONSTITUTION)
    assert spoken.principles == ("Say it plainly.",)
    assert spoken.revise.fenced
    assert spoken.critique is not None
    assert spoken.critique.fenced
    plain = revise_job("a" * 64, [Posed(Slice("copy", 2), "C12=")], FEEDBACK, 4, CONSTITUTION)
    assert plain.principles == ()


def test_problems_that_are_a_principles_own_are_kept_up_when_nobody_changes_a_draft() -> None:
    names = ["P/sound/copy", "P/careful/copy", "P/plain/copy", "copy"]
    lasting = lasting_rungs(names, CONSTITUTION)
    assert lasting == {"P/sound/copy"}
    asked = [Posed(Slice(name, 2), "C1x=") for name in names]
    same = [[ends("?", "?")] * len(names)] * 2
    [row] = kept_revisions(asked, same, FEEDBACK, lasting)
    assert (row.task, row.completion, row.draft) == ("P/sound/copy", "?", "?")


def ends(draft: str, final: str, sure: float = 0.9) -> Revision:
    return Revision(draft, (RevisionStep("", final, sure),), final, sure, "rounds")


AGREED = {
    "all end with one answer that one of them had drafted otherwise": (
        [("21", "12"), ("12", "12")],
        0.9,
        "21",
    ),
    "all had drafted something else": ([("21", "12"), ("11", "12")], 0.9, "21"),
    "nobody changed anything": ([("12", "12"), ("12", "12")], 0.9, None),
    "they end with different answers": ([("21", "12"), ("21", "11")], 0.9, None),
    "they end with nothing": ([("21", ""), ("21", "")], 0.9, None),
    "one of them is not sure": ([("21", "12"), ("12", "12")], 0.6, None),
}


@pytest.mark.parametrize(("ended", "sure", "draft"), AGREED.values(), ids=AGREED.keys())
def test_a_revision_is_kept_where(ended: list[tuple[str, str]], sure: float, draft: str | None) -> None:
    rows = [[ends(*one, sure=sure if place else 0.9)] for place, one in enumerate(ended)]
    kept = kept_revisions([Posed(Slice("copy", 2), "C12=")], rows, Feedback())
    wanted = [] if draft is None else [Example("copy", 2, "C12=", "12", confidence=0.9, draft=draft)]
    assert kept == wanted
