"""A training that was killed goes on in the next worker, and nothing of its result tells that it ever stopped."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs
from safetensors.torch import load_file, save_file
from torch import Tensor

from detent.engine import DataStore, LocalEngine, ModelStore
from detent.errors import EngineError
from detent.subject import build
from detent.subject.checkpoint import Checkpoints
from detent.values import (
    AnswerJob,
    Example,
    Filter,
    LabelJob,
    LabelRecipe,
    Labels,
    Progress,
    Rung,
    Source,
    TrainedModel,
    TrainJob,
    sha256_hex,
)
from detent.values.folder import folder_digest
from detent.worker import _training
from detent.worker._labelling import labelled
from detent.worker._shelf import Shelf
from detent.worker._written import Written

EXAMPLES = [Example("copy", len(str(n)), f"C{n}=", str(n)) for n in range(200)]
STEPS = 12


class KilledError(Exception):
    """The worker is gone."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("models", "data", "staging", "answers"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def job(root: Path) -> TrainJob:
    sizes = build.Sizes(hidden=32, intermediate=32, layers=1, heads=2)
    build.save(build.build_model(sizes, seed=1), build.build_tokenizer(), root / "given")
    model = ModelStore(root / "models").admit(root / "given")
    data = DataStore(root / "data", root / "answers").put(EXAMPLES)
    return TrainJob(parent=model, sources=(Source(data, 1.0),), steps=STEPS, seed=3)


def trained(root: Path, job: TrainJob, name: str, killed_at: int = 0) -> TrainedModel:
    def tell(done: int, _total: int, _note: str = "") -> None:
        if killed_at and done == killed_at:
            raise KilledError

    shelf, staging = Shelf(root / "models", root / "data"), root / "staging"
    marks = Checkpoints(staging / f"resume-{name}", seconds=0.0, clock=lambda: 0.0)
    return _training.trained(job, shelf, staging / name, tell, marks)


@pytest.mark.parametrize("killed", [1, 5, STEPS])
def test_its_weights_losses_and_compute_are_those_of_one_that_was_left_alone(
    killed: int, root: Path, job: TrainJob
) -> None:
    whole = trained(root, job, "trained-a")
    with pytest.raises(KilledError):
        trained(root, job, "trained-b", killed)
    again = trained(root, job, "trained-b")
    assert structs.replace(again, folder=whole.folder) == whole
    assert folder_digest(root / "staging" / "trained-b") == folder_digest(root / "staging" / "trained-a")


def test_what_somebody_plants_where_a_training_would_go_on_is_gone_on_from(root: Path, job: TrainJob) -> None:
    """A limit, kept as a test: whoever writes in staging/ decides what is made, and `docs/verifying.md` says so."""
    whole = trained(root, job, "trained-a")
    with pytest.raises(KilledError):
        trained(root, job, "trained-b", STEPS)
    (place,) = (root / "staging" / "resume-trained-b").iterdir()
    weights, note = place / "state.safetensors", place / "state.json"
    planted = {
        name: value * 0 if name.startswith("weights/") else value
        for name, value in load_file(weights).items()
    }
    save_file(planted, weights)
    said = json.loads(note.read_bytes())
    said |= {"sha256": sha256_hex(weights.read_bytes()), "losses": list(whole.losses[:1]) * STEPS}
    note.write_text(json.dumps(said))
    assert len(trained(root, job, "trained-b").losses) == len(whole.losses)
    made = load_file(root / "staging" / "trained-b" / "model.safetensors")
    assert not any(value.any() for value in made.values())
    page = (Path(__file__).parents[2] / "docs" / "verifying.md").read_text("utf-8")
    assert "goes on from what lies in `staging/`" in page


DOES_NOT_FIT: dict[str, Callable[[dict[str, Tensor]], dict[str, Tensor]]] = {
    "weights of another shape": lambda found: {
        name: value[:1].clone() if name.endswith("q_proj.weight") else value for name, value in found.items()
    },
    "no random state": lambda found: {
        name: value for name, value in found.items() if not name.startswith("random/")
    },
    "an optimizer that there is not": lambda found: found | {"optimizer/x/y/z": found["random/cpu"].clone()},
}


