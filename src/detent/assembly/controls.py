"""A generation's training made again with another seed, outside of the run: what a look inside is held against.

    >>> with trained_again(run, 3, digest, beside, scratch, say) as control:
    ...     control.digest, control.models
    ('c1...', PosixPath('.../models'))

Everything is of record but the seed: parent, data, steps, optimizer, and what a judge taught after it. The weights lie
in a folder that goes at the end of the block, beside links to those they are compared with; the run gets nothing.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec import UNSET, structs

from detent.assembly import running
from detent.assembly.places import RunFolder
from detent.assembly.storing import storing
from detent.assembly.verifying import evidence_of
from detent.audit import Case, Means, Training, Trainings, Turn, read, trainings_of, turn_of
from detent.charter import SignedCharter
from detent.engine import Engine, ModelStore
from detent.errors import EngineError, SubjectError, UsageError
from detent.evaluate import public_number
from detent.values import PreferJob, ReinforceJob, TrainedModel, TrainJob

Say = Callable[[str], None]

LABEL = "control of a look inside"


class Control(NamedTuple):
    """A model by digest, in a folder of models that also has those it is compared with."""

    digest: str
    models: Path


@contextmanager
def trained_again(  # noqa: PLR0917
    run: RunFolder, generation: int, digest: str, beside: Iterable[str], scratch: Path, say: Say
) -> Iterator[Control]:
    """Train a generation's candidate once more with another seed, and say before what that costs.

    digest: of the candidate. beside: models that are to lie beside the new one.

    Raises:
        UsageError: the generation did not train it, or what it was trained from is no longer there.
        TrustError: a file is not what its digest says.
        EngineError: a worker died.
    """
    models, staging = scratch / "control" / "models", scratch / "control" / "staging"
    with storing(models):
        models.mkdir(parents=True)
        staging.mkdir()
    with ExitStack() as stack:
        case = read(stack.enter_context(evidence_of(run)))
        store = ModelStore(run.models)
        turn = _turn(case, generation, run, models, staging)
        stack.callback(turn.engine.close)
        made = trainings_of(turn, digest, public_number(turn.signed.charter.run.seed, LABEL, generation))
        _see(run, made, store)
        say(_cost(generation, made))
        for one in dict.fromkeys((*beside, *_models(made.jobs))):
            lay_beside(store, one, models)
        control = _trained(made, turn.engine, ModelStore(models), staging)
    yield Control(control, models)


def _turn(case: Case, generation: int, run: RunFolder, models: Path, staging: Path) -> Turn:
    """The generation on record, with workers that read the models' folder beside the run's data, and write to none."""
    log, states = staging.with_name("worker.log"), [run.states] if run.states.is_dir() else []

    def engine(signed: SignedCharter) -> Engine:
        return running.engine_of(models, run.data, staging, log, signed.charter, *states)

    means = Means(engine, ModelStore(run.models), staging, lambda *_: {}, {}, lambda _: None)
    turn = turn_of(case, generation, means)
    if turn is None:
        raise UsageError(
            f"a generation of this run expected, got {generation}; see: detent status {run.root}"
        )
    return turn


def _see(run: RunFolder, made: Trainings, store: ModelStore) -> None:
    """All that the trainings read is there."""
    missing = []
    for model in _models(made.jobs):
        try:
            store.path(model)
        except SubjectError:
            missing.append(f"models/{model}")
    for job in made.jobs:
        match job:
            case TrainJob():
                missing += [f"data/{one.data}.jsonl" for one in job.sources if not _has(run.data, one.data)]
                if job.state is not UNSET and not (run.states / job.state).is_dir():
                    missing.append(f"states/{job.state}")
            case PreferJob():
                missing += [f"data/{one}.jsonl" for one in job.data if not _has(run.data, one)]
    if missing:
        raise UsageError(
            f"all that the training read expected, got none of {', '.join(missing)}: they are no longer there, as the "
            "charter's [retention], or carry_optimizer, lets go; leave out --control"
        )


def _has(data: Path, digest: str) -> bool:
    return (data / f"{digest}.jsonl").is_file()


def _models(jobs: Iterable[Training]) -> list[str]:
    """What trainings of record read: the first one's parent, and judges."""
    every = list(jobs)
    return [every[0].parent, *(job.judge for job in every if isinstance(job, ReinforceJob))]


def _cost(generation: int, made: Trainings) -> str:
    steps = sum(job.steps for job in made.jobs)
    took = f"; {made.seconds:.0f} s at the time, beside the rest of the team" if made.seconds else ""
    return (
        f"control     trains generation {generation} again with another seed: {steps} steps, about "
        f"{made.tokens:,.0f} tokens, {made.flops:.2g} floating point operations{took}"
    )


def lay_beside(store: ModelStore, digest: str, models: Path) -> None:
    """Lay a model and its base into another folder: by hard links where the disk is the same, else by copies.

    Nothing writes into a model's folder. Raises SubjectError, TrustError, StorageError.
    """
    for one in dict.fromkeys((digest, store.base(digest) or digest)):
        folder = models / one
        if folder.exists():
            continue
        with storing(folder):
            shutil.copytree(store.path(one), folder, copy_function=_linked)
            # A folder that cannot be emptied would have its files' rights changed when it is removed: the run's files.
            folder.chmod(0o700)


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _trained(made: Trainings, engine: Engine, models: ModelStore, staging: Path) -> str:
    digest = ""
    for job in made.jobs:
        result = engine.run(structs.replace(job, parent=digest) if digest else job, lambda _: None)
        if not isinstance(result, TrainedModel):
            raise EngineError(f"a model expected from a train job, got {type(result).__name__}; run again")
        digest = models.admit(staging / result.folder)
    return digest
