"""A change of weights is measured as it works, module by module, and a planted one stands out."""

from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import UNSET
from tests.interpret.kinds import KINDS, look, made
from torch import Tensor, nn

from detent.errors import SubjectError
from detent.interpret import lens, tokens, weights, words
from detent.interpret.look import Absent
from detent.subject.build import Sizes, build_model, save
from detent.subject.load import Subject, load
from detent.subject.lora import save_adapter, with_adapter, with_new_adapter
from detent.subject.merge import merge
from detent.subject.noise import noisy
from detent.subject.reshape import reshaped
from detent.testing.language import language_model
from detent.values import Lora
from detent.values.folder import folder_digest
from detent.values.inside import TOP, Moved, Weights
from detent.values.shape import AddBlock, RemoveBlock, WidenMlp

UP = "model.layers.1.mlp.up_proj.weight"


def named(subject: Subject) -> dict[str, Tensor]:
    return dict(subject.model.named_parameters())


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def plus(subject: Subject, **changes: Tensor) -> Subject:
    """A copy, with something added to some weights; `__` stands for a dot."""
    found = noisy(subject, 0.0, seed=0)
    with torch.no_grad():
        for name, value in changes.items():
            named(found)[name.replace("__", ".")].add_(value)
    return found


def by_name(found: Weights) -> dict[str, Moved]:
    return {one.module: one for one in found.modules}


def test_a_planted_change_of_one_mlp_is_the_largest_and_all_other_modules_read_zero(a: Subject) -> None:
    found = weights.section(look(a, plus(a, model__layers__1__mlp__up_proj__weight=0.1 * drawn(48, 32))))
    assert max(found.modules, key=lambda one: one.share).module == "layers.1.mlp.up_proj"
    others = [one for one in found.modules if one.module != "layers.1.mlp.up_proj"]
    assert others == [Moved(one.module, 0.0) for one in others]
    assert len(others) == len(named(a)) - 1
    assert found.unmatched == ()


def test_share_spectrum_and_rank_are_those_of_the_change(a: Subject) -> None:
    change = 0.1 * drawn(48, 32)
    found = weights.section(look(a, plus(a, model__layers__1__mlp__up_proj__weight=change)))
    moved = by_name(found)["layers.1.mlp.up_proj"]
    values = torch.linalg.svdvals(change.double())
    assert moved.share == pytest.approx(float(change.norm() / named(a)[UP].detach().norm()), rel=1e-5)
    assert moved.top == pytest.approx((values[:TOP] / values.norm()).tolist(), rel=1e-4)
    assert moved.rank == pytest.approx(float(values.square().sum() ** 2 / values.pow(4).sum()), rel=1e-4)
    whole = torch.cat([value.detach().flatten() for value in named(a).values()]).norm()
    assert found.share == pytest.approx(float(change.norm() / whole), rel=1e-5)


def directions(number: int, rows: int = 48, columns: int = 32) -> Tensor:
    """A matrix of so many directions that weigh the same."""
    left, right = (torch.linalg.qr(drawn(size, number, seed=size))[0] for size in (rows, columns))
    found: Tensor = 0.1 * left @ right.T
    return found


@pytest.mark.parametrize("number", [1, 2, 5, 32])
def test_rank_is_the_number_of_directions_that_weigh_the_same(number: int, a: Subject) -> None:
    moved = by_name(
        weights.section(look(a, plus(a, model__layers__1__mlp__up_proj__weight=directions(number))))
    )["layers.1.mlp.up_proj"]
    assert moved.rank == pytest.approx(number, rel=1e-4)
    kept = min(number, TOP)
    assert moved.top[:kept] == pytest.approx([number**-0.5] * kept, rel=1e-4)
    assert all(value < 1e-4 for value in moved.top[kept:])


@pytest.mark.parametrize("columns", [1024, 1100])
def test_large_matrices_are_estimated_and_the_generator_goes_on_as_if_it_had_not(columns: int) -> None:
    wide = nn.Linear(columns, 32, bias=False)
    values = torch.tensor([4.0, 2.0, 1.0])
    left, right = (torch.linalg.qr(drawn(size, 3, seed=size))[0] for size in (32, columns))
    change = left @ values.diag() @ right.T
    torch.manual_seed(3)
    state = torch.get_rng_state()
    before = [wide.weight.detach()]
    found = weights._moved("wide", weights._Change(before, [before[0] + change], "wide"), None)
    assert torch.equal(torch.get_rng_state(), state)
    assert found.top[:3] == pytest.approx((values / values.norm()).tolist(), rel=1e-3)
    assert found.rank == pytest.approx(21**2 / 273, rel=1e-3)


