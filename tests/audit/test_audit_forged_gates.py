"""Whoever holds the log's key rewrites openings: intents, reveals, counts, answers. Each is named."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs
from tests.audit.forging import (
    Forgery,
    assert_found,
    finding,
    forge,
    forge_intent,
    forge_outcome,
    forge_rows,
    forge_target,
    intent_of,
    leave_out,
    outcome_of,
    places,
    without,
)
from tests.audit.scripted_run import SECRET, ScriptedRun, answer_to

from detent.audit import Evidence, verify
from detent.evaluate import Chain, Row, targets
from detent.tasks import BuiltinSource, builtin
from detent.values import (
    Counts,
    Decided,
    Diagnosed,
    Gain,
    IntentWritten,
    OutcomeWritten,
    SessionStarted,
    Slice,
    Target,
    fold,
)


def on_target(name: str, **fields: Any) -> Callable[[ScriptedRun], None]:
    """Change fields of one target of the first intent."""
    return lambda run: forge_target(run, name, lambda target: structs.replace(target, **fields))


def gone(name: str) -> Callable[[ScriptedRun], None]:
    """One target of the first intent is not tested."""
    return lambda run: forge_target(run, name, lambda _: None)


def narrowed(target: Target) -> Target:
    """Only the easiest rung."""
    return structs.replace(target, slices=target.slices[:1], weights=(1.0,))


def weighted(target: Target) -> Target:
    """The same rungs, one of them nearly all of it."""
    light = 0.01
    rest = (light,) * (len(target.weights) - 1)
    return structs.replace(target, weights=(1.0 - light * len(rest), *rest))


def without_opening(run: ScriptedRun, nth: int) -> None:
    """An opening is taken off the record."""
    leave_out(run, places(run, IntentWritten)[nth], places(run, OutcomeWritten)[nth])


INTENTS: dict[str, Forgery] = {
    "the same k is used twice": Forgery(
        lambda run: forge_intent(run, 1, k=1),
        "budget",
        "opening 2 expected, got 1: no k is left out or used twice",
    ),
    "a k is left out": Forgery(lambda run: forge_intent(run, 1, k=3), "budget", "opening 2 expected, got 3"),
    "a k is beyond all numbers": Forgery(
        lambda run: forge_intent(run, 1, k=9_007_199_254_740_991), "budget", "opening 2 expected, got 90071"
    ),
    "an opening is taken off the record": Forgery(
        lambda run: without_opening(run, 0), "budget", "opening 1 expected, got 2"
    ),
    "alpha is larger than the budget gives": Forgery(
        lambda run: forge_intent(run, alpha=0.04), "budget", "alpha 0.025 expected, got 0.04"
    ),
    "all alphas together exceed the budget": Forgery(
        lambda run: forge_intent(run, alpha=0.06), "budget", "an error budget of 0.05 expected"
    ),
    "superiority is asked on the easiest rung alone": Forgery(
        lambda run: forge_target(run, "S", narrowed), "intents", "target Target(name='S'"
    ),
    "superiority is asked on more rungs": Forgery(
        on_target("S", slices=tuple(Slice("copy", n) for n in range(1, 5)), weights=(0.25,) * 4),
        "intents",
        "target Target(name='S'",
    ),
    "superiority weighs one rung most": Forgery(
        lambda run: forge_target(run, "S", weighted), "intents", "target Target(name='S'"
    ),
    "the margin is wider than the charter's": Forgery(
        on_target("L/copy", bound=0.3), "intents", "target Target(name='L/copy'"
    ),
    "the floor is lower than the charter's": Forgery(
        on_target("R/copy", bound=0.5), "intents", "target Target(name='R/copy'"
    ),
    "a test may use more items than the charter gives": Forgery(
        on_target("S", limit=100_000), "intents", "target Target(name='S'"
    ),
    "a task's ladder is not defended": Forgery(
        gone("L/reverse"), "intents", "the targets S, L/copy, L/reverse, R/"
    ),
    "mastered rungs are not defended": Forgery(
        gone("R/reverse"), "intents", "the targets S, L/copy, L/reverse, R/"
    ),
    "the candidate is tested against an older model": Forgery(
        lambda run: forge_intent(run, 1, incumbent=fold(run.entries()[:12]).incumbent),
        "intents",
        "the incumbent ",
    ),
    "the candidate was not trained in this generation": Forgery(
        lambda run: forge_intent(run, candidate="ab" * 32),
        "intents",
        "a candidate that this generation trained",
    ),
    "the intent names another charter": Forgery(
        lambda run: forge_intent(run, charter="ab" * 32), "intents", "expected, got abab"
    ),
    "the intent names another version of the charter": Forgery(
        lambda run: forge_intent(run, charter_version=2), "intents", "the charter's version 1 expected, got 2"
    ),
    "the intent names a task's other code": Forgery(
        lambda run: forge_intent(run, tasks={**intent_of(run).tasks, "copy": "ab" * 32}), "intents", "tasks {"
    ),
    "the intent leaves a task's code out": Forgery(
        lambda run: forge_intent(run, tasks={"copy": intent_of(run).tasks["copy"]}), "intents", "tasks {"
    ),
    "the intent names other evaluating code than its session": Forgery(
        lambda run: forge_intent(run, evaluator="ab" * 32), "intents", "the session's evaluating code"
    ),
    "the intent names witnesses, of whom there are none": Forgery(
        lambda run: forge_intent(run, witnesses=("w",)), "intents", "witnesses () expected"
    ),
    "the targets are of a rung that is on no ladder": Forgery(
        on_target("S", slices=(Slice("copy", 10**9),), weights=(1.0,)),
        "answers",
        "a rung of the charter's ladders expected, got copy 1000000000",
    ),
}


def link(k: int) -> str:
    """s_k of this run's chain."""
    return Chain(SECRET, 100).reveal(k).hex()


