"""Attacks from inside: by a training job in a worker, and by what a worker hands back.

The first run for real, behind bubblewrap. A worker's results are changed on their way from a toy world.
"""

import json
import math
import shutil
import socket
import struct
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.attacks.attacks_table import Attack, assert_stopped
from tests.attacks.attacks_world import Scene
from tests.attacks.conftest import Stage

import detent.evaluate.gate
from detent.engine import LocalEngine, confinement
from detent.errors import EngineError, SubjectError, TrustError
from detent.values import CandidateTrained, OutcomeWritten, SessionStarted, TrainedModel

needs_bubblewrap = pytest.mark.skipif(not confinement().confined, reason=confinement().because or "confined")

SOURCE = Path(__file__).with_name("hostile_worker.py").read_text("utf-8")

MANY = 64
"""Processes that an attack starts instead of endlessly many: were it to succeed, it must do no harm."""

MARK = "86399"
"""Seconds that processes sleep which must not outlive their job; found by it."""


class HostileEngine(LocalEngine):
    """The real engine behind the real confinement, and a worker that attacks."""

    attack = ""

    def _command(self, *, fresh: bool) -> list[str]:
        command = super()._command(fresh=fresh)
        place = command.index("-P")
        return [*command[: place + 1], "-c", SOURCE, self.attack, *command[command.index("--threads") :]]


def attacked(scene: Scene, attack: str, stall_seconds: float = 20.0) -> None:
    """A session whose training job does this. {words} in it stand for what is in the scene."""
    folder, incumbent = scene.folder, scene.state().incumbent
    names: dict[str, object] = {
        "run": scene.run,
        "secret": scene.secrets / "seal.secret",
        "log_key": scene.secrets / "log.pem",
        "key": scene.root / "home" / "bob.pem",
        "model": folder.models / incumbent / "config.json",
        "gate": Path(detent.evaluate.gate.__file__),
        "many": MANY,
        "mark": MARK,
    }
    assert all(path.exists() for path in names.values() if isinstance(path, Path))
    for name, value in names.items():
        attack = attack.replace(f"{{{name}}}", str(value))
    engine = HostileEngine(
        models=folder.models,
        data=folder.data,
        staging=folder.staging,
        log=folder.log,
        threads=1,
        stall_seconds=stall_seconds,
    )
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            engine.attack = attack.replace("{port}", str(server.getsockname()[1]))
            scene.turn(engine=engine)
    finally:
        engine.close()
        assert isinstance(session := last(scene, SessionStarted), SessionStarted)
        assert session.confined  # what kept it out stands on the ledger too


def last(scene: Scene, kind: type[Any]) -> Any:
    return [entry for entry in scene.entries() if isinstance(entry, kind)][-1]


def none_left(_: Scene) -> None:
    """No process of the attack is left."""
    deadline = time.monotonic() + 5
    while left := [line for line in command_lines() if MARK in line]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def command_lines() -> Iterator[str]:
    for place in Path("/proc").iterdir():
        try:
            yield (place / "cmdline").read_bytes().decode(errors="replace") if place.name.isdigit() else ""
        except OSError:
            continue


def not_promoted(scene: Scene) -> None:
    """Whatever it said of itself, a worker that had run no job was asked."""
    assert last(scene, OutcomeWritten).outcome.verdict != "better"


def short_log(scene: Scene) -> None:
    """What it printed is cut, and the log says so."""
    said = scene.folder.log.read_bytes()
    assert len(said) < 20 << 20
    assert b"beyond this is not kept" in said


def walled(phrase: str, attack: str, says: str) -> Attack:
    """What the confinement does not let a process do: the kernel's error ends the job, and that is on the ledger."""
    return Attack(
        phrase,
        lambda scene: attacked(scene, attack),
        by="the confinement; the job fails with the kernel's error",
        error=EngineError,
        says=f"a finished job expected, got {says}",
        seen="refusal/v1",
    )


FLOOD = "import os\nfor _ in range(10_000): os.write({to}, b'x' * (1 << 20))"
SLEEPER = "import os, subprocess; subprocess.Popen(['/bin/sleep', '{mark}'], start_new_session=True)"
MISSING, READ_ONLY = "FileNotFoundError: .*No such file", "OSError: .*Read-only file system"

