"""`detent replay` on a run folder that nobody may change, with toy models and every real tripwire."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from msgspec import UNSET, structs
from tests.attacks.attacks_world import CLOCK, Scene, Twist, found, honest
from typer.testing import CliRunner

from detent.assembly import Replayed, replay_run, running
from detent.audit.verify import BY_THEMSELVES, UNDER_THE_CHARTER
from detent.cli.app import NO_LONGER_THERE, app
from detent.engine import FakeEngine
from detent.errors import TrustError, UsageError
from detent.values import Answers, Decided, Interpreted, Job, Result

MACHINE = "gate_tampering, ledger_rewind, budget, unauthorised_training"


@pytest.fixture(scope="module", autouse=True)
def _quickly() -> Iterator[None]:
    """The clock stands still, and nobody pulls the plug: no disk has to be waited for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_CLOCK", CLOCK)
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Generations 0 to 2 are closed. Never changed."""
    scene = found(tmp_path_factory.mktemp("grown"))
    with scene.here():
        scene.turn(2)
    return scene


def replayed(
    scene: Scene, generation: int | None = None, *, every: bool = False, twist: Twist = honest
) -> tuple[Replayed, list[str]]:
    """Replay by somebody who has the run folder and nothing else; what was found, and what was said."""
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_DATA", str(scene.root / "nobody"))
        patch.setattr(running, "engine_of", lambda *_: scene.engine(twist))
        return replay_run(str(scene.run), generation, every=every, say=said.append), said


def content(folder: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_every_generation_is_made_again_and_is_equal(grown: Scene) -> None:
    before = content(grown.root)
    found, said = replayed(grown, every=True)
    assert (found.differing, found.missing, len(found.reruns)) == (0, 0, 3)
    assert all(rerun.rule.exact for rerun in found.reruns)
    checks = len(BY_THEMSELVES) + len(UNDER_THE_CHARTER)
    assert said[0].startswith(f"record      all {checks} checks")
    assert sum(f"13 of 17 wires read again, 0 fired; not {MACHINE}," in line for line in said) == 2
    assert content(grown.root) == before  # nothing was written, and no data folder was made


def test_without_a_word_it_is_the_generation_whose_model_is_in_force(grown: Scene) -> None:
    found, _ = replayed(grown)
    decided = [
        entry for entry in grown.entries() if isinstance(entry, Decided) and entry.decision == "promote"
    ]
    assert [rerun.generation for rerun in found.reruns] == [decided[-1].generation]


def closer(_: Job, result: Result) -> Result:
    """The models are as far apart as nobody wrote down."""
    if not isinstance(result, Interpreted) or result.words is UNSET:
        return result
    return structs.replace(
        result, words=structs.replace(result.words, divergence=result.words.divergence + 0.5)
    )


def test_a_look_inside_that_finds_something_else_is_named(grown: Scene) -> None:
    found, said = replayed(grown, 1, twist=closer)
    assert found.differing == 1
    assert any(line.startswith("inside") for line in said)


def test_a_record_that_does_not_hold_is_refused_before_a_model_is_asked(grown: Scene, tmp_path: Path) -> None:
    scene = grown.copy(tmp_path)
    shutil.copy(scene.folder.log_key, scene.folder.charter)
    asked: list[Job] = []

    def listening(job: Job, result: Result) -> Result:
        asked.append(job)
        return result

    with pytest.raises(TrustError, match="no model was asked"):
        replayed(scene, twist=listening)
    assert asked == []


def test_weights_under_another_name_are_not_loaded(grown: Scene, tmp_path: Path) -> None:
    scene = grown.copy(tmp_path)
    (scene.folder.models / scene.state().incumbent / "config.json").write_text("{}")
    with pytest.raises(TrustError, match="checks failed"):
        replayed(scene)


def test_a_generation_that_is_not_there_is_the_callers_mistake(grown: Scene) -> None:
    with pytest.raises(UsageError, match="a generation of this run expected, got 7"):
        replayed(grown, 7)


def test_a_run_without_a_closed_generation_has_nothing_to_replay(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a run with a closed generation expected"):
        replayed(found(tmp_path))


def wrong(_: Job, result: Result) -> Result:
    """Nobody says what the record says."""
    if isinstance(result, Answers):
        return Answers(completions=tuple(text + "1" for text in result.completions))
    return result


Ended = Callable[[Scene, Twist, Sequence[str]], tuple[int, str]]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Ended:
    """How the command ends, and what it says."""

    def end(scene: Scene, twist: Twist, words: Sequence[str]) -> tuple[int, str]:
        monkeypatch.setenv("DETENT_DATA", str(scene.root / "nobody"))
        monkeypatch.setattr(running, "engine_of", lambda *_: scene.engine(twist))
        result = CliRunner().invoke(app, ["replay", str(scene.run), *words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            return getattr(result.exception, "exit_code", 1), str(result.exception)
        return result.exit_code, result.output

    return end


def test_the_exit_code_tells_equal_from_different_from_gone(
    grown: Scene, tmp_path: Path, ended: Ended
) -> None:
    assert ended(grown, honest, ["--generation", "1"])[0] == 0
    code, said = ended(grown, wrong, ["--generation", "1"])
    assert (code, "differ from the record" in said) == (TrustError.exit_code, True)
    scene = grown.copy(tmp_path)
    first = next(entry for entry in scene.entries() if isinstance(entry, Decided)).incumbent
    shutil.rmtree(scene.folder.models / first)
    code, said = ended(scene, honest, ["--generation", "1"])
    assert (code, "no longer re-runnable: the weights models/" in said) == (NO_LONGER_THERE, True)
    assert ended(grown, honest, ["--generation", "1", "--all"])[0] == UsageError.exit_code


def test_what_workers_may_write_to_is_not_in_the_run_folder(grown: Scene) -> None:
    given: list[Path] = []

    def engine_of(*words: object) -> FakeEngine:
        given.extend(word for word in words if isinstance(word, Path))
        return grown.engine()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_DATA", str(grown.root / "nobody"))
        patch.setattr(running, "engine_of", engine_of)
        replay_run(str(grown.run), 1, every=False, say=lambda _: None)
    models, data, staging, log = given
    assert (models, data) == (grown.folder.models, grown.folder.data)
    assert grown.run not in staging.parents
    assert grown.run not in log.parents
    assert not staging.exists()