@pytest.mark.parametrize("what", DOES_NOT_FIT)
def test_a_checkpoint_ends_one_try_and_not_every_try_that_has(what: str, root: Path, job: TrainJob) -> None:
    whole = trained(root, job, "trained-a")
    with pytest.raises(KilledError):
        trained(root, job, "trained-b", 5)
    (place,) = (root / "staging" / "resume-trained-b").iterdir()
    weights, note = place / "state.safetensors", place / "state.json"
    changed = DOES_NOT_FIT[what](load_file(weights))
    save_file(changed, weights)
    note.write_text(json.dumps(json.loads(note.read_bytes()) | {"sha256": sha256_hex(weights.read_bytes())}))
    with pytest.raises(EngineError, match="which is removed; run again"):
        trained(root, job, "trained-b")
    assert structs.replace(trained(root, job, "trained-b"), folder=whole.folder) == whole


def test_a_training_of_another_job_is_not_gone_on_with(root: Path, job: TrainJob) -> None:
    """Its folder is named by its job, so another has none."""
    with pytest.raises(KilledError):
        trained(root, job, "trained-b", 5)
    other = structs.replace(job, seed=4)
    assert trained(root, other, "trained-c").losses == trained(root, other, "trained-d").losses


def quiet(_: Progress) -> None:
    """Nobody is watching."""


@pytest.fixture
def labelling(job: TrainJob) -> LabelJob:
    rungs = tuple(Rung(level, 9, Filter(0.0, 0.0, 0)) for level in (1, 2))
    prompts = {str(level): tuple(f"C{n:0{level}}=" for n in range(9)) for level in (1, 2)}
    recipes = {"copy": LabelRecipe(frontier=1, rungs=rungs, samples=2)}
    return LabelJob(models=(job.parent,), prompts={"copy": prompts}, recipes=recipes, seed=5)


def labels(root: Path, job: LabelJob, folder: str, killed_after: int = 0) -> tuple[Labels, int]:
    """The labels, and how many times a model was asked."""
    asked = 0

    def tell(_done: int, _total: int, _note: str = "") -> None:
        nonlocal asked
        asked += 1
        if killed_after and asked > killed_after:
            raise KilledError

    written = Written(root / "staging" / folder, seconds=0.0)
    return labelled(job, Shelf(root / "models", root / "data"), tell, written), asked


@pytest.mark.parametrize("killed", range(6))
def test_labels_are_those_of_a_job_that_was_left_alone_and_nothing_is_asked_twice(
    killed: int, root: Path, labelling: LabelJob
) -> None:
    whole, asked = labels(root, labelling, "resume-label-a")
    assert asked == 6  # its likeliest answer and two samples, on two levels
    if killed:
        with pytest.raises(KilledError):
            labels(root, labelling, "resume-label-b", killed)
    again, still = labels(root, labelling, "resume-label-b")
    assert again == whole
    assert still == asked - killed


def test_answers_that_were_cut_short_are_asked_again(root: Path, labelling: LabelJob) -> None:
    whole, asked = labels(root, labelling, "resume-label-a")
    for path in (root / "staging" / "resume-label-a").iterdir():
        path.write_bytes(path.read_bytes()[:-2])
    assert labels(root, labelling, "resume-label-a") == (whole, asked)


def test_what_is_gone_on_from_is_swept_when_all_that_trained_beside_it_is_done(
    root: Path, job: TrainJob
) -> None:
    left = root / "staging" / "resume-trained-0123456789ab"
    left.mkdir()
    engine = LocalEngine(
        models=root / "models",
        data=root / "data",
        staging=root / "staging",
        log=root / "worker.log",
        threads=1,
    )
    try:
        engine.run(AnswerJob(model=job.parent, prompts=("C1=",)), quiet)
        assert left.is_dir()
        engine.run(job, quiet)
        assert not left.exists()
    finally:
        engine.close()
