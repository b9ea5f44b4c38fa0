"""The parts of a decoder are found in every family, and what is not there is said to be absent."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.interpret.kinds import made
from tests.interpret.planting import FAMILIES, three
from torch import nn

from detent.interpret.anatomy import EAGER, Anatomy, attending
from detent.interpret.look import Absent
from detent.subject.load import Subject
from detent.subject.lora import with_new_adapter
from detent.testing.planted import untouched
from detent.values import Lora

PROJECTIONS = {"phi": "dense", "gpt_neox": "dense", "gpt2": "c_proj", "opt": "out_proj"}
MLPS = {"gemma2": "mlp", "opt": "fc2"}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_block_has_its_attention_its_heads_and_its_mlp(family: str) -> None:
    body = Anatomy(three(family).model)
    assert len(body.blocks) == 3
    for at, block in enumerate(body.blocks):
        found = body.attention(at)
        names = {id(module): name.rpartition(".")[2] for name, module in block.named_modules()}
        assert (found.heads, found.width) == (4, 8)
        assert names[id(found.projection)] == PROJECTIONS.get(family, "o_proj")
        assert names[id(body.mlp(at))] == MLPS.get(family, "mlp")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_weight_is_of_one_part(family: str) -> None:
    model = three(family).model
    parts = Anatomy(model).parts
    assert list(parts) == ["embedding", "block 1", "block 2", "block 3", "final norm and output"]
    modules = [model.get_submodule(name) for names in parts.values() for name in names]
    found = {id(value) for module in modules for value in module.parameters()}
    assert found == {id(value) for value in model.parameters()}
    assert any("norm" in name or "ln_f" in name for name in parts["final norm and output"])


def test_learned_positions_are_of_the_embedding() -> None:
    assert Anatomy(three("gpt2").model).parts["embedding"] == ("transformer.wte", "transformer.wpe")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_heads_put_out_adds_up_to_what_attention_puts_out(family: str) -> None:
    body = Anatomy(three(family).model)
    projection = body.attention(1).projection
    given = torch.randn(5, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = projection(given) - projection(torch.zeros_like(given))
    parts = torch.einsum("nhw,hwd->nd", given.reshape(5, 4, 8), body.attention(1).outputs())
    assert torch.allclose(parts, whole, atol=1e-5)


def adapted(subject: Subject) -> Subject:
    found = with_new_adapter(untouched(subject), Lora(rank=2), "f" * 64, seed=1)
    found.model.eval()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for name, value in found.model.named_parameters():
            if "lora_B" in name:
                value.normal_(generator=torch.Generator().manual_seed(1))
    return found


@pytest.mark.parametrize("family", ["llama", "gpt_neox"])
def test_an_adapters_layers_are_seen_through_and_what_it_adds_is_the_heads(family: str) -> None:
    whole = three(family)
    one = adapted(whole)
    body, plain = Anatomy(one.model), Anatomy(whole.model)
    assert hasattr(body.attention(0).projection, "lora_A")
    assert body.parts == plain.parts
    assert not torch.allclose(body.attention(0).outputs(), plain.attention(0).outputs(), atol=1e-2)


@pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)  # PEFT's own doing
def test_what_peft_wrapped_is_seen_through_too() -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415

    plain = three("llama")
    config = LoraConfig(task_type="CAUSAL_LM", target_modules=["o_proj"])
    wrapped: Any = get_peft_model(untouched(plain).model, config)
    body = Anatomy(wrapped)
    assert body.parts == Anatomy(plain.model).parts
    assert hasattr(body.attention(2).projection, "lora_A")


def test_experts_as_many_as_blocks_are_not_taken_for_blocks() -> None:
    body = Anatomy(made("mixtral", num_local_experts=2).model)
    assert body.name == "model.layers"


def test_attention_is_put_back_as_it_was_also_after_an_error() -> None:
    model = three("llama").model
    model.set_attn_implementation("sdpa")
    seen = []

    def attend() -> None:
        with attending(model, EAGER):
            seen.append(model.config._attn_implementation)
            raise RuntimeError("in between")

    with pytest.raises(RuntimeError, match="in between"):
        attend()
    assert seen == ["eager"]
    assert model.config._attn_implementation == "sdpa"


def no_list(model: Any) -> None:
    model.config.num_hidden_layers = 5


def no_attention(model: Any) -> None:
    model.config.num_attention_heads = 5


def no_mlp(model: Any) -> None:
    model.model.layers[0].mlp = nn.Identity()


def weights_of_the_body(model: Any) -> None:
    model.model.register_parameter("prompt", nn.Parameter(torch.zeros(3)))


LOOKS: dict[str, tuple[Callable[[Any], None], Callable[[Anatomy], Any], str]] = {
    "as many blocks as no list has": (no_list, lambda body: body, "no list of 5 blocks"),
    "heads that nothing puts out": (
        no_attention,
        lambda body: body.attention(0),
        "no attention of 5 heads is to be seen in block 1",
    ),
    "a block without an MLP": (no_mlp, lambda body: body.mlp(0), "no MLP is to be seen in block 1"),
    "weights around the blocks that are of no part": (
        weights_of_the_body,
        lambda body: body.parts,
        "weights belong to its body as a whole",
    ),
}


@pytest.mark.parametrize("case", LOOKS)
def test_what_cannot_be_found_is_said(case: str) -> None:
    change, ask, said = LOOKS[case]
    model = three("llama").model
    change(model)
    with pytest.raises(Absent, match=said):
        ask(Anatomy(model))