def test_noise_moves_along_many_directions_and_a_bias_has_none() -> None:
    a = made("gpt2")
    found = by_name(weights.section(look(a, noisy(a, 0.1, seed=1))))
    attention = found["h.0.attn.c_attn"]  # a weight and a bias
    assert 0.05 < attention.share < 0.1
    assert isinstance(attention.rank, float)
    assert attention.rank > 10
    assert found["ln_f"] == Moved("ln_f", 0.0)
    shifted = by_name(weights.section(look(a, plus(a, transformer__ln_f__bias=drawn(32)))))["ln_f"]
    assert (shifted.top, shifted.rank) == ((), UNSET)
    assert shifted.share > 0.1


def test_from_weights_that_were_zero_a_change_is_all_there_is(a: Subject) -> None:
    more = Subject(reshaped(a.model, AddBlock(1), seed=1), a.tokenizer)
    found = weights.section(
        look(more, plus(more, model__layers__1__mlp__down_proj__weight=0.01 * drawn(32, 48)))
    )
    assert by_name(found)["layers.1.mlp.down_proj"].share == 1.0
    assert by_name(found)["layers.1.self_attn.o_proj"].share == 0.0


@pytest.mark.parametrize("at", [0, 1, 2])
def test_of_a_model_with_a_block_more_the_old_blocks_are_compared_with_themselves(
    at: int, a: Subject
) -> None:
    more = Subject(reshaped(a.model, AddBlock(at), seed=1), a.tokenizer)
    found = weights.section(look(a, more))
    assert {one.share for one in found.modules} == {0.0}
    assert found.unmatched
    assert all(name.startswith(f"layers.{at}.") and name.endswith(" of after") for name in found.unmatched)
    turned = weights.section(look(more, a))
    assert {one.share for one in turned.modules} == {0.0}
    assert {name.replace("of before", "of after") for name in turned.unmatched} == set(found.unmatched)


def test_of_a_model_with_a_block_less_the_others_are_compared_with_themselves() -> None:
    a = Subject(
        build_model(Sizes(hidden=32, intermediate=48, layers=4, heads=2), seed=1), made("llama").tokenizer
    )
    strong = noisy(a, 1.0, seed=1)
    less = Subject(reshaped(strong.model, RemoveBlock(1), seed=1), a.tokenizer)
    found = weights.section(look(strong, less))
    assert {one.share for one in found.modules} == {0.0}
    assert all(name.startswith("layers.1.") and name.endswith(" of before") for name in found.unmatched)


def test_modules_of_other_shapes_are_named(a: Subject) -> None:
    wider = Subject(reshaped(a.model, WidenMlp(8), seed=1), a.tokenizer)
    found = weights.section(look(a, wider))
    assert set(found.unmatched) == {
        f"layers.{block}.mlp.{part}" for block in (0, 1) for part in ("gate_proj", "up_proj", "down_proj")
    }
    assert {one.share for one in found.modules} == {0.0}


def test_of_models_that_have_no_module_in_common_nothing_is_said() -> None:
    with pytest.raises(Absent, match="no module of the one has its like in the other"):
        weights.section(look(made("llama", hidden_size=48), made("gpt2")))


def test_a_tied_weight_comes_once_and_an_output_of_its_own_is_of_one_only() -> None:
    tied, free = made("llama", tie_word_embeddings=True), made("llama", tie_word_embeddings=False)
    names = set(by_name(weights.section(look(tied, tied))))
    assert names & {"embed_tokens", "lm_head"} == {"embed_tokens"}
    assert weights.section(look(tied, free)).unmatched == ("lm_head of after",)
    assert weights.section(look(free, tied)).unmatched == ("lm_head of before",)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_of_every_kind_is_in_some_module(kind: str) -> None:
    a = made(kind)
    every = noisy(a, 0.0, seed=0)
    with torch.no_grad():
        for value in every.model.parameters():
            value.mul_(1.5)
    found = weights.section(look(a, every))
    assert found.share == pytest.approx(0.5)
    assert [one.share for one in found.modules] == pytest.approx([0.5] * len(found.modules))
    total = sum(float(value.detach().double().square().sum()) for value in a.model.parameters()) ** 0.5
    sizes = weights._Weights(a)
    parts = [part for module in sizes.modules for part in sizes.parts(module)]
    assert sum(float(part.double().square().sum()) for part in parts) ** 0.5 == pytest.approx(total)


