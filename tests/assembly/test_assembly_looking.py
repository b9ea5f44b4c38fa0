"""`detent inspect` on a run folder that nobody may change: which models, what it refuses, and its two controls."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET, structs
from tests.attacks import attacks_world
from tests.attacks.attacks_world import ASKING, ASKS, CHARTER, CLOCK, ECHO, Scene, Twist, found, honest
from tests.cli.tiny_run import content

from detent.assembly import Looked, controls, look_inside, looking, open_run, running
from detent.assembly.looking import LOG_LINES, not_zero
from detent.engine import Confinement, FakeEngine, ModelStore
from detent.errors import (
    BusyError,
    DetentError,
    EngineError,
    SubjectError,
    TaskError,
    TrustError,
    UsageError,
)
from detent.tasks import user_code
from detent.testing.toy import ToyWorld
from detent.values import (
    Answers,
    CandidateTrained,
    Collected,
    Decided,
    Entry,
    Explained,
    IntentWritten,
    Interpreted,
    InterpretJob,
    Job,
    JobFailure,
    Profiled,
    Requested,
    Result,
    SessionStarted,
    SubjectBuilt,
    TrainJob,
)
from detent.values.inside import (
    ALWAYS,
    DEEPER,
    Figures,
    Known,
    Layers,
    Lens,
    Moved,
    Section,
    Weights,
    Words,
)

EVERY: tuple[Section, ...] = (*ALWAYS, *DEEPER)


@pytest.fixture(scope="module", autouse=True)
def _quickly() -> Iterator[None]:
    """The clock stands still, and nobody pulls the plug."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_CLOCK", CLOCK)
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Generations 0 to 3 are closed, 1 and its model not promoted; generation 4's opening has begun. Never changed."""
    scene = found(tmp_path_factory.mktemp("grown"))
    with scene.here():
        scene.turn(3)
        scene.killed_in_an_opening()
    return scene


class Workers:
    """Stand in for those that a look starts, wherever they are told that models lie; what they were asked is kept."""

    def __init__(self, scene: Scene, twist: Twist = honest) -> None:
        self.scene, self.twist = scene, twist
        self.asked: list[Job] = []
        self.told: list[tuple[object, ...]] = []

    def __call__(self, models: Path, data: Path, *rest: object) -> FakeEngine:
        self.told.append((models, data, *rest))
        folder = models.parent
        if not (folder / "data").exists():
            (folder / "data").symlink_to(data)
        world = ToyWorld(folder, dict.fromkeys(self.scene.signed.charter.direction.improve))  # type: ignore[arg-type]

        def answer(job: Job) -> Result:
            self.asked.append(job)
            return self.twist(job, world.answer(job))

        return FakeEngine(answer)

    @property
    def jobs(self) -> list[InterpretJob]:
        return [job for job in self.asked if isinstance(job, InterpretJob)]


