"""Controls of the whole pack, changes of shape, and models that are hostile or odd."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.interpret.kinds import KINDS, PROMPTS, made

from detent.engine.inside import unbelievable
from detent.errors import DetentError, SubjectError
from detent.interpret.pack import looked
from detent.subject.build import build_tokenizer
from detent.subject.load import Subject
from detent.subject.noise import noisy
from detent.subject.reshape import reshaped
from detent.testing.language import FAMILIES, language_model
from detent.values import Interpreted, InterpretJob
from detent.values.inside import ALWAYS, DEEPER, Gained, Known, Section
from detent.values.shape import (
    Activate,
    AddBlock,
    AddHeads,
    Edit,
    MergeKeyValues,
    RemoveBlock,
    RemoveHeads,
    Rotary,
    SplitKeyValues,
    WidenHidden,
    WidenMlp,
)

MINE: tuple[Section, ...] = ("layers", "weights", "lens", "words", "tokens")


def inside(
    before: Subject, after: Subject, prompts: tuple[str, ...] = PROMPTS, *, limit: int = 6, **given: Any
) -> Interpreted:
    """The sections, as the overseer believes them."""
    models = {"a" * 64: before, "b" * 64: after}
    job = InterpretJob(models=("a" * 64, "b" * 64), prompts=prompts, **{"sections": MINE, **given})
    found = looked(job, models.__getitem__, lambda _, asked: [limit] * len(asked), lambda *_: None)
    assert unbelievable(job.sections, found) is None
    return found


def assert_nothing_changed(found: Interpreted) -> None:
    """Exactly."""
    assert not found.absent
    assert [row[at] for at, row in enumerate(found.layers.similarity)] == [1.0] * len(found.layers.similarity)  # type: ignore[union-attr]
    assert {(one.share, one.top) for one in found.weights.modules} == {(0.0, ())}  # type: ignore[union-attr]
    assert (found.weights.share, found.weights.unmatched) == (0.0, ())  # type: ignore[union-attr]
    assert {value for row in found.lens.divergence for value in row} == {0.0}  # type: ignore[union-attr]
    assert (found.words.divergence, found.words.flips, found.words.examples) == (0.0, 0.0, ())  # type: ignore[union-attr]
    assert {(one.size, one.more, one.fewer) for one in found.tokens.layers} == {(0.0, (), ())}  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", KINDS)
def test_an_untouched_copy_reads_as_no_change_at_all(kind: str) -> None:
    a = made(kind)
    assert_nothing_changed(inside(a, noisy(a, 0.0, seed=0)))


@pytest.mark.parametrize("family", FAMILIES)
def test_of_language_models_too(family: Any) -> None:
    a = Subject(*language_model(family))
    assert_nothing_changed(inside(a, noisy(a, 0.0, seed=0), ("What is one?", "Copy 1", "Say café")))


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt2"])
def test_in_bfloat16_too(kind: str) -> None:
    a = made(kind)
    a.model.to(torch.bfloat16)  # type: ignore[arg-type]
    assert_nothing_changed(inside(a, noisy(a, 0.0, seed=0)))
    found = inside(a, noisy(a, 0.3, seed=2))
    assert not found.absent
    assert found.lens.divergence[1][0] > 0  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["smollm3", "gpt2", "mixtral"])
def test_twice_is_the_same_to_the_last_bit(kind: str) -> None:
    a = made(kind)
    b = noisy(a, 0.3, seed=2)
    torch.manual_seed(1)
    first = inside(a, b)
    torch.manual_seed(2)
    assert first == inside(a, b)


@pytest.mark.parametrize("kind", ["smollm3", "gpt2"])
def test_another_seed_of_training_is_no_copy(kind: str) -> None:
    a = made(kind)
    found = inside(a, noisy(a, 0.3, seed=2))
    assert found.layers.similarity[-1][-1] < 1.0  # type: ignore[union-attr]
    assert found.weights.share > 0.1  # type: ignore[union-attr]
    assert found.words.divergence > 0  # type: ignore[union-attr]


EDITS: dict[str, tuple[Edit, dict[Section, str]]] = {
    "a block more": (AddBlock(1), {}),
    "a block less": (RemoveBlock(0), {}),
    "a wider MLP": (WidenMlp(8), {}),
    "more heads": (AddHeads(1), {}),
    "fewer heads": (RemoveHeads(0), {}),
    "keys and values split": (SplitKeyValues(2), {}),
    "keys and values merged": (MergeKeyValues(2), {}),
    "a wider stream": (
        WidenHidden(24),
        {
            "weights": "no module of the one has its like in the other",
            "tokens": "their widths differ, 48 and 72",
        },
    ),
    "rotary positions": (Rotary((False, False, True)), {}),
    "another activation": (Activate("gelu"), {}),
}


@pytest.mark.parametrize("case", EDITS)
def test_each_edit_of_a_shape_has_its_figures_or_a_reason(case: str) -> None:
    edit, absent = EDITS[case]
    family = made(
        "smollm3",
        hidden_size=48,
        num_hidden_layers=3,
        head_dim=8,
        no_rope_layers=[1, 1, 1],
        tie_word_embeddings=False,
    )
    after = Subject(reshaped(family.model, edit, seed=1), family.tokenizer)
    for pair in ((family, after), (after, family)):
        found = inside(*pair)
        assert set(found.absent) == set(absent)
    found = inside(family, after)
    assert found.absent == absent
    if edit.keeps:
        assert found.words.divergence < 1e-6  # type: ignore[union-attr]
        assert max(found.lens.divergence[-1]) < 1e-6  # type: ignore[union-attr]
    else:
        assert found.words.divergence > 1e-9  # type: ignore[union-attr]
    if not isinstance(edit, WidenHidden):
        # The embedding is the same; its shape or the order of nothing in it has changed.
        assert found.layers.similarity[0][0] == pytest.approx(1.0, abs=1e-9)  # type: ignore[union-attr]


def plain_pair() -> tuple[Subject, Subject]:
    return made("llama"), made("llama", seed=2)


def not_a_number() -> tuple[Subject, Subject]:
    a, b = plain_pair()
    with torch.no_grad():
        b.model.get_output_embeddings().weight.fill_(float("nan"))  # type: ignore[no-untyped-call]
    return a, b


def unbounded() -> tuple[Subject, Subject]:
    a, b = plain_pair()
    with torch.no_grad():
        b.model.get_input_embeddings().weight.fill_(float("inf"))  # type: ignore[operator]
    return a, b


def unbounded_within() -> tuple[Subject, Subject]:
    """A number that the output blows up beyond all bounds, and that the last block takes away before it gets there."""
    a, b = (made("llama", mlp_bias=True, seed=seed) for seed in (1, 2))
    named = dict(b.model.named_parameters())
    with torch.no_grad():
        named["model.embed_tokens.weight"][:, 0] = 1.0
        named["lm_head.weight"][5, 0] = 3e38
        for block in (0, 1):
            named[f"model.layers.{block}.self_attn.o_proj.weight"][0] = 0.0
            named[f"model.layers.{block}.mlp.down_proj.weight"][0] = 0.0
            named[f"model.layers.{block}.mlp.down_proj.bias"][0] = -float(block)
    return a, b


def other_words() -> tuple[Subject, Subject]:
    a, b = plain_pair()
    tokenizer = build_tokenizer()
    tokenizer.add_tokens(["<new>"])
    return a, Subject(b.model, tokenizer)


REFUSED: dict[str, tuple[Callable[[], tuple[Subject, Subject]], tuple[str, ...], type[DetentError], str]] = {
    "weights that are no numbers": (not_a_number, PROMPTS, SubjectError, "finite"),
    "weights without bounds": (unbounded, PROMPTS, SubjectError, "finite"),
    "another vocabulary": (other_words, PROMPTS, SubjectError, "one vocabulary expected"),
    "a prompt that cannot be spelt": (plain_pair, ("é",), SubjectError, "cannot spell"),
}


def test_a_layer_that_would_say_what_is_not_finite_is_refused_though_the_model_does_not_say_it() -> None:
    assert inside(*unbounded_within(), sections=("words",)).words
    with pytest.raises(SubjectError, match="finite logits of layer 0 expected"):
        inside(*unbounded_within(), sections=("lens",))


@pytest.mark.parametrize("section", MINE)
@pytest.mark.parametrize("case", REFUSED)
def test_models_of_no_use_are_refused(case: str, section: Section) -> None:
    make, prompts, kind, message = REFUSED[case]
    if section == "weights" and prompts != PROMPTS:
        return  # it reads no prompt
    with pytest.raises(kind, match=message):
        inside(*make(), prompts, sections=(section,))


def ending() -> tuple[Subject, Subject]:
    """Before ends every answer at once."""
    a, b = plain_pair()
    with torch.no_grad():
        a.model.get_output_embeddings().weight.zero_()  # type: ignore[no-untyped-call]
    assert a.model.generation_config is not None
    a.model.generation_config.eos_token_id = 0  # of logits that are all the same the first is taken
    return a, b


def flat() -> tuple[Subject, Subject]:
    """After's stream is zero everywhere."""
    a, b = plain_pair()
    with torch.no_grad():
        for value in b.model.parameters():
            value.zero_()
    return a, b


