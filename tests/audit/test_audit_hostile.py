"""A ledger may say anything: verification ends, in time, with sentences fit for a terminal."""

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.scripted_run import ScriptedRun

from detent.audit import Finding, Findings, verify

SECONDS = 5.0

HOSTILE: list[Any] = [
    *(-1, 0, 2, 10**15, 2**53 - 1, 10**400, 0.5, -0.5, 1e308),
    *("", "x", "ab" * 32, "\x1b[2J", "../" * 20, [], {}, None, True, [1], ["a"], {"a": 1}),
]

Path_ = tuple[str | int, ...]


def inner(document: Any, path: Path_ = ()) -> list[Path_]:
    """Where anything stands in a document."""
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        return [each for key, value in items for each in ((*path, key), *inner(value, (*path, key)))]
    return []


def put(document: Any, path: Path_, value: Any) -> None:
    """Let `value` stand there."""
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_value_anywhere_breaks_verification(
    honest: ScriptedRun, honest_peopled: ScriptedRun, data: st.DataObject
) -> None:
    source = data.draw(st.sampled_from([honest, honest_peopled]), "which run")
    record = source.record()
    place = data.draw(st.integers(0, len(record) - 1))
    document = json.loads(record[place])
    path = data.draw(st.sampled_from(inner(document)))
    put(document, path, data.draw(st.sampled_from(HOSTILE)))
    changed = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    with TemporaryDirectory() as folder:
        run = source.copy(Path(folder) / "run")
        run.rewrite([*record[:place], changed, *record[place + 1 :]])
        began = time.monotonic()
        lines = verify(run.evidence()).lines
    assert time.monotonic() - began < SECONDS
    assert all(line.isprintable() for line in lines)


def test_a_line_cannot_move_the_cursor_and_has_an_end() -> None:
    (line,) = Findings((Finding("order", "\x1b[2J\n\u202e" + "x" * 10_000),)).lines
    assert line.startswith("order       \\x1b[2J\\n\\u202exx")
    assert len(line) < 1000
