"""A comparison is believed only where it says what two models can have; scores where they are probabilities."""

from math import inf, nan

import pytest
from msgspec import structs

from detent.engine import FakeEngine
from detent.errors import EngineError
from detent.values import (
    Answers,
    Example,
    Interpreted,
    InterpretJob,
    LabelJob,
    Labels,
    Result,
    Scored,
    ScoreJob,
)
from detent.values.inside import (
    ALWAYS,
    Flip,
    Gained,
    Head,
    Heads,
    Layers,
    Lens,
    Moved,
    Patch,
    Patches,
    Probes,
    Splice,
    Splices,
    Tokens,
    Weights,
    Words,
)

JOB = InterpretJob(
    models=("1" * 64, "2" * 64),
    prompts=("C1=", "C2="),
    sections=(*ALWAYS, "heads", "probes", "splices", "patches"),
    gained=(Gained("C3=", "1", "3"), Gained("C4=", "1", "4")),
)
HONEST = Interpreted(
    layers=Layers(similarity=((1.0, 0.5), (0.5, -0.01)), matched=((0, 0), (1, 1))),
    weights=Weights(modules=(Moved("layers.0.mlp", 0.1, top=(0.9, 0.4), rank=1.5, along=-0.2),), share=0.1),
    lens=Lens(layers=((0, 0), (1, 1)), divergence=((0.0, 0.1), (0.2, 0.3)), counts=(2, 1)),
    words=Words(divergence=0.25, flips=0.5, tokens=4, examples=(Flip("C1=", "", "1", "2", 0.7),)),
    heads=Heads(heads=(Head(blocks=(1, 1), head=1, entropy=(0.5, 0.7), moved=0.3),), places=4),
    splices=Splices(gain=1.5, rows=2, parts=(Splice("block 1", 0.8, 0.7),)),
    patches=Patches(
        gain=1.5, rows=1, labels=("C", "="), patches=(Patch(1, 0, 0.9, (0.0, 0.9)), Patch(1, 1, 0.1))
    ),
    absent={"probes": "no model was named"},
)


def asked(result: Result) -> Result:
    with FakeEngine(lambda _: result).opening() as ask:
        return ask(JOB, lambda _: None)


def other(section: str, **changes: object) -> Interpreted:
    return structs.replace(HONEST, **{section: structs.replace(getattr(HONEST, section), **changes)})


POSSIBLE: dict[str, Interpreted] = {
    "as measured": HONEST,
    "the same model twice": other("words", divergence=0.0, flips=0.0, examples=()),
    "a similarity of one and its rounding": other("layers", similarity=((1.0 + 1e-9, 0.0), (0.0, 1.0))),
    "a deeper model than the other": structs.replace(
        HONEST,
        layers=Layers(similarity=((1.0, 0.5, 0.2), (0.5, 0.1, 0.9)), matched=((0, 0), (1, 2))),
        lens=structs.replace(HONEST.lens, layers=((0, 0), (1, 2))),  # type: ignore[type-var]
    ),
    "nothing but reasons": Interpreted(absent=dict.fromkeys(JOB.sections, "it is too far away")),
}


@pytest.mark.parametrize("case", POSSIBLE)
def test_what_can_be_found_inside_two_models_is_believed(case: str) -> None:
    assert asked(POSSIBLE[case]) is POSSIBLE[case]


