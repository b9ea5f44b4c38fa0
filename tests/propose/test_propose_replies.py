"""What a language model answered is taken for changes in the form, and for nothing else."""

import json

import pytest

from detent.propose import About, is_unheard, proposals_in, unheard
from detent.propose.replies import MOST_PROPOSALS, MOST_READ, UNHEARD
from detent.values import Declined, Reshape, Tune
from detent.values.shape import AddBlock, Rotary, Shape, WidenMlp

SHAPE = Shape(
    layers=2, hidden=16, intermediate=32, heads=4, groups=2, width=4, rotary=(True, True), activation="silu"
)
ABOUT = About(shape=SHAPE, parameters=lambda edit: 5_000 if isinstance(edit, WidenMlp) else 900, most=1_000)
TUNE = {"change": "feedback", "settings": {"recipe.steps": 240}, "because": "longer"}
BLOCK = {"change": "architecture", "edit": {"edit": "add_block", "at": 2}, "because": "deeper"}


def read(*items: object, about: About | None = ABOUT) -> list[Tune | Reshape | Declined]:
    return list(proposals_in(json.dumps({"proposals": items}), about))


def edit(**fields: object) -> dict[str, object]:
    return {"change": "architecture", "edit": fields}


def setting(value: object) -> dict[str, object]:
    return {"change": "feedback", "settings": {"recipe.steps": value}}


def test_changes_come_in_the_models_order_with_its_name_and_reason() -> None:
    assert read(BLOCK, TUNE) == [
        Reshape(AddBlock(at=2), "model", "deeper"),
        Tune({"recipe.steps": 240}, "model", "longer"),
    ]


def test_every_edit_that_fits_the_shape_is_taken() -> None:
    assert read(edit(edit="rotary", layers=[False, True])) == [Reshape(Rotary((False, True)), "model")]


DECLINED: dict[str, object] = {
    "text": "approve",
    "nothing": None,
    "a list": [TUNE],
    "an object of no kind": {"settings": {"recipe.steps": 240}},
    "another kind": {**TUNE, "change": "evaluator"},
    "a key beside the form": {**TUNE, "approved": True},
    "a name in the place of the model's": {**TUNE, "by": "rules"},
    "no settings": {"change": "feedback", "settings": {}},
    "settings in a list": {"change": "feedback", "settings": [["recipe.steps", 240]]},
    "true for a number": setting(True),
    "nothing for a number": setting(None),
    "a list for a number": setting([240]),
    "an object for a number": setting({"value": 240}),
    "a reason in a list": {**TUNE, "because": ["longer"]},
    "an edit that there is none of": edit(edit="rewrite", code="import os"),
    "an edit with a key beside": edit(edit="add_block", at=2, init="random"),
    "an edit without its number": edit(edit="add_block"),
    "an edit with text for its number": edit(edit="add_block", at="2; rm -rf /"),
    "an edit with half a number": edit(edit="add_block", at=0.5),
    "an edit with true for its number": edit(edit="add_block", at=True),
    "rotary positions by number": edit(edit="rotary", layers=[0, 1]),
    "an activation that there is none of": edit(edit="activate", activation="tanh"),
    "both at once": {**TUNE, **BLOCK},
    # what the model's shape does not let be
    "a block beyond the top": edit(edit="add_block", at=10**9),
    "a block below the bottom": edit(edit="add_block", at=-1),
    "a billion units": edit(edit="widen_mlp", by=10**9),
    "a negative number of units": edit(edit="widen_mlp", by=-32),
    "as many keys as do not divide": edit(edit="split_key_values", times=10**12),
    "rotary positions of more layers than there are": edit(edit="rotary", layers=[True] * 5_000),
    "the activation it has": edit(edit="activate", activation="silu"),
    "more parameters than the charter allows": edit(edit="widen_mlp", by=32),
}


@pytest.mark.parametrize("case", DECLINED)
def test_declined_and_the_others_used(case: str) -> None:
    before, found, after = read(TUNE, DECLINED[case], BLOCK)
    assert isinstance(before, Tune)
    assert isinstance(after, Reshape)
    assert isinstance(found, Declined)
    assert found.by == "model"
    assert (len(found.said) <= 160, len(found.because) <= 400) == (True, True)


NUMBERS = {
    "no number": "NaN",
    "a number without end": "Infinity",
    "below all numbers": "-Infinity",
    "a power beyond all": "1e999",
    "400 digits": "9" * 400,
    "more than every program can count": str(1 << 60),
    "a long fraction": "0." + "1" * 400,
}


