"""What optimizers remember goes on exactly where it stopped, follows a weight to its new name, and is checked first."""

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from msgspec import UNSET, UnsetType
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from detent.errors import SubjectError
from detent.subject.build import Sizes, build_model
from detent.subject.checkpoint import Checkpoints
from detent.subject.load import Subject
from detent.subject.lora import with_new_adapter
from detent.subject.moments import Memory, Method, read, write
from detent.subject.reshape import reshaped
from detent.subject.train import Example, Recipe, Source, train
from detent.values import Lora
from detent.values.moments import NOTE, TENSORS
from detent.values.shape import (
    Activate,
    AddBlock,
    AddHeads,
    Edit,
    RemoveBlock,
    RemoveHeads,
    WidenHidden,
    WidenMlp,
)

ONE = [Source([Example("C12=", "12")], 1.0)]
"""Of one example, so that all batches are alike."""

MODEL, OTHER = "1" * 64, "2" * 64


def recipe(steps: int, method: Method = "muon") -> Recipe:
    """Rates that are the same at every step."""
    return Recipe(steps=steps, batch=4, warm_up=0, cool_down=0.0, method=method, rest_rate=1e-3)


def weights(model: PreTrainedModel) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def small() -> PreTrainedModel:
    return build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=1)


def adapted(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    return with_new_adapter(Subject(small(), tokenizer), Lora(rank=2, alpha=4.0), MODEL, seed=5).model


MODELS: dict[str, tuple[Callable[[PreTrainedTokenizerFast], PreTrainedModel], Method]] = {
    "a whole model, by Muon and AdamW": (lambda _: small(), "muon"),
    "a whole model, by AdamW": (lambda _: small(), "adamw"),
    "an adapter": (adapted, "adamw"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_two_trainings_with_what_the_first_left_are_one_long_training(
    kind: str, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """At constant rates, on one example, and through files."""
    make, method = MODELS[kind]
    whole, halved, forgetful = (make(tokenizer) for _ in range(3))
    train(whole, tokenizer, ONE, recipe(8, method), seed=1)
    memory = Memory(method)
    train(halved, tokenizer, ONE, recipe(5, method), seed=2, memory=memory)
    write(memory, tmp_path / "state", model=MODEL)
    memory = read(tmp_path / "state", model=MODEL, method=method, trained=halved)
    train(halved, tokenizer, ONE, recipe(3, method), seed=3, memory=memory)
    assert equal(weights(halved), weights(whole))
    train(forgetful, tokenizer, ONE, recipe(5, method), seed=2)
    train(forgetful, tokenizer, ONE, recipe(3, method), seed=3)
    assert not equal(weights(forgetful), weights(whole))


class CutError(Exception):
    """The power goes."""


def test_one_that_was_cut_goes_on_and_leaves_the_same(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    first = Memory("muon")
    train(small(), tokenizer, ONE, recipe(4), seed=1, memory=first)

    def cut(done: int, _total: int, _loss: float) -> None:
        if done == 3:
            raise CutError

    def marks() -> Checkpoints:
        return Checkpoints(tmp_path / "marks", seconds=0.0, clock=lambda: 0.0)

    whole, mended = small(), small()
    memories = [replace(first, tensors=dict(first.tensors)) for _ in range(3)]
    train(whole, tokenizer, ONE, recipe(6), seed=2, memory=memories[0])
    with pytest.raises(CutError):
        train(
            small(),
            tokenizer,
            ONE,
            recipe(6),
            seed=2,
            memory=memories[1],
            on_progress=cut,
            checkpoints=marks(),
        )
    train(mended, tokenizer, ONE, recipe(6), seed=2, memory=memories[2], checkpoints=marks())
    assert equal(weights(mended), weights(whole))
    assert equal(memories[2].tensors, memories[0].tensors)
    assert not equal(memories[0].tensors, first.tensors)


@pytest.fixture
def left(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> Path:
    """What a training of the small model left."""
    memory = Memory("muon")
    train(small(), tokenizer, ONE, recipe(3), seed=1, memory=memory)
    write(memory, tmp_path / "left", model=MODEL)
    return tmp_path / "left"


def taken_in(folder: Path, trained: PreTrainedModel, edit: Edit | UnsetType = UNSET) -> dict[str, Tensor]:
    return read(folder, model=OTHER, method="muon", trained=trained, edit=edit).tensors


EDITS: dict[str, tuple[Edit, Callable[[str], str]]] = {
    "a block more at the bottom": (
        AddBlock(at=0),
        lambda name: name.replace("layers.1.", "layers.2.").replace("layers.0.", "layers.1."),
    ),
    "a block more in the middle": (AddBlock(at=1), lambda name: name.replace("layers.1.", "layers.2.")),
    "a block more on top": (AddBlock(at=2), lambda name: name),
    "a block fewer": (
        RemoveBlock(at=0),
        lambda name: "" if "layers.0." in name else name.replace("layers.1.", "layers.0."),
    ),
    "a wider MLP": (WidenMlp(by=8), lambda name: "" if ".mlp." in name else name),
    "more heads": (AddHeads(groups=2), lambda name: "" if "_proj." in name and "attn" in name else name),
    "fewer heads": (RemoveHeads(at=0), lambda name: "" if "_proj." in name and "attn" in name else name),
    "another activation": (Activate("relu"), lambda name: name),
    "a wider stream, where all weights change": (WidenHidden(by=8), lambda _: ""),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_keeps_its_shape_keeps_its_memory_under_its_new_name(edit: str, left: Path) -> None:
    change, renamed = EDITS[edit]
    before = load_file(left / TENSORS)
    found = taken_in(left, reshaped(small(), change, seed=1), change)
    wanted = {
        f"{slot}/{new}": value
        for slot, _, name, value in ((*key.partition("/"), value) for key, value in before.items())
        if (new := renamed(name))
    }
    assert equal(found, wanted)


@pytest.mark.parametrize("edit", EDITS)
def test_a_reshaped_model_learns_on_with_what_is_left(
    edit: str, left: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    change, _ = EDITS[edit]
    model = reshaped(small(), change, seed=1)
    memory = read(left, model=OTHER, method="muon", trained=model, edit=change)
    carried = len(memory.tensors)
    assert train(model, tokenizer, ONE, recipe(2), seed=1, memory=memory)[-1] < 10.0
    assert len(memory.tensors) > carried or isinstance(change, Activate | RemoveBlock)
    write(memory, left.with_name("next"), model=OTHER)
    assert taken_in(left.with_name("next"), model).keys() == memory.tensors.keys()


def test_what_another_method_left_is_nothing_to_this_one(left: Path) -> None:
    assert read(left, model=MODEL, method="adamw", trained=small()).tensors == {}


def written(folder: Path, tensors: dict[str, Tensor]) -> None:
    save_file(tensors, folder / TENSORS)


def with_one(folder: Path, name: str, value: Tensor) -> None:
    written(folder, {**load_file(folder / TENSORS), name: value})


def unlike(folder: Path, start: str, value: float) -> None:
    """One number of the first tensor of that kind is this."""
    tensors = load_file(folder / TENSORS)
    name = min(name for name in tensors if name.startswith(start))
    tensors[name].view(-1)[0] = value
    written(folder, tensors)


def truncated(folder: Path) -> None:
    content = (folder / TENSORS).read_bytes()
    (folder / TENSORS).write_bytes(content[: len(content) // 2])


def of_another_shape(folder: Path) -> None:
    tensors = load_file(folder / TENSORS)
    name = min(name for name in tensors if name.startswith("momentum/"))
    written(folder, {**tensors, name: torch.zeros(3, 3)})


def in_halves(folder: Path) -> None:
    written(folder, {name: value.half() for name, value in load_file(folder / TENSORS).items()})


ATTACKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickle in its place": (
        lambda folder: (folder / TENSORS).write_bytes(pickle.dumps({"momentum": [1.0]})),
        "an optimizer's state expected",
    ),
    "half of the file": (truncated, "an optimizer's state expected"),
    "no file": (lambda folder: (folder / TENSORS).unlink(), "an optimizer's state expected"),
    "a note that is no JSON": (
        lambda folder: (folder / NOTE).write_text("muon"),
        "an optimizer's state expected",
    ),
    "a note that says more": (
        lambda folder: (folder / NOTE).write_text(json.dumps({"model": MODEL, "method": "muon", "x": 1})),
        "an optimizer's state expected",
    ),
    "a method that there is not": (
        lambda folder: (folder / NOTE).write_text(json.dumps({"model": MODEL, "method": "sgd"})),
        "an optimizer's state expected",
    ),
    "that of another model": (
        lambda folder: (folder / NOTE).write_text(json.dumps({"model": OTHER, "method": "muon"})),
        "the state of the model",
    ),
    "a tensor of another shape": (of_another_shape, "the state of this model's weights expected"),
    "numbers of another size": (in_halves, "the state of this model's weights expected"),
    "a weight that the model has not": (
        lambda folder: with_one(folder, "momentum/model.layers.7.x", torch.zeros(2)),
        "the state of this model's weights expected",
    ),
    "something that no optimizer remembers": (
        lambda folder: with_one(folder, "plans/model.norm.weight", torch.zeros(32)),
        "the state of this model's weights expected",
    ),
    "no number in the momentum": (
        lambda folder: unlike(folder, "momentum/", float("nan")),
        "numbers that it can",
    ),
    "no end in a moment": (lambda folder: unlike(folder, "exp_avg/", float("inf")), "numbers that it can"),
    "a square below zero": (lambda folder: unlike(folder, "exp_avg_sq/", -1.0), "numbers that it can"),
    "fewer steps than none": (lambda folder: unlike(folder, "step/", -1.0), "numbers that it can"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_training_begins_with(attack: str, left: Path) -> None:
    change, said = ATTACKS[attack]
    assert read(left, model=MODEL, method="muon", trained=small()).tensors
    change(left)
    with pytest.raises(SubjectError, match=said):
        read(left, model=MODEL, method="muon", trained=small())


def test_a_training_that_ends_in_no_numbers_leaves_nothing() -> None:
    model, memory = small(), Memory("adamw")
    optimizer = torch.optim.AdamW(model.parameters())
    for weight in model.parameters():
        optimizer.state[weight] = {"exp_avg": torch.full_like(weight, float("nan"))}
    with pytest.raises(SubjectError, match="the training's end"):
        memory.take(model, [optimizer])
