"""A training that was killed goes on in the next worker, and nothing of its result tells that it ever stopped."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from detent.engine import DataStore, LocalEngine, ModelStore
from detent.subject import build
from detent.subject.checkpoint import Checkpoints
from detent.values import (
    AnswerJob,
    Example,
    Filter,
    Form,
    LabelJob,
    LabelRecipe,
    Labels,
    Preference,
    PreferJob,
    Progress,
    ReinforceJob,
    Rung,
    Source,
    TrainedModel,
    TrainJob,
)
from detent.values.folder import folder_digest
from detent.worker import _training
from detent.worker._labelling import labelled
from detent.worker._rewarding import preferred, reinforced
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
def parent(root: Path) -> str:
    sizes = build.Sizes(hidden=32, intermediate=32, layers=1, heads=2)
    build.save(build.build_model(sizes, seed=1), build.build_tokenizer(), root / "given")
    return ModelStore(root / "models").admit(root / "given")


@pytest.fixture
def job(root: Path, parent: str) -> TrainJob:
    data = DataStore(root / "data", root / "answers").put(EXAMPLES)
    return TrainJob(parent=parent, sources=(Source(data, 1.0),), steps=STEPS, seed=3)


def by_preferences(root: Path, parent: str) -> PreferJob:
    rows = [Preference(f"C{n}=", str(n), f"{n}1") for n in range(20, 30)]
    data = DataStore(root / "data", root / "answers").put(rows)
    return PreferJob(parent=parent, data=(data,), steps=STEPS, seed=3, pairs=4, warmup_steps=2)


def by_a_judge(_: Path, parent: str) -> ReinforceJob:
    prompts = tuple(f"C{n}=" for n in range(20, 25))
    return ReinforceJob(
        parent=parent,
        judge=parent,
        prompts=prompts,
        form=Form("{prompt}{draft}?"),
        by="praise",
        steps=STEPS,
        seed=3,
        prompts_a_step=2,
        group=4,
        warmup_steps=2,
    )


def trained(
    root: Path, job: TrainJob | PreferJob | ReinforceJob, name: str, killed_at: int = 0
) -> TrainedModel:
    def tell(done: int, _total: int, _note: str = "") -> None:
        if killed_at and done == killed_at:
            raise KilledError

    shelf, staging = Shelf(root / "models", root / "data"), root / "staging"
    marks = Checkpoints(staging / f"resume-{name}", seconds=0.0, clock=lambda: 0.0)
    match job:
        case TrainJob():
            return _training.trained(job, shelf, staging / name, tell, marks)
        case PreferJob():
            return preferred(job, shelf, staging / name, tell, marks)
        case ReinforceJob():
            return reinforced(job, shelf, staging / name, tell, marks)


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


@pytest.mark.parametrize("killed", [1, 5, STEPS])
@pytest.mark.parametrize("made", [by_preferences, by_a_judge])
def test_the_same_is_true_of_one_by_preferences_and_of_one_by_a_judge_who_is_paid_once(
    made: Callable[[Path, str], PreferJob | ReinforceJob], killed: int, root: Path, parent: str
) -> None:
    job = made(root, parent)
    whole = trained(root, job, "made-a")
    with pytest.raises(KilledError):
        trained(root, job, "made-b", killed)
    again = trained(root, job, "made-b")
    assert structs.replace(again, folder=whole.folder) == whole
    assert folder_digest(root / "staging" / "made-b") == folder_digest(root / "staging" / "made-a")


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


@pytest.mark.parametrize("kind", ["trained", "preferred", "reinforced", "label"])
def test_what_is_gone_on_from_is_swept_when_all_that_trained_beside_it_is_done(
    kind: str, root: Path, job: TrainJob
) -> None:
    left = root / "staging" / f"resume-{kind}-0123456789ab"
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
