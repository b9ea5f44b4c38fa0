"""A turn that tries changes, killed after any of its entries, or in which trials fail: it goes on all the same."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET, structs

from detent.engine import FakeEngine
from detent.errors import CharterError, DetentError, EngineError, StorageError, SubjectError
from detent.loop import Book, drive
from detent.testing.toy import ToyRules
from detent.values import (
    Decided,
    Entry,
    Job,
    Profiled,
    Proposed,
    Reshape,
    ReshapeJob,
    Result,
    State,
    Suggested,
    TrainJob,
    Withdrawn,
    decode_entry,
)

MakeRun = Callable[..., Any]
CLOCK = "2026-01-31T12:00:00Z"
HELD_BACK = ToyRules(rotary=True, rotary_ceiling=5.6, seed_horizon=5.5)
SMALL: dict[str, object] = {
    "direction": {"improve": {"copy": 9}},
    "gate": {"items": {"superiority": 200, "non_inferiority": 200}},
    "pace": {"lease": {"generations": 2}, "candidates": 4},
    "constraints": {"changes": ["data", "architecture", "feedback"]},
    "explore": {"when": "always", "rungs": [10, 25], "proposers": ["rules"], "approval": "none"},
    "recipe": {
        "seed_problems": 5,
        "label_prompts": 40,
        "label_keep": 30,
        "review_prompts": 10,
        "profile_problems": 64,
        "audit": 10,
    },
}


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class Dying:
    """A ledger whose process dies as soon as the n-th entry stands, or just before."""

    def __init__(self, ledger: Any, at: int, *, written: bool) -> None:
        self._ledger, self._left, self._written = ledger, at, written

    def append(self, entry: bytes) -> int:
        self._left -= 1
        if self._left == 0 and not self._written:
            raise Killed
        place: int = self._ledger.append(entry)
        if self._left == 0:
            raise Killed
        return place

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def turn(run: Any, generations: int = 1, at: int = 0, *, written: bool = True) -> State:
    """Turn; at: after, or before, which entry the process dies; 0 for none."""
    with run.open() as ledger:
        book = Book(Dying(ledger, at, written=written), lambda: CLOCK)
        parts = run.parts(ledger, book=book)
        drive(parts, generations, lambda _: None)
        state: State = parts.book.state
        return state


def again(run: Any, folder: Path) -> Any:
    """The same run elsewhere, as it stands."""
    shutil.copytree(run.folder, folder, symlinks=True)
    world = replace(run.world, folder=folder)
    return replace(run, folder=folder, world=world, engine=FakeEngine(world.answer))


def entries(run: Any) -> list[Entry]:
    with run.open() as ledger:
        return [decode_entry(data) for data in ledger.entries()]


def facts(found: Iterable[Entry]) -> dict[tuple[object, ...], Entry]:
    """What trials and models' makers wrote of generation 1, by trial and slot: it hangs on no place on the ledger."""
    kept = [one for one in found if one.generation == 1 and not hasattr(one, "envelope")]
    every = {(one.trial if one.trial is not UNSET else "", one.slot): one for one in kept}
    last = ("intent/v1", "outcome/v1", "mastery/v1", "profile/v1/fresh", "watch/v1", "decision/v1")
    return {place: structs.replace(one, at="") for place, one in every.items() if place[1] not in last}


def places(found: Iterable[Entry]) -> Counter[tuple[object, ...]]:
    return Counter((one.generation, one.trial, one.slot) for one in found if one.kind != "lease/v1")


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """Filled by the first test that needs it: a run before its exploring turn, and the same after."""
    return {}