def test_along_is_the_cosine_with_the_earlier_change(a: Subject) -> None:
    first, second = 0.1 * drawn(48, 32, seed=1), 0.1 * drawn(48, 32, seed=2)
    middle = plus(a, model__layers__1__mlp__up_proj__weight=first)
    after = plus(
        middle,
        model__layers__1__mlp__up_proj__weight=-first + second,
        model__norm__weight=drawn(32),
    )
    found = by_name(weights.section(look(middle, after, earlier=(a, middle))))
    change = (second - first).flatten()
    expected = float(change @ first.flatten() / (change.norm() * first.norm()))
    assert found["layers.1.mlp.up_proj"].along == pytest.approx(expected, rel=1e-4)
    assert found["norm"].along is UNSET  # it did not move before
    assert found["layers.0.mlp.up_proj"].along is UNSET
    back = by_name(weights.section(look(middle, a, earlier=(a, middle))))
    assert back["layers.1.mlp.up_proj"].along == pytest.approx(-1.0)
    assert by_name(weights.section(look(a, middle)))["layers.1.mlp.up_proj"].along is UNSET


def test_an_earlier_change_of_other_blocks_is_no_measure(a: Subject) -> None:
    """It put a block in: what is block 2 now was block 1, and weights of one name were two blocks'."""
    shorter = Subject(reshaped(a.model, RemoveBlock(0), seed=1), a.tokenizer)
    found = by_name(weights.section(look(a, noisy(a, 0.1, seed=1), earlier=(shorter, noisy(a, 0.1, seed=2)))))
    assert found["embed_tokens"].along == pytest.approx(0.0, abs=0.2)
    assert {one.along for name, one in found.items() if name.startswith("layers")} == {UNSET}


def test_an_earlier_change_of_another_width_is_no_measure(a: Subject) -> None:
    wider = Subject(reshaped(a.model, WidenMlp(8), seed=1), a.tokenizer)
    found = by_name(
        weights.section(look(a, noisy(a, 0.1, seed=1), earlier=(wider, noisy(wider, 0.1, seed=2))))
    )
    assert found["layers.0.mlp.up_proj"].along is UNSET
    assert isinstance(found["layers.0.self_attn.q_proj"].along, float)


@pytest.fixture
def adapted(tmp_path: Path) -> tuple[Subject, Subject, Subject]:
    """A base, an adapter on it, and the two merged."""
    model, tokenizer = language_model("llama")
    save(model, tokenizer, tmp_path / "base")
    digest = folder_digest(tmp_path / "base")
    subject = with_new_adapter(load(tmp_path / "base"), Lora(rank=2), digest, seed=1)
    with torch.no_grad():
        for number, (name, value) in enumerate(subject.model.named_parameters()):
            if "lora_B" in name:
                value.add_(0.1 * drawn(*value.shape, seed=number))
    save_adapter(subject.model, tmp_path / "adapter")
    merge(tmp_path / "adapter", tmp_path / "base", tmp_path / "merged")
    base = load(tmp_path / "base")
    return base, with_adapter(base, tmp_path / "adapter"), load(tmp_path / "merged")


def test_an_adapter_and_the_model_it_is_merged_into_read_the_same(adapted: tuple[Subject, ...]) -> None:
    base, adapter, merged = adapted
    found = weights.section(look(base, adapter))
    assert found == weights.section(look(base, merged))
    assert found.unmatched == ()
    moved = [one for one in found.modules if one.share > 0]
    assert len(moved) == 14
    assert all(isinstance(one.rank, float) and one.rank <= 2 and one.top[0] > 0.7 for one in moved)
    assert {one.share for one in weights.section(look(adapter, merged)).modules} == {0.0}


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing")  # peft's
def test_a_model_that_peft_wraps_reads_as_the_one_inside(adapted: tuple[Subject, ...]) -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415

    base, *_ = adapted
    copy: Any = noisy(base, 0.0, seed=0)
    wrapped = Subject(get_peft_model(copy.model, LoraConfig(r=2, target_modules=["up_proj"])), base.tokenizer)  # type: ignore[arg-type]
    with torch.no_grad():
        for name, value in wrapped.model.named_parameters():
            if "lora_B" in name:
                value.add_(0.1 * drawn(*value.shape))
    found = weights.section(look(base, wrapped))
    assert {one.module for one in found.modules if one.share > 0} == {
        "layers.0.mlp.up_proj",
        "layers.1.mlp.up_proj",
    }
    assert found.unmatched == ()
    assert words.section(look(base, wrapped)).divergence > 0
    same = look(base, wrapped)
    table = lens.section(same)
    assert set(table.divergence[0]) == {0.0}
    assert all(table.divergence[1])
    assert tokens.section(same).layers[1].size > 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value: float, a: Subject, b: Subject) -> None:
    with torch.no_grad():
        named(b)[UP][0, 0] = value
    for pair in ((a, b), (b, a), (b, b)):
        with pytest.raises(
            SubjectError, match=r"finite weights expected, got others in layers\.1\.mlp\.up_proj"
        ):
            weights.section(look(*pair))
