"""The real thing: a worker process with a model of 13,000 parameters."""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp
from pathlib import Path
from threading import Timer

import pytest
from msgspec import UNSET, structs

from detent.engine import DataStore, Limits, LocalEngine, ModelStore
from detent.errors import DetentError, EngineError, StorageError, SubjectError, UsageError
from detent.search.suggest import suggested
from detent.testing.engines import EngineContract, World
from detent.testing.models import write_model
from detent.values import (
    SPACE,
    AnswerJob,
    Answers,
    BuildJob,
    BuiltModel,
    Example,
    Filter,
    Interpreted,
    InterpretJob,
    Job,
    LabelJob,
    LabelRecipe,
    Labels,
    Progress,
    Rung,
    Scored,
    ScoreJob,
    Slice,
    Source,
    SuggestedPoints,
    SuggestJob,
    Told,
    TrainedModel,
    TrainJob,
    praise,
    question,
)
from detent.values.folder import folder_digest

TINY = BuildJob(seed=1, layers=1, hidden=32, intermediate=32, heads=2)
EXAMPLES = [Example("copy", len(str(n)), f"C{n}=", str(n)) for n in range(200)]


@dataclass
class Place:
    """A run folder with an engine, a built model and data."""

    root: Path
    engine: LocalEngine
    models: ModelStore
    data: DataStore
    model: str
    examples: str

    def train_job(self, **changes: object) -> TrainJob:
        job = TrainJob(parent=self.model, sources=(Source(self.examples, 1.0),), steps=12, seed=3)
        return structs.replace(job, **changes)

    def answer(self, model: str, *prompts: str) -> tuple[str, ...]:
        result = self.engine.run(AnswerJob(model=model, prompts=prompts), quiet)
        assert isinstance(result, Answers)
        return result.completions