def recount_as(run: ScriptedRun, counts: Counts) -> None:
    """Other counts of the first test; all the rest stays."""
    first, *others = outcome_of(run).results
    forge_outcome(run, results=(structs.replace(first, counts=counts), *others))


def retest(run: ScriptedRun, nth: int, **fields: Any) -> None:
    """Change fields of the second opening's only result."""
    (result,) = outcome_of(run, nth).results
    forge_outcome(run, nth, results=(structs.replace(result, **fields),))


OUTCOMES: dict[str, Forgery] = {
    "another link is revealed": Forgery(
        lambda run: forge_outcome(run, reveal="ab" * 32),
        "seal",
        "a reveal expected from which 1 hashes lead to",
    ),
    "the next link is revealed": Forgery(
        lambda run: forge_outcome(run, reveal=link(2)),
        "seal",
        "a reveal expected from which 1 hashes lead to",
    ),
    "no link is revealed": Forgery(lambda run: forge_outcome(run, reveal=""), "seal", "a reveal expected"),
    "what is revealed is no number": Forgery(
        lambda run: forge_outcome(run, reveal="x" * 64), "seal", "hexadecimal"
    ),
    "an outcome is of another opening": Forgery(
        lambda run: forge_outcome(run, k=9_007_199_254_740_991), "seal", "a link from 1 to 2 of the chain"
    ),
    "an outcome is left out": Forgery(
        lambda run: without(run, OutcomeWritten, 0),
        "seal",
        "an outcome before the next intent expected, got none",
    ),
    "an opening has two outcomes": Forgery(
        lambda run: run.rewrite(
            [
                *(record := run.record())[: (at := places(run, OutcomeWritten)[1]) + 1],
                record[at],
                *record[at + 1 :],
            ]
        ),
        "seal",
        "one outcome an intent expected, got 1 more",
    ),
    "counts are changed": Forgery(
        lambda run: recount_as(run, Counts(wins=60, losses=0, ties=0)), "gates", "S: ln E = "
    ),
    "counts are negative": Forgery(
        lambda run: recount_as(run, Counts(wins=-1, losses=0, ties=0)), "gates", "counts of 0 to"
    ),
    "a test used more items than its limit": Forgery(
        lambda run: recount_as(run, Counts(wins=5000, losses=0, ties=0)),
        "gates",
        "at most 200 items expected",
    ),
    "the evidence is overstated": Forgery(lambda run: retest(run, 1, log_e=30.0), "gates", "S: ln E = "),
    "a test is called passed": Forgery(
        lambda run: retest(run, 1, passed=True), "gates", "S: passed = False expected"
    ),
    "better is claimed of an undecided opening": Forgery(
        lambda run: forge_outcome(run, 1, verdict="better"),
        "gates",
        "verdict undecided expected from the counts",
    ),
    "better is claimed after the first test": Forgery(
        lambda run: forge_outcome(run, results=outcome_of(run).results[:1]),
        "gates",
        "verdict undecided expected from the counts, got better",
    ),
    "a test is passed over": Forgery(
        lambda run: forge_outcome(run, results=outcome_of(run).results[1:]), "gates", "results of the targets"
    ),
    "no gain is reported": Forgery(lambda run: forge_outcome(run, gain=None), "gates", "a gain expected"),
    "a void opening has results": Forgery(
        lambda run: forge_outcome(run, 1, verdict="void"), "gates", "a void opening without results"
    ),
}


def easier(rows: list[Row]) -> list[Row]:
    """The second item becomes a problem of level 1."""
    item = structs.replace(rows[1], slice=Slice("copy", 1), prompt="C1=", answer="1")
    return [rows[0], item, *rows[2:]]


def marked(rows: list[Row]) -> list[Row]:
    """A wrong answer of the candidate counts as right."""
    place = next(i for i, row in enumerate(rows) if row.candidate_right is False)
    return [*rows[:place], structs.replace(rows[place], candidate_right=True), *rows[place + 1 :]]


def helped(rows: list[Row]) -> list[Row]:
    """The candidate is said to have answered everything right; the checkers cannot tell that it did not."""
    return [structs.replace(row, candidate=answer_to(row.prompt), candidate_right=True) for row in rows]


