"""Principles by name, with their intervals, in `status` and in the report."""

from pathlib import Path

import pytest
from tests.audit.constitution_run import constituted_run, outcomes
from tests.audit.scripted_run import DRAFT, ScriptedRun

from detent.evaluate import interval_of
from detent.report import Budget, principle_document, render, status_document, status_text, tell
from detent.values import State, fold

BUDGET = Budget(0.05, 0.001, {"5": 1000})
NOW = "2026-01-01T12:00:00Z"
MARGINS = {"alphabet": 0.2, "malformed": 0.2, "unsure": 0.2, "kind": None}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    return constituted_run(tmp_path_factory.mktemp("told") / "run")


def text_of(state: State) -> list[str]:
    document = status_document(state, "ready", BUDGET, NOW)
    return status_text(document | {"principles": principle_document(state, MARGINS)}).split("\n")


def test_status_has_a_line_for_each_principle_with_the_interval_of_its_newest_test(run: ScriptedRun) -> None:
    found = principle_document(fold(run.entries()), MARGINS)
    assert {name: (values["opening"], values["no_worse"]) for name, values in found.items()} == {
        "alphabet": (3, True),
        "malformed": (3, True),
        "unsure": (3, True),
        "kind": (None, None),
    }
    assert all(-0.2 < found[name]["low"] <= 0 <= found[name]["high"] for name in ("malformed", "unsure"))
    lines = text_of(fold(run.entries()))
    at = next(n for n, line in enumerate(lines) if line.startswith("principles"))
    assert lines[at].endswith("3 of 4 guarded")
    assert [line.split()[0] for line in lines[at + 1 : at + 5]] == [*MARGINS]
    assert "items of opening 3: no worse; may lose 20.0 pts a promotion" in lines[at + 2]
    assert lines[at + 4].endswith("not guarded: it has no probes, and no opening tests it")


def test_status_says_which_principle_was_not_kept(run: ScriptedRun) -> None:
    entries = run.entries()
    ends = [n for n, entry in enumerate(entries) if entry.kind == "decision/v1"]
    state = fold(entries[: ends[2] + 1])
    found = principle_document(state, MARGINS)["malformed"]
    assert (found["opening"], found["no_worse"], found["high"] < 0) == (2, False, True)
    assert any("malformed" in line and "not shown to be no worse" in line for line in text_of(state))


def test_status_before_any_opening_claims_nothing(run: ScriptedRun) -> None:
    found = principle_document(fold(run.entries()[:3]), MARGINS)
    assert {values["low"] for values in found.values()} == {None}
    assert any("not tested yet" in line for line in text_of(fold(run.entries()[:3])))


def test_status_of_a_charter_without_a_constitution_is_as_it_was(run: ScriptedRun) -> None:
    document = status_document(fold(run.entries()), "ready", BUDGET, NOW)
    assert "principles" not in document
    assert "principles" not in status_text(document)


def test_the_report_shows_the_principles_of_each_opening(run: ScriptedRun, tmp_path: Path) -> None:
    page = render(tell(run.entries(), "small", "", {"copy": 4, "reverse": 4}))
    assert all(f"Principles of opening {k}" in page for k in (1, 2, 3))
    second = page.partition("Principles of opening 2")[2].partition("</table>")[0]
    assert "malformed" in second
    assert "not shown to be no worse" in second
    assert "unsure" not in second  # it was not reached
    bare = constituted_run(tmp_path / "run", text="", draft=DRAFT)
    assert "Principles of opening" not in render(tell(bare.entries(), "small", "", {"copy": 4, "reverse": 4}))


def test_the_interval_is_that_of_the_counts_on_the_ledger(run: ScriptedRun) -> None:
    state = fold(run.entries())
    counts = next(result.counts for result in outcomes(run)[-1].results if result.name == "P/unsure")
    found = principle_document(state, MARGINS)["unsure"]
    assert (found["low"], found["high"]) == tuple(interval_of(counts))
