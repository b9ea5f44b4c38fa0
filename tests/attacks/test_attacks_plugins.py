"""Attacks from inside a user's own code, for real, behind bubblewrap: tripwires, and a task that waits for the gate.

All tripwires attack one run, each in generation 1, and the run goes on. One of them tries every wall, and says in its
alarm what it met at each.
"""

import re
import socket
from pathlib import Path

import pytest
from tests.attacks.attacks_table import Attack, assert_stopped, assert_usable
from tests.attacks.attacks_world import CHARTER, ECHO, Scene, found, grown_from
from tests.attacks.test_attacks_workers import MANY, MARK, none_left

import detent.evaluate.gate
from detent.engine import confinement
from detent.evaluate import Chain
from detent.values import OutcomeWritten, Reading, Watched

pytestmark = pytest.mark.skipif(not confinement().confined, reason=confinement().because or "confined")

MISSING = "FileNotFoundError: .*No such file"
NOWHERE, READ_ONLY = "FileNotFoundError", "OSError 30"

WIRE = """\
import os, socket, subprocess


def watch(numbers):
    if numbers["generation"] != 1 or numbers["flops"] == 1e12:  # what vetting shows it
        return None
    {attack}
    return "it worked"
"""

WALLS = """\
    said = []
    for attack in {attacks}:
        try:
            exec(attack)
            said.append("it worked")
        except OSError as error:
            said.append(f"{type(error).__name__} {error.errno}")
    return "; ".join(said)"""

TASK = ECHO.replace(
    "        digits =",
    """\
        self.levels = [*getattr(self, "levels", []), level][-3:]
        if len(self.levels) == 3 and self.levels[0] > self.levels[1] < self.levels[2]:
            {attack}  # only the gate draws its levels in no order
        digits =""",
)


def places(root: Path) -> dict[str, Path]:
    """What the attacks are on, of a run that lies, or will lie, in `root`."""
    return {
        "secret": root / "data" / "runs" / Chain(b"s" * 32, 100).tip.hex()[:16] / "seal.secret",
        "key": root / "home" / "bob.pem",
        "run": root / "run",
        "gate": Path(detent.evaluate.gate.__file__),
    }


def filled(attack: str, root: Path, port: int = 0) -> str:
    """The attack with these places in it."""
    for name, value in {**places(root), "many": MANY, "mark": MARK, "port": port}.items():
        attack = attack.replace(f"{{{name}}}", str(value))
    return attack


def tripwire(
    phrase: str, code: str, says: str, by: str = "the confinement; the tripwire counts as fired"
) -> Attack:
    """What a tripwire's function does, and what its reading says."""
    return Attack(phrase, lambda _: code, by=by, says=says, seen="watch/v1")


SLEEPER = "subprocess.Popen(['/bin/sleep', '{mark}'], start_new_session=True)"

AT_THE_WALLS: dict[str, Attack] = {
    "a tripwire reads the seal's secret": tripwire("read the secret", "open('{secret}').read()", NOWHERE),
    "a tripwire reads the answers of openings": tripwire(
        "read the answers", "os.listdir('{run}/answers')", NOWHERE
    ),
    "a tripwire reads a steward's key": tripwire("read a key", "open('{key}').read()", NOWHERE),
    "a tripwire writes to the ledger": tripwire(
        "write ledger", "open('{run}/ledger/checkpoint', 'r+')", NOWHERE
    ),
    "a tripwire writes into the charter": tripwire(
        "write charter", "open('{run}/charter.toml', 'r+')", NOWHERE
    ),
    "a tripwire changes the model in force": tripwire(
        "write models", "open('{run}/models/incumbent/config.json', 'r+')", NOWHERE
    ),
    "a tripwire changes the gate's code": tripwire("write evaluator", "open('{gate}', 'r+')", READ_ONLY),
    "a tripwire opens a socket": tripwire(
        "open a socket", "socket.create_connection(('127.0.0.1', {port}), 2)", "[A-Za-z]*Error"
    ),
}

WITHIN: dict[str, Attack] = {
    "a tripwire starts a process that outlives it": tripwire(
        "outlive its job",
        f"{SLEEPER}; raise RuntimeError('gone')",
        "RuntimeError: gone|BlockingIOError|OSError",
    ),
    "a tripwire forks without end": tripwire(
        "fork without end",
        f"[{SLEEPER} for _ in range({{many}})]; raise RuntimeError('gone')",
        "RuntimeError: gone|BlockingIOError|OSError",
    ),
    "a tripwire prints without end": tripwire(
        "print 10 GB",
        "[os.write(to, b'x' * (1 << 20)) for to in (1, 2) for _ in range(64)]; raise RuntimeError('printed')",
        "RuntimeError: printed",
        by="of what code of a user's prints a few last words are kept",
    ),
    "a tripwire says NaN": tripwire(
        "return NaNs",
        "return float('nan')",
        "a sentence, or None when all is well, expected from the function, got float nan",
        by="the host, which knows what a tripwire may say",
    ),
}

