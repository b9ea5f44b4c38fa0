"""Trackers: the ledger's numbers where people look at them; and no way for one to stop a run."""

import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.attacks.attacks_world import CHARTER, Scene, found

from detent.assembly import track, tracking
from detent.assembly.tracking import report_to
from detent.errors import UsageError
from detent.report import scalars


@pytest.fixture
def scene(told: Scene, tmp_path: Path) -> Iterator[Scene]:
    made = told.copy(tmp_path / "machine")
    with made.here():
        yield made


def events(folder: Path) -> dict[tuple[str, int], float]:
    """What TensorBoard would show: frames of a length, a checksum, an event and a checksum."""
    proto = pytest.importorskip("tensorboardX.proto.event_pb2")
    shown = {}
    for file in sorted(folder.rglob("events.*")):
        data = file.read_bytes()
        while data:
            (size,) = struct.unpack("<Q", data[:8])
            event = proto.Event.FromString(data[12 : 12 + size])
            data = data[16 + size :]
            for value in event.summary.value:
                shown[value.tag, event.step] = value.simple_value
    return shown


def rounded(curves: dict[int, dict[str, float]]) -> dict[tuple[str, int], Any]:
    return {
        (name, step): pytest.approx(value, rel=1e-5)
        for step, named in curves.items()
        for name, value in named.items()
    }


def test_tensorboard_shows_the_ledger_s_numbers_of_every_generation(scene: Scene) -> None:
    pytest.importorskip("tensorboardX")
    curves = scalars(scene.entries())
    assert track(scene.run, "tensorboard") == len(curves)
    assert events(scene.folder.trackers) == rounded(curves)
    track(scene.run, "tensorboard")
    assert events(scene.folder.trackers) == rounded(curves)


def test_one_generation_after_another_comes_to_the_same(scene: Scene) -> None:
    pytest.importorskip("tensorboardX")
    curves = scalars(scene.entries())
    for generation in curves:
        assert report_to(scene.run, "tensorboard", generation) == ""
    assert events(scene.folder.trackers) == rounded(curves)


def test_mlflow_has_them_as_metrics_of_one_run_and_none_twice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    curves = scalars(scene.entries())
    for _ in range(2):
        assert track(scene.run, "mlflow") == len(curves)
    client = mlflow.MlflowClient(tracking_uri=(scene.folder.trackers / "mlruns").absolute().as_uri())
    (one,) = client.search_runs([client.get_experiment_by_name("detent").experiment_id])
    shown = [(m.step, m.value) for m in client.get_metric_history(one.info.run_id, "ladder")]
    assert shown == [(step, pytest.approx(named["ladder"])) for step, named in curves.items()]


def test_weights_and_biases_keeps_them_offline(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert report_to(scene.run, "wandb", 1) == ""
    assert list((scene.folder.trackers / "wandb").glob("offline-run-*/*.wandb"))


def stand_in(folder: Path, body: str) -> str:
    """A Python that does something else than it is asked."""
    program = folder / "python"
    program.write_text(f"#!{sys.executable}\n{body}\n")
    program.chmod(0o755)
    return str(program)


FAILURES = {
    "it dies": ("import os; os.abort()", "no reason given"),
    "it says something that a terminal obeys": ("import sys; sys.exit('\\x1b[2J gone')", r"\x1b[2J gone"),
    "it floods": ("import sys; sys.stderr.write('x' * 10**6); sys.exit(1)", "xxx"),
    "it floods standard output, of which nothing is kept": (
        "import sys\nfor _ in range(2000): sys.stdout.write('x' * 10**6)\nsys.exit('full')",
        "full",
    ),
    "it never ends": ("import time; time.sleep(600)", "no answer within"),
    "it stands still": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "no answer within"),
    "it waits for a word": ("import sys; sys.exit(f'heard {sys.stdin.read()!r}')", "heard ''"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_tracker_that_fails_is_a_sentence(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, words = FAILURES[case]
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, body))
    monkeypatch.setattr(tracking, "SECONDS", 5.0)
    said = report_to(tmp_path, "tensorboard", 0)
    assert words in said
    assert said.endswith("the run goes on")
    assert len(said) < 400
    assert said.isprintable()


@pytest.mark.long
@pytest.mark.parametrize("then", ["sys.exit('mine')", "time.sleep(600)"])
def test_what_a_tracker_starts_ends_with_it_and_is_not_waited_for(
    then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f"""
import os, sys, time
child = os.fork()
if child == 0:
    time.sleep(600)
with open({str(tmp_path / "pid")!r}, "w") as file:
    file.write(str(child))
{then}
"""
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, body))
    monkeypatch.setattr(tracking, "SECONDS", 5.0)
    began = time.monotonic()
    assert report_to(tmp_path, "tensorboard", 0).endswith("the run goes on")
    assert time.monotonic() - began < 60
    wait_for_end_of(int((tmp_path / "pid").read_text()))


