"""Probes find what was planted in a layer, from that layer on, and nothing where there is nothing."""

from hashlib import sha256

import pytest
import torch
from msgspec import UNSET, structs
from tests.interpret.kinds import KINDS, made
from tests.interpret.probed import FIRST, asked, known, look_at, planted

from detent.interpret.look import Absent
from detent.interpret.probes import LEAST_ROWS, section
from detent.subject.build import Sizes, build_model, build_tokenizer
from detent.subject.load import Subject
from detent.values.inside import Known, Probe, Probes

LETTERS = tuple(("CR".index(prompt[0]),) for prompt in asked())
COINS = tuple((sha256(f"coin {place}".encode()).digest()[0] % 2,) for place in range(len(asked())))


def of(found: Probes, trait: str) -> list[Probe]:
    """By layer."""
    return [one for one in found.probes if one.trait == trait]


@pytest.fixture(scope="module")
def subject() -> Subject:
    return planted()


def test_a_trait_is_read_from_the_layer_that_brings_it_on_and_not_before(subject: Subject) -> None:
    """The letter stands at the first place; only the second block looks there."""
    readings = of(section(look_at(known({"letter": LETTERS}), subject)), "letter")
    assert [one.layer for one in readings] == [0, 1, 2]
    assert [one.accuracy[0] for one in readings][2] == 1.0
    for early in readings[:2]:
        assert early.accuracy[0] == pytest.approx(0.5, abs=0.05)
    assert all(one.shuffled == pytest.approx(0.5, abs=0.15) for one in readings)


def test_a_trait_that_is_nowhere_stays_near_its_control_also_with_more_features_than_prompts() -> None:
    """256 features, 60 prompts: any dealing of classes is fitted without a fault, and none is read."""
    wide = Subject(
        build_model(Sizes(hidden=256, intermediate=32, layers=2, heads=2), seed=3), build_tokenizer()
    )
    readings = of(section(look_at(known({"coin": COINS}), wide)), "coin")
    mean = sum(one.accuracy[0] or 0.0 for one in readings) / len(readings)
    control = sum(one.shuffled for one in readings) / len(readings)
    assert abs(mean - control) < 0.15
    assert mean < 0.65


def test_an_untouched_copy_reads_exactly_alike(subject: Subject) -> None:
    found = section(look_at(known({"letter": LETTERS}, models=2), subject, planted()))
    assert found.models == ("a" * 64, "b" * 64)
    assert found.prompts == len(asked()) // 2
    assert found.probes
    for one in found.probes:
        assert one.accuracy[0] == one.accuracy[1] == one.anew[0] == one.anew[1]


def test_a_reading_is_frozen_and_finds_nothing_where_the_trait_was_taken_out(subject: Subject) -> None:
    blind = planted()
    with torch.no_grad():
        dict(blind.model.named_parameters())["model.layers.1.self_attn.o_proj.weight"].zero_()
    reading = of(section(look_at(known({"letter": LETTERS}, models=2), subject, blind)), "letter")[2]
    assert reading.accuracy[0] == 1.0
    assert reading.accuracy[1] == pytest.approx(0.5, abs=0.05)


def test_what_a_later_model_holds_in_another_way_is_read_anew_and_not_by_the_frozen_reading(
    subject: Subject,
) -> None:
    turned = planted()
    weight = dict(turned.model.named_parameters())["model.layers.1.self_attn.o_proj.weight"]
    with torch.no_grad():
        weight.neg_()
    reading = of(section(look_at(known({"letter": LETTERS}, models=2), subject, turned)), "letter")[2]
    assert reading.anew == (1.0, 1.0)
    assert reading.accuracy[0] == 1.0
    assert (reading.accuracy[1] or 0.0) < 0.6


def test_the_same_seed_gives_the_same_figures_and_another_deals_other_controls(subject: Subject) -> None:
    one, same, other = (
        section(look_at(known({"letter": LETTERS}), subject, seed=seed)) for seed in (1, 1, 2)
    )
    assert one == same
    assert [p.accuracy for p in one.probes] == [p.accuracy for p in other.probes]
    assert [p.shuffled for p in one.probes] != [p.shuffled for p in other.probes]


def test_the_place_of_an_answer_is_read_where_positions_are_known(subject: Subject) -> None:
    readings = of(section(look_at(known({}), subject)), "position")
    assert readings[0].chance < 0.35
    assert (readings[-1].accuracy[0] or 0.0) > 2 * readings[-1].chance
    assert all(one.shuffled < 0.35 for one in readings)


