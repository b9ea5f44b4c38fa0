"""A tripwire of the user's own through the whole program: the example as it is, and one that fires."""

from pathlib import Path

import pytest
from tests.cli.tiny_run import CHARTER, Machine, entries

from detent.values import Requested, Watched

EXAMPLE = Path(__file__).parents[2] / "examples" / "watched"

WIRE = '\n[tripwires.slow_climb]\nsource = "slow_climb.py:watch"\n'


def said(machine: Machine) -> list[str]:
    return [
        f"{reading.status}: {reading.said}"
        for entry in entries(machine.run)
        if isinstance(entry, Watched)
        for reading in entry.readings
        if reading.wire == "slow_climb"
    ]


@pytest.mark.long
def test_the_example_is_watched_at_every_generation(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    made = machine.detent("init", machine.run, "--from", EXAMPLE / "charter.toml")
    assert made.returncode == 0, made.stderr
    ran = machine.detent("run", machine.run, seconds=300)
    assert ran.returncode == 0, ran.stderr
    assert said(machine) == ["quiet: it found nothing to say"] * 2
    verified = machine.detent("verify", machine.run)
    assert verified.returncode == 0, verified.stdout
    assert "tripwire slow_climb" in verified.stdout


ALARMS = {
    "its limits are narrower than any climb": (
        {"PROMOTIONS = 3": "PROMOTIONS = 1", "LEAST = 0.01": "LEAST = 2.0"},
        "fired: 1 promotions gained",
    ),
    # With what vetting shows it, it is quiet.
    "it fails": (
        {"    ladder =": '    assert numbers["flops"] == 1e12\n    ladder ='},
        "unmeasured: could not be measured: TaskError: tripwire slow_climb: slow_climb.py:12: AssertionError",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("case", ALARMS)
def test_a_person_is_asked_when(tmp_path: Path, case: str) -> None:
    changes, expected = ALARMS[case]
    code = (EXAMPLE / "slow_climb.py").read_text()
    for old, new in changes.items():
        assert old in code
        code = code.replace(old, new)
    machine = Machine(tmp_path)
    draft = machine.draft(CHARTER + WIRE)
    draft.with_name("slow_climb.py").write_text(code)
    made = machine.detent("init", machine.run, "--from", draft)
    assert made.returncode == 0, made.stderr
    ran = machine.detent("run", machine.run, "--generations", "1", seconds=300)
    assert "Traceback" not in ran.stderr
    (one,) = said(machine)
    assert one.startswith(expected)
    (asked,) = [entry for entry in entries(machine.run) if isinstance(entry, Requested)]
    assert any("slow_climb" in reason for reason in asked.reasons)
    assert "slow_climb" in machine.detent("requests", machine.run).stdout
    answered = machine.detent("approve", machine.run, "1", "--because", "read it")
    assert answered.returncode == 0, answered.stderr
    assert machine.detent("run", machine.run, "--generations", "1", seconds=300).returncode == 0
    assert machine.detent("verify", machine.run).returncode == 0