def huge() -> tuple[Subject, Subject]:
    """After is sure beyond all bounds, of what is wrong."""
    a, b = plain_pair()
    with torch.no_grad():
        b.model.get_output_embeddings().weight.mul_(1e6)  # type: ignore[no-untyped-call]
    return a, b


def tiny_change() -> tuple[Subject, Subject]:
    """So small that its square is nothing in float32."""
    a, _ = plain_pair()
    b = noisy(a, 0.0, seed=0)
    with torch.no_grad():
        named = dict(b.model.named_parameters())["model.layers.0.mlp.up_proj.weight"]
        named[0, 0] = 0.0
    with torch.no_grad():
        dict(a.model.named_parameters())["model.layers.0.mlp.up_proj.weight"][0, 0] = 1e-30
    return a, b


def odd_words() -> tuple[Subject, Subject]:
    """Tokens that would move a cursor, turn a line around, or are no text at all."""
    a, b = plain_pair()
    tokenizer = build_tokenizer()
    odd = ["\x1b[2J", "\n\n", "\u202e", "\u2028", "\u200b", "<b>", "x" * 400]
    tokenizer.add_tokens(odd)
    for one in (a, b):
        one.model.resize_token_embeddings(len(tokenizer))
    with torch.no_grad():  # only these are said, by each model others
        for seed, one in enumerate((a, b)):
            weight: Any = one.model.get_output_embeddings().weight  # type: ignore[no-untyped-call]
            weight[97:] = 3 * torch.randn(7, 32, generator=torch.Generator().manual_seed(seed))
    return Subject(a.model, tokenizer), Subject(b.model, tokenizer)