def test_right_answers_are_told_from_wrong_ones_and_counted_evenly(subject: Subject) -> None:
    """A model that is nearly always right is not read for being so: its chance is one half."""
    mostly = tuple(place % 8 not in {2, 3} for place in range(len(asked())))
    by_letter = tuple(prompt[0] == "C" for prompt in asked())
    told = known({})
    told = Known(told.models, told.prompts, told.traits, right=(by_letter,))
    reading = of(section(look_at(told, subject)), "right")[2]
    assert (reading.accuracy, reading.chance) == ((1.0,), 0.5)
    for one in of(section(look_at(Known(told.models, told.prompts, {}, (mostly,)), subject)), "right"):
        assert (one.accuracy[0] or 0.0) < 0.75
        assert one.chance == 0.5


def test_of_a_model_that_is_never_right_there_is_no_such_reading(subject: Subject) -> None:
    assert of(section(look_at(known({}), subject)), "right") == []


def test_a_later_model_whose_answers_are_all_right_has_no_accuracy_there(subject: Subject) -> None:
    by_letter = tuple(prompt[0] == "C" for prompt in asked())
    told = Known(("a" * 64, "b" * 64), asked(), {}, (by_letter, (True,) * len(by_letter)))
    assert all(one.accuracy[1] is None for one in of(section(look_at(told, subject, planted())), "right"))


def test_another_width_or_no_such_layer_has_no_accuracy(subject: Subject) -> None:
    narrow = Subject(
        build_model(Sizes(hidden=16, intermediate=16, layers=1, heads=2), seed=1), build_tokenizer()
    )
    shallow = Subject(
        build_model(Sizes(hidden=32, intermediate=16, layers=1, heads=2), seed=1), build_tokenizer()
    )
    traits = known({"letter": LETTERS}, models=2)
    assert {one.accuracy[1] for one in of(section(look_at(traits, subject, narrow)), "letter")} == {None}
    there = [one.accuracy[1] is not None for one in of(section(look_at(traits, subject, shallow)), "letter")]
    assert there == [True, True, False]


def test_a_class_for_each_sign_is_read_place_by_place_and_its_control_knows_the_place(
    subject: Subject,
) -> None:
    """What depends on the place alone is read as well as on any dealing among prompts: the control says so."""
    by_place = tuple(tuple(place % 2 for place in range(4)) for _ in asked())
    readings = of(section(look_at(known({"odd": by_place}), subject)), "odd")
    for one in readings:
        assert one.shuffled == pytest.approx(one.accuracy[0])


def test_prompts_of_which_a_trait_is_not_known_are_left_out(subject: Subject) -> None:
    """Half of the prompts have none: with a wrong class for each of them nothing would be read."""
    half = tuple(one if place % 8 < 4 else () for place, one in enumerate(LETTERS))
    assert of(section(look_at(known({"letter": half}), subject)), "letter")[2].accuracy == (1.0,)
    few = tuple(one if place < 2 * LEAST_ROWS - 2 else () for place, one in enumerate(LETTERS))
    assert of(section(look_at(known({"letter": few}), subject)), "letter") == []


def test_classes_of_signs_are_not_laid_onto_tokens_that_are_words(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = build_tokenizer()
    monkeypatch.setattr(tokenizer, "decode", lambda ids, **_: "two " * len(ids))
    worded = Subject(subject.model, tokenizer)
    traits = {"odd": tuple((0, 1, 0, 1) for _ in asked()), "letter": LETTERS}
    found = section(look_at(known(traits), worded))
    assert (of(found, "odd"), len(of(found, "letter"))) == ([], 3)


def test_nothing_that_is_known_is_a_reason_and_no_failure(subject: Subject) -> None:
    look = look_at(known({}), subject)
    look.job = structs.replace(look.job, known=UNSET)
    with pytest.raises(Absent, match="nothing was told"):
        section(look)
    few = Known((FIRST,), asked()[:6], {"letter": LETTERS[:6]}, ((False,) * 6,))
    look = look_at(few, subject)
    look.limits = lambda _, prompts: [1] * len(prompts)
    with pytest.raises(Absent, match="fewer than"):
        section(look)


@pytest.mark.parametrize("kind", KINDS)
def test_any_decoder_is_read_layer_by_layer_and_its_copy_alike(kind: str) -> None:
    """What is at hand in a decoder of random weights: which token was just written, so that places tell apart."""
    subject = made(kind)
    found = section(look_at(known({"letter": LETTERS}, models=2), subject, made(kind)))
    assert {one.layer for one in of(found, "letter")} == {0, 1, 2}
    assert all(one.accuracy[0] == one.accuracy[1] for one in found.probes)
    assert of(found, "letter")[0].accuracy[0] == pytest.approx(0.5, abs=0.1)  # all prompts end alike
    assert (of(found, "letter")[2].accuracy[0] or 0.0) > 0.7
