"""What a run refuses stands on its ledger: once, and only what somebody gave it or did to it."""

from pathlib import Path

import pytest

from detent.assembly import create_run, give_order, grant_lease, load_keys, run_loop
from detent.assembly.office import open_office
from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of
from detent.assembly.refusing import recording
from detent.errors import BusyError, DetentError, EngineError, SealError, StorageError, TrustError, UsageError
from detent.values import Ordered, Refused


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DETENT_CLOCK", "2026-01-31T12:00:00Z")
    create_run(tmp_path / "run")
    return tmp_path / "run"


def refusals(run: Path) -> list[Refused]:
    return [entry for entry in entries_of(RunFolder(run)) if isinstance(entry, Refused)]


def fail(run: Path, error: DetentError) -> None:
    with open_office(run) as office, pytest.raises(type(error)), recording(office.book):
        raise error


@pytest.mark.parametrize("kind", [EngineError, TrustError])
def test_what_ends_a_session_is_on_the_ledger_and_the_same_again_is_not(
    run: Path, kind: type[DetentError]
) -> None:
    for _ in range(2):
        fail(run, kind("a model expected, got a pickle \u2620" + "x" * 5000))
    (refused,) = refusals(run)
    assert refused.because.startswith("a model expected, got a pickle \\u2620xxx")
    assert len(refused.because) == 1000
    fail(run, kind("a model expected, got nothing"))
    assert len(refusals(run)) == 2


@pytest.mark.parametrize("kind", [UsageError, BusyError, StorageError, SealError])
def test_what_nobody_gave_the_run_is_not(run: Path, kind: type[DetentError]) -> None:
    fail(run, kind("another folder expected, got this"))
    assert refusals(run) == []


CLOCKS = {"2026-01-31T11:59:30Z": 0, "2026-01-31T11:58:30Z": 1, "2026-01-31T12:00:30Z": 0}


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_clock_that_was_set_back_by_more_than_a_minute_is_on_the_ledger(
    run: Path, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    give_order(run, "pause", "so that nothing runs", keys=load_keys([], str))
    monkeypatch.setenv("DETENT_CLOCK", clock)
    for _ in range(2):
        assert run_loop(run, None, watch=lambda _: None, say=lambda _: None).stop == "paused"
    assert len(refusals(run)) == CLOCKS[clock]


def test_what_was_obeyed_and_is_handed_in_again_after_something_else_is_refused(run: Path) -> None:
    handed = give_order(run, "pause", "look", keys=load_keys([], str))
    assert isinstance(handed.entry, Ordered)
    grant_lease(run, 1, keys=load_keys([], str))
    handed.path.write_text(handed.entry.envelope)
    with open_office(run) as office:
        office.take_in()
    (refused,) = refusals(run)
    assert "stands on the ledger already" in refused.because
    assert not handed.path.exists()
