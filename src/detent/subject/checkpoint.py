"""A training that is interrupted goes on from what it wrote down last, and ends with the bits it would have had.

    >>> marks = Checkpoints(Path("staging/resume-train-5f0c21aa"))
    >>> losses = marks.restore(model, optimizers)          # [] when it begins; else of the steps that are done
    >>> marks.step(model, optimizers, losses)              # writes when it is time to
    >>> marks.tally["tokens"] += 1024                      # goes along: what was counted until then

Written are the weights in training, the optimizers' state and PyTorch's random states as safetensors, and the losses
and the random states of Python and NumPy as JSON: nothing that can run code when it is read. One is whole or is not
there: it gets its name when both files are on the disk, and a file that is not what its JSON says is thrown away. Which
training it belongs to is said by the folder's name alone, so the caller names it by a digest of everything that the
training depends on.
"""

import hashlib
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from msgspec import Struct
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from detent.errors import EngineError

SECONDS = 60.0
"""Between two checkpoints at the least."""

COST = 0.05
"""The most of a training's time that goes into writing them: where one takes long, they become rarer."""

_TENSORS, _NOTE = "state.safetensors", "state.json"


class _Random(Struct, frozen=True, forbid_unknown_fields=True):
    """The states of two generators of the process, as `random.setstate` and `numpy.random.set_state` take them."""

    python: tuple[int, tuple[int, ...], float | None]
    numpy: tuple[str, tuple[int, ...], int, int, float]


class _Note(Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    losses: list[float]
    tally: dict[str, int]
    random: _Random


class Checkpoints:
    """In `folder`, which need not be there; without one nothing is written and nothing restored.

    tally: what the caller counts, and what goes on from where it was when the training does.
    """

    def __init__(
        self, folder: Path | None, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._seconds = seconds
        self._clock = clock
        self._due = clock() + seconds
        self._random: tuple[dict[str, Tensor], _Random] | None = None
        self.tally: Counter[str] = Counter()

    def restore(self, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> list[float]:
        """Put everything back as it was at the newest whole checkpoint; the losses of the steps until then.

        Raises:
            EngineError: it does not fit what is trained. It is removed, so that the next try begins anew.
        """
        for folder in self._written():
            try:
                tensors, note = _read(folder, {name for name, _ in _trained(model)})
            except (OSError, ValueError, SafetensorError) as error:
                sys.stderr.write(f"the checkpoint {folder} is not whole, and is left out: {error}\n")
                continue
            self._random = tensors, note.random
            try:
                _put_back(model, optimizers, tensors)
                self.reseed()
            except (LookupError, TypeError, ValueError, RuntimeError) as error:
                # A part of it may be in the model by now: nothing is to go on from that.
                shutil.rmtree(folder, ignore_errors=True)
                raise EngineError(
                    f"a checkpoint of this training expected in {folder}, got another ({error}), which is removed; "
                    "run again"
                ) from error
            self.tally.clear()
            self.tally.update(note.tally)
            return note.losses
        return []

    def reseed(self) -> None:
        """Put the random states back once more: for who draws from them on the way to where it stood."""
        if self._random is not None:
            _seed(*self._random)

    def step(
        self, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], losses: Sequence[float]
    ) -> None:
        """Write down where the training stands, when it is time to.

        A disk that refuses costs the checkpoint and not the training: that fails by itself if it must.
        """
        if self._folder is None or self._clock() < self._due:
            return
        began = self._clock()
        try:
            self._write(self._folder, _taken(model, optimizers), list(losses))
        except (OSError, SafetensorError) as error:
            sys.stderr.write(f"a checkpoint could not be written: {error}\n")
        took = self._clock() - began
        self._due = began + took + max(self._seconds, took / COST)

    def _written(self) -> list[Path]:
        """Newest first."""
        if self._folder is None or not self._folder.is_dir():
            return []
        named = [path for path in self._folder.iterdir() if path.name.isdecimal()]
        return sorted(named, key=lambda path: -int(path.name))

    def _write(self, folder: Path, tensors: dict[str, Tensor], losses: list[float]) -> None:
        before = self._written()
        new = folder / "new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        save_file(tensors, new / _TENSORS)
        note = _Note(_digest(new / _TENSORS), losses, dict(self.tally), _drawn())
        (new / _NOTE).write_bytes(msgspec.json.encode(note))
        for path in (new / _TENSORS, new / _NOTE, new):
            _to_disk(path)
        new.rename(folder / str(len(losses)))
        _to_disk(folder)
        for old in before:
            shutil.rmtree(old, ignore_errors=True)


def _taken(model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Tensor]:
    found = {f"weights/{name}": value for name, value in _trained(model)}
    for number, optimizer in enumerate(optimizers):
        for place, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                found[f"optimizer/{number}/{place}/{name}"] = torch.as_tensor(value)
    found["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        found |= {f"random/{i}": state for i, state in enumerate(torch.cuda.get_rng_state_all())}
    # A copy each: optimizers may keep views of one storage, which safetensors refuses.
    return {name: value.detach().to("cpu", copy=True).contiguous() for name, value in found.items()}


def _put_back(
    model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], tensors: dict[str, Tensor]
) -> None:
    with torch.no_grad():
        for name, value in _trained(model):
            kept = tensors[f"weights/{name}"]
            if kept.shape != value.shape:  # it would be spread over what is there
                raise ValueError(f"{name} of {tuple(value.shape)} expected, got {tuple(kept.shape)}")
            value.copy_(kept)
    states: dict[int, dict[int, dict[str, Tensor]]] = {}
    for path, value in tensors.items():
        kind, *rest = path.split("/")
        if kind == "optimizer":
            number, place, name = rest
            states.setdefault(int(number), {}).setdefault(int(place), {})[name] = value
    for at, optimizer in enumerate(optimizers):
        state = states.get(at, {})
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _drawn() -> _Random:
    version, numbers, gauss = random.getstate()
    state: Any = np.random.get_state()  # noqa: NPY002  the one that libraries draw from
    name, keys, *rest = state
    found = {"python": (version, numbers, gauss), "numpy": (name, keys.tolist(), *rest)}
    return msgspec.convert(found, _Random)


def _seed(tensors: dict[str, Tensor], others: _Random) -> None:
    random.setstate(others.python)
    state: Any = others.numpy
    np.random.set_state(state)  # noqa: NPY002
    torch.set_rng_state(tensors["random/cpu"])
    if torch.cuda.is_available():
        names = [f"random/{i}" for i in range(torch.cuda.device_count())]
        torch.cuda.set_rng_state_all([tensors[name] for name in names if name in tensors])


def _read(folder: Path, weights: set[str]) -> tuple[dict[str, Tensor], _Note]:
    note = msgspec.json.decode((folder / _NOTE).read_bytes(), type=_Note)
    found = _digest(folder / _TENSORS)
    if found != note.sha256:
        raise ValueError(f"SHA-256 {note.sha256} expected, got {found}")
    tensors = load_file(folder / _TENSORS)
    if missing := sorted(weights - {name.removeprefix("weights/") for name in tensors}):
        raise ValueError(f"the weights in training expected, got none of {missing[0]}")
    return tensors, note


def _trained(model: nn.Module) -> Iterable[tuple[str, Tensor]]:
    """What changes in training: of a model with an adapter the adapter alone."""
    return ((name, value) for name, value in model.named_parameters() if value.requires_grad)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(path: Path) -> None:
    """A name that is on the disk before what it names would be an empty file after a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