def wait_for_end_of(pid: int) -> None:
    """A signal takes a moment."""
    stat, until = Path(f"/proc/{pid}/stat"), time.monotonic() + 20
    with suppress(FileNotFoundError, ProcessLookupError):
        while " Z " not in stat.read_text():
            assert time.monotonic() < until
            time.sleep(0.05)


def test_what_a_tracker_leaves_running_is_not_waited_for_and_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f"""
import subprocess, sys
left = subprocess.Popen(["sleep", "600"])
open({str(tmp_path / "left")!r}, "w").write(str(left.pid))
"""
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, body))
    began = time.monotonic()
    assert report_to(tmp_path, "tensorboard", 0) == ""
    assert time.monotonic() - began < 20
    wait_for_end_of(int((tmp_path / "left").read_text()))


def test_a_tracker_sees_neither_a_server_s_key_nor_where_the_user_s_keys_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    monkeypatch.setattr(
        "detent.assembly.samplers.enveloped_charter",
        lambda run: (
            SimpleNamespace(charter=SimpleNamespace(servers={"wise": SimpleNamespace(key_env="WISE_KEY")}))
            if run.root == folder
            else pytest.fail("the charter of another run was read")
        ),
    )
    monkeypatch.setenv("WISE_KEY", "sk-very-secret-0123456789abcdef")
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "keys"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    seen = tmp_path / "seen"
    body = f"import os\nopen({str(seen)!r}, 'w').write(repr(dict(os.environ)))"
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, body))
    assert report_to(folder, "wandb", 0) == ""
    assert "WANDB_MODE" in seen.read_text()
    assert "very-secret" not in seen.read_text()
    assert "DETENT_DATA" not in seen.read_text()


def test_a_program_that_is_not_there_is_a_sentence_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    assert report_to(tmp_path, "tensorboard", 0).endswith("the run goes on")


def test_a_package_that_is_missing_is_named_with_its_extra(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package, name in (("tensorboardX", "tensorboard"), ("mlflow", "mlflow"), ("wandb", "wandb")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(UsageError, match=rf"pip install 'detent\[{name}\]'"):
            track(scene.run, name)


def test_no_other_tracker_is_known(scene: Scene) -> None:
    with pytest.raises(UsageError, match="one of tensorboard, mlflow, wandb"):
        track(scene.run, "comet")


def test_a_run_tells_its_trackers_after_each_generation_and_is_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CHARTER.replace("[run]\n", '[run]\nreport_to = ["tensorboard", "wandb"]\n')
    told: list[tuple[Path, str, int]] = []
    said: list[object] = []

    def broken(folder: Path, name: str, generation: int) -> str:
        told.append((folder, name, generation))
        return f"tracker {name}: broken; the run goes on"

    monkeypatch.setattr("detent.assembly.running.report_to", broken)
    scene = found(tmp_path, text)
    monkeypatch.setattr("tests.attacks.attacks_world.silent", said.append)
    with scene.here():
        scene.turn(1)
        assert not scene.verified().faults
    generations = sorted(scalars(scene.entries()))
    assert told == [(scene.run, name, g) for g in generations for name in ("tensorboard", "wandb")]
    assert "tracker wandb: broken; the run goes on" in said
