"""What both of TRL's trainers need here: one process, no network, no traces, the same bits for the same seed.

A training that was interrupted goes on by our `Checkpoints`, since the trainers' own are pickles. It goes through its
steps from the first on, so that the order of the data, the learning rate and whatever else a trainer counts come out as
they did; a step that was done before computes nothing (milliseconds), and before the first that was not, weights,
optimizer and random states are as they were there.

TRL is imported inside functions: a worker that never trains so must not wait for it.
"""

import math
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from huggingface_hub import constants
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from detent.errors import SubjectError
from detent.subject.chat import end_of
from detent.subject.checkpoint import Checkpoints
from detent.subject.lora import sharing_copy

TEMPORARY = (
    "lesson-"  # how the name of a training's temporary folder begins; an engine sweeps what a kill leaves
)
NARROW = 1 << 32  # NumPy's generator, which the trainers seed, takes no seed from here on
Progress = Callable[[int, int, float], None]  # (steps done, of how many, loss of the last one)


class Lesson(NamedTuple):
    """What a training was: the loss of every step, and what it cost in tokens, padding included.

    A token learnt from costs three forward passes (forward and backward), one that is read costs one.
    """

    losses: list[float]
    learnt: int  # by the model in training
    read: int  # by the reference model, and by the model when it writes


_SPOKEN = 100  # steps that were done before, after which a word is said: who hears nothing thinks of a stall
_LEARNT, _READ = "learnt", "read"  # of the tally that goes along with a checkpoint


@dataclass(slots=True)
class Meter:
    """Watches a training: losses and tokens as they come, from where it stood when it was interrupted."""

    steps: int
    on_progress: Progress | None
    marks: Checkpoints
    losses: list[float] = field(default_factory=list)
    _went_on_at: int = 0

    def count(self, model: torch.nn.Module) -> None:
        """Count the tokens of each forward pass of `model` from here on."""
        model.register_forward_pre_hook(self._passed, with_kwargs=True)

    def is_done(self, step: int, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> bool:
        """Whether `step`, from 0, was done before the training was interrupted; asked before each, in order.

        What stands between two steps is written down here, when it is time to: after the trainer drew whatever it draws
        for the step to come, so that it is put back at the same point.
        """
        if step == 0:
            self.losses = self.marks.restore(model, [optimizer])
            self._went_on_at = len(self.losses)
        if step < len(self.losses):
            if (step + 1) % _SPOKEN == 0 and self.on_progress is not None:
                self.on_progress(step + 1, self.steps, self.losses[step])
            return True
        if step == self._went_on_at:
            self.marks.reseed()  # each pass over the data draws
        else:
            self.marks.step(model, [optimizer], self.losses)
        return False

    def step(self, loss: float) -> None:
        """Take down the loss of one more step.

        Raises:
            SubjectError: it is not finite; the model is of no use to anyone.
        """
        if not abs(loss) < math.inf:
            raise SubjectError(
                f"a finite loss expected, got {loss} at step {len(self.losses)}; lower the learning rate"
            )
        self.losses.append(loss)
        if self.on_progress is not None:
            self.on_progress(len(self.losses), self.steps, loss)

    def lesson(self) -> Lesson:
        """All of it."""
        return Lesson(self.losses, self.marks.tally[_LEARNT], self.marks.tally[_READ])

    def _passed(self, _model: torch.nn.Module, _args: tuple[object, ...], kwargs: dict[str, Any]) -> None:
        self.marks.tally[_LEARNT if torch.is_grad_enabled() else _READ] += kwargs["input_ids"].numel()


def watched(trainer: type[Any], meter: Meter, **overrides: Any) -> type[Any]:
    """A subclass of a trainer that tells `meter` of every step; `overrides` replaces methods."""

    def training_step(self: Any, *args: Any, **kwargs: Any) -> Any:
        if meter.is_done(self.state.global_step, self.model, self.optimizer):
            return torch.zeros((), device=self.args.device)  # no gradient: the optimizer changes nothing
        loss = trainer.training_step(self, *args, **kwargs)
        meter.step(loss.item())
        return loss

    return type(f"Watched{trainer.__name__}", (trainer,), {"training_step": training_step, **overrides})


def arguments(
    model: PreTrainedModel,
    folder: str,
    *,
    steps: int,
    batch: int,
    rate: float,
    warm_up: int,
    clip: float,
    seed: int,
) -> dict[str, Any]:
    """What both configurations share. The trainer writes nothing but into `folder`, and reports nothing.

    On a GPU products are in bfloat16 and activations are computed twice, since memory is what is short there.
    """
    on_processor = model.device.type == "cpu"
    return {
        "output_dir": folder,
        "max_steps": steps,
        "per_device_train_batch_size": batch,
        "learning_rate": rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": warm_up,
        "max_grad_norm": clip,
        "seed": seed % NARROW,
        "data_seed": seed % NARROW,
        "optim": "adamw_torch",
        "use_cpu": on_processor,
        "bf16": not on_processor,
        "gradient_checkpointing": not on_processor,
        **({} if on_processor else {"gradient_checkpointing_kwargs": {"use_reentrant": False}}),
        "disable_dropout": True,
        "dataloader_pin_memory": False,
        "report_to": [],
        "logging_strategy": "no",
        "save_strategy": "no",
        "push_to_hub": False,
        "disable_tqdm": True,
    }


def run(trainer: Any) -> None:
    """Train to the end, and print nothing."""
    from transformers import PrinterCallback  # noqa: PLC0415

    trainer.remove_callback(PrinterCallback)
    trainer.train()


def pupil(model: PreTrainedModel) -> PreTrainedModel:
    """A copy to train: the trainers change a model's configuration and methods, and must not change ours.

    One more is the reference. TRL would take an adapter that is switched off for it, which is the base: not the parent.
    """
    copy = sharing_copy(model, lambda weight: not weight.requires_grad)  # an adapter's base is not trained
    copy.train()
    return copy


def learn_from(model: PreTrainedModel, copy: PreTrainedModel) -> None:
    """Give `model` the weights that its copy has learnt, and leave it ready to answer."""
    learnt = dict(copy.named_parameters())
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.requires_grad:
                value.copy_(learnt[name])
    model.eval()  # type: ignore[no-untyped-call]


@contextmanager
def handing_out(module: ModuleType, reference: PreTrainedModel) -> Iterator[None]:
    """Let a trainer that loads its reference by a model's name get this one."""
    name = "create_model_from_path"
    own = getattr(module, name)
    setattr(module, name, lambda *_, **__: reference)
    try:
        yield
    finally:
        setattr(module, name, own)


def padded(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """A copy of the tokenizer for a trainer to change: it ends with what ends an answer, and pads with something."""
    copy: PreTrainedTokenizerBase = deepcopy(tokenizer)
    if copy.eos_token_id != (end := end_of(tokenizer)):
        copy.eos_token = tokenizer.convert_ids_to_tokens(end)
    if copy.pad_token is None:
        copy.pad_token = copy.eos_token
    return copy


@contextmanager
def undisturbed() -> Iterator[None]:
    """No hub is asked; and that the trainers seed every generator and warn of much is not noticed outside."""
    python, array = random.getstate(), np.random.get_state()  # noqa: NPY002  theirs is the old one
    offline, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        random.setstate(python)
        np.random.set_state(array)  # noqa: NPY002
