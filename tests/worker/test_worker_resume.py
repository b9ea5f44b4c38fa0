"""A training that was killed goes on in the next worker, and nothing of its result tells that it ever stopped."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import structs
from safetensors.torch import load_file, save_file
from tests.cli.tiny_run import computed_below
from torch import Tensor

from detent.engine import DataStore, LocalEngine, ModelStore
from detent.errors import EngineError
from detent.subject import build
from detent.subject.checkpoint import Checkpoints
from detent.values import (
    AnswerJob,
    Contest,
    Example,
    Filter,
    Form,
    JudgeJob,
    LabelJob,
    LabelRecipe,
    Labels,
    Preference,
    PreferJob,
    Progress,
    ReinforceJob,
    Rung,
    SampleJob,
    Source,
    TrainedModel,
    TrainJob,
    sha256_hex,
)
from detent.values.folder import folder_digest
from detent.values.wire import Tell, Wire
from detent.worker import _jobs, _training
from detent.worker._feedback import judged, sampled
from detent.worker._jobs import Bench
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


@pytest.mark.parametrize(
    "killed", [pytest.param(1, marks=pytest.mark.long), 5, pytest.param(STEPS, marks=pytest.mark.long)]
)
def test_its_weights_losses_and_compute_are_those_of_one_that_was_left_alone(
    killed: int, root: Path, job: TrainJob
) -> None:
    whole = trained(root, job, "trained-a")
    with pytest.raises(KilledError):
        trained(root, job, "trained-b", killed)
    again = trained(root, job, "trained-b")
    assert structs.replace(again, folder=whole.folder) == whole
    assert folder_digest(root / "staging" / "trained-b") == folder_digest(root / "staging" / "trained-a")


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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

    written = Written(root / "staging" / folder, seconds=0.0, clock=lambda: 0.0)
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


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "they were cut short": lambda content: content[:-2],
    "nothing is left of them": lambda _: b"",
    "one was changed": lambda content: content.replace(b'"ended":', b'"ended" :'),
    "they are of another version": lambda _: sha256_hex(b"[]").encode() + b"\n[]",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_answers_are_asked_for_again(damage: str, root: Path, labelling: LabelJob) -> None:
    whole, asked = labels(root, labelling, "resume-label-a")
    for path in (root / "staging" / "resume-label-a").iterdir():
        content = DAMAGES[damage](path.read_bytes())
        assert content != path.read_bytes()
        path.write_bytes(content)
    assert labels(root, labelling, "resume-label-a") == (whole, asked)


def sampling(root: Path, parent: str, tell: Tell) -> object:
    prompts = tuple(f"C{n}=" for n in (1, 2, 33, 44, 555))
    job = SampleJob(model=parent, prompts=prompts, samples=3, temperature=1.0, seed=7)
    return sampled(job, Shelf(root / "models", root / "data"), tell, always(root))


def judging(root: Path, parent: str, tell: Tell) -> object:
    pairs = tuple(Contest(f"C{n}=", str(n), f"{n}1") for n in (1, 2, 33, 44, 555))
    job = JudgeJob(model=parent, pairs=pairs, form=Form("{prompt}{first}/{second}?"))
    return judged(job, Shelf(root / "models", root / "data"), tell, always(root))


def answering(root: Path, parent: str, tell: Tell) -> object:
    class Told:
        def progress(self, _: str) -> Tell:
            return tell

    bench = Bench(root / "models", root / "data", root / "staging", 1, cast("Any", Told()))
    prompts = tuple(f"C{n}=" for n in (1, 2, 33, 44, 555))
    return bench._answer(AnswerJob(model=parent, prompts=prompts))


def always(root: Path) -> Written:
    return Written(root / "staging" / "resume", seconds=0.0, clock=lambda: 0.0)


@pytest.mark.parametrize("ask", [sampling, judging, answering])
@pytest.mark.parametrize("killed", [1, 2, 3])
def test_samples_verdicts_and_answers_are_those_of_a_job_that_was_left_alone(
    killed: int,
    ask: Callable[[Path, str, Tell], object],
    root: Path,
    parent: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_jobs, "Written", lambda folder: Written(folder, seconds=0.0, clock=lambda: 0.0))
    told = 0

    def tell(_done: int, _total: int, _note: str = "") -> None:
        nonlocal told
        told += 1
        if told == killed:
            raise KilledError

    with pytest.raises(KilledError):
        ask(root, parent, tell)
    kept = list((root / "staging").rglob("*.json"))
    assert len(kept) == (killed > 1)  # the last was cut before it was written down
    again = ask(root, parent, tell)
    left = told - killed
    for path in (root / "staging").rglob("*.json"):
        path.unlink()
    assert again == ask(root, parent, tell)
    assert told - killed - left == left + killed - 1  # nothing was asked twice


def test_an_opening_keeps_nothing(root: Path, parent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_jobs, "Written", lambda folder: Written(folder, seconds=0.0, clock=lambda: 0.0))
    wire = Wire(-1, os.open(os.devnull, os.O_WRONLY))
    before = sorted(root.rglob("*"))
    bench = Bench(root / "models", root / "data", None, 1, wire)
    assert bench._answer(AnswerJob(model=parent, prompts=("C1=", "C22=")))
    assert sorted(root.rglob("*")) == before


@pytest.mark.long
def test_a_worker_that_is_stopped_in_the_middle_of_a_training_is_an_error_in_time_and_the_next_goes_on(
    root: Path, job: TrainJob
) -> None:
    engine = LocalEngine(
        models=root / "models",
        data=root / "data",
        staging=root / "staging",
        log=root / "worker.log",
        threads=1,
    )

    def stop(said: Progress) -> None:
        worker = cast("Any", engine)._workers[0]
        if said.done and worker._stall_seconds > 2.0:
            worker._stall_seconds = 2.0  # from here on: to load its libraries takes longer on a busy machine
            for pid in (worker.pid, *computed_below(worker.pid)):
                os.kill(pid, signal.SIGSTOP)

    try:
        began = time.monotonic()
        with pytest.raises(EngineError, match="at least every 2 s expected, got silence; it was ended"):
            engine.run(structs.replace(job, steps=1000), stop)
        assert time.monotonic() - began < 100
        assert engine.run(job, quiet)
    finally:
        engine.close()


KINDS = {"trained", "preferred", "reinforced", "label"}, {"answer", "sample", "judge"}


@pytest.mark.long
@pytest.mark.parametrize("kind", sorted(KINDS[0] | KINDS[1]))
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
        assert left.is_dir() == (kind in KINDS[0])
        engine.run(job, quiet)
        assert not left.exists()
    finally:
        engine.close()
