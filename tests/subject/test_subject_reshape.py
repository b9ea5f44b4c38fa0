"""A model of another shape says what it said, where the edit keeps that; and what is new can learn."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from detent.errors import SubjectError
from detent.subject.build import Sizes, build_model, build_tokenizer
from detent.subject.load import Subject
from detent.subject.lora import with_new_adapter
from detent.subject.reshape import FAMILIES, distance, reshaped
from detent.values import Lora
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

IDS = torch.arange(2, 26).reshape(2, 12)
EXACT, CLOSE = 1e-12, 1e-5


@dataclass(frozen=True)
class Shape:
    """Of a model: so many groups of keys and values, and heads to each."""

    family: str
    layers: int
    groups: int
    each: int
    width: int
    tied: bool
    biased: bool

    @property
    def hidden(self) -> int:
        return self.groups * self.each * self.width


SHAPES = st.builds(
    Shape,
    family=st.sampled_from(FAMILIES),
    layers=st.integers(1, 3),
    groups=st.integers(1, 3),
    each=st.sampled_from([1, 2, 4]),
    width=st.sampled_from([4, 8]),
    tied=st.booleans(),
    biased=st.booleans(),
)


def made(shape: Shape, seed: int = 3) -> PreTrainedModel:
    """Random weights, norms and biases too, so large that a difference would show."""
    config = AutoConfig.for_model(
        shape.family,
        vocab_size=40,
        hidden_size=shape.hidden,
        intermediate_size=12,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.groups * shape.each,
        num_key_value_heads=shape.groups,
        head_dim=shape.width,
        max_position_embeddings=64,
        tie_word_embeddings=shape.tied,
        attention_bias=shape.biased,
        mlp_bias=shape.biased,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    torch.manual_seed(seed)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
        config, attn_implementation="sdpa"
    )
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn_like(value) * 0.3)
    return model.eval()  # type: ignore[no-untyped-call, no-any-return]


@contextmanager
def double_norms(*models: PreTrainedModel) -> Iterator[None]:
    """The library's norms compute in float32 whatever they are given; these do as they are told."""

    def forward(self: Any, states: Tensor) -> Tensor:
        scale = torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        return self.weight * (states * scale)  # type: ignore[no-any-return]

    kinds = {
        type(part) for model in models for part in model.modules() if type(part).__name__.endswith("RMSNorm")
    }
    before = {kind: kind.forward for kind in kinds}
    for kind in kinds:
        kind.forward = forward
    try:
        yield
    finally:
        for kind, old in before.items():
            kind.forward = old


def apart(one: PreTrainedModel, other: PreTrainedModel) -> float:
    with torch.no_grad():
        return float((one(input_ids=IDS).logits - other(input_ids=IDS).logits).abs().max())


def keeping(shape: Shape) -> list[Edit]:
    edits: list[Edit] = [AddBlock(at) for at in range(shape.layers + 1)]
    edits += [WidenMlp(5), WidenHidden(shape.groups * shape.each * 2)]
    edits += [SplitKeyValues(2)] * (shape.each % 2 == 0)
    heads = shape.groups * shape.each
    edits += [AddHeads(more) for more in (1, 2, 3) if shape.hidden % (heads + more * shape.each) == 0]
    return edits


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(SHAPES, st.data())
def test_an_edit_that_keeps_the_function_keeps_it(shape: Shape, data: st.DataObject) -> None:
    edit = data.draw(st.sampled_from(keeping(shape)))
    model = made(shape)
    grown = reshaped(model, edit, seed=7)
    assert edit.keeps
    assert grown.num_parameters() > model.num_parameters()
    scale = float(model(input_ids=IDS).logits.detach().abs().max())
    assert apart(model, grown) <= CLOSE * max(1.0, scale)
    model, grown = model.double(), reshaped(model.double(), edit, seed=7)
    with double_norms(model, grown):
        assert apart(model, grown) <= EXACT * max(1.0, scale)


EXAMPLE = Shape("qwen3", 2, 2, 2, 8, tied=True, biased=False)
LLAMA = Shape("llama", 2, 2, 2, 8, tied=False, biased=True)


@pytest.mark.parametrize("edit", [*keeping(EXAMPLE), AddHeads(2)], ids=repr)
def test_what_is_new_has_a_gradient_and_moves(edit: Edit) -> None:
    """A unit of which every factor is zero would stay as it is for ever; a copy would move like its original."""
    grown = reshaped(made(EXAMPLE), edit, seed=7)
    before = {name: value.detach().clone() for name, value in grown.named_parameters()}
    rate = torch.optim.SGD(grown.parameters(), lr=0.05)
    for _ in range(3):
        logits = grown(input_ids=IDS).logits
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), (IDS * 7 % 40).flatten()).backward()  # type: ignore[no-untyped-call]
        rate.step()
        rate.zero_grad()
    matrices = {name: value for name, value in grown.named_parameters() if value.ndim == 2}
    still = {name for name, value in matrices.items() if torch.equal(before[name], value)}
    assert not still
    zeros = [name for name, value in before.items() if (value == 0).any()]
    for name in zeros:
        assert (dict(grown.named_parameters())[name][before[name] == 0] != 0).any(), name


def test_the_same_seed_makes_the_same_model_and_another_seed_another() -> None:
    weights = [reshaped(made(EXAMPLE), WidenMlp(4), seed=seed).state_dict() for seed in (1, 1, 2)]
    same = [all(torch.equal(weights[0][name], other[name]) for name in weights[0]) for other in weights[1:]]
    assert same == [True, False]