FROM_A_JOB: dict[str, Attack] = {
    "a training job reads the seal's secret": walled("read the secret", "open('{secret}').read()", MISSING),
    "a training job reads the answers of openings": walled(
        "read the answers", "import os; os.listdir('{run}/answers')", MISSING
    ),
    "a training job reads a steward's key": walled("read a key", "open('{key}').read()", MISSING),
    "a training job reads the ledger's key": walled("read a key", "open('{log_key}').read()", MISSING),
    "a training job writes to the ledger": walled(
        "write ledger", "open('{run}/ledger/checkpoint', 'r+')", MISSING
    ),
    "a training job writes into the charter": walled(
        "write charter", "open('{run}/charter.toml', 'r+')", MISSING
    ),
    "a training job changes the model in force": walled("write models", "open('{model}', 'r+')", READ_ONLY),
    "a training job changes the gate's code": walled("write evaluator", "open('{gate}', 'r+')", READ_ONLY),
    "a training job opens a socket": walled(
        "open a socket", "import socket; socket.create_connection(('127.0.0.1', {port}), 2)", "[A-Za-z]*Error"
    ),
    "a training job starts a process that outlives it": Attack(
        "outlive its job",
        lambda scene: attacked(scene, f"{SLEEPER}; raise SystemExit('gone')"),
        by="the confinement: its processes end with their worker",
        error=EngineError,
        says="a finished job expected, got SystemExit: gone",
        seen="refusal/v1",
        after=none_left,
    ),
    "a training job forks without end": Attack(
        "fork without end",
        lambda scene: attacked(
            scene, f"for _ in range({{many}}):\n    {SLEEPER}\nimport time; time.sleep(60)", stall_seconds=3.0
        ),
        by="limits on processes, kept by the kernel; silence has an end, and all of them end with it",
        error=EngineError,
        says="a word from the worker at least every 3 s expected, got silence; it was ended",
        seen="refusal/v1",
        after=none_left,
    ),
    "a training job prints 10 GB where results go": Attack(
        "print 10 GB",
        lambda scene: attacked(scene, FLOOD.replace("{to}", "1")),
        by="a result is a line, and has an end",
        error=EngineError,
        says="a line of at most 1048576 bytes expected from the worker, got a longer one",
        seen="refusal/v1",
    ),
    "a training job prints without end into the log": Attack(
        "print 10 GB",
        lambda scene: attacked(
            scene, FLOOD.replace("{to}", "2").replace("10_000", "64") + "\nraise SystemExit('printed')"
        ),
        by="of what a worker prints 16 MiB are kept",
        error=EngineError,
        says="a finished job expected, got SystemExit: printed",
        seen="refusal/v1",
        after=short_log,
    ),
    "a training job patches what generates, so that it is always right": Attack(
        "patch `generate` before the gate",
        lambda scene: attacked(
            scene,
            "ToyWorld._say = lambda self, model, prompt, lost=0.0: self._truth(prompt)\n"
            "world.rules = ToyRules(step=0.0)",
        ),
        by="the gate asks a worker that has run no job",
        says="S .*after [0-9]+ (of [0-9]+ )?items",
        seen="outcome/v1",
        after=not_promoted,
    ),
}