IMPOSSIBLE: dict[str, Interpreted] = {
    "a divergence below zero": other("words", divergence=-0.001),
    "a divergence without end": other("words", divergence=inf),
    "a divergence that is no number": other("words", divergence=nan),
    "fewer flips than none": other("words", flips=-0.1),
    "more flips than places": other("words", flips=1.1),
    "flips that are no number": other("words", flips=nan),
    "no token": other("words", tokens=0),
    "more examples than are kept": other("words", examples=HONEST.words.examples * 13),  # type: ignore[union-attr]
    "an example as long as a book": other("words", examples=(Flip("C" * 401, "", "1", "2", 0.7),)),
    "no layer at all": other("layers", similarity=(), matched=()),
    "no pair of layers": other("layers", matched=()),
    "a layer more alike than alike": other("layers", similarity=((1.0, 0.0), (0.0, 1.01))),
    "a layer less alike than opposite": other("layers", similarity=((-1.01, 0.0), (0.0, 1.0))),
    "a layer that is no number": other("layers", similarity=((nan, 0.0), (0.0, 1.0))),
    "a table with a hole": other("layers", similarity=((1.0,), (0.0, 1.0))),
    "a pair of layers that are not there": other("layers", matched=((0, 0), (2, 2))),
    "pairs of layers that cross": other("layers", matched=((0, 1), (1, 0))),
    "pairs that leave out a layer": other("layers", matched=((0, 0),)),
    "layers without places": other("layers", similarity=((), ()), matched=((0, 0),)),
    "a lens of layers that are not there": other("lens", layers=((0, 0), (7, 7))),
    "a lens of fewer texts than none": other("lens", counts=(2, -1)),
    "weights that together moved less than not at all": other("weights", share=-0.1),
    "a number that no entry can hold": other("words", tokens=1 << 53),
    "an example less divergent than the same": other("words", examples=(Flip("C1=", "", "1", "2", -0.7),)),
    "a head before the first": other("heads", heads=(Head((1, 1), 0, (0.5, 0.7), 0.3),)),
    "fewer heads than none": other("heads", unmatched=-1),
    "a gain on more rows than were told": other("splices", rows=3),
    "a gain on no row": other("patches", rows=0),
    "a share beyond all numbers that are used": other("splices", parts=(Splice("block 1", 1e308, 0.7),)),
    "shares at other places than are named": other("patches", labels=("C",)),
    "a block before the first": other("patches", patches=(Patch(0, 1, 0.9),)),
    "a lens for other places than it counts": other("lens", counts=(2,)),
    "a module that moved less than not at all": other("weights", modules=(Moved("w", -0.1),)),
    "a direction with more than all of the change": other("weights", modules=(Moved("w", 0.1, top=(1.1,)),)),
    "a cosine beyond one": other("weights", modules=(Moved("w", 0.1, along=1.1),)),
    "a head that looks away by more than all": other("heads", heads=(Head((1, 1), 1, (0.5, 0.7), 1.1),)),
    "a head of no block": other("heads", heads=(Head((0, 1), 1, (0.5, 0.7), 0.3),)),
    "a section that nobody asked for": structs.replace(HONEST, tokens=Tokens(layers=(), places=4)),
    "a section that is there and absent": structs.replace(HONEST, absent={"probes": "none", "words": "gone"}),
    "a section that is neither there nor absent": structs.replace(HONEST, absent={}),
    "a reason as long as a book": structs.replace(HONEST, absent={"probes": "x" * 401}),
    "a list without end": other(
        "lens", counts=tuple(range(200_000)), divergence=(tuple([0.1] * 200_000),) * 2
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_cannot_be_found_inside_two_models_is_not(case: str) -> None:
    with pytest.raises(EngineError, match="its result is not used"):
        asked(IMPOSSIBLE[case])


def test_what_a_look_got_instead_is_told_in_one_line_that_no_terminal_obeys() -> None:
    pairs = ((0, 0), *((2, 2),) * 10_000)
    named = structs.replace(HONEST, absent={}, probes=Probes((), ("\x1b[2J\u202e",) * 1000, 9))
    for found in (other("layers", matched=pairs), named):
        with pytest.raises(EngineError) as refused:
            asked(found)
        assert len(str(refused.value)) < 500
        assert str(refused.value).isprintable()


def test_a_look_inside_is_not_answered_with_answers() -> None:
    with pytest.raises(EngineError, match="the kind of result that InterpretJob has"):
        asked(Answers(completions=("1", "2")))


SCORES: dict[str, tuple[float, ...]] = {
    "a probability above one": (-1.0, 0.1),
    "no probability at all": (-1.0, -inf),
    "no number": (-1.0, nan),
    "fewer scores than rows": (-1.0,),
    "more scores than rows": (-1.0, -1.0, -1.0),
}


@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES.keys())
def test_scores_are_not_believed_that_are(scores: tuple[float, ...]) -> None:
    job = ScoreJob(model="1" * 64, rows=(("C1=1?", "yY"), ("C2=2?", "yY")))
    engine = FakeEngine(lambda _: Scored(log_likelihoods=scores))
    with pytest.raises(EngineError, match="its result is not used"):
        engine.run(job, lambda _: None)


@pytest.mark.parametrize("judged", [-0.1, 1.1, nan])
def test_a_judges_word_that_is_no_probability_is_not_believed(judged: float) -> None:
    job = LabelJob(models=("1" * 64,), prompts={"copy": {"6": ("C1=",)}}, recipes={}, seed=1)
    said = Labels(kept=(Example("copy", 6, "C1=", "1", judged=judged),), offered={})
    with pytest.raises(EngineError, match="a judge's word in"):
        FakeEngine(lambda _: said).run(job, lambda _: None)