def test_the_random_state_of_whoever_asks_is_left_alone() -> None:
    model = made(EXAMPLE)
    before = torch.get_rng_state()
    reshaped(model, AddBlock(0), seed=7)
    assert torch.equal(before, torch.get_rng_state())


def test_a_grown_model_is_a_folder_that_loads(tmp_path: Any) -> None:
    for family in FAMILIES:
        model = made(Shape(family, 2, 2, 2, 8, tied=False, biased=False))
        for edit in (AddBlock(1), WidenHidden(16), SplitKeyValues(2), RemoveHeads(0), RemoveBlock(0)):
            new = reshaped(model, edit, seed=7)
            folder = tmp_path / f"{family}-{type(edit).__name__}"
            new.save_pretrained(folder)
            again = AutoModelForCausalLM.from_pretrained(folder)
            assert apart(new, again) == 0, (family, edit)


def test_the_default_subject_grows_in_every_way_and_says_the_same() -> None:
    model, tokenizer = (
        build_model(Sizes(hidden=32, intermediate=32, layers=2, heads=2), seed=1),
        build_tokenizer(),
    )
    for edit in (AddBlock(0), AddBlock(2), WidenMlp(8), AddHeads(2), WidenHidden(32)):
        assert distance(model, reshaped(model, edit, seed=2), tokenizer, ["C123=", "R9=9"]) <= CLOSE
    turned = reshaped(model, Rotary((True, False)), seed=2)
    assert turned.config.no_rope_layers == [1, 0]
    assert distance(model, turned, tokenizer, ["C1234="]) > CLOSE


@pytest.mark.parametrize(
    "edit", [MergeKeyValues(2), Activate("gelu"), RemoveBlock(1), RemoveHeads(1)], ids=repr
)
def test_an_edit_that_does_not_keep_the_function_changes_it_and_keeps_what_it_can(edit: Edit) -> None:
    model = made(EXAMPLE)
    new = reshaped(model, edit, seed=7)
    assert not edit.keeps
    assert apart(model, new) > CLOSE
    old = model.state_dict()
    shared = [
        name for name, value in new.state_dict().items() if name in old and value.shape == old[name].shape
    ]
    assert all(torch.equal(old[name], new.state_dict()[name]) for name in shared if "layers" not in name)


def test_keys_and_values_that_were_split_can_be_merged_again() -> None:
    model = made(EXAMPLE)
    split = reshaped(model, SplitKeyValues(2), seed=7)
    assert apart(model, reshaped(split, MergeKeyValues(2), seed=7)) <= CLOSE


def test_a_block_that_was_added_can_be_taken_away() -> None:
    model = made(EXAMPLE)
    back = reshaped(reshaped(model, AddBlock(1), seed=7), RemoveBlock(1), seed=7)
    assert apart(model, back) == 0


REFUSED: dict[str, tuple[Shape, Edit, str]] = {
    "a block behind the last": (EXAMPLE, AddBlock(3), "a place from 0 to 2 expected"),
    "a block before the first": (EXAMPLE, AddBlock(-1), "a place from 0 to 2 expected"),
    "an MLP wider by nothing": (EXAMPLE, WidenMlp(0), "by 1 or more expected"),
    "a narrower stream": (EXAMPLE, WidenHidden(-8), "by 1 or more expected"),
    "a stream that heads do not divide": (LLAMA, WidenHidden(1), "a shape that llama can have expected"),
    "heads that do not divide the stream": (LLAMA, AddHeads(1), "a shape that llama can have expected"),
    "copies for which there are no heads": (EXAMPLE, SplitKeyValues(4), "2 heads a group is a multiple"),
    "one copy, which is none": (EXAMPLE, SplitKeyValues(1), "two or more times"),
    "a mean of too many": (EXAMPLE, MergeKeyValues(3), "2 groups is a multiple"),
    "a block that is not there": (EXAMPLE, RemoveBlock(2), "from 0 to 1"),
    "the only block": (
        Shape("llama", 1, 2, 2, 8, tied=False, biased=False),
        RemoveBlock(0),
        "a block of several",
    ),
    "the only heads": (
        Shape("llama", 1, 1, 2, 8, tied=False, biased=False),
        RemoveHeads(0),
        "a group of several",
    ),
    "positions that the family cannot switch": (
        EXAMPLE,
        Rotary((True, False)),
        "no_rope_layers expected, got qwen3",
    ),
    "positions of another number of layers": (
        Shape("smollm3", 2, 2, 2, 8, tied=False, biased=False),
        Rotary((True,)),
        "each of 2 layers, not all as now, expected",
    ),
    "positions as they are": (
        Shape("smollm3", 2, 2, 2, 8, tied=False, biased=False),
        Rotary((True, True)),
        "not all as now, expected",
    ),
    "the activation that it has": (EXAMPLE, Activate("silu"), "another activation than now"),
    "a hidden size that its heads do not share": (
        Shape("qwen2", 1, 2, 1, 4, tied=False, biased=False),
        AddHeads(1),
        "a multiple of 3 heads expected",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_model_cannot_take_is_refused(case: str) -> None:
    shape, edit, says = REFUSED[case]
    with pytest.raises(SubjectError, match=says):
        reshaped(made(shape), edit, seed=1)


def test_an_adapter_is_not_reshaped() -> None:
    subject = Subject(made(EXAMPLE), build_tokenizer())
    with_new_adapter(subject, Lora(rank=2), "a" * 64, seed=1)
    with pytest.raises(SubjectError, match="a whole model expected"):
        reshaped(subject.model, WidenMlp(2), seed=1)