@needs_bubblewrap
@pytest.mark.parametrize("name", FROM_A_JOB)
def test_an_attack_from_a_training_job_is_stopped(
    stage: Stage, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detent.engine._process._LONGEST_LINE", 1 << 20)
    assert_stopped(stage("grown"), FROM_A_JOB[name])


def returned(change: Callable[[Path], object], **figures: Any) -> Callable[[Scene], None]:
    """A session whose trained model is changed in staging, and what is said of it."""

    def tries(scene: Scene) -> None:
        def twist(_: Any, result: Any) -> Any:
            if isinstance(result, TrainedModel):
                change(scene.folder.staging / result.folder)
                return structs.replace(result, **figures)
            return result

        scene.turn(engine=scene.engine(twist))

    return tries


def safetensors(folder: Path, tensors: dict[str, tuple[int, ...]], value: float = 0.0) -> None:
    """Other weights: these shapes, all of one value."""
    header, at = {}, 0
    for name, shape in tensors.items():
        end = at + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, end]}
        at = end
    head = json.dumps(header).encode()
    content = struct.pack("<Q", len(head)) + head + struct.pack("<f", value) * (at // 4)
    (folder / "model.safetensors").write_bytes(content)


def configured(folder: Path, file: str = "config.json", **keys: Any) -> None:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def not_a_number(folder: Path) -> None:
    """Weights that are no numbers; a toy model's horizon stands for what they compute."""
    safetensors(folder, {"w": (1,)}, math.nan)
    configured(folder, "toy.json", horizons={"copy": math.nan})


def swapped(scene: Scene) -> None:
    """Between freeze and gate the candidate's files become the incumbent's, with a better horizon."""
    path = scene.folder.models / last(scene, CandidateTrained).digest / "toy.json"
    path.with_suffix(".kept").write_bytes(path.read_bytes())
    path.with_suffix(".kept").rename(scene.root / "kept.json")
    configured(path.parent, "toy.json", horizons={"copy": 8.0})
    scene.turn()


def put_back(scene: Scene) -> None:
    model = scene.folder.models / last(scene, CandidateTrained).digest
    shutil.copyfile(scene.root / "kept.json", model / "toy.json")


STORE = "the model store"
KIND = "a trained model is of its parent's kind"

HANDED_BACK: dict[str, Attack] = {
    "a worker hands back a pickle": Attack(
        "return a pickle",
        returned(lambda folder: (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")),
        by=STORE,
        error=SubjectError,
        says="safetensors, JSON and tokenizer files only expected in .*, got 'pytorch_model.bin'",
        seen="refusal/v1",
    ),
    "a worker hands back a pickle under another name": Attack(
        "return a pickle",
        returned(lambda folder: (folder / "model.safetensors").write_bytes(b"\x80\x04." * 9)),
        by=STORE,
        error=SubjectError,
        says="a safetensors file expected, got model.safetensors, which is something else",
        seen="refusal/v1",
    ),
    "a worker says NaN of its training": Attack(
        "return NaNs",
        returned(lambda _: None, losses=(math.nan, 0.1)),
        by="results are held against their jobs",
        error=EngineError,
        says="finite losses, changes and operations expected from the worker, got nan",
        seen="refusal/v1",
    ),
    "a worker hands back weights that are no numbers": Attack(
        "return NaNs",
        returned(not_a_number),
        by="the screen, since nothing it answers is right; the tripwire `forgetting` asks a person",
        says="forgetting: .*right",
        seen="request/v1",
    ),
    "a worker hands back a model of another architecture": Attack(
        "return another architecture",
        returned(partial(configured, model_type="another")),
        by=KIND,
        error=SubjectError,
        says="with its parent's architecture expected, with model_type 'toy', got 'another'",
        seen="refusal/v1",
    ),
    "a worker hands back a model of other tensors": Attack(
        "return another architecture",
        returned(partial(safetensors, tensors={"w": (1,), "more": (2, 2)})),
        by=KIND,
        error=SubjectError,
        says="with its parent's tensors expected, with more none, got",
        seen="refusal/v1",
    ),
    "a worker hands back another tokenizer": Attack(
        "return another tokenizer",
        returned(lambda folder: (folder / "tokenizer.json").write_text('{"model": {}}')),
        by=KIND,
        error=SubjectError,
        says="with its parent's tokenizer expected, with tokenizer.json none, got",
        seen="refusal/v1",
    ),
    "a worker hands back a model whose answers end elsewhere": Attack(
        "return another tokenizer",
        returned(lambda folder: (folder / "generation_config.json").write_text('{"eos_token_id": 7}')),
        by=KIND,
        error=SubjectError,
        says="with its parent's way of answering expected, with eos_token_id none, got 7",
        seen="refusal/v1",
    ),
    "weights are swapped after the freeze": Attack(
        "weights swapped after the freeze",
        swapped,
        base="frozen",
        by="models are named by what they are",
        error=TrustError,
        says="weights with digest [0-9a-f]{64} expected, got",
        seen="refusal/v1",
        after=put_back,
    ),
}


@pytest.mark.parametrize("name", HANDED_BACK)
def test_what_a_worker_hands_back_is_refused(stage: Stage, name: str) -> None:
    assert_stopped(stage(HANDED_BACK[name].base), HANDED_BACK[name])
