"""A model that a worker has made, taken among the models once it is what a training or an edit makes of its parent."""

from msgspec import UNSET, structs

from detent.engine import check_adapter, check_alike, check_reshaped
from detent.errors import EngineError
from detent.loop.parts import Parts
from detent.loop.results import check_size
from detent.values import ReshapedModel, ReshapeJob, Result, TrainedModel


def admitted_reshaped(parts: Parts, job: ReshapeJob, result: Result) -> tuple[str, ReshapedModel]:
    """The digest of a reshaped model, and its figures with its size as counted here.

    Raises:
        EngineError: it is no model, or its parent again.
        SubjectError: it is not what the edit makes of its parent.
        CharterError: it is larger than the charter allows.
    """
    if not isinstance(result, ReshapedModel):
        raise EngineError(f"a model expected from a reshape job, got {type(result).__name__}; run again")
    digest = parts.admit(result.folder)
    check_reshaped(parts.models.path(job.parent), parts.models.path(digest), job.edit)
    counted = structs.replace(result, parameters=parts.models.parameters(digest))
    check_size(counted.parameters, parts.charter.constraints.max_parameters)
    if digest == job.parent:
        raise EngineError(f"a reshaped model expected, got its parent {digest} again; run again")
    return digest, counted


def admitted(parts: Parts, parent: str, result: Result) -> tuple[str, TrainedModel]:
    """The digest of a trained model, and its figures with its size as counted here, and its state by digest.

    Args:
        parts: of the run.
        parent: digest of the model that was trained.
        result: what the worker handed over.

    Raises:
        EngineError: it is no model.
        SubjectError: it is of another kind than its parent, or what its optimizers remember is not of it.
        CharterError: it is larger than the charter allows.
    """
    if not isinstance(result, TrainedModel):
        raise EngineError(f"a model expected from a train job, got {type(result).__name__}; run again")
    digest = parts.admit(result.folder)
    lora, before, after = parts.optimizer.lora, parts.models.path(parent), parts.models.path(digest)
    if parts.models.base(parent) is None and lora is not UNSET:
        check_adapter(before, after, lora)
    # A given model may be written in another way than workers write theirs.
    elif parts.book.state.generation > 0:
        check_alike(before, after)
    # Counted here: a worker's word on the size of what it made is not enough.
    counted = structs.replace(result, parameters=parts.models.parameters(digest))
    if result.state is not UNSET:
        counted = structs.replace(counted, state=parts.admit_state(result.state, digest))
    check_size(counted.parameters, parts.charter.constraints.max_parameters)
    return digest, counted
