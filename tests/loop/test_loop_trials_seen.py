"""What is tried beside the data is told while it goes on, and watched over as far as it matters."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.loop.test_loop_exploring import ARCHITECTURE, HELD_BACK, suggested, turn_all

from detent.engine import FakeEngine
from detent.loop import drive, wires_record
from detent.loop.so_far import entries_of
from detent.testing.toy import ToyRules
from detent.tripwires import unauthorised_training
from detent.values import DataMade, Job, Progress, Result

MakeRun = Callable[..., Any]


def test_each_rung_is_named_before_it_and_the_choice_after_it(make_run: MakeRun) -> None:
    told: list[str] = []
    _, state = turn_all(make_run(rules=HELD_BACK, charter=ARCHITECTURE), say=told.append)
    changes = [change.said for change in suggested(state)[state.generation].changes]
    first = next(line for line in told if line.startswith("rung 1 of 2: "))
    assert first == f"rung 1 of 2: trying the plan as it is, and {'; '.join(changes)}"
    assert sum(line.startswith("rung 2 of 2: ") for line in told) == 1
    assert told[-1].startswith(f"generation {state.generation}: alternative ")
    assert told[-1].endswith("rotary positions off in every layer")


def test_what_workers_do_is_told_with_the_rung_that_it_is_for(make_run: MakeRun) -> None:
    run = make_run(rules=HELD_BACK, charter=ARCHITECTURE)
    heard: list[Progress] = []

    class Telling(FakeEngine):
        def run_all(self, jobs: Sequence[Job], watch: Callable[[Progress], None]) -> list[Result]:
            watch(Progress("train", 1, 2, "loss 0.5"))
            return super().run_all(jobs, watch)

    turn_all(run, engine=Telling(run.world.answer), watch=heard.append)
    notes = {progress.note for progress in heard}
    assert "rung 1 of 2, 6 trials side by side; loss 0.5" in notes
    assert "rung 2 of 2, 4 trials side by side; loss 0.5" in notes
    assert "loss 0.5" in notes  # of the turn's own work


def test_a_session_that_goes_on_after_a_rung_does_not_name_it_again(make_run: MakeRun) -> None:
    run = make_run(rules=HELD_BACK, charter=ARCHITECTURE)
    told: list[str] = []

    def stop(line: str) -> None:
        if line.startswith("rung 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        turn_all(run, say=stop)
    turn_all(run, say=told.append)
    assert [line[:12] for line in told if line.startswith("rung")] == ["rung 2 of 2:"]


def test_no_tripwire_takes_a_trial_for_the_turn_s_own_work(make_run: MakeRun) -> None:
    charter = {
        **ARCHITECTURE,
        "explore": {"when": "always", "rungs": [10, 20], "proposers": ["rules"], "approval": "none"},
    }
    run = make_run(rules=ToyRules(step=0.5), charter=charter)
    with run.open() as ledger:
        parts = run.parts(ledger)
        drive(parts, 2, lambda _: None)
        state = parts.book.state
        trials = [slots for turn in state.tried.values() for slots in turn.values()]
        assert len(trials) > 10
        # Weights that trials made are on record: they halt nothing.
        assert state.models >= set(parts.models.digests())
        read = wires_record.READERS[unauthorised_training.NAME]
        assert read(parts, [], None).status == "quiet"
        # Labels of trials are no labels of the turns, whose diversity and contamination are watched.
        own = {entry.digest for entry in entries_of(parts, DataMade)}
        of_trials = {
            entry.digest for slots in trials for entry in slots.values() if isinstance(entry, DataMade)
        }
        assert of_trials
        assert not own & of_trials
