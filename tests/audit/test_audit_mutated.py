"""Whatever is changed in a witnessed record, up to the last entry that was cosigned, a stranger sees that it was."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.audit.scripted_run import ScriptedRun, make_run
from tests.audit.witnessed_run import three_witnesses

from detent.audit import verify
from detent.errors import DetentError
from detent.signing import canonical
from detent.values import Cosigned

ROUNDS = 120
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 1e9, 0.5, "", "x", "a" * 64, "2026-01-01T00:00:01Z", [], {}, "9" * 30,
)  # fmt: skip

Path_ = tuple[str | int, ...]


@pytest.fixture(scope="module")
def witnessed(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    folder = tmp_path_factory.mktemp("mutated")
    with three_witnesses(folder / "witnesses") as three:
        return make_run(folder / "run", three.draft(), outsiders=three.outsiders)


def paths(value: Any, here: Path_ = ()) -> Iterator[Path_]:
    """Every place in a JSON document but its top."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*here, key)
        yield from paths(each, (*here, key))


def other(value: Any, random: Random) -> Any:
    """Another value, often a near one."""
    near: list[Any] = []
    if isinstance(value, str):
        near = [value[:-1], value + "0", value[::-1]]
    elif isinstance(value, list):
        near = [value[:-1], value[::-1], value + value[:1]]
    elif isinstance(value, dict):
        near = [dict(list(value.items())[:-1])]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        near = [value + 1, value - 1, -value, value * 2]
    return random.choice([*near, random.choice(ODD)])


def mutated(record: list[bytes], until: int, random: Random) -> list[bytes]:
    """The record with one entry before `until` changed, dropped, doubled or moved; always another record."""
    while True:
        changed, at = list(record), random.randrange(until)
        match random.randrange(8):
            case 0:
                del changed[at]
            case 1:
                changed.insert(at, changed[at])
            case 2:
                changed[at : at + 2] = changed[at : at + 2][::-1]
            case _:
                document = json.loads(record[at])
                *outer, last = random.choice([path for path in paths(document) if path != ("kind",)])
                inside = document
                for key in outer:
                    inside = inside[key]
                inside[last] = other(inside[last], random)
                try:
                    changed[at] = canonical(document)
                except DetentError:
                    continue
        if changed != record:
            return changed


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_was_cosigned_can_be_changed_unseen(
    witnessed: ScriptedRun, tmp_path: Path, seed: int
) -> None:
    run, random = witnessed.copy(tmp_path / "run"), Random(seed)  # noqa: S311  found again by its seed
    record, entries = run.record(), run.entries()
    until = max(entry.size for entry in entries if isinstance(entry, Cosigned))
    for number in range(ROUNDS // 3):
        run.rewrite(mutated(record, until, random))
        assert verify(run.evidence()).faults, f"seed {seed}, change {number}"
