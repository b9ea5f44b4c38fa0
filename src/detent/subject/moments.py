"""What optimizers remember of a training, kept beside the model for its next one: momentum, moments, counts of steps.

    >>> memory = Memory(method="muon")
    >>> losses = train(*subject, sources, recipe, seed=7, memory=memory)   # begins with none, leaves its own
    >>> write(memory, folder, model=digest)                                # state.safetensors and state.json
    >>> memory = read(folder, model=digest, method="muon", trained=subject.model)

Each tensor is named by its slot and by its weight's name in the model's files: `momentum/model.layers.0...`. So it can
be carried to a model of another shape: what a weight of the same name and shape remembers goes along, under its new
name where a block was moved, and every other weight begins with nothing. Two ways of training remember different
things: what Muon left is nothing to AdamW, so that a model that is trained in another way than before begins anew.

Nothing here runs code when it is read, and nothing that is not finite is taken in or left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import torch
from msgspec import UNSET, Struct, UnsetType
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from detent.errors import SubjectError
from detent.subject.lora import stored_name
from detent.subject.reshape import moved
from detent.values.moments import NOTE, TENSORS
from detent.values.shape import Edit

Method = Literal["muon", "adamw"]

_MOMENTUM = "momentum"
_CALLED = {"momentum_buffer": _MOMENTUM}
"""torch's Muon and ours keep the same under two names."""

_NEVER_NEGATIVE = ("step", "exp_avg_sq")


class _Note(Struct, frozen=True, forbid_unknown_fields=True):
    """model: digest of the model that the training left. method: of the training."""

    model: str
    method: Method


@dataclass(slots=True)
class Memory:
    """tensors: by slot and name; those that a training begins with, and after it those that it leaves."""

    method: Method
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def give(self, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Let optimizers that have done nothing yet begin with these."""
        for name, weight, optimizer in _learning(model, optimizers):
            found = {slot: self.tensors.get(f"{slot}/{name}") for slot in _slots(optimizer)}
            kept = {slot: value for slot, value in found.items() if value is not None}
            if kept:
                # A copy, and where the weight is: an optimizer changes its state in place.
                optimizer.state[weight] = {
                    _own_name(optimizer, slot): value.to(weight.device, copy=True)
                    for slot, value in kept.items()
                }

    def take(self, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Remember what these do now, and nothing that was remembered before.

        Raises:
            SubjectError: something of it is not finite: the next training could only be one of a broken model.
        """
        self.tensors = {
            f"{_CALLED.get(slot, slot)}/{name}": torch.as_tensor(value)
            .detach()
            .to("cpu", copy=True)
            .contiguous()
            for name, weight, optimizer in _learning(model, optimizers)
            for slot, value in optimizer.state[weight].items()
        }
        for name, value in self.tensors.items():
            _check_numbers(name, value, "the training's end")


def write(memory: Memory, folder: Path, *, model: str) -> None:
    """Leave it in the new `folder`, as that of the model with this digest."""
    folder.mkdir(parents=True)
    save_file(memory.tensors, folder / TENSORS)
    (folder / NOTE).write_bytes(msgspec.json.encode(_Note(model, memory.method)) + b"\n")


def read(
    folder: Path, *, model: str, method: Method, trained: nn.Module, edit: Edit | UnsetType = UNSET
) -> Memory:
    """What `trained` is to begin with.

    Args:
        folder: in which `write` left it.
        model: digest of the model that is to be trained.
        method: how it is to be trained.
        trained: the model itself, or its adapter.
        edit: how it came of the model that the state is of; UNSET: that is this one.

    Raises:
        SubjectError: it is no such state, or one of another model, or there is something in it that is no number.
    """
    try:
        note = msgspec.json.decode((folder / NOTE).read_bytes(), type=_Note)
        found = load_file(folder / TENSORS)
    except (OSError, msgspec.DecodeError, SafetensorError, ValueError) as error:
        raise SubjectError(
            f"an optimizer's state expected in {folder}, got: {error}; restore it from a copy"
        ) from error
    for name, value in found.items():
        _check_numbers(name, value, str(folder))
    if edit is UNSET and note.model != model:
        raise SubjectError(
            f"the state of the model {model} expected in {folder}, got that of {note.model}; it is none for it"
        )
    shapes = {name: value.shape for name, value in _stored(trained)}
    kept = found if edit is UNSET else _carried(found, edit, shapes)
    _check_fit(kept, shapes, folder)
    return Memory(method, kept if note.method == method else {})


def _carried(tensors: dict[str, Tensor], edit: Edit, shapes: dict[str, torch.Size]) -> dict[str, Tensor]:
    """By their names after the edit, those of weights that are still of the same shape, with all their slots."""
    renamed = [(slot, moved(name, edit), value) for slot, name, value in _named(tensors)]
    lost = {name for slot, name, value in renamed if slot != "step" and shapes.get(name) != value.shape}
    return {f"{slot}/{name}": value for slot, name, value in renamed if name not in lost and name in shapes}


def _named(tensors: dict[str, Tensor]) -> Iterator[tuple[str, str, Tensor]]:
    """Slot, weight and value of each."""
    for key, value in tensors.items():
        slot, _, name = key.partition("/")
        yield slot, name, value


def _check_fit(tensors: dict[str, Tensor], shapes: dict[str, torch.Size], folder: Path) -> None:
    for slot, name, value in _named(tensors):
        wanted = torch.Size() if slot == "step" else shapes.get(name)
        if name not in shapes or slot not in _SLOTS or value.shape != wanted or value.dtype != torch.float32:
            raise SubjectError(
                f"the state of this model's weights expected in {folder}, got {slot}/{name[:120]} of {value.dtype} "
                f"{tuple(value.shape)}; it is another model's"
            )


def _check_numbers(name: str, value: Tensor, where: str) -> None:
    least = 0.0 if name.partition("/")[0] in _NEVER_NEGATIVE else float("-inf")
    if not bool(torch.isfinite(value).all()) or bool((value < least).any()):
        raise SubjectError(
            f"an optimizer's state of numbers that it can have expected at {where}, got others in {name[:120]}; "
            "lower the learning rates, or begin without it"
        )


_ADAMW = ("step", "exp_avg", "exp_avg_sq")
_SLOTS = (_MOMENTUM, *_ADAMW)


def _slots(optimizer: torch.optim.Optimizer) -> tuple[str, ...]:
    return _ADAMW if isinstance(optimizer, torch.optim.AdamW) else (_MOMENTUM,)


def _own_name(optimizer: torch.optim.Optimizer, slot: str) -> str:
    ours = {kept: own for own, kept in _CALLED.items()}
    return ours.get(slot, slot) if isinstance(optimizer, torch.optim.Muon) else slot


def _learning(
    model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]
) -> Iterator[tuple[str, nn.Parameter, torch.optim.Optimizer]]:
    """Each weight that is trained, in the model's order: its name in files, itself, and who trains it."""
    whose = {
        id(weight): optimizer
        for optimizer in optimizers
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    for name, weight in _stored(model):
        yield name, weight, whose[id(weight)]


def _stored(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """What is trained, by its names in the model's files."""
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            yield stored_name(name), weight