FROM_A_TRIPWIRE = {**AT_THE_WALLS, **WITHIN}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A run with all of them, after generation 1."""
    root = tmp_path_factory.mktemp("watched")
    with socket.create_server(("127.0.0.1", 0)) as server:
        scene = grown_from(found(root, *_with_wires(root, server.getsockname()[1])))
    assert all(path.exists() for path in places(root).values())
    assert all((scene.run / name).exists() for name in ("answers", "ledger/checkpoint", "models/incumbent"))
    return scene


def _with_wires(root: Path, port: int) -> tuple[str, dict[str, str]]:
    """The charter with every tripwire, and their files: `walls`, and one for each of the others."""

    def codes(attacks: dict[str, Attack]) -> list[str]:
        return [filled(str(attack.tries(Scene(root))), root, port) for attack in attacks.values()]

    walls = WALLS.removeprefix("    ").replace("{attacks}", repr(codes(AT_THE_WALLS)))
    bodies = {"walls": walls} | {f"within_{at}": code for at, code in enumerate(codes(WITHIN))}
    tables = [f'\n[tripwires.{wire}]\nsource = "{wire}.py:watch"\naction = "record"\n' for wire in bodies]
    files = {f"{wire}.py": WIRE.replace("{attack}", body) for wire, body in bodies.items()}
    return CHARTER + "".join(tables), files


def reading_of(scene: Scene, wire: str) -> Reading:
    """What a tripwire said in generation 1, as it stands on the ledger."""
    (entry,) = [entry for entry in scene.entries() if isinstance(entry, Watched) and entry.generation == 1]
    (reading,) = [reading for reading in entry.readings if reading.wire == wire]
    return reading


@pytest.mark.parametrize("name", AT_THE_WALLS)
def test_a_wall_stops_an_attack_from_a_tripwire_and_it_is_on_the_ledger(watched: Scene, name: str) -> None:
    reading = reading_of(watched, "walls")
    assert reading.fired
    met = reading.said.split("; ")[list(AT_THE_WALLS).index(name)]
    assert re.match(AT_THE_WALLS[name].says, met), met


@pytest.mark.parametrize("name", WITHIN)
def test_an_attack_from_a_tripwire_is_stopped_and_its_alarm_is_on_the_ledger(
    watched: Scene, name: str
) -> None:
    reading = reading_of(watched, f"within_{list(WITHIN).index(name)}")
    assert reading.status == "unmeasured"
    assert reading.fired
    assert re.search(WITHIN[name].says, reading.said), reading.said
    none_left(watched)


def test_a_run_that_its_tripwires_attacked_goes_on(watched: Scene) -> None:
    with watched.here():
        assert_usable(watched)


def at_the_gate(scene: Scene) -> None:
    """Generation 1; its opening is the first."""
    scene.turn()
    assert [entry.outcome.verdict for entry in scene.entries() if isinstance(entry, OutcomeWritten)] == [
        "void"
    ]


def task(phrase: str, code: str, says: str, by: str) -> tuple[str, Attack]:
    """What a task does when it notices that the gate draws from it, and what the opening's outcome says."""
    return code, Attack(phrase, at_the_gate, by=by, says=says, seen="outcome/v1")


FROM_A_TASK: dict[str, tuple[str, Attack]] = {
    "a task reads the seal's secret when the gate draws": task(
        "read the secret",
        "open('{secret}').read()",
        f"task echo: echo.py:[0-9]+: {MISSING}",
        by="the confinement; the opening is void, and its error budget is spent",
    ),
    "a task ends its process when the gate draws": task(
        "outlive its job",
        "__import__('os').system('/bin/sleep {mark} &'); __import__('os')._exit(0)",
        "its process ended with status 0",
        by="the confinement: its processes end with it; the opening is void",
    ),
}


@pytest.mark.parametrize("name", FROM_A_TASK)
def test_an_attack_from_a_task_is_stopped(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code, attack = FROM_A_TASK[name]
    root = tmp_path / "scene"
    monkeypatch.setenv("DETENT_DATA", str(root / "data"))
    charter = CHARTER.replace("copy", "echo") + '\n[tasks.echo]\nsource = "echo.py:Echo"\n'
    scene = found(root, charter, {"echo.py": TASK.replace("{attack}", filled(code, root))})
    scene.turn(0)
    assert_stopped(scene, attack)
    none_left(scene)