def quiet(_: Progress) -> None:
    """Nobody is watching."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("run")
    for name in ("models", "data", "answers"):
        (root / name).mkdir()
    engine = LocalEngine(
        models=root / "models",
        data=root / "data",
        staging=root / "staging",
        log=root / "worker.log",
        threads=2,
        limits=Limits(file_bytes=400_000, memory_bytes=6 << 30),
    )
    models, data = ModelStore(root / "models"), DataStore(root / "data", root / "answers")
    try:
        built = engine.run(TINY, quiet)
        assert isinstance(built, BuiltModel)
        digest = models.admit(root / "staging" / built.folder)
        yield Place(root, engine, models, data, digest, data.put(EXAMPLES))
    finally:
        engine.close()


class TestLocalEngine(EngineContract):
    @pytest.fixture
    def world(self, place: Place) -> World:
        return World(place.engine, place.model)


@pytest.fixture(scope="module")
def wide(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    engine = LocalEngine(
        models=place.root / "models",
        data=place.root / "data",
        staging=tmp_path_factory.mktemp("staging"),
        log=place.root / "worker.log",
        threads=2,
        workers=2,
    )
    yield engine
    engine.close()


class TestLocalEngineOfTwoWorkers(EngineContract):
    @pytest.fixture
    def world(self, place: Place, wide: LocalEngine) -> World:
        return World(wide, place.model)


def test_the_same_build_is_the_same_model(place: Place) -> None:
    built = place.engine.run(TINY, quiet)
    assert isinstance(built, BuiltModel)
    assert built.parameters == 13_472
    assert place.models.admit(place.root / "staging" / built.folder) == place.model


def test_training_is_the_same_each_time_and_is_measured(place: Place) -> None:
    seen: list[Progress] = []
    results = [place.engine.run(place.train_job(), watch) for watch in (seen.append, quiet)]
    assert results[0] == results[1]
    trained = results[0]
    assert isinstance(trained, TrainedModel)
    assert len(trained.losses) == 10
    assert trained.losses[-1] < trained.losses[0]
    # Batches of 128 rows of 5 to 9 tokens, end mark included.
    tokens = trained.flops / (6 * trained.parameters)
    assert 12 * 128 * 5 <= tokens <= 12 * 128 * 9
    assert trained.change["model.layers.0.mlp.down_proj"] > 0
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, 12, 12)
    assert seen[-1].note.startswith("loss ")
    digest = place.models.admit(place.root / "staging" / trained.folder)
    assert digest != place.model
    assert len(place.answer(digest, "C1=")) == 1


@pytest.mark.long
def test_progress_comes_at_most_about_ten_times_a_second(place: Place) -> None:
    seen: list[Progress] = []
    start = time.monotonic()
    place.engine.run(place.train_job(steps=100), seen.append)
    assert len(seen) <= 10 * (time.monotonic() - start) + 3


def test_training_sees_only_the_rungs_it_was_given(place: Place) -> None:
    longest = (Source(place.examples, 1.0, (Slice("copy", 3),)),)
    trained = place.engine.run(place.train_job(sources=longest), quiet)
    assert isinstance(trained, TrainedModel)
    assert trained.flops / (6 * trained.parameters) == 12 * 128 * 9  # C 3 digits = 3 digits end


def test_training_leaves_the_kept_parent_as_it_was(place: Place) -> None:
    before = place.answer(place.model, "C12=", "C345=")
    place.engine.run(place.train_job(), quiet)
    assert place.answer(place.model, "C12=", "C345=") == before


def label_job(place: Place, rule: Filter, **changes: object) -> LabelJob:
    prompts = {"copy": {"10": ("C1=", "C2="), "9": ("C12=", "C34=", "C56=")}}
    recipe = LabelRecipe(frontier=9, rungs=tuple(Rung(level, 3, rule) for level in (9, 10)), samples=2)
    job = LabelJob(models=(place.model,) * 2, prompts=prompts, recipes={"copy": recipe}, seed=5)
    return structs.replace(job, **changes)


def test_labels_are_counted_filtered_and_capped(place: Place) -> None:
    trained = place.engine.run(place.train_job(steps=150), quiet)
    assert isinstance(trained, TrainedModel)
    able = place.models.admit(place.root / "staging" / trained.folder)
    seen: list[Progress] = []
    job = label_job(place, Filter(0.0, 0.0, 0), models=(able, able))
    labels = place.engine.run(job, seen.append)
    assert isinstance(labels, Labels)
    assert labels.offered == {"copy": {"10": 2, "9": 3}}
    assert [label.level for label in labels.kept] == sorted(label.level for label in labels.kept)
    assert {label.prompt for label in labels.kept} <= {"C1=", "C2=", "C12=", "C34=", "C56="}
    assert labels.kept
    assert (seen[-1].done, seen[-1].total) == (20, 20)  # 5 prompts, 2 models and 2 samples
    assert place.engine.run(job, quiet) == labels
    fewer = place.engine.run(label_job(place, Filter(0.0, 0.0, 1), models=(able, able)), quiet)
    assert isinstance(fewer, Labels)
    assert all(sum(label.level == level for label in fewer.kept) <= 1 for level in (9, 10))
    sure = place.engine.run(label_job(place, Filter(1.0, 1.0, 0), models=(able, able)), quiet)
    assert sure == structs.replace(labels, kept=())


def test_a_search_suggests_the_same_points_whoever_is_asked(place: Place) -> None:
    told = tuple(Told({"recipe.confidence": 0.4 + n / 40}, n / 100) for n in range(12))
    job = SuggestJob(space=SPACE, told=told, count=5, seed=3)
    heard: list[Progress] = []
    found = place.engine.run(job, heard.append)
    assert isinstance(found, SuggestedPoints)
    assert len(found.points) == 5
    assert {one.phase for one in heard} == {"suggest"}
    assert found == place.engine.run(job, quiet) == suggested(job)  # in another process too
    assert place.engine.run(structs.replace(job, seed=4), quiet) != found


@pytest.mark.long
def test_a_judge_ranks_the_labels_and_keeps_none_that_it_finds_unlikely(place: Place) -> None:
    """Here the judge is a model that knows nothing: what it finds is of no use, and goes by it all the same."""
    trained = place.engine.run(place.train_job(steps=150), quiet)
    assert isinstance(trained, TrainedModel)
    able = place.models.admit(place.root / "staging" / trained.folder)
    job = label_job(place, Filter(0.0, 0.0, 0), models=(able, able), judge=place.model)
    alone = place.engine.run(structs.replace(job, judge=""), quiet)
    labels = place.engine.run(job, quiet)
    assert isinstance(labels, Labels)
    assert isinstance(alone, Labels)
    assert {(one.prompt, one.completion) for one in labels.kept} == {
        (one.prompt, one.completion) for one in alone.kept
    }
    rows = tuple((question(one.prompt, one.completion), praise(one.completion)) for one in labels.kept)
    scores = place.engine.run(ScoreJob(model=place.model, rows=rows), quiet)
    assert isinstance(scores, Scored)
    assert [one.judged for one in labels.kept] == pytest.approx(
        [exp(each) for each in scores.log_likelihoods]
    )
    for level in (9, 10):
        said = [one.confidence * one.judged for one in labels.kept if one.level == level]
        assert said == sorted(said, reverse=True)
    none = place.engine.run(
        label_job(place, Filter(0.0, 0.0, 0, 1.0), models=(able, able), judge=able), quiet
    )
    assert isinstance(none, Labels)
    assert not none.kept


@pytest.fixture(scope="module")
def moved(place: Place) -> str:
    """The model after a little training."""
    trained = place.engine.run(place.train_job(), quiet)
    assert isinstance(trained, TrainedModel)
    return place.models.admit(place.root / "staging" / trained.folder)


def inside(place: Place, a: str, b: str) -> Interpreted:
    with place.engine.opening() as ask:
        found = ask(InterpretJob(models=(a, b), prompts=("C12=", "C345=", "C6=")), quiet)
    assert isinstance(found, Interpreted)
    return found


def test_a_model_and_its_untouched_copy_are_exactly_the_same(place: Place) -> None:
    """The copy's folder differs, or it would be the same model: a field in its config that means nothing."""
    copy = place.root / "staging" / "copy"
    shutil.copytree(place.models.path(place.model), copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"note": "a copy"}))
    other = place.models.admit(copy)
    assert other != place.model
    for found in (inside(place, place.model, other), inside(place, place.model, place.model)):
        assert found.words is not UNSET
        assert found.layers is not UNSET
        assert found.weights is not UNSET
        assert found.lens is not UNSET
        # Never trained, it never ends: 12 tokens in 3 prompts, and for each 5 more.
        assert (found.words.divergence, found.words.flips, found.words.tokens) == (0.0, 0.0, 27)
        assert [found.layers.similarity[i][i] for i in (0, 1)] == [1.0, 1.0]
        assert found.weights.share == 0.0
        assert not any(map(any, found.lens.divergence))


