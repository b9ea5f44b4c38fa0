"""A worker's trainings with what the one before left: the model stays what it is, and a wrong state is refused."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from msgspec import structs
from safetensors.torch import load_file, save_file

from detent.engine import DataStore, LocalEngine, ModelStore, StateStore
from detent.errors import DetentError, EngineError, SubjectError, UsageError
from detent.values import (
    BuildJob,
    BuiltModel,
    Example,
    Lora,
    Optimizer,
    Progress,
    Source,
    TrainedModel,
    TrainJob,
)
from detent.values.folder import folder_digest
from detent.values.moments import NOTE, TENSORS

CARRY = Optimizer(batch=8, warmup_steps=2, carry=True)
EXAMPLES = [Example("copy", 2, f"C{number}=", str(number)) for number in range(10, 60)]


def quiet(_: Progress) -> None:
    """Nobody is watching."""


class Place:
    """A run's folders, a worker, and a model that was trained once."""

    def __init__(self, root: Path) -> None:
        for name in ("models", "data", "answers"):
            (root / name).mkdir()
        self.root = root
        self.models = ModelStore(root / "models")
        self.states = StateStore(root / "states", self.models)
        self.data = DataStore(root / "data", root / "answers").put(EXAMPLES)
        self.engine = LocalEngine(
            models=root / "models",
            data=root / "data",
            staging=root / "staging",
            log=root / "worker.log",
            threads=1,
            states=root / "states",
        )
        built = self.engine.run(BuildJob(seed=1, layers=1, hidden=32, intermediate=32, heads=2), quiet)
        assert isinstance(built, BuiltModel)
        self.built = self.models.admit(root / "staging" / built.folder)
        self.model, self.state = self.train(self.job(self.built))

    def job(self, parent: str, **changes: object) -> TrainJob:
        job = TrainJob(parent, (Source(self.data, 1.0),), steps=4, seed=1, optimizer=CARRY)
        return structs.replace(job, **changes)

    def train(self, job: TrainJob) -> tuple[str, str]:
        """Digests of the model and of the state that it leaves; "" where it leaves none."""
        made = self.engine.run(job, quiet)
        assert isinstance(made, TrainedModel)
        model = self.models.admit(self.root / "staging" / made.folder)
        if not isinstance(made.state, str):
            return model, ""
        return model, self.states.admit(self.root / "staging" / made.state, of=model)

    def forged(self, change: Callable[[Path], object]) -> str:
        """The state after a change to its files, under its right digest, as somebody puts it there by hand."""
        folder = self.root / "states" / "new"
        folder.mkdir()
        for path in self.states.path(self.state).iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        change(folder)
        digest = folder_digest(folder)
        folder.rename(folder.with_name(digest))
        return digest


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("run"))
    yield place
    place.engine.close()


def test_a_first_model_is_the_same_whether_it_leaves_a_state_or_not(place: Place) -> None:
    plain = place.job(place.built, optimizer=Optimizer(batch=8, warmup_steps=2))
    assert place.train(plain) == (place.model, "")


def test_the_same_job_with_a_state_gives_the_same_model_and_leaves_the_same(place: Place) -> None:
    goes_on = place.job(place.model, seed=2, state=place.state)
    first = place.train(goes_on)
    assert place.train(goes_on) == first
    begins_anew = place.train(place.job(place.model, seed=2))
    assert begins_anew[0] != first[0]
    note = json.loads((place.states.path(first[1]) / NOTE).read_text())
    assert note == {"model": first[0], "method": "muon"}


def test_a_worker_of_a_run_that_carries_nothing_on_may_read_none(place: Place) -> None:
    engine = LocalEngine(
        models=place.root / "models",
        data=place.root / "data",
        staging=place.root / "staging",
        log=place.root / "worker.log",
        threads=1,
    )
    try:
        with pytest.raises(UsageError, match="a folder of states expected"):
            engine.run(place.job(place.model, state=place.state), quiet)
    finally:
        engine.close()


def poisoned(folder: Path) -> None:
    tensors = load_file(folder / TENSORS)
    save_file(
        {name: torch.full_like(value, float("nan")) for name, value in tensors.items()}, folder / TENSORS
    )


def foreign(folder: Path) -> None:
    tensors = load_file(folder / TENSORS)
    save_file(
        {name.replace("layers.0", "layers.5"): value for name, value in tensors.items()}, folder / TENSORS
    )


def renoted(model: str) -> Callable[[Path], object]:
    return lambda folder: (folder / NOTE).write_text(json.dumps({"model": model, "method": "muon"}))


def cut_afterwards(place: Place) -> TrainJob:
    digest = place.forged(renoted(place.model + " "))
    content = (place.root / "states" / digest / TENSORS).read_bytes()
    (place.root / "states" / digest / TENSORS).write_bytes(content[:-9])
    return place.job(place.model, state=digest)


FAULTS: dict[str, tuple[Callable[[Place], TrainJob], type[DetentError]]] = {
    "a state that is not there": (lambda place: place.job(place.model, state="1" * 64), SubjectError),
    "a name that is no digest": (lambda place: place.job(place.model, state="../models"), UsageError),
    "the state of another model": (lambda place: place.job(place.built, state=place.state), SubjectError),
    "a state that was cut after it was named": (cut_afterwards, EngineError),
    "a pickle": (
        lambda place: place.job(
            place.model, state=place.forged(lambda at: (at / TENSORS).write_bytes(b"\x80\x04N."))
        ),
        SubjectError,
    ),
    "what is no number": (lambda place: place.job(place.model, state=place.forged(poisoned)), SubjectError),
    "another model's weights under its name": (
        lambda place: place.job(place.model, state=place.forged(foreign)),
        SubjectError,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_training_goes_on_from(fault: str, place: Place) -> None:
    make, kind = FAULTS[fault]
    with pytest.raises(DetentError, match=r"expected.*got") as error:
        place.engine.run(make(place), quiet)
    assert type(error.value) is kind, error.value


def test_an_adapter_goes_on_too(place: Place) -> None:
    lora = Optimizer(
        batch=8, warmup_steps=0, method="adamw", other_rate=1e-2, lora=Lora(rank=2, alpha=4.0), carry=True
    )
    adapter, state = place.train(place.job(place.model, optimizer=lora))
    goes_on = place.train(place.job(adapter, seed=2, optimizer=lora, state=state))
    assert goes_on == place.train(place.job(adapter, seed=2, optimizer=lora, state=state))
    assert goes_on[0] != place.train(place.job(adapter, seed=2, optimizer=lora))[0]
    names = load_file(place.states.path(state) / TENSORS)
    assert names
    assert all(".lora_" in name for name in names)
