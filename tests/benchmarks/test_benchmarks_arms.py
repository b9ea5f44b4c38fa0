"""Control arms do what they say, and none of them can be mistaken for the product."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.audit import scripted_run
from tests.benchmarks.scripts import arms, bench

from detent.assembly.tasks import catalogue
from detent.audit import verify
from detent.charter import Draft, parse_draft
from detent.errors import TrustError
from detent.ledger import Ledger
from detent.loop import Parts, cycle, measure
from detent.testing.toy import ToyRules
from detent.values import (
    Audited,
    DataMade,
    Decided,
    Entry,
    IntentWritten,
    LabelJob,
    State,
    decode_entry,
    fold,
    folding,
)

MakeRun = Callable[..., Any]

SMALL = {
    "seed_problems": 5,
    "label_prompts": 60,
    "label_keep": 60,
    "review_prompts": 10,
    "profile_problems": 64,
    "audit": 30,
}
"""What makes a toy run quick; all else of an arm's recipe is its own."""

WORSE = ToyRules(step=-1.0)
CARELESS = ToyRules(steepness=0.4)
"""Models that are often wrong where they label."""


def draft(arm: Any, seed: int = 1) -> Draft:
    return parse_draft(bench.charter_text(arm, seed), catalogue())


def toy(make_run: MakeRun, name: str, rules: ToyRules | None = None) -> Any:
    """A toy run under the arm's own recipe."""
    recipe = draft(arms.ARMS[name]).recipe.model_dump() | SMALL
    return make_run(name, rules, {"recipe": recipe})


@contextmanager
def ledger_of(run: Any, name: str) -> Iterator[Ledger]:
    """The run's ledger open, with what the arm lifts lifted."""
    with arms.ARMS[name].lifted(), run.open() as ledger:
        yield ledger


def turned(run: Any, name: str, generations: int = 1) -> State:
    """The state after an arm went on to the end of that generation."""
    with ledger_of(run, name) as ledger:
        parts = run.parts(ledger)
        replace(arms.ARMS[name], generations=generations).go(parts, lambda _: None)
        state: State = parts.book.state
        return state


def entries(run: Any) -> list[Entry]:
    with run.open() as ledger:
        return [decode_entry(data) for data in ledger.entries()]


def found(run: Any, kind: type[Entry]) -> list[Any]:
    return [entry for entry in entries(run) if isinstance(entry, kind)]


def decided(run: Any) -> list[str]:
    return [entry.decision for entry in found(run, Decided)][1:]


@pytest.mark.parametrize("name", arms.ARMS)
def test_every_arm_turns_a_generation_and_goes_on_from_where_it_stood(make_run: MakeRun, name: str) -> None:
    run = toy(make_run, name)
    first = turned(run, name)
    assert (first.generation, len(first.team)) == (2, draft(arms.ARMS[name]).recipe.team)
    assert turned(run, name, 2).generation == 3


def test_the_loop_an_arm_is_held_against_has_nothing_lifted(make_run: MakeRun) -> None:
    run = toy(make_run, "loop")
    state = turned(run, "loop", 2)
    assert fold(entries(run)) == state
    assert state.promoted == 2
    assert all(entry.labels for entry in found(run, Audited))


def test_more_of_the_seed_levels_alone_promotes_nothing(make_run: MakeRun) -> None:
    assert turned(toy(make_run, "seed-only"), "seed-only", 2).promoted == 0


def test_without_a_gate_what_is_worse_becomes_the_incumbent_where_the_gate_keeps_it_out(
    make_run: MakeRun,
) -> None:
    gated, ungated = toy(make_run, "loop", WORSE), toy(make_run, "no-gate", WORSE)
    kept, lost = turned(gated, "loop"), turned(ungated, "no-gate")
    assert (decided(gated), decided(ungated)) == (["discard"], ["promote"])
    assert kept.fresh == kept.first_fresh
    assert lost.fresh is not None
    assert lost.first_fresh is not None
    assert lost.fresh.ladder() < lost.first_fresh.ladder() - 0.05


def test_an_avalanche_ruins_the_model_in_force_without_the_gate_and_not_with_it(make_run: MakeRun) -> None:
    falling = turned(toy(make_run, "avalanche"), "avalanche", 2)
    standing = turned(toy(make_run, "avalanche-gated"), "avalanche-gated", 2)
    assert falling.fresh is not None
    assert falling.first_fresh is not None
    assert falling.fresh.ladder() < falling.first_fresh.ladder() - 0.05
    assert (standing.promoted, standing.fresh) == (0, standing.first_fresh)


