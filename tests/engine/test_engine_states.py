"""A state is stored as two files of the right form, of a model that is there, and no larger than it can be."""

import json
import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from detent.engine import FakeEngine, ModelStore, StateStore
from detent.errors import DetentError, EngineError, SubjectError, TrustError, UsageError
from detent.testing.models import write_model
from detent.values import Optimizer, PreferJob, Result, TrainedModel, TrainJob
from detent.values.folder import folder_digest
from detent.values.moments import NOTE, TENSORS
from detent.values.shape import AddBlock

FOUR = struct.pack("<f", 0.5) * 4


class Place:
    """A run's folders, with a model of four numbers."""

    def __init__(self, root: Path) -> None:
        (root / "models").mkdir()
        self.root = root
        self.models = ModelStore(root / "models")
        self.model = self.models.admit(write_model(root / "given", b"four"))
        self.states = StateStore(root / "states", self.models)

    def staged(self) -> Path:
        """What a worker leaves."""
        folder = self.root / "staged"
        folder.mkdir()
        write_tensors(folder, {"momentum/content": ("F32", [4])}, FOUR)
        (folder / NOTE).write_text(json.dumps({"model": self.model, "method": "muon"}))
        return folder


def write_tensors(folder: Path, tensors: Mapping[str, tuple[str, list[int]]], content: bytes) -> None:
    """Each of them over the same bytes."""
    header = {
        name: {"dtype": dtype, "shape": shape, "data_offsets": [0, len(content)]}
        for name, (dtype, shape) in tensors.items()
    }
    text = json.dumps(header).encode()
    (folder / TENSORS).write_bytes(len(text).to_bytes(8, "little") + text + content)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_admitted_state_lies_under_its_digest_and_staging_is_empty(place: Place) -> None:
    staged = place.staged()
    wanted = folder_digest(staged)
    assert place.states.admit(staged, of=place.model) == wanted
    assert not staged.exists()
    assert place.states.digests() == [wanted]
    assert sorted(path.name for path in place.states.path(wanted).iterdir()) == [NOTE, TENSORS]


def test_the_same_state_twice_is_one(place: Place) -> None:
    first = place.states.admit(place.staged(), of=place.model)
    assert place.states.admit(place.staged(), of=place.model) == first
    assert place.states.digests() == [first]


def test_a_state_that_was_changed_afterwards_stops_the_world(place: Place) -> None:
    digest = place.states.admit(place.staged(), of=place.model)
    write_tensors(place.states.path(digest), {"momentum/content": ("F32", [4])}, FOUR[::-1])
    with pytest.raises(TrustError, match="restore the folder from a copy"):
        StateStore(place.root / "states", place.models).path(digest)


def test_a_removed_state_is_not_there(place: Place) -> None:
    digest = place.states.admit(place.staged(), of=place.model)
    place.states.remove(digest)
    assert place.states.digests() == []
    with pytest.raises(SubjectError, match="got no folder"):
        place.states.path(digest)


def linked(folder: Path) -> None:
    (folder / TENSORS).rename(folder.with_name("elsewhere"))
    (folder / TENSORS).symlink_to(folder.with_name("elsewhere"))


def truncated(folder: Path) -> None:
    content = (folder / TENSORS).read_bytes()
    (folder / TENSORS).write_bytes(content[:-3])


ATTACKS: dict[str, tuple[Callable[[Path], object], type[DetentError]]] = {
    "a pickle in the place of the tensors": (
        lambda folder: (folder / TENSORS).write_bytes(pickle.dumps({"momentum": 1.0})),
        SubjectError,
    ),
    "a pickle beside them": (
        lambda folder: (folder / "state.pt").write_bytes(pickle.dumps({})),
        SubjectError,
    ),
    "a file that cut short": (truncated, SubjectError),
    "no tensors": (lambda folder: (folder / TENSORS).unlink(), SubjectError),
    "no note": (lambda folder: (folder / NOTE).unlink(), SubjectError),
    "a note that is no JSON": (lambda folder: (folder / NOTE).write_bytes(b"\xff\xfe"), SubjectError),
    "that of another model": (
        lambda folder: (folder / NOTE).write_text(json.dumps({"model": "3" * 64, "method": "muon"})),
        SubjectError,
    ),
    "more numbers than an optimizer remembers": (
        lambda folder: write_tensors(
            folder, {f"momentum/{name}": ("F32", [4]) for name in ("a", "b", "c", "d")}, FOUR
        ),
        SubjectError,
    ),
    "numbers of another size": (
        lambda folder: write_tensors(folder, {"momentum/content": ("F64", [2])}, FOUR),
        SubjectError,
    ),
    "a link to a file elsewhere": (linked, SubjectError),
    "a folder in it": (lambda folder: (folder / "more").mkdir(), SubjectError),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_not_taken_in_is(attack: str, place: Place) -> None:
    change, kind = ATTACKS[attack]
    staged = place.staged()
    change(staged)
    with pytest.raises(kind, match="expected"):
        place.states.admit(staged, of=place.model)
    assert place.states.digests() == []
    assert [path.name for path in (place.root / "states").iterdir()] == []


@pytest.mark.parametrize("name", ["../models", "", "A" * 64])
def test_a_name_that_is_no_digest_leads_nowhere(name: str, place: Place) -> None:
    with pytest.raises(TrustError, match="64 lower-case hex digits"):
        place.states.path(name)


MADE = TrainedModel(folder="trained-1", parameters=1, losses=(1.0,), flops=1.0, change={})
JOB = TrainJob(parent="1" * 64, sources=(), steps=1, seed=1)
CARRIES = TrainJob(parent="1" * 64, sources=(), steps=1, seed=1, optimizer=Optimizer(carry=True))
PREFERS = PreferJob(parent="1" * 64, data=(), steps=1, seed=1)


def with_state(name: str) -> TrainedModel:
    return TrainedModel(folder="trained-1", parameters=1, losses=(1.0,), flops=1.0, change={}, state=name)


UNBELIEVABLE: dict[str, tuple[TrainJob | PreferJob, Result]] = {
    "a state that nothing was to leave": (JOB, with_state("state-1")),
    "a state of a training by a judge's word": (PREFERS, with_state("state-1")),
    "no state where one was to be left": (CARRIES, MADE),
    "a state elsewhere": (CARRIES, with_state("../../keys")),
    "a state without a name": (CARRIES, with_state("")),
    "a state in the model's own folder": (CARRIES, with_state("trained-1")),
}


@pytest.mark.parametrize("what", UNBELIEVABLE)
def test_a_worker_is_not_believed_with(what: str) -> None:
    job, result = UNBELIEVABLE[what]
    with pytest.raises(EngineError, match="its result is not used"):
        FakeEngine(lambda _: result).run(job, lambda _: None)


def test_a_job_says_one_thing() -> None:
    with pytest.raises(UsageError, match=r"optimizer\.carry expected"):
        TrainJob(parent="1" * 64, sources=(), steps=1, seed=1, state="2" * 64)
    with pytest.raises(UsageError, match="leave the edit out"):
        TrainJob(parent="1" * 64, sources=(), steps=1, seed=1, edit=AddBlock(at=0))
