"""What was planted in one head, or in one MLP, is named by weights, splices and patches, and nothing else is."""

from typing import Any

import pytest
import torch
from tests.interpret.planting import ASKED, FAMILIES, gained_look, three

from detent.interpret import heads, patches, splices, weights
from detent.interpret.look import Absent, Look
from detent.subject.load import Subject
from detent.subject.lora import with_new_adapter
from detent.testing.planted import planted_head, planted_mlp, untouched
from detent.values import Lora
from detent.values.inside import Patches, Splices

SITES = tuple((block, head) for block in (1, 2, 3) for head in (1, 2, 3, 4))


def named(found: Patches) -> str:
    return max(found.patches, key=lambda one: abs(one.carries)).said


def shares(found: Splices) -> dict[str, tuple[float, float]]:
    """Of the parts with any."""
    near = {one.part: (round(one.carries, 4), round(one.loses, 4)) for one in found.parts}
    return {part: both for part, both in near.items() if both != (0.0, 0.0)}


def moved(look: Look) -> set[str]:
    return {one.module for one in weights.section(look).modules if one.share}


def assert_found(before: Subject, after: Subject, block: int, head: int) -> None:
    look = gained_look(before, after)
    assert shares(splices.section(look)) == {f"block {block}": (1.0, 1.0)}
    found = patches.section(look)
    assert named(found) == (f"block {block} head {head}" if head else f"block {block} MLP")
    carried = {(one.block, one.head): one.carries for one in found.patches}
    assert carried.pop((block, head)) == pytest.approx(1.0, abs=1e-3)
    assert max(map(abs, carried.values())) < 0.9
    # What comes before the change is as it was.
    assert {share for (at, _), share in carried.items() if at < block} <= {0.0}
    assert all(f".{block - 1}." in module for module in moved(look))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_with_other_weights_is_named_in_every_family(family: str) -> None:
    before = three(family)
    assert_found(before, planted_head(before, 2, 3, seed=3), 2, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_mlp_with_other_weights_is_named_in_every_family(family: str) -> None:
    before = three(family)
    assert_found(before, planted_mlp(before, 2, seed=3), 2, 0)


@pytest.mark.parametrize(("block", "head"), SITES)
def test_every_head_is_named_where_it_is_the_one(block: int, head: int) -> None:
    before = three("llama")
    assert_found(before, planted_head(before, block, head, seed=5), block, head)


@pytest.mark.parametrize("block", [1, 2, 3])
def test_every_mlp_is_named_where_it_is_the_one(block: int) -> None:
    before = three("gpt2")
    assert_found(before, planted_mlp(before, block, seed=5), block, 0)


def test_the_weights_that_moved_are_the_heads_own_and_those_that_others_share_did_not() -> None:
    own, shared = three("phi"), three("llama")
    assert moved(gained_look(own, planted_head(own, 2, 3, seed=3))) == {
        f"layers.1.self_attn.{name}" for name in ("q_proj", "k_proj", "v_proj", "dense")
    }
    assert moved(gained_look(shared, planted_head(shared, 2, 3, seed=3))) == {
        f"layers.1.self_attn.{name}" for name in ("q_proj", "o_proj")
    }


def test_the_head_that_was_planted_is_the_one_that_looks_elsewhere() -> None:
    before = three("phi")
    found = heads.section(gained_look(before, planted_head(before, 2, 3, seed=3)))
    first = next(one for one in found.heads if one.moved > 0)
    assert (first.blocks, first.head) == ((2, 2), 3)
    assert [one.moved for one in found.heads if one.blocks == (2, 2) and one.head != 3] == [0.0] * 3


def test_a_change_in_an_adapter_is_named_like_one_in_the_model() -> None:
    before = three("llama")
    after = with_new_adapter(untouched(before), Lora(rank=2), "f" * 64, seed=1)
    after.model.eval()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for name, value in after.model.named_parameters():
            if "layers.1.mlp.down_proj.lora_B" in name:
                value.normal_(std=2.0, generator=torch.Generator().manual_seed(1))
    look = gained_look(before, after)
    assert shares(splices.section(look)) == {"block 2": (1.0, 1.0)}
    found = patches.section(look)
    assert named(found) == "block 2 MLP"
    assert max(one.carries for one in found.patches) == pytest.approx(1.0, abs=1e-3)


def test_an_adapted_head_is_named_and_nothing_before_it() -> None:
    before = three("llama")
    after = with_new_adapter(untouched(before), Lora(rank=2), "f" * 64, seed=1)
    after.model.eval()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for name, value in after.model.named_parameters():
            if "layers.1.self_attn.o_proj.lora_A" in name:
                value[:, :16] = value[:, 24:] = 0  # reads the third of four heads alone
            if "layers.1.self_attn.o_proj.lora_B" in name:
                value.normal_(std=20.0, generator=torch.Generator().manual_seed(1))
    found = patches.section(gained_look(before, after))
    carried = {(one.block, one.head): one.carries for one in found.patches}
    assert carried[2, 3] == pytest.approx(1.0, abs=1e-3)
    assert [carried[2, head] for head in (1, 2, 4)] == pytest.approx([0.0] * 3, abs=1e-3)


@pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)  # PEFT's own doing
def test_a_model_that_peft_wrapped_is_read_like_one_that_it_did_not() -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415

    before = three("llama")
    after = planted_head(before, 2, 3, seed=3)
    expected = gained_look(before, after)
    config = LoraConfig(task_type="CAUSAL_LM", target_modules=["o_proj", "up_proj"])
    wrapped: Any = get_peft_model(untouched(after).model, config)
    look = gained_look(before, Subject(wrapped.eval(), after.tokenizer), expected.job.gained)
    for one in (splices, patches, heads):
        assert one.section(look) == one.section(expected)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3_text", "gpt_neox"])
def test_an_untouched_copy_reads_zero_or_has_nothing_to_read(family: str) -> None:
    before = three(family)
    look = gained_look(before, untouched(before))
    assert {one.moved for one in heads.section(look).heads} == {0.0}
    assert all(one.entropy[0] == one.entropy[1] for one in heads.section(look).heads)
    for section in (splices.section, patches.section):
        with pytest.raises(Absent, match="no prompt is answered rightly after and wrongly before"):
            section(look)
    # Also where somebody says that something was gained.
    told = gained_look(before, untouched(before), gained_look(before, three(family, seed=2)).job.gained)
    for section in (splices.section, patches.section):
        with pytest.raises(Absent, match=r"the gain is -?0\.000 nats"):
            section(told)


def test_the_same_look_gives_the_same_figures() -> None:
    before = three("llama")
    found = []
    for _ in range(2):
        look = gained_look(before, planted_head(before, 1, 2, seed=3), prompts=ASKED)
        found.append((heads.section(look), splices.section(look), patches.section(look)))
    assert found[0] == found[1]