ANSWERS: dict[str, Forgery] = {
    "an answers file is missing": Forgery(
        lambda run: (run.folder / "answers" / outcome_of(run).answers).unlink(),
        "answers",
        "expected, got none",
    ),
    "an answers file is changed": Forgery(
        lambda run: (run.folder / "answers" / outcome_of(run).answers).write_bytes(b"{}"),
        "answers",
        "it was changed",
    ),
    "an answers file is a link out of the folder": Forgery(
        lambda run: (
            (path := run.folder / "answers" / outcome_of(run).answers)
            .rename(run.folder / "elsewhere")
            .exists()
            and path.symlink_to(run.folder / "elsewhere")
        ),
        "answers",
        "expected, got none",
    ),
    "an outcome names a file elsewhere": Forgery(
        lambda run: forge_outcome(run, answers="../charter.toml"), "answers", "expected, got none"
    ),
    "an outcome names no answers": Forgery(lambda run: forge_outcome(run, answers=""), "answers", "got none"),
    "an easier problem is put among the items": Forgery(
        lambda run: forge_rows(run, easier), "answers", "S: item 1 is Item("
    ),
    "items are left out": Forgery(
        lambda run: forge_rows(run, lambda rows: rows[1:]), "answers", "rows 0 to 198 in order expected"
    ),
    "items are brought into another order": Forgery(
        lambda run: forge_rows(run, lambda rows: rows[::-1]), "answers", "in order expected, got others"
    ),
    "a wrong answer is marked right": Forgery(
        lambda run: forge_rows(run, marked, 1), "answers", "expected at item"
    ),
    "the candidate is said to have answered everything right": Forgery(
        lambda run: forge_rows(run, helped, 1), "answers", "expected from the rows, got Counts("
    ),
    "all answers are taken out of the file": Forgery(
        lambda run: forge_rows(run, lambda _: []), "answers", "expected from the rows, got Counts("
    ),
    "the gain is overstated": Forgery(
        lambda run: forge_outcome(run, gain=Gain(0.4, 0.5, outcome_of(run).gain.items)),
        "answers",
        "gain Gain(",
    ),
    "an earlier entry is rewritten, so that the seal would open on other problems": Forgery(
        lambda run: forge(
            run,
            Diagnosed,
            0,
            diagnosis=structs.replace(
                next(e.diagnosis for e in run.entries() if isinstance(e, Diagnosed)), reading="all is well"
            ),
        ),
        "answers",
        "by the seed, got",
    ),
    "the intent is written again later, to try another seed": Forgery(
        lambda run: forge(run, IntentWritten, 0, at="2026-01-01T00:00:20Z"), "answers", "by the seed, got"
    ),
}

ALL = INTENTS | OUTCOMES | ANSWERS


@pytest.mark.parametrize("done", ALL)
def test_a_forged_opening_is_found_although_the_ledger_is_sound(run: ScriptedRun, done: str) -> None:
    assert_found(run, ALL[done])


def test_a_forged_opening_costs_no_time(run: ScriptedRun) -> None:
    """Numbers without end must not be counted to: every hostile table row above runs through here."""
    forge_intent(run, k=9_007_199_254_740_991)
    forge_outcome(run, k=9_007_199_254_740_991)
    assert verify(run.evidence()).faults


class OtherCode(BuiltinSource):
    """The same task, written another way."""

    @property
    def digest(self) -> str:
        return "ab" * 32


@pytest.mark.parametrize(
    "sources", [{}, {"copy": OtherCode(builtin("copy")._task), "reverse": builtin("reverse")}]
)
def test_problems_are_not_drawn_with_code_that_was_not_signed(
    honest: ScriptedRun, sources: dict[str, BuiltinSource]
) -> None:
    known = honest.evidence()
    evidence = Evidence(
        known.ledger,
        known.log_key,
        known.charter,
        known.envelope,
        known.models,
        known.data,
        known.answers,
        dict(sources),
        known.catalogue,
    )
    faults = verify(evidence).faults
    assert [one.check for one in faults] == ["tasks", "answers", "data"]
    tasks = finding(faults, "tasks")
    assert tasks
    assert "copy: the code with digest" in tasks.faults[0]


def test_other_evaluating_code_in_other_sessions_is_a_note(run: ScriptedRun) -> None:
    forge(run, SessionStarted, 1, evaluator="ab" * 32)
    findings = verify(run.evidence())
    assert not findings.faults
    assert any("evaluating code changed between sessions" in note for note in findings.notes)
    assert any("other evaluating code (abababababab)" in note for note in findings.notes)


def test_targets_are_what_the_gate_itself_would_ask(honest: ScriptedRun) -> None:
    """So that the table above cannot pass because verification wants something else altogether."""
    entries = honest.entries()
    place = places(honest, IntentWritten)[0]
    before = fold(entries[:place])
    asked = targets(before.visible[before.incumbent], before.mastered, 1, 0.05)
    assert [target.name for target in asked] == [target.name for target in intent_of(honest).targets]
    assert isinstance(entries[-1], Decided)