ODD: dict[str, tuple[Callable[[], tuple[Subject, Subject]], dict[str, int]]] = {
    "answers of one token": (plain_pair, {"limit": 1}),
    "answers that are nothing but their end": (ending, {}),
    "a model of zeros": (flat, {}),
    "logits of millions": (huge, {}),
    "a change too small for its square": (tiny_change, {}),
    "a vocabulary of odd tokens": (odd_words, {}),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_models_have_figures_that_can_be_believed(case: str) -> None:
    make, given = ODD[case]
    for pair in (make(), make()[::-1]):
        found = inside(*pair, **given)  # type: ignore[arg-type]
        assert not found.absent
        texts = [
            text
            for flip in found.words.examples  # type: ignore[union-attr]
            for text in (flip.prompt, flip.so_far, flip.before, flip.after)
        ]
        texts += [text for one in found.tokens.layers for text in (*one.more, *one.fewer)]  # type: ignore[union-attr]
        assert all(text.isprintable() and len(text) <= 200 for text in texts)


def test_odd_tokens_are_shown_as_what_they_are() -> None:
    found = inside(*odd_words())
    shown = {
        text
        for flip in found.words.examples  # type: ignore[union-attr]
        for text in (flip.so_far, flip.before, flip.after)
    } | {text for one in found.tokens.layers for text in (*one.more, *one.fewer)}  # type: ignore[union-attr]
    assert shown & {"\\x1b[2J", "\\n\\n", "\\u202e", "\\u2028", "\\u200b"}
    assert any(text.endswith("x…") and len(text) == 200 for text in shown)


def test_a_single_short_answer_has_words_and_weights_and_says_why_not_the_rest() -> None:
    found = inside(*plain_pair(), ("C1=",), limit=1)
    assert found.sections == ("weights", "lens", "words", "tokens")
    assert found.absent == {"layers": "likeness needs answers of 4 tokens, and there are 1"}


def test_a_vocabulary_with_more_logits_than_tokens_reads_as_any() -> None:
    a = made("llama", vocabulary=128)
    assert_nothing_changed(inside(a, noisy(a, 0.0, seed=0)))
    assert not inside(a, noisy(a, 0.5, seed=1)).absent


def test_a_look_says_that_it_goes_on_before_each_run_of_a_model() -> None:
    a, b = made("llama"), noisy(made("llama"), 0.3, seed=2)
    prompts = tuple(f"C{number}=" for number in range(40))
    known = Known(
        models=("a" * 64, "b" * 64),
        prompts=prompts,
        traits={"level": tuple((number % 4 // 2,) for number in range(40))},
        right=((False,) * 40, (True,) * 40),
    )
    job = InterpretJob(
        models=("a" * 64, "b" * 64),
        prompts=PROMPTS,
        sections=(*ALWAYS, *DEEPER),
        gained=(Gained("C12=", "21", "12"), Gained("C34=", "43", "34")),
        known=known,
    )
    said: list[str] = []
    for subject in (a, b):
        subject.model.register_forward_hook(lambda *_: said.append("ran"))
    models = {"a" * 64: a, "b" * 64: b}
    found = looked(
        job, models.__getitem__, lambda _, asked: [6] * len(asked), lambda *_: said.append("goes on")
    )
    assert not found.absent
    assert said.count("ran") > 100
    assert not [at for at, word in enumerate(said[1:]) if word == said[at] == "ran"]
    assert not a.model._forward_pre_hooks