def test_the_fold_refuses_a_ledger_without_a_gate(make_run: MakeRun) -> None:
    run = toy(make_run, "no-gate")
    turned(run, "no-gate")
    assert not found(run, IntentWritten)
    with pytest.raises(TrustError, match="an opening that this model passed before a promotion expected"):
        run.state()


def test_verify_finds_a_promotion_without_a_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ungated(parts: Parts) -> None:
        replace(arms.ARMS["no-gate"], generations=3).go(parts, lambda _: None)

    monkeypatch.setattr(scripted_run, "go_on", ungated)
    with arms.ARMS["no-gate"].lifted():
        run = scripted_run.make_run(tmp_path / "run")
    decisions = [entry.decision for entry in run.entries() if isinstance(entry, Decided)]
    assert decisions == ["promote"] * 4
    faults = {one.check: one.faults for one in verify(run.evidence()).made}
    assert "an opening that this model passed before a promotion expected" in faults["order"][0]
    assert "no promotion expected without a verdict better" in faults["decisions"][0]


@pytest.mark.parametrize("name", arms.ARMS)
def test_what_an_arm_lifts_is_back_after_it_also_when_it_fails(name: str) -> None:
    before = folding._passed, cycle.turn, measure.audit
    with pytest.raises(KeyboardInterrupt), arms.ARMS[name].lifted():
        raise KeyboardInterrupt
    assert (folding._passed, cycle.turn, measure.audit) == before


def test_only_what_an_arm_does_without_is_lifted() -> None:
    real = {"fold": folding._passed, "turn": cycle.turn, "audit": measure.audit}
    lifted = {}
    for name, arm in arms.ARMS.items():
        with arm.lifted():
            now = {"fold": folding._passed, "turn": cycle.turn, "audit": measure.audit}
            lifted[name] = {what for what in real if now[what] is not real[what]}
    without = {name: what for name, what in lifted.items() if what}
    assert without == {"no-gate": {"fold", "turn"}, "avalanche": {"fold", "turn"}, "no-audit": {"audit"}}


@pytest.mark.parametrize("name", ["loop", "no-gate"])
def test_an_arm_stops_where_the_product_stops(make_run: MakeRun, name: str) -> None:
    run = make_run(name, charter={"pace": {"lease": {"generations": 1}}})
    with ledger_of(run, name) as ledger:
        parts = run.parts(ledger)
        assert replace(arms.ARMS[name], generations=5).go(parts, lambda _: None) == "lease_spent"
        assert parts.book.state.generation == 2


def test_the_arm_without_an_audit_writes_empty_ones_and_trains_on_the_same_labels(make_run: MakeRun) -> None:
    seeing, blind = toy(make_run, "loop"), toy(make_run, "no-audit")
    turned(seeing, "loop")
    turned(blind, "no-audit")
    assert [(entry.labels, entry.stream) for entry in found(blind, Audited)] == [({}, "")]
    assert [e.digest for e in found(blind, DataMade)] == [e.digest for e in found(seeing, DataMade)]


def test_true_labels_are_all_right_where_the_teams_own_are_not(make_run: MakeRun) -> None:
    right = {}
    for name in ("alone", "truth"):
        run = toy(make_run, name, CARELESS)
        turned(run, name)
        made = [data.digest for data in found(run, DataMade) if data.origin.source == "self"]
        with ledger_of(run, name) as ledger:
            examples = [example for digest in made for example in run.parts(ledger).data.read(digest)]
        assert examples
        right[name] = sum(e.completion == run.world._truth(e.prompt) for e in examples) / len(examples)
    assert right["truth"] == 1.0
    assert right["alone"] < 0.9


def test_true_labels_are_of_the_prompts_the_team_would_have_labelled_and_no_more_than_it_may_keep(
    make_run: MakeRun,
) -> None:
    own, true = toy(make_run, "loop"), toy(make_run, "truth")
    turned(own, "loop")
    turned(true, "truth")
    (job,) = [job for _, job in own.engine.jobs if isinstance(job, LabelJob)]
    assert not [job for _, job in true.engine.jobs if isinstance(job, LabelJob)]
    labels = next(data for data in found(true, DataMade) if data.origin.source == "self")
    for task, recipe in job.recipes.items():
        for rung in recipe.rungs:
            offered = len(job.prompts[task][str(rung.level)])
            assert 0 < labels.counts[task][str(rung.level)] <= (rung.filter.keep or offered)
            assert labels.offered[task][str(rung.level)] == offered