def test_a_look_inside_is_the_same_each_time_and_says_which_way_it_goes(place: Place, moved: str) -> None:
    found = inside(place, place.model, moved)
    assert found.words is not UNSET
    assert found.words.divergence > 0
    assert found == inside(place, place.model, moved)
    assert found != inside(place, moved, place.model)


def test_a_look_inside_tells_how_it_goes_on(place: Place, moved: str) -> None:
    seen: list[Progress] = []
    with place.engine.opening() as ask:
        ask(InterpretJob(models=(place.model, moved), prompts=("C12=",) * 4), seen.append)
    assert {progress.phase for progress in seen} == {"interpret"}
    assert (seen[-1].done, seen[-1].total) == (4, 4)


def test_a_look_inside_is_refused_where_something_could_be_kept(place: Place) -> None:
    with pytest.raises(UsageError, match="in an opening alone"):
        place.engine.run(InterpretJob(models=(place.model, place.model), prompts=("C1=",)), quiet)


def test_noise_is_for_one_job_and_the_model_kept_answers_as_before(place: Place, moved: str) -> None:
    prompts = tuple(example.prompt for example in EXAMPLES[:60])
    plain = AnswerJob(model=moved, prompts=prompts)
    before = place.engine.run(plain, quiet)
    noisy = [place.engine.run(structs.replace(plain, noise=1.0, seed=seed), quiet) for seed in (1, 2, 1)]
    assert noisy[0] == noisy[2] != noisy[1]
    assert before not in noisy
    assert place.engine.run(plain, quiet) == before
    assert (
        place.engine.run(structs.replace(plain, seed=9), quiet) == before
    )  # without noise a seed is nothing


def test_a_fresh_worker_draws_the_same_noise(place: Place, moved: str) -> None:
    job = AnswerJob(model=moved, prompts=("C12=", "C345="), noise=1.0, seed=1)
    with place.engine.opening() as ask:
        assert ask(job, quiet) == place.engine.run(job, quiet)


def tampered(place: Place) -> AnswerJob:
    digest = place.models.admit(write_model(place.root / "staging" / "x", b"tampered"))
    (place.root / "models" / digest / "model.safetensors").write_bytes(b"")
    return AnswerJob(model=digest, prompts=("C1=",))