def begun(make_run: MakeRun, kept: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    if not kept:
        run = make_run("begun", rules=HELD_BACK, charter=SMALL)
        turn(run, 0)  # generation 0
        kept["begun"] = again(run, tmp_path_factory.mktemp("kept") / "begun")
        kept["whole"] = again(run, tmp_path_factory.mktemp("kept") / "whole")
        turn(kept["whole"])
        kept["entries"] = entries(kept["whole"])
    return kept


def assert_goes_on(kept: dict[str, Any], folder: Path, at: int) -> None:
    """Killed at an entry, before it stands or after, the turn comes to what it would have come to."""
    run = again(kept["begun"], folder)
    with pytest.raises(Killed):
        turn(run, at=at, written=at % 2 == 0)
    state = run.state()
    turn(run, 1 - max(0, state.generation - 1))
    found, decided = entries(run), kept["entries"][-1]
    assert facts(found) == facts(kept["entries"])
    assert max(places(found).values()) == 1
    last = found[-1]
    assert isinstance(last, Decided)
    assert isinstance(decided, Decided)
    assert (last.decision, last.incumbent, last.team) == (
        decided.decision,
        decided.incumbent,
        decided.team,
    )


@pytest.mark.parametrize("at", [2, 3, 6, 9, 12, 17, 22])
def test_every_trial_is_taken_from_the_ledger_or_made_when_a_run_was_killed(
    at: int,
    make_run: MakeRun,
    whole: dict[str, Any],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    assert_goes_on(begun(make_run, whole, tmp_path_factory), tmp_path / "run", at)


@pytest.mark.long
def test_the_same_whichever_entry_it_was_killed_at(
    make_run: MakeRun, whole: dict[str, Any], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = begun(make_run, whole, tmp_path_factory)
    number = len(kept["entries"]) - len(entries(kept["begun"]))
    assert sum(isinstance(one, Profiled) for one in facts(kept["entries"]).values()) >= 7
    for at in range(1, number + 1):
        assert_goes_on(kept, tmp_path / str(at), at)
        shutil.rmtree(tmp_path / str(at))


def breaking(
    engine: FakeEngine, error: BaseException, wrong: Callable[[Job], bool]
) -> Callable[[Job], Result]:
    answer = engine._handler

    def handler(job: Job) -> Result:
        if wrong(job):
            raise error
        return answer(job)

    return handler


def rotary(job: Job) -> bool:
    """The change that would have been chosen cannot be made."""
    return isinstance(job, ReshapeJob) and job.edit.said.startswith("rotary positions off")


def reshaping(job: Job) -> bool:
    return isinstance(job, ReshapeJob)


FAILURES: dict[str, DetentError] = {
    "the model cannot take it": SubjectError("a shape that it can have expected, got another"),
    "its worker dies": EngineError("a result expected, got none: the worker was killed"),
    "it becomes too large": CharterError("at most 10 parameters expected, as the charter says, got 11"),
}


@pytest.mark.parametrize("why", FAILURES)
def test_a_change_that_fails_is_withdrawn_with_its_reason_and_the_turn_goes_on(
    why: str,
    make_run: MakeRun,
    whole: dict[str, Any],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    kept = begun(make_run, whole, tmp_path_factory)
    run = again(kept["begun"], tmp_path / "run")
    run.engine = FakeEngine(breaking(run.engine, FAILURES[why], rotary))
    state = turn(run)
    suggested = state.history[1]["suggested/v1"]
    assert isinstance(suggested, Suggested)
    number = next(
        place
        for place, change in enumerate(suggested.changes, 1)
        if isinstance(change, Reshape) and change.edit.said.startswith("rotary positions off")
    )
    trials = state.tried[1]
    withdrawn = trials[f"{number}.0"]["withdrawn/v1"]
    assert isinstance(withdrawn, Withdrawn)
    assert withdrawn.because == str(FAILURES[why])
    assert f"{number}.1" not in trials
    assert "profile/v1/visible/0" in trials["0.1"]
    assert "decision/v1" in state.history[1]


def test_where_every_change_is_withdrawn_the_plan_as_it_is_goes_on(
    make_run: MakeRun, whole: dict[str, Any], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = begun(make_run, whole, tmp_path_factory)
    run = again(kept["begun"], tmp_path / "run")

    # Of the shape alone: what is left are three changes that cannot be made.
    run.charter = run.charter.model_copy(
        update={
            "constraints": run.charter.constraints.model_copy(update={"changes": ("data", "architecture")})
        }
    )
    run.engine = FakeEngine(breaking(run.engine, SubjectError("none expected, got one"), reshaping))
    state = turn(run)
    proposed = state.history[1]["proposal/v1"]
    assert isinstance(proposed, Proposed)
    assert proposed.proposal.change is UNSET
    assert set(state.tried[1]) == {"0.0", "1.0", "2.0", "3.0"}
    assert sum("withdrawn/v1" in slots for slots in state.tried[1].values()) == 3


def plain(job: Job) -> bool:
    """The training of the plan as it is at the second rung."""
    return isinstance(job, TrainJob) and job.steps == 25


@pytest.mark.parametrize("error", [SubjectError("it fails"), EngineError("it died")], ids=type)
def test_the_plan_as_it_is_failing_ends_the_turn_with_its_error_and_it_goes_on_from_there(
    error: DetentError,
    make_run: MakeRun,
    whole: dict[str, Any],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    kept = begun(make_run, whole, tmp_path_factory)
    run = again(kept["begun"], tmp_path / "run")
    good, run.engine = run.engine, FakeEngine(breaking(run.engine, error, plain))
    with pytest.raises(type(error), match=str(error)):
        turn(run)
    assert "withdrawn/v1" not in run.state().trials["0.1"]
    run.engine = good
    turn(run)
    assert facts(entries(run)) == facts(kept["entries"])


def test_a_disk_that_refuses_withdraws_nothing(
    make_run: MakeRun, whole: dict[str, Any], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = begun(make_run, whole, tmp_path_factory)
    run = again(kept["begun"], tmp_path / "run")
    run.engine = FakeEngine(breaking(run.engine, StorageError("space expected, got none"), reshaping))
    with pytest.raises(StorageError):
        turn(run)
    assert not any("withdrawn/v1" in slots for slots in run.state().trials.values())


def test_an_interrupt_in_the_midst_of_trials_leaves_a_run_that_goes_on(
    make_run: MakeRun, whole: dict[str, Any], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = begun(make_run, whole, tmp_path_factory)
    run = again(kept["begun"], tmp_path / "run")
    good = run.engine
    run.engine = FakeEngine(breaking(run.engine, KeyboardInterrupt(), plain))
    with pytest.raises(KeyboardInterrupt):
        turn(run)
    run.engine = good
    turn(run)
    assert facts(entries(run)) == facts(kept["entries"])


def without_a_shape(world: Any, job: Job) -> Result:
    """Models whose configuration says nothing of a hidden size that is a number."""
    result: Result = world.answer(job)
    folder = getattr(result, "folder", None)
    if folder is not None:
        path = world.folder / "staging" / folder / "config.json"
        path.write_text(path.read_text().replace('"hidden_size": 16', '"hidden_size": "wide"'))
    return result


def test_a_model_of_a_kind_that_nobody_can_reshape_is_taught_all_the_same(make_run: MakeRun) -> None:
    run = make_run(rules=HELD_BACK, charter=SMALL | {"constraints": {"changes": ["data", "architecture"]}})
    run.engine = FakeEngine(partial(without_a_shape, run.world))
    state = turn(run)
    suggested = state.history[1]["suggested/v1"]
    assert isinstance(suggested, Suggested)
    assert suggested.changes == ()
    assert "cannot be reshaped" in suggested.declined[0].because
    assert "decision/v1" in state.history[1]