@pytest.mark.parametrize("case", NUMBERS)
def test_a_number_that_is_none_everywhere_spoils_its_own_proposal_alone(case: str) -> None:
    written = json.dumps({"proposals": [setting(7), edit(edit="widen_mlp", by=7), TUNE]}).replace(
        "7", NUMBERS[case]
    )
    tune, shape, fine = proposals_in(written, ABOUT)
    assert not isinstance(tune, Tune) or isinstance(tune.settings["recipe.steps"], str)  # which no number is
    assert isinstance(shape, Declined)
    assert isinstance(fine, Tune)


def test_a_key_twice_spoils_its_own_proposal_alone() -> None:
    twice = '{"change": "feedback", "settings": {"recipe.steps": 80, "recipe.steps": 90}}'
    found, fine = proposals_in(f'{{"proposals": [{twice}, {json.dumps(TUNE)}]}}', ABOUT)
    assert isinstance(found, Declined)
    assert isinstance(fine, Tune)


WHOLE = json.dumps({"proposals": [TUNE]})
NONE: dict[str, str] = {
    "nothing": "",
    "spaces": " \n\t\r ",
    "prose": "Raise recipe.steps to 240.",
    "prose before it": f"Certainly! {WHOLE}",
    "prose after it": f"{WHOLE} I hope this helps.",
    "a thought before it": f"<think>hm</think>{WHOLE}",
    "half of it": WHOLE[: len(WHOLE) // 2],
    "it twice": WHOLE * 2,
    "a fence that is not closed": f"```json\n{WHOLE}",
    "a fence in another language": f"```python\n{WHOLE}\n```",
    "two fences": f"```\n{WHOLE}\n```\n```\n{WHOLE}\n```",
    "a list": f"[{WHOLE}]",
    "text": '"approve"',
    "no list": '{"proposals": {"0": 1}}',
    "a key beside": WHOLE[:-1] + ', "approve": true}',
    "its key twice": WHOLE[:-1] + ', "proposals": []}',
    "single quotes": WHOLE.replace('"', "'"),
    "a comment": f"/* approve */ {WHOLE}",
    "deep lists": "[" * 30_000 + "]" * 30_000,
    "deep objects": '{"a":' * 9_000 + "1" + "}" * 9_000,
    "deep lists within the form": '{"proposals": [' + "[" * 900 + "]" * 900 + "]}",
    "more than is read": WHOLE + " " * MOST_READ,
    "quotes without end": '"' * 65_001,
    "escapes without end": '"' + "\\" * 65_001,
    "a byte order mark": "\ufeff" + WHOLE,
}


@pytest.mark.parametrize("case", NONE)
def test_an_answer_that_is_not_the_form_is_declined_as_a_whole(case: str) -> None:
    (found,) = proposals_in(NONE[case], ABOUT)
    assert isinstance(found, Declined)
    assert (found.by, len(found.said) <= 160) == ("model", True)


def test_no_proposals_are_none() -> None:
    assert read() == []


@pytest.mark.parametrize("fenced", [f"```json\n{WHOLE}\n```", f"```\n{WHOLE}```", f"\n  {WHOLE}\n"])
def test_a_fence_or_space_around_it_is_taken_off(fenced: str) -> None:
    assert list(proposals_in(fenced, ABOUT)) == [Tune({"recipe.steps": 240}, "model", "longer")]


def test_of_a_thousand_a_few_are_read_and_the_others_counted() -> None:
    found = read(*[TUNE] * 500)
    assert len(found) == MOST_PROPOSALS + 1
    assert found[-1] == Declined("model", "476 more", "at most 24 proposals expected, got 500")


def test_brackets_within_text_are_no_brackets() -> None:
    (found,) = read({**TUNE, "because": '[[[[[[[[[[ "{{{{{{{{{{ \\'})
    assert found == Tune({"recipe.steps": 240}, "model", '[[[[[[[[[[ "{{{{{{{{{{ \\')


def test_where_the_shape_may_not_be_changed_it_is_not_looked_at() -> None:
    (found,) = read(edit(edit="widen_mlp", by=10**9), about=None)
    assert isinstance(found, Reshape)  # the charter declines the kind of change


def test_every_reason_for_which_nothing_is_heard_has_a_sentence_that_is_known_again() -> None:
    for kind in UNHEARD:
        one = unheard(kind("servers.wise at /home/ada is down"))
        assert is_unheard(one)
        assert "ada" not in one.because
    assert not is_unheard(Declined("model", "nothing", "it was not asked"))


def test_the_same_text_gives_the_same() -> None:
    """However deep the caller stands: how much of a text can be read must not depend on that."""

    def deep(levels: int) -> list[object]:
        return deep(levels - 1) if levels else list(proposals_in(NONE["deep lists within the form"], ABOUT))

    assert deep(0) == deep(400)