def pickled(place: Place) -> AnswerJob:
    """A model that was put among the models by hand, under its right name."""
    folder = write_model(place.root / "models" / "new")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    digest = folder_digest(folder)
    folder.rename(place.root / "models" / digest)
    return AnswerJob(model=digest, prompts=("C1=",))


def unloadable(place: Place) -> AnswerJob:
    return AnswerJob(model=place.models.admit(write_model(place.root / "staging" / "x")), prompts=("C1=",))


def other_data(place: Place) -> TrainJob:
    digest = place.data.put_bytes(b"not what you think")
    (place.root / "data" / f"{digest}.jsonl").write_bytes(b"not what you think")
    return place.train_job(sources=(Source(digest, 1.0),))


def changed_data(place: Place) -> TrainJob:
    digest = place.data.put([*EXAMPLES, EXAMPLES[0]])
    place.data.path(digest).write_bytes(b"")
    return place.train_job(sources=(Source(digest, 1.0),))


def no_rung(place: Place) -> LabelJob:
    return label_job(place, Filter(0.0, 0.0, 0), prompts={"copy": {"3": ("C1=",)}})


FAULTS: dict[str, tuple[Callable[[Place], Job], type[DetentError]]] = {
    "a digest that is a path": (lambda _: AnswerJob(model="../../etc", prompts=("C1=",)), UsageError),
    "a model that is not there": (lambda _: AnswerJob(model="1" * 64, prompts=("C1=",)), SubjectError),
    "weights that were changed": (tampered, EngineError),
    "a pickle beside the weights": (pickled, SubjectError),
    "a folder that is no model": (unloadable, SubjectError),
    "a prompt that the vocabulary cannot spell": (
        lambda place: AnswerJob(model=place.model, prompts=("\u03a9",)),
        SubjectError,
    ),
    "data that is not there": (lambda place: place.train_job(sources=(Source("1" * 64, 1.0),)), SubjectError),
    "data that was changed": (changed_data, EngineError),
    "data that holds no examples": (other_data, SubjectError),
    "no example on the rungs": (
        lambda place: place.train_job(sources=(Source(place.examples, 1.0, (Slice("sort", 1),)),)),
        SubjectError,
    ),
    "a rung without a recipe": (no_rung, UsageError),
    "sizes that no model has": (lambda _: BuildJob(seed=1, hidden=33, heads=2), SubjectError),
    "a model too large to be written": (lambda _: BuildJob(seed=1), StorageError),
    "a model that memory has no room for": (
        lambda _: BuildJob(seed=1, layers=1, hidden=1 << 16, intermediate=1 << 17),
        EngineError,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_becomes_its_error_and_the_worker_lives_on(fault: str, place: Place) -> None:
    make, kind = FAULTS[fault]
    before = worker_pid(place)
    with pytest.raises(DetentError, match=r"expected.*got.*worker\.log") as error:
        place.engine.run(make(place), quiet)
    assert type(error.value) is kind, error.value
    assert "\n" not in str(error.value)
    assert place.answer(place.model, "C1=")
    assert worker_pid(place) == before


def test_a_worker_killed_in_mid_job_is_replaced(place: Place) -> None:
    place.answer(place.model, "C1=")
    Timer(0.5, os.kill, (worker_pid(place), signal.SIGKILL)).start()
    with pytest.raises(EngineError, match="SIGKILL"):
        place.engine.run(place.train_job(steps=100_000), quiet)
    assert place.answer(place.model, "C1=")


def test_openings_come_from_a_process_without_threads_to_lose(place: Place) -> None:
    """A fork copies one thread only: a nursery that had others would make children that hang."""
    with place.engine.opening():
        mine = [
            folder
            for folder in Path("/proc").iterdir()
            if folder.name.isdigit()
            and {b"--nursery", bytes(place.root / "models")} <= set(command_of(folder))
            and command_of(folder)[0] == sys.executable.encode()
        ]
        assert {len(list((folder / "task").iterdir())) for folder in mine} == {1}


def command_of(folder: Path) -> list[bytes]:
    try:
        return (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return [b""]


def worker_pid(place: Place) -> int:
    worker = place.engine._workers[0]
    assert worker is not None
    return worker.pid
