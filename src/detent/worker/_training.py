"""One train job: the parent is loaded, trained in place, measured and saved."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from detent import values
from detent.subject.checkpoint import Checkpoints
from detent.subject.load import Subject
from detent.subject.processor import fast_precision
from detent.subject.train import Example, Recipe, Source, train
from detent.values import ElicitJob, TrainedModel, TrainJob
from detent.worker._shelf import Shelf
from detent.worker._wire import Tell

_PARTS = 10
TOKENS = "tokens"
"""Under which `counted_tokens` counts."""


def trained(job: TrainJob, shelf: Shelf, folder: Path, tell: Tell, marks: Checkpoints) -> TrainedModel:
    """Train as `job` says, from where `marks` stand, and leave the model in the new `folder`."""
    sources = _sources(job, shelf)
    subject = shelf.fresh_subject(job.parent)
    measured = Measured(subject)
    tell(0, job.steps, "")
    with counted_tokens(subject.model, marks.tally):
        losses = train(
            *subject, sources, _recipe(job), seed=job.seed, on_progress=told(tell), checkpoints=marks
        )
    parameters, learnt = subject.model.num_parameters(), marks.tally[TOKENS]
    return saved(
        measured,
        folder,
        losses=losses,
        flops=6.0 * parameters * learnt,
        learnt=learnt,
        read=0,
        precision=fast_precision(),
    )


class Measured:
    """A subject about to be trained, and its weights as they are."""

    def __init__(self, subject: Subject) -> None:
        """Remember the weights."""
        self.subject = subject
        self.before = {name: value.detach().clone() for name, value in subject.model.named_parameters()}


def saved(
    measured: Measured,
    folder: Path,
    *,
    losses: list[float],
    flops: float,
    learnt: int,
    read: int,
    precision: str,
) -> TrainedModel:
    """Leave the trained model in the new `folder`, and say how it came to be."""
    subject = measured.subject
    subject.model.save_pretrained(folder)
    subject.tokenizer.save_pretrained(folder)
    return TrainedModel(
        folder=folder.name,
        parameters=subject.model.num_parameters(),
        losses=_tenths(losses),
        flops=flops,
        change=_change(measured.before, subject),
        precision=precision,
        learnt=learnt,
        read=read,
    )


def told(tell: Tell) -> Callable[[int, int, float], None]:
    """Progress of a training as the wire takes it."""
    return lambda done, total, loss: tell(done, total, f"loss {loss:.3f}")


def briefly_trained(job: ElicitJob, shelf: Shelf, tell: Tell) -> Subject:
    """A copy of the model after a few steps, in memory."""
    sources, subject = _sources(job, shelf), shelf.fresh_subject(job.model)
    tell(0, job.steps, "")
    train(*subject, sources, _recipe(job), seed=job.seed, on_progress=told(tell))
    return subject


def _sources(job: TrainJob | ElicitJob, shelf: Shelf) -> list[Source]:
    return [Source(_pairs(shelf, source), source.weight) for source in job.sources if source.weight > 0]


def _pairs(shelf: Shelf, source: values.Source) -> list[Example]:
    rows = shelf.examples(source.data)
    if source.rungs:
        rungs = {(rung.task, rung.level) for rung in source.rungs}
        rows = [row for row in rows if (row.task, row.level) in rungs]
    return [Example(row.prompt, row.completion) for row in rows]


def _recipe(job: TrainJob | ElicitJob) -> Recipe:
    optimizer = job.optimizer
    return Recipe(
        steps=job.steps,
        batch=optimizer.batch,
        matrix_rate=optimizer.matrix_rate,
        rest_rate=optimizer.other_rate,
        warm_up=optimizer.warmup_steps,
        cool_down=optimizer.decay_share,
        precision=fast_precision(),
        clip=optimizer.clip,
    )


@contextmanager
def counted_tokens(model: nn.Module, tally: Counter[str]) -> Iterator[None]:
    """Add the tokens of each forward pass to the tally, padding included: what was computed, not what was useful."""

    def count(_model: nn.Module, _args: tuple[object, ...], kwargs: dict[str, Tensor]) -> None:
        tally[TOKENS] += kwargs["input_ids"].numel()

    handle = model.register_forward_pre_hook(count, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def _tenths(losses: list[float]) -> tuple[float, ...]:
    """The mean of each tenth; of fewer steps than ten, each step."""
    parts = min(_PARTS, len(losses))
    edges = [len(losses) * part // parts for part in range(parts + 1)]
    return tuple(sum(losses[start:end]) / (end - start) for start, end in pairwise(edges))


def _change(before: dict[str, Tensor], subject: Subject) -> dict[str, float]:
    """For each module |new - old| / |old|, Frobenius; |new| where the old one was all zeros."""
    moved: dict[str, float] = {}
    old: dict[str, float] = {}
    with torch.no_grad():
        for name, value in subject.model.named_parameters():
            module = name.rpartition(".")[0]
            moved[module] = moved.get(module, 0.0) + float((value - before[name]).square().sum())
            old[module] = old.get(module, 0.0) + float(before[name].square().sum())
    return {module: (moved[module] / (old[module] or 1.0)) ** 0.5 for module in moved}
