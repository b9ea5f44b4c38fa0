"""`inspect-task`: another's evaluation of a generation by digest; its log's digest stands on the ledger."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs
from tests.attacks.attacks_world import Scene
from tests.cli.tiny_run import Machine

from detent.assembly import inspect_task, inspecting
from detent.assembly.inspecting import SUMMARY, Summary
from detent.errors import EngineError, UsageError
from detent.values import Decided, Inspected

TASK = """\
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import exact


@task
def firsts(many: int = 4):
    asked = [Sample(input=f"F{n}{n + 1}=", target=str(n)) for n in range(1, 1 + int(many))]
    return Task(dataset=asked, scorer=exact(), version=3)
"""


@pytest.fixture
def scene(told: Scene, tmp_path: Path) -> Iterator[Scene]:
    made = told.copy(tmp_path / "machine")
    with made.here():
        yield made


def evaluated(monkeypatch: pytest.MonkeyPatch, **changes: object) -> list[dict[str, object]]:
    """Inspect's process, in the place of which a log and a summary are written; what it was asked."""
    seen: list[dict[str, object]] = []

    def stand_in(asked: dict[str, object], place: Path) -> None:
        seen.append(asked)
        (place / "x.eval").write_bytes(b"PK log")
        said: dict[str, object] = {
            "task": "firsts",
            "version": "3",
            "samples": 4,
            "scores": {"exact/accuracy": 0.5},
            "log": "x.eval",
        }
        (place / SUMMARY).write_text(json.dumps(said | changes))

    monkeypatch.setattr(inspecting, "_evaluate", stand_in)
    monkeypatch.setattr(inspecting, "find_spec", lambda _: True)
    return seen


def test_the_log_s_digest_and_totals_stand_on_the_ledger_and_change_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, before = evaluated(monkeypatch), scene.state()
    made = inspect_task(scene.run, 0, "t.py@firsts", limit=4, arguments={"many": "4"})
    first = next(one for one in scene.entries() if isinstance(one, Decided))
    assert seen[0]["model"] == f"detent/{first.incumbent}"
    assert isinstance(scene.entries()[-1], Inspected)
    assert made.entry.model == first.incumbent
    assert made.log.read_bytes() == b"PK log"
    after = scene.state()
    steering = ("incumbent", "team", "generation", "slots", "grants", "hold", "data", "flops", "openings")
    assert all(getattr(after, name) == getattr(before, name) for name in steering)
    assert not scene.verified().faults


def test_a_run_goes_on_after_an_inspection_as_before(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated(monkeypatch)
    inspect_task(scene.run, 1, "t.py@firsts")
    scene.turn(1)
    inspect_task(scene.run, 4, "t.py@firsts")
    assert not scene.verified().faults


def test_a_log_that_was_changed_after_is_noticed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated(monkeypatch)
    made = inspect_task(scene.run, 0, "t.py@firsts")
    made.log.write_bytes(b"PK another")
    assert [one.check for one in scene.verified().made if one.faults] == ["outside"]
    made.log.unlink()
    findings = scene.verified()
    assert not findings.faults
    assert any("the log of entry" in what for one in findings.made for what in one.unchecked)


def test_an_inspection_of_a_model_that_is_not_the_run_s_is_a_fault(scene: Scene) -> None:
    entry = Inspected(
        model="f" * 64,
        of=0,
        task="t",
        version="1",
        log="e" * 64,
        samples=1,
        scores={},
        at=scene.entries()[-1].at,
    )
    scene.append(structs.replace(entry, generation=scene.state().generation))
    assert [one.check for one in scene.verified().made if one.faults] == ["outside"]


BAD: dict[str, dict[str, object]] = {
    "another file's path": {"log": "../../../etc/hostname"},
    "no log": {"log": "y.eval"},
    "a score that is no number": {"scores": {"exact/accuracy": "high"}},
    "too many scores": {"scores": {f"s{n}": 0.1 for n in range(500)}},
    "a name without end": {"task": "W" * 5000},
    "less than nothing": {"samples": -1},
    "more than is asked for": {"more": 1},
}


@pytest.mark.parametrize("case", BAD)
def test_a_summary_that_nobody_can_believe_leaves_no_entry(
    case: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated(monkeypatch, **BAD[case])
    before = scene.record()
    with pytest.raises(EngineError):
        inspect_task(scene.run, 0, "t.py@firsts")
    assert scene.record() == before


def test_a_generation_without_a_model_cannot_be_inspected(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated(monkeypatch)
    with pytest.raises(UsageError, match="a closed generation that made a model"):
        inspect_task(scene.run, 99, "t.py@firsts")


def test_without_inspect_the_message_says_what_to_install(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspecting, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'detent\[inspect\]'"):
        inspect_task(scene.run, 0, "t.py@firsts")


def test_a_process_that_fails_is_told_of_in_its_own_last_words(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!{sys.executable}\nimport sys; sys.exit('no such task')\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(inspecting, "find_spec", lambda _: True)
    with pytest.raises(EngineError, match="no such task"):
        inspect_task(scene.run, 0, "t.py@firsts")


HANGS = {
    "it asks the model nothing": "import time; time.sleep(600)",
    "it stands still": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "it asks once, and then no more": (
        "import pathlib, sys, time; pathlib.Path(sys.argv[-1], 'heard').touch(); time.sleep(600)"
    ),
}


@pytest.mark.parametrize("case", HANGS)
def test_a_process_that_hangs_is_ended_and_leaves_no_entry(
    case: str, scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!{sys.executable}\n{HANGS[case]}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(inspecting, "find_spec", lambda _: True)
    monkeypatch.setattr(inspecting, "SILENCE", 2.0)
    before, began = scene.record(), time.monotonic()
    with pytest.raises(EngineError, match="at least every 2 s expected, got silence"):
        inspect_task(scene.run, 0, "t.py@firsts")
    assert time.monotonic() - began < 60
    assert scene.record() == before


@pytest.mark.long
def test_a_process_that_goes_on_asking_is_not_ended(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It takes three times as long as silence may last."""
    program = tmp_path / "python"
    program.write_text(
        f"#!{sys.executable}\nimport pathlib, sys, time\n"
        "for _ in range(60):\n    pathlib.Path(sys.argv[-1], 'heard').touch(); time.sleep(.1)\n"
        "sys.exit('it ended by itself')\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(inspecting, "find_spec", lambda _: True)
    monkeypatch.setattr(inspecting, "SILENCE", 2.0)
    with pytest.raises(EngineError, match="it ended by itself"):
        inspect_task(scene.run, 0, "t.py@firsts")


def test_a_summary_says_what_it_is_read_as() -> None:
    assert Summary("t", "1", 1, {}, "x.eval").log == "x.eval"


@pytest.mark.long
def test_a_real_inspect_task_is_answered_by_the_run_s_own_workers(tmp_path: Path) -> None:
    pytest.importorskip("inspect_ai")
    machine = Machine(tmp_path / "machine")
    machine.found()
    ran = machine.detent("run", machine.run, "--generations", "1")
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "firsts.py").write_text(TASK)
    words = ("inspect-task", machine.run, "1", f"{tmp_path / 'firsts.py'}@firsts", "--limit", "3")
    made = machine.detent(*words, "--arg", "many=5")
    assert made.returncode == 0, made.stderr
    assert "3 samples" in made.stdout
    assert machine.detent("verify", machine.run).returncode == 0
    again = machine.detent("inspect-task", machine.run, "1", f"{tmp_path / 'firsts.py'}@nothing")
    assert again.returncode == 7, again.stdout
    shutil.rmtree(machine.root)
