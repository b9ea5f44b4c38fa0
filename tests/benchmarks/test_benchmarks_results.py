"""What is made of results: ladders over generations, the tables, and the reports that place the loop."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.audit.scripted_run import LOG, ScriptedRun, make_run
from tests.benchmarks.scripts import bench

from detent.values import fold

DECISIONS = ("promote", "carry", "promote", "discard")


def keep(root: Path, arm: str, seed: int, ladders: Sequence[float]) -> None:
    """A result as a finished arm leaves it."""
    found = {
        "arm": arm,
        "seed": seed,
        "ladders": ladders,
        "decisions": [*DECISIONS[: 2 * len(ladders)]],
        "start": {"copy": 2.0},
        "end": {"copy": 3.0},
        "labels": [{"copy": 0.9}],
        "seconds": {"total": 10.0, "overseeing": 0.1},
        "peak_mb": 100.0,
        "faults": 0,
    }
    folder = root / f"{arm}-{seed}"
    folder.mkdir(exist_ok=True)
    (folder / "result.json").write_text(json.dumps(found))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the scripts look for results; empty."""
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """A run of the loop: promoted, carried on, screened out."""
    run = make_run(tmp_path_factory.mktemp("finished") / "run")
    (run.folder / "log.vkey").write_text(str(LOG.verify_key))
    (run.folder / "reports").mkdir()
    return run


@pytest.fixture
def loop(root: Path, finished: ScriptedRun) -> Callable[[int], ScriptedRun]:
    """A function that puts the finished run where the loop of a seed is."""
    return lambda seed: finished.copy(root / f"loop-{seed}")


def report(root: Path, seed: int = 1) -> Path:
    return root / f"loop-{seed}" / "reports" / "among-arms.html"


def test_a_ladder_stands_still_where_nothing_was_promoted(finished: ScriptedRun) -> None:
    between = {"ladders": [0.4, 0.5], "decisions": DECISIONS}
    assert list(bench.ladder(between)) == [0.4, 0.4, 0.5, 0.5]
    found = bench.outcome(fold(finished.entries()))
    assert found["decisions"] == ["promote", "promote", "carry", "discard"]
    first, second = found["ladders"]
    assert list(bench.ladder(found)) == [first, second, second, second]


def test_the_report_places_the_loop_between_the_arms_of_its_seed(
    root: Path, loop: Callable[[int], ScriptedRun]
) -> None:
    loop(1)
    keep(root, "loop", 1, (0.4, 0.8))
    keep(root, "seed-only", 1, (0.4,))
    keep(root, "truth", 1, (0.4, 0.9))
    keep(root, "truth", 2, (0.4, 0.99))
    bench.write_reports()
    page = report(root).read_text("utf-8")
    assert "At the end seed-only stands at ladder .400, truth at .900, and loop at .800, 80 %" in page
    assert "for the arms loop, seed-only, truth" in page
    assert ".990" not in page


def test_arms_of_another_charter_are_not_among_the_loops(
    root: Path, loop: Callable[[int], ScriptedRun]
) -> None:
    loop(1)
    keep(root, "loop", 1, (0.4, 0.8))
    keep(root, "avalanche", 1, (0.4, 0.3))
    bench.write_reports()
    assert not report(root).exists()
    keep(root, "no-gate", 1, (0.4, 0.5))
    bench.write_reports()
    assert "avalanche" not in report(root).read_text("utf-8")


def test_a_seed_whose_run_cannot_be_read_is_named_and_the_others_have_their_reports(
    root: Path, loop: Callable[[int], ScriptedRun], capsys: pytest.CaptureFixture[str]
) -> None:
    broken = loop(1)
    (broken.folder / "charter.dsse").write_text("{}")
    loop(2)
    for seed in (1, 2):
        keep(root, "loop", seed, (0.4, 0.8))
        keep(root, "no-gate", seed, (0.4, 0.5))
    bench.write_reports()
    assert (report(root, 1).exists(), report(root, 2).exists()) == (False, True)
    assert "loop seed 1: no report among arms: " in capsys.readouterr().out


def test_printing_the_table_changes_nothing(
    root: Path,
    loop: Callable[[int], ScriptedRun],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    loop(1)
    keep(root, "loop", 1, (0.4, 0.8))
    keep(root, "truth", 1, (0.4, 0.9))
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    monkeypatch.setattr("sys.argv", ["bench.py", "--table"])
    monkeypatch.setenv("DETENT_DATA", str(root / "data"))
    bench.main()
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    assert "| truth | 1 | 0.400 -> 0.900 |" in capsys.readouterr().out


def lines(text: str, head: str) -> list[str]:
    """The rows of the table whose head begins so."""
    table, _, _ = text[text.index(head) :].partition("\n\n")
    return table.splitlines()[2:]


def test_a_seed_with_loop_floor_and_ceiling_says_how_far_the_loop_came(root: Path) -> None:
    results: dict[tuple[str, int], Any] = {
        ("seed-only", 10): (0.4,),
        ("seed-only", 2): (0.4,),
        ("loop", 10): (0.4, 0.8),
        ("loop", 2): (0.4, 0.65),
        ("loop", 3): (0.4, 0.7),
        ("truth", 10): (0.4, 0.9),
        ("truth", 2): (0.4, 0.9),
    }
    for (name, seed), ladders in results.items():
        keep(root, name, seed, ladders)
    text = bench.table()
    assert lines(text, "| seed | seed-only | loop | truth | share") == [
        "| 2 | 0.400 | 0.650 | 0.900 | 50% |",
        "| 10 | 0.400 | 0.800 | 0.900 | 80% |",
    ]
    assert lines(text, "| arm | seeds |")[0] == "| loop | 3 | 0.700 (0.650-0.800) |"


def test_a_run_that_was_stopped_before_its_end_says_so_in_its_row(root: Path) -> None:
    keep(root, "loop", 1, (0.4, 0.8))
    assert "| 1/3 |" in bench.table()
    path = root / "loop-1" / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"stop": "paused"}))
    assert "| 1/3, then paused |" in bench.table()


def test_no_share_is_claimed_without_a_ceiling_above_the_floor(root: Path) -> None:
    keep(root, "loop", 1, (0.4, 0.8))
    keep(root, "seed-only", 1, (0.4,))
    assert "share of the way" not in bench.table()
    keep(root, "truth", 1, (0.4,))
    assert lines(bench.table(), "| seed | seed-only") == ["| 1 | 0.400 | 0.800 | 0.400 | - |"]