def looked(
    scene: Scene,
    generation: int,
    against: int | None = None,
    *,
    sections: tuple[Section, ...] = EVERY,
    control: bool = False,
    workers: Workers | None = None,
    said: list[str] | None = None,
    own: bool = True,
) -> Looked:
    """Look by the run's owner, or by somebody who has the run folder and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_DATA", str(scene.root / ("data" if own else "nobody")))
        patch.setattr(running, "engine_of", workers or Workers(scene))
        lines = [] if said is None else said
        return look_inside(scene.run, generation, against, sections, control, lines.append)


def decided(scene: Scene, generation: int) -> Decided:
    entry = scene.state().history[generation]["decision/v1"]
    assert isinstance(entry, Decided)
    return entry


def test_a_generation_is_compared_with_the_model_that_it_had_to_beat(grown: Scene) -> None:
    carried, promoted = looked(grown, 2), looked(grown, 3)
    assert (carried.before, carried.after) == (decided(grown, 0).incumbent, decided(grown, 2).candidate)
    assert (promoted.before, promoted.after) == (decided(grown, 2).incumbent, decided(grown, 3).candidate)
    assert (carried.generation, carried.against) == (2, 0)
    assert (promoted.generation, promoted.against) == (3, 2)
    assert promoted.control is None
    assert promoted.seconds > 0


def test_a_candidate_that_was_not_promoted_is_looked_into_too(grown: Scene) -> None:
    assert decided(grown, 1).decision == "carry"
    assert looked(grown, 1).after == decided(grown, 1).candidate != decided(grown, 1).incumbent


def test_all_nine_sections_have_figures_or_a_reason_from_one_opening(grown: Scene) -> None:
    workers = Workers(grown)
    found = looked(grown, 3, workers=workers).found
    assert {*found.sections, *found.absent} == set(EVERY)
    assert len(workers.told) == 1
    job = workers.jobs[0]
    assert isinstance(job.known, Known)
    assert job.known.models[0] in decided(grown, 0).team  # its own first, whoever was in force
    assert job.known.models[-2:] == job.models
    assert job.gained


def test_another_generation_to_compare_with_can_be_named(grown: Scene) -> None:
    found = looked(grown, 3, 0)
    assert (found.before, found.against) == (decided(grown, 0).incumbent, 0)


def test_the_cosine_of_changes_is_with_what_changed_since_the_first_as_in_every_generation(
    grown: Scene,
) -> None:
    workers = Workers(grown)
    looked(grown, 3, workers=workers)
    looked(grown, 1, workers=workers)
    second, _, first, _ = workers.jobs
    assert first.earlier is UNSET
    assert second.earlier == (decided(grown, 0).incumbent, second.models[0])


def test_one_in_progress_can_be_looked_into_once_it_is_to_go_to_the_gate(grown: Scene) -> None:
    intent = grown.state().slots["intent/v1"]
    assert isinstance(intent, IntentWritten)
    found = looked(grown, 4)
    assert (found.after, found.before) == (intent.intent.candidate, grown.state().incumbent)


def test_sections_that_were_not_asked_for_ask_nobody(grown: Scene) -> None:
    workers = Workers(grown)
    found = looked(grown, 3, sections=("words",), workers=workers)
    assert found.found.sections == found.copy.sections == ("words",)
    assert [type(job) for job in workers.asked] == [InterpretJob, InterpretJob]


def test_the_untouched_copy_is_read_each_time_and_is_zero(grown: Scene) -> None:
    workers = Workers(grown)
    found = looked(grown, 3, sections=("heads",), workers=workers)
    same = workers.jobs[1]
    assert (same.models, same.sections, same.known) == ((found.after, found.after), ("words",), UNSET)
    assert looked(grown, 3).copy.sections == ALWAYS


def moved(field: str) -> Twist:
    """A copy that is not one, in that section."""

    def twist(job: Job, result: Result) -> Result:
        if (
            not (isinstance(job, InterpretJob) and isinstance(result, Interpreted))
            or len(set(job.models)) > 1
        ):
            return result
        changed: dict[str, Figures] = {
            "layers": Layers(similarity=((1.0, 0.5), (0.5, 0.9)), matched=((0, 0), (1, 1))),
            "weights": Weights(modules=(Moved("block 1", 0.01),), share=0.0),
            "lens": Lens(layers=((0, 0), (1, 1)), divergence=((0.0,), (0.2,)), counts=(4,)),
            "words": Words(divergence=0.0, flips=0.1, tokens=4),
        }
        return structs.replace(result, **{field: changed[field]})

    return twist


@pytest.mark.parametrize("section", ALWAYS)
def test_a_copy_that_does_not_read_zero_is_a_loud_error_and_no_figure_is_given(
    section: str, grown: Scene
) -> None:
    with pytest.raises(EngineError, match="an untouched copy that reads zero expected, got"):
        looked(grown, 3, workers=Workers(grown, moved(section)))


def test_what_is_absent_of_a_copy_is_no_difference() -> None:
    assert not_zero(Interpreted(absent={"layers": "too little text"})) == ""
    assert "0.25" in not_zero(Interpreted(words=Words(divergence=0.0, flips=0.25, tokens=3)))


def test_nothing_is_written_into_the_run_and_workers_may_write_to_nothing_of_it(grown: Scene) -> None:
    before, workers = content(grown.root), Workers(grown)
    looked(grown, 3, workers=workers)
    assert content(grown.root) == before
    ((models, data, staging, log, _),) = workers.told
    assert (models, data) == (grown.folder.models, grown.folder.data)
    for path in (staging, log):
        assert isinstance(path, Path)
        assert grown.run not in path.parents
        assert not path.exists()


def test_a_run_at_work_can_be_looked_into(grown: Scene, tmp_path: Path) -> None:
    """Its lock is held meanwhile, and stays so."""
    scene = grown.copy(tmp_path)
    with scene.here(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "worker_engine", lambda *_: scene.engine())
        with open_run(scene.run, watch=lambda _: None, say=lambda _: None):
            assert looked(scene, 3).generation == 3
            with pytest.raises(BusyError), open_run(scene.run, watch=lambda _: None, say=lambda _: None):
                pass


def without_weights(of: Callable[[Scene], str]) -> Callable[[Scene], None]:
    return lambda scene: shutil.rmtree(scene.folder.models / of(scene))


def altered(of: Callable[[Scene], str]) -> Callable[[Scene], None]:
    def do(scene: Scene) -> None:
        (scene.folder.models / of(scene) / "config.json").write_text("{}")

    return do


def let_go(of: Callable[[Scene], str]) -> Callable[[Scene], None]:
    def do(scene: Scene) -> None:
        digest = of(scene)
        scene.append(
            Collected(models=(digest,), data=(), answers=(), because="as [retention] says", at=CLOCK)
        )
        shutil.rmtree(scene.folder.models / digest)

    return do


def first(scene: Scene) -> str:
    return decided(scene, 0).incumbent


def before(scene: Scene) -> str:
    return decided(scene, 2).incumbent


def after(scene: Scene) -> str:
    return decided(scene, 3).candidate


def unmeasured(scene: Scene) -> None:
    """The turn in progress has its candidate, and no profile of it."""
    entries = scene.entries()
    last = max(place for place, one in enumerate(entries) if isinstance(one, CandidateTrained))
    assert not any(isinstance(one, Profiled) and one.generation == 4 for one in entries[: last + 1])
    scene.rewrite(scene.record()[: last + 1])


def as_it_is(_: Scene) -> None:
    pass


Attack = tuple[Callable[[Scene], None], tuple[int, int | None], type[DetentError], str]
ATTACKS: dict[str, Attack] = {
    "a generation that does not exist": (
        as_it_is,
        (9, None),
        UsageError,
        "a generation of this run expected, got 9",
    ),
    "one before the first": (as_it_is, (-1, None), UsageError, "a generation of this run expected, got -1"),
    "the first, which had nothing to beat": (
        as_it_is,
        (0, None),
        UsageError,
        "no model was in force before it",
    ),
    "one in progress whose candidates are not measured": (
        unmeasured,
        (4, None),
        UsageError,
        "which is in progress",
    ),
    "against one that does not exist": (
        as_it_is,
        (3, 9),
        UsageError,
        "a closed generation of this run to compare",
    ),
    "against one in progress": (as_it_is, (3, 4), UsageError, "a closed generation of this run to compare"),
    "against itself": (as_it_is, (3, 3), UsageError, "two models expected, got one"),
    "weights before are gone": (without_weights(before), (3, None), SubjectError, "got no folder"),
    "weights after are gone": (without_weights(after), (3, None), SubjectError, "got no folder"),
    "weights before are altered": (altered(before), (3, None), TrustError, "restore the folder from a copy"),
    "weights after are altered": (altered(after), (3, None), TrustError, "restore the folder from a copy"),
    "weights before were let go": (let_go(before), (3, None), UsageError, r"\[retention\] allows"),
    "the first model's weights were let go": (
        let_go(first),
        (3, None),
        UsageError,
        r"\(the first model\) expected",
    ),
}


@pytest.mark.parametrize("case", ATTACKS)
def test_what_cannot_be_looked_into_is_refused_before_a_model_is_asked(
    case: str, grown: Scene, tmp_path: Path
) -> None:
    do, (generation, against), kind, sentence = ATTACKS[case]
    scene = grown.copy(tmp_path)
    with scene.here():
        do(scene)
    workers = Workers(scene)
    with pytest.raises(kind, match=sentence):
        looked(scene, generation, against, workers=workers)
    assert workers.asked == []


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a run folder"):
        look_inside(tmp_path, 1, None, EVERY, control=False, say=print)


def test_without_probes_the_first_models_weights_may_be_gone(grown: Scene, tmp_path: Path) -> None:
    scene, said = grown.copy(tmp_path), list[str]()
    without_weights(first)(scene)
    workers = Workers(scene)
    looked(scene, 3, sections=("words",), workers=workers, said=said)
    assert workers.jobs[0].earlier is UNSET
    assert any("no cosine" in line for line in said)


def test_a_worker_that_answers_with_something_else_is_not_believed(grown: Scene) -> None:
    def dumb(job: Job, result: Result) -> Result:
        return Interpreted(absent={}) if isinstance(job, InterpretJob) else result

    with pytest.raises(EngineError):
        looked(grown, 3, workers=Workers(grown, dumb))


def test_where_a_worker_goes_wrong_the_end_of_its_log_is_told_before_it_is_removed(grown: Scene) -> None:
    workers, said = Workers(grown), list[str]()

    def failing(job: Job, result: Result) -> Result:
        if not isinstance(job, InterpretJob):
            return result
        log = workers.told[-1][3]
        assert isinstance(log, Path)
        log.write_text("".join(f"line {number}\n" for number in range(99)) + "KeyError: \x1b[31mno\n")
        return JobFailure(error="EngineError", message="a finished job expected, got KeyError")

    workers.twist = failing
    with pytest.raises(EngineError, match="got KeyError"):
        looked(grown, 3, workers=workers, said=said)
    told = [line for line in said if line.startswith("log ")]
    assert len(told) == LOG_LINES
    assert "KeyError" in told[-1]
    assert "\x1b" not in told[-1]


def test_no_gained_rows_are_no_failure(grown: Scene) -> None:
    """Nobody is ever right: the job has none, and says so by its sections."""

    def wrong(_: Job, result: Result) -> Result:
        return (
            Answers(completions=("x",) * len(result.completions)) if isinstance(result, Answers) else result
        )

    workers = Workers(grown, wrong)
    looked(grown, 3, workers=workers)
    assert workers.jobs[0].gained == ()


# The control.


def test_the_control_is_the_same_training_with_another_seed_and_nothing_of_it_stays(grown: Scene) -> None:
    kept, workers, said = content(grown.root), Workers(grown), list[str]()
    found = looked(grown, 3, control=True, workers=workers, said=said)
    entry = grown.state().history[3]["candidate/v1/0"]
    assert isinstance(entry, CandidateTrained)
    (training,) = [job for job in workers.asked if isinstance(job, TrainJob)]
    assert training == TrainJob(
        parent=entry.parent,
        sources=entry.data,
        steps=entry.steps,
        seed=training.seed,
        optimizer=entry.optimizer,
    )
    assert training.seed != entry.seed
    assert found.control is not None
    assert {*found.control.sections, *found.control.absent} == set(EVERY)
    theirs = workers.jobs[2]
    assert theirs.models[0] == found.before
    assert theirs.models[1] not in {found.before, found.after}
    assert isinstance(theirs.known, Known)
    assert theirs.known.models[-1] == theirs.models[1]
    assert content(grown.root) == kept
    assert all(grown.run not in Path(str(told[2])).parents for told in workers.told)


def test_what_the_control_costs_is_said_before_it_is_trained(grown: Scene) -> None:
    said = list[str]()

    def late(job: Job, result: Result) -> Result:
        if isinstance(job, TrainJob):
            assert "trains generation 3 again with another seed: 1 steps" in said[-1]
        return result

    looked(grown, 3, control=True, workers=Workers(grown, late), said=said)
    assert "1e+09 floating point operations" in said[-1]


def test_the_same_control_comes_of_the_same_run(grown: Scene) -> None:
    seeds = []
    for _ in range(2):
        workers = Workers(grown)
        looked(grown, 3, control=True, workers=workers)
        seeds += [job.seed for job in workers.asked if isinstance(job, TrainJob)]
    assert seeds[0] == seeds[1]


def test_where_the_data_of_the_training_is_gone_there_is_no_control(grown: Scene, tmp_path: Path) -> None:
    scene, workers = grown.copy(tmp_path), Workers(grown)
    entry = scene.state().history[3]["candidate/v1/0"]
    assert isinstance(entry, CandidateTrained)
    (scene.folder.data / f"{entry.data[0].data}.jsonl").unlink()
    with pytest.raises(UsageError, match="all that the training read expected, got none of data/"):
        looked(scene, 3, control=True, workers=workers)
    assert not any(isinstance(job, TrainJob) for job in workers.asked)


CARRYING = CHARTER.replace("team = 1\n", "team = 1\ncarry_optimizer = true\n")


@pytest.fixture(scope="module")
def carrying(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A run whose trainings go on from what the optimizers of the ones before remember."""
    scene = found(tmp_path_factory.mktemp("carrying"), CARRYING)
    with scene.here():
        scene.turn(2)
    return scene


