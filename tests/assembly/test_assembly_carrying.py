"""A run that carries on what optimizers remember: from each model to its next training, on record, and no further."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import UNSET, structs
from tests.attacks.attacks_world import ADA, BOB, CHARTER, CLOCK, Scene, found

from detent.assembly import (
    amend_charter,
    collect,
    give_order,
    grant_lease,
    make_bundle,
    plan_gc,
    verify_source,
)
from detent.errors import TrustError
from detent.values import (
    CandidateTrained,
    Decided,
    Entry,
    Job,
    Result,
    SubjectBuilt,
    TrainJob,
    entry_document,
)
from detent.values.moments import NOTE, TENSORS

CARRIES = "carry_optimizer = true\n"
RULE = """
[retention]
models = "last 1"
"""
TEXT = CHARTER.replace("batch = 1\n", f"batch = 1\n{CARRIES}") + RULE


def models(scene: Scene) -> list[SubjectBuilt | CandidateTrained]:
    return [one for one in scene.entries() if isinstance(one, SubjectBuilt | CandidateTrained)]


def states(scene: Scene) -> set[str]:
    return {path.name for path in scene.folder.states.iterdir()}


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, list[TrainJob]]:
    """Four generations, and the trainings that were asked for."""
    scene = found(tmp_path_factory.mktemp("grown"), TEXT)
    jobs: list[TrainJob] = []

    def seen(job: Job, result: Result) -> Result:
        if isinstance(job, TrainJob):
            jobs.append(job)
        return result

    with scene.here(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_CLOCK", CLOCK)
        for _ in range(3):
            scene.turn(engine=scene.engine(seen))
    return scene, jobs


@pytest.fixture
def scene(
    grown: tuple[Scene, list[TrainJob]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    monkeypatch.setenv("DETENT_CLOCK", CLOCK)
    scene = grown[0].copy(tmp_path / "scene")
    with scene.here():
        yield scene


def test_each_training_goes_on_from_what_its_parents_left(grown: tuple[Scene, list[TrainJob]]) -> None:
    scene, jobs = grown
    left = {one.digest: one.state for one in models(scene)}
    assert len(left) == len(jobs) == 4
    assert jobs[0].state is UNSET
    assert [job.state for job in jobs[1:]] == [left[job.parent] for job in jobs[1:]]
    assert states(scene) == set(left.values())
    for model, state in left.items():
        assert json.loads((scene.folder.states / str(state) / NOTE).read_text())["model"] == model


def test_a_model_is_the_same_folder_as_ever(scene: Scene) -> None:
    for one in models(scene):
        assert {path.name for path in (scene.folder.models / one.digest).iterdir()} == {
            "config.json",
            "model.safetensors",
            "toy.json",
        }


def test_the_record_holds(scene: Scene) -> None:
    assert not scene.verified().faults


def test_a_run_without_it_says_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENT_CLOCK", CLOCK)
    scene = found(tmp_path / "plain", CHARTER)
    with scene.here():
        scene.turn(2)
        assert not scene.folder.states.exists()
        for one in models(scene):
            assert b"state" not in json.dumps(entry_document(one)).encode().replace(b"statement", b"")
        assert not scene.verified().faults


def in_force(scene: Scene) -> Path:
    left = {one.digest: one.state for one in models(scene)}
    return scene.folder.states / str(left[scene.state().incumbent])


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


HARM: dict[str, Callable[[Path], object]] = {
    "it was changed": lambda folder: (folder / TENSORS).write_bytes(b"\x80\x04N."),
    "something was put beside it": lambda folder: (folder / "more.json").write_text("{}"),
    "it is gone": emptied,
}


@pytest.mark.parametrize("harm", HARM)
def test_what_the_next_training_goes_on_from_is_found_at_fault_where(harm: str, scene: Scene) -> None:
    HARM[harm](in_force(scene))
    assert [one.check for one in scene.verified().faults] == ["models"]


@pytest.mark.parametrize("harm", ["it was changed", "something was put beside it"])
def test_and_no_training_goes_on_from_it_where(harm: str, scene: Scene) -> None:
    HARM[harm](in_force(scene))
    with pytest.raises(TrustError, match="restore the folder from a copy"):
        scene.turn()


Forge = Callable[[SubjectBuilt | CandidateTrained], Entry]

FORGED: dict[str, Forge] = {
    "none": lambda one: structs.replace(one, state=UNSET),
    "a path": lambda one: structs.replace(one, state="../../keys"),
}


@pytest.mark.parametrize("what", FORGED)
def test_a_record_that_says_a_training_left(what: str, scene: Scene) -> None:
    last = models(scene)[-1]
    scene.rewrite([FORGED[what](one) if one == last else one for one in scene.entries()])
    assert "lineage" in [one.check for one in scene.verified().faults]


def test_with_a_model_goes_what_its_optimizers_remember(scene: Scene) -> None:
    before, left = states(scene), {one.digest: str(one.state) for one in models(scene)}
    planned = plan_gc(scene.run, {})
    plan = collect(scene.run, {}, "room")
    gone = {left[model] for model in plan.gone.models if model in left}
    assert gone
    assert states(scene) == before - gone
    assert planned.sizes == plan.sizes
    assert not scene.verified().faults
    scene.turn()
    assert not scene.verified().faults


def test_what_a_turn_that_was_cut_short_left_is_cleared_away(scene: Scene) -> None:
    before = states(scene)
    stray = scene.folder.states / ("5" * 64)
    stray.mkdir()
    (stray / NOTE).write_text("{}")
    assert any("in states/ that no entry names" in line for line in scene.verified().lines)
    scene.turn()
    assert before <= states(scene)
    assert stray.name not in states(scene)


def test_after_a_rollback_it_goes_on_from_what_was_left_then(scene: Scene) -> None:
    give_order(scene.run, "rollback", "not these", to=0, keys=[ADA, BOB])
    jobs: list[TrainJob] = []

    def seen(job: Job, result: Result) -> Result:
        if isinstance(job, TrainJob):
            jobs.append(job)
        return result

    scene.turn(engine=scene.engine(seen))
    first = models(scene)[0]
    assert [(job.parent, job.state) for job in jobs] == [(first.digest, first.state)]
    assert any(isinstance(one, Decided) and one.decision == "rollback" for one in scene.entries())
    assert not scene.verified().faults


def test_a_charter_that_no_longer_wants_it_begins_anew(scene: Scene, tmp_path: Path) -> None:
    draft = tmp_path / "new.toml"
    draft.write_text(scene.folder.charter.read_text().replace(CARRIES, ""))
    amend_charter(scene.run, draft, keys=[ADA, BOB])
    grant_lease(scene.run, 1, keys=[ADA])
    scene.turn()
    assert len(models(scene)) == 5
    assert models(scene)[-1].state is UNSET
    assert not scene.verified().faults


def test_a_bundle_holds_none_of_it_and_says_so(scene: Scene, tmp_path: Path) -> None:
    make_bundle(scene.run, tmp_path / "run.zip", models="all", redact="")
    findings = verify_source(str(tmp_path / "run.zip"))
    assert not findings.faults
    assert any("what optimizers remember" in line for line in findings.lines)
