"""The logs lie in the run folder, whatever somebody puts in their place."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.attacks.attacks_world import Scene, found

from detent.assembly import open_run
from detent.assembly.timing import Stopwatch
from detent.engine._process import WorkerProcess

PUT_THERE: dict[str, Callable[[Path, Path], object]] = {
    "a link to a folder of theirs": lambda path, theirs: path.symlink_to(theirs),
    "a link that leads nowhere": lambda path, theirs: path.symlink_to(theirs / "nowhere"),
    "a file": lambda path, _: path.write_text("keep me"),
}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    made = found(tmp_path)
    with made.here():
        yield made


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder that is none of the run's."""
    path = tmp_path / "theirs"
    path.mkdir()
    return path


@pytest.mark.parametrize("what", PUT_THERE)
def test_a_session_moves_aside_and_says_so(scene: Scene, theirs: Path, what: str) -> None:
    logs, said = scene.folder.log.parent, list[str]()
    logs.rmdir()
    PUT_THERE[what](logs, theirs)
    with open_run(scene.run, watch=lambda _: None, say=said.append):
        pass
    aside = logs.with_name("logs.moved-aside-1")
    assert f"{logs} was in the way of the run's own; what lay there is now {aside}" in said
    assert os.path.lexists(aside)
    assert logs.is_dir()
    assert not logs.is_symlink()
    assert list(theirs.iterdir()) == []


def test_neither_a_worker_nor_a_stopwatch_writes_through_a_link_put_there_meanwhile(
    tmp_path: Path, theirs: Path
) -> None:
    for name in ("logs", "times"):
        (tmp_path / name).symlink_to(theirs)
    WorkerProcess(["/bin/true"], tmp_path / "logs" / "worker.log", 60).kill()
    Stopwatch().append_to(tmp_path / "times" / "timing.jsonl")
    assert list(theirs.iterdir()) == []
    assert (tmp_path / "logs" / "worker.log").is_file()
    assert (tmp_path / "times" / "timing.jsonl").is_file()