def test_the_control_goes_on_from_what_the_training_went_on_from(carrying: Scene) -> None:
    entry = carrying.state().history[1]["candidate/v1/0"]
    taught = carrying.state().history[0]["subject/v1/0"]
    assert isinstance(entry, CandidateTrained)
    assert isinstance(taught, SubjectBuilt)
    workers = Workers(carrying)
    looked(carrying, 1, control=True, workers=workers)
    (training,) = [job for job in workers.asked if isinstance(job, TrainJob)]
    assert (training.state, training.parent) == (taught.state, taught.digest)
    assert training.seed != entry.seed
    assert carrying.folder.states in workers.told[1]  # to read; the looks themselves get none
    assert all(carrying.folder.states not in told for told in (workers.told[0], workers.told[2]))


def test_where_what_the_optimizers_remembered_is_gone_there_is_no_control(
    carrying: Scene, tmp_path: Path
) -> None:
    scene = carrying.copy(tmp_path)
    for one in scene.folder.states.iterdir():
        shutil.rmtree(one)
    with pytest.raises(UsageError, match="all that the training read expected, got none of states/"):
        looked(scene, 1, control=True)


def test_models_beside_the_control_are_links_where_the_disk_is_the_same_and_copies_elsewhere(
    grown: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store, digest = ModelStore(grown.folder.models), first(grown)
    for name in ("links", "copies"):
        if name == "copies":
            monkeypatch.setattr(os, "link", refused)
        (tmp_path / name).mkdir()
        controls.lay_beside(store, digest, tmp_path / name)
        assert ModelStore(tmp_path / name).path(digest)
        inode = (tmp_path / name / digest / "config.json").stat().st_ino
        assert (inode == (grown.folder.models / digest / "config.json").stat().st_ino) is (name == "links")


def refused(*_: object) -> None:
    raise OSError("another disk")


# Whose code is run.

TWO = CHARTER.replace("improve = { copy = 8 }", "improve = { copy = 8, echo = 8 }") + (
    '\n[tasks.echo]\nsource = "echo.py:Echo"\n'
)


@pytest.fixture(scope="module")
def with_own(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A run with a task of its author's, which marks nothing."""
    scene = found(tmp_path_factory.mktemp("own"), TWO, {"echo.py": ECHO})
    with scene.here():
        scene.turn(1)
    return scene


def unconfined(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(looking, "confinement", lambda: Confinement(confined=False, because="no bubblewrap here"))


def test_a_charters_own_task_without_marks_has_the_traits_of_all_tasks(with_own: Scene) -> None:
    workers = Workers(with_own)
    looked(with_own, 1, workers=workers)
    known = workers.jobs[0].known
    assert isinstance(known, Known)
    assert set(known.traits) == {"level", "task"}
    assert {prompt[0] for prompt in known.prompts} == {"C", "E"}


def test_strangers_code_is_not_run_unconfined_and_the_owners_is(
    with_own: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    unconfined(monkeypatch)
    for own, letters in ((True, {"C", "E"}), (False, {"C"})):
        workers, said = Workers(with_own), list[str]()
        looked(with_own, 1, workers=workers, said=said, own=own)
        assert {prompt[0] for prompt in workers.jobs[0].prompts} == letters
        assert any("task echo is left out" in line for line in said) is not own
        assert any("nothing confines the workers" in line for line in said)


def test_a_task_whose_process_dies_ends_the_look_with_the_tasks_own_fault(
    with_own: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = user_code.CodeProcess.ask

    def killed(process: user_code.CodeProcess, *words: Any) -> Any:
        channel = process._channel or process._open()
        os.killpg(channel._process.pid, signal.SIGKILL)
        return ask(process, *words)

    monkeypatch.setattr(user_code.CodeProcess, "ask", killed)
    with pytest.raises(TaskError, match=r"task echo: echo\.py: its process .* during"):
        looked(with_own, 1)


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Generation 2 waits for a person."""
    scene = found(tmp_path_factory.mktemp("asking"), CHARTER + ASKING, {"asks.py": ASKS})
    with scene.here():
        scene.turn(3)
    return scene


def test_what_waits_for_a_person_can_be_looked_into_by_the_candidate_that_they_are_asked_about(
    asking: Scene,
) -> None:
    request = asking.state().request
    assert request is not None
    assert looked(asking, request.generation).after == request.candidate


def test_a_run_stops_at_a_look_whose_first_model_was_changed_on_the_disk(tmp_path: Path) -> None:
    """Nothing but looks reads generation 0's model once another is in force."""
    scene = found(tmp_path)
    with scene.here():
        scene.turn(3)
        assert scene.state().incumbent != first(scene)
        size = len(scene.record())
        altered(first)(scene)
        with pytest.raises(TrustError, match="weights with digest"):
            scene.turn(1)
    assert not [entry for entry in scene.entries()[size:] if isinstance(entry, Explained)]


def test_what_lies_beside_a_control_can_be_removed_where_nobody_may_write_to_the_runs_models(
    grown: Scene, tmp_path: Path
) -> None:
    digest, kept, beside = first(grown), tmp_path / "kept", tmp_path / "beside"
    shutil.copytree(grown.folder.models / digest, kept / digest)
    (kept / digest).chmod(0o555)
    beside.mkdir()
    controls.lay_beside(ModelStore(kept), digest, beside)
    assert (beside / digest).stat().st_mode & 0o700 == 0o700
    assert (kept / digest).stat().st_mode & 0o777 == 0o555
    (kept / digest).chmod(0o755)  # so that the test's own folder goes too


def asked_a_person(root: Path, kill: int | None) -> tuple[Scene, list[InterpretJob]]:
    """A run that waits for a person, killed while a look of that number is made, and begun again."""
    looks: list[InterpretJob] = []

    def twist(job: Job, result: Result) -> Result:
        if isinstance(job, InterpretJob):
            looks.append(job)
            if len(looks) - 1 == kill:
                raise KeyboardInterrupt
        return result

    scene = found(root, CHARTER + ASKING, {"asks.py": ASKS})
    with scene.here(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(attacks_world, "_numbers", repeat(1))  # the same models whenever it is called
        if kill is not None:
            with pytest.raises(KeyboardInterrupt):
                scene.turn(3, engine=scene.engine(twist))
        scene.turn(3, engine=scene.engine(twist))
    return scene, looks


def test_a_run_that_is_killed_in_any_look_makes_it_again_and_asks_what_it_would_have_asked(
    tmp_path: Path,
) -> None:
    whole, looks = asked_a_person(tmp_path / "whole", None)
    assert [look.sections for look in looks][-1] == DEEPER
    for kill in range(len(looks)):
        again, _ = asked_a_person(tmp_path / str(kill), kill)
        for told in (figures, lambda entry: entry.slot):
            one, other = (
                [told(entry) for entry in scene.entries() if not isinstance(entry, SessionStarted)]
                for scene in (whole, again)
            )
            assert one == other


def figures(entry: Entry) -> object:
    return structs.replace(entry, at="") if isinstance(entry, Explained | Requested) else None
