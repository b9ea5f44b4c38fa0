"""One train job: the parent is loaded, trained in place, measured and saved."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from msgspec import UNSET, structs
from torch import Tensor, nn

from detent import values
from detent.subject.change import change_of
from detent.subject.checkpoint import Checkpoints
from detent.subject.load import Subject
from detent.subject.lora import check_shape, is_adapted, save_adapter, with_new_adapter
from detent.subject.moments import Memory, Method, read, write
from detent.subject.processor import fast_precision
from detent.subject.train import Example, Recipe, Source, train
from detent.values import ElicitJob, TrainedModel, TrainJob
from detent.values.folder import folder_digest
from detent.values.wire import Tell
from detent.worker._shelf import Shelf

_PARTS = 10
TOKENS = "tokens"
"""Under which `counted_tokens` counts."""


def trained(job: TrainJob, shelf: Shelf, folder: Path, tell: Tell, marks: Checkpoints) -> TrainedModel:
    """Train as `job` says, from where `marks` stand, and leave the model in the new `folder`.

    Where the job's optimizer carries it on, what the optimizers remember is left in a folder beside it.
    """
    sources = _sources(job, shelf)
    subject = _learner(job, job.parent, shelf)
    measured = Measured(subject)
    tell(0, job.steps, "")
    recipe = _recipe(job, shelf.device)
    memory = None if job.optimizer.carry is UNSET else _remembered(job, recipe.method, shelf, subject)
    with counted_tokens(subject.model, marks.tally):
        losses = train(
            *subject,
            sources,
            recipe,
            seed=job.seed,
            on_progress=told(tell),
            checkpoints=marks,
            memory=memory,
        )
    parameters, learnt = subject.model.num_parameters(), marks.tally[TOKENS]
    made = saved(
        measured,
        folder,
        losses=losses,
        flops=6.0 * parameters * learnt,
        learnt=learnt,
        read=0,
        precision=fast_precision(shelf.device),
    )
    if memory is None:
        return made
    state = folder.with_name(f"state-of-{folder.name}")
    shutil.rmtree(state, ignore_errors=True)  # left by an attempt that was killed
    write(memory, state, model=folder_digest(folder))
    return structs.replace(made, state=state.name)


def _remembered(job: TrainJob, method: Method, shelf: Shelf, subject: Subject) -> Memory:
    """What the optimizers begin with."""
    if job.state is UNSET:
        return Memory(method)
    return read(shelf.state(job.state), model=job.parent, method=method, trained=subject.model, edit=job.edit)


def _learner(job: TrainJob | ElicitJob, digest: str, shelf: Shelf) -> Subject:
    """The model to train: of a whole one that is not to be trained whole, a new adapter.

    A training's seed makes the adapter too, so that members of a team begin from different ones.
    """
    lora = job.optimizer.lora
    subject = shelf.fresh_subject(digest, adapted=lora is not UNSET)
    if lora is UNSET:
        return subject
    if is_adapted(subject.model):
        check_shape(subject.model, lora)
        return subject
    return with_new_adapter(subject, lora, digest, seed=job.seed)


class Measured:
    """A subject about to be trained, and the weights that may change as they are."""

    def __init__(self, subject: Subject) -> None:
        """Remember the weights."""
        self.subject = subject
        self.before = {
            name: value.detach().clone()
            for name, value in subject.model.named_parameters()
            if value.requires_grad
        }


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
    if is_adapted(subject.model):
        save_adapter(subject.model, folder)
    else:
        subject.model.save_pretrained(folder)
        subject.tokenizer.save_pretrained(folder)
    return TrainedModel(
        folder=folder.name,
        parameters=subject.model.num_parameters(),
        losses=_tenths(losses),
        flops=flops,
        change=change_of(measured.before, subject.model),
        precision=precision,
        learnt=learnt,
        read=read,
    )


def told(tell: Tell) -> Callable[[int, int, float], None]:
    """Progress of a training as the wire takes it."""
    return lambda done, total, loss: tell(done, total, f"loss {loss:.3f}")


def briefly_trained(job: ElicitJob, shelf: Shelf, tell: Tell) -> Subject:
    """A copy of the model after a few steps, in memory."""
    sources, subject = _sources(job, shelf), _learner(job, job.model, shelf)
    tell(0, job.steps, "")
    train(*subject, sources, _recipe(job, shelf.device), seed=job.seed, on_progress=told(tell))
    return subject


def _sources(job: TrainJob | ElicitJob, shelf: Shelf) -> list[Source]:
    return [Source(_pairs(shelf, source), source.weight) for source in job.sources if source.weight > 0]


def _pairs(shelf: Shelf, source: values.Source) -> list[Example]:
    rows = shelf.examples(source.data)
    if source.rungs:
        rungs = {(rung.task, rung.level) for rung in source.rungs}
        rows = [row for row in rows if (row.task, row.level) in rungs]
    return [Example(row.prompt, row.completion) for row in rows]


def _recipe(job: TrainJob | ElicitJob, device: str) -> Recipe:
    optimizer = job.optimizer
    return Recipe(
        steps=job.steps,
        batch=optimizer.batch,
        matrix_rate=optimizer.matrix_rate,
        rest_rate=optimizer.other_rate,
        warm_up=optimizer.warmup_steps,
        cool_down=optimizer.decay_share,
        precision=fast_precision(device),
        clip=optimizer.clip,
        method="muon" if optimizer.method is UNSET else optimizer.method,
        parts=2 if optimizer.micro_batch is UNSET else -(-optimizer.batch // optimizer.micro_batch),
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
