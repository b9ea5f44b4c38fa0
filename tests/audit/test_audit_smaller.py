"""Smaller and as good: what an honest run of it records, and what whoever holds the log's key can claim of one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET, structs
from tests.audit.forging import (
    Forgery,
    assert_found,
    forge,
    forge_intent,
    intent_of,
    leave_out,
    outcome_of,
    places,
)
from tests.audit.replaying import replayed
from tests.audit.scripted_run import DRAFT, Model, ScriptedRun, make_run
from tests.audit.smaller_run import NARROW, SMALLER, TRAINED, WIDE, SizedWorker, ThreeWidths, make_smaller_run

from detent.audit import verify
from detent.errors import TrustError
from detent.values import (
    CandidateTrained,
    Collected,
    Decided,
    Intent,
    IntentWritten,
    OutcomeWritten,
    State,
    Target,
    fold,
    kept,
    needed,
    restored,
)


@pytest.fixture(scope="session")
def honest_smaller(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    return make_smaller_run(tmp_path_factory.mktemp("smaller") / "run")


@pytest.fixture
def small(honest_smaller: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    """To be tampered with."""
    return honest_smaller.copy(tmp_path / "run")


def decisions(run: ScriptedRun) -> list[Decided]:
    return [entry for entry in run.entries() if isinstance(entry, Decided)]


def after(run: ScriptedRun, generation: int) -> State:
    """Where the run stood when that generation was closed."""
    return fold(run.entries()[: places(run, Decided)[generation] + 1])


# ------------------------------------------------------------------ honest


def test_an_equal_smaller_model_is_promoted_and_nothing_is_found(honest_smaller: ScriptedRun) -> None:
    assert verify(honest_smaller.evidence()).faults == []
    made = decisions(honest_smaller)
    assert [one.decision for one in made] == ["promote", "promote", "promote", "promote", "carry"]
    assert made[1].because.startswith(f"as good with {NARROW} parameters in place of {WIDE}: L/copy passed")
    written = [intent_of(honest_smaller, nth) for nth in range(3)]
    assert [one.smaller for one in written] == [True, False, True]
    assert [one.anchor for one in written] == [UNSET, made[0].incumbent, UNSET]


def test_the_anchor_stays_with_a_smaller_model_and_goes_to_a_better_one(honest_smaller: ScriptedRun) -> None:
    made = decisions(honest_smaller)
    anchors = [after(honest_smaller, generation).anchor for generation in range(5)]
    first, better = made[0].incumbent, made[2].incumbent
    assert anchors == [first, first, better, better, better]
    state = after(honest_smaller, 4)
    assert state.incumbent == made[3].incumbent
    assert restored(state.history, 1).anchor == first


def test_without_a_charter_that_says_so_it_is_not_even_opened(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", DRAFT, trained=TRAINED[:4], leases=(1,), worker_kind=SizedWorker)
    assert decisions(run)[1].decision != "promote"
    assert not any(isinstance(entry, IntentWritten) and entry.intent.smaller for entry in run.entries())


def test_a_chain_of_losing_steps_ends_where_the_anchor_is_left(tmp_path: Path) -> None:
    """Each is a little worse than the one before, and near it; the second one is too far from the first."""
    draft = SMALLER.replace("[recipe]\n", "[recipe]\nteam = 3\n")
    trained = [Model(s) for s in (2.5, 2.0, 2.0, 1.5, 2.2, 1.5, 1.5, 1.5, 1.95)]
    run = make_run(tmp_path / "run", draft, trained=trained, leases=(2,), worker_kind=ThreeWidths)
    made = decisions(run)
    assert [one.decision for one in made][:2] == ["promote", "promote"]
    assert made[1].because.startswith("as good with 48 parameters in place of 64")
    assert made[2].incumbent == made[1].incumbent
    assert verify(run.evidence()).faults == []
    before, candidate = after(run, 1), run.entries()
    ladders = {e.profile.subject: e.profile.ladder() for e in candidate if hasattr(e, "profile")}
    loss = ladders[before.incumbent] - ladders[made[2].candidate]
    assert loss < 0.1 < ladders[before.anchor] - ladders[made[2].candidate]


@pytest.mark.parametrize("generation", range(5))
def test_a_smaller_models_generation_is_replayed_to_the_last_digit(
    honest_smaller: ScriptedRun, generation: int
) -> None:
    rerun = replayed(honest_smaller, generation, kind=SizedWorker)
    assert (rerun.differing, rerun.missing) == ([], [])


# ------------------------------------------------------------------ what must stay


def test_the_anchors_weights_are_kept_and_may_not_be_deleted(honest_smaller: ScriptedRun) -> None:
    state = after(honest_smaller, 4)
    assert state.anchor not in {state.incumbent, *state.team}
    assert state.anchor in needed(state).models
    assert state.anchor in kept(state, "last 1", "all", "all").models
    gone = Collected(models=(state.anchor,), data=(), answers=(), because="space", at=state.latest_at)
    with pytest.raises(TrustError, match="nothing that is in force among what was deleted"):
        fold([gone], state)


# ------------------------------------------------------------------ forged


def claim_smaller(run: ScriptedRun, nth: int) -> None:
    """The nth intent claims the objective, and asks what it would ask."""
    targets = tuple(one for one in intent_of(run, nth).targets if one.kind != "superiority")
    forge_intent(run, nth, objective="smaller", targets=targets)


def retarget(
    nth: int, change: Callable[[Target], Target | None], **fields: Any
) -> Callable[[ScriptedRun], None]:
    """Change or drop targets of the nth intent, and fields of it."""

    def tamper(run: ScriptedRun) -> None:
        changed = [change(one) for one in intent_of(run, nth).targets]
        forge_intent(run, nth, targets=tuple(one for one in changed if one is not None), **fields)

    return tamper


def unanchored(target: Target) -> Target | None:
    """As it would be were the incumbent the anchor."""
    return None if target.name.startswith("A/") else structs.replace(target, against=UNSET)


def never_opened(run: ScriptedRun) -> None:
    """The opening of the third generation is taken off, and what it led to."""
    place = places(run, Decided)[3]
    leave_out(run, *(index for index in range(places(run, IntentWritten)[2], place)))


def anchored_on_the_incumbent(run: ScriptedRun) -> None:
    forge_intent(run, 1, anchor=intent_of(run, 1).incumbent)


FORGED: dict[str, Forgery] = {
    "a candidate that is no smaller is tried as smaller": Forgery(
        lambda run: claim_smaller(run, 1), "intents", "the objective better expected, got smaller"
    ),
    "a candidate is said to have fewer parameters than its weights have": Forgery(
        lambda run: forge(run, CandidateTrained, 2, parameters=NARROW),
        "models",
        f"{WIDE} parameters expected, as models/",
    ),
    "with the parameters that a candidate is said to have, another objective would apply": Forgery(
        lambda run: forge(run, CandidateTrained, 2, parameters=1),
        "intents",
        "the objective smaller expected, got better",
    ),
    "a smaller candidate is tried as better, to move the anchor": Forgery(
        lambda run: forge_intent(run, 0, objective=UNSET),
        "intents",
        "the objective smaller expected, got better",
    ),
    "the incumbent is taken for the anchor": Forgery(anchored_on_the_incumbent, "intents", "the anchor "),
    "no anchor is named where the incumbent is only smaller": Forgery(
        retarget(1, unanchored, anchor=UNSET), "intents", "got none"
    ),
    "an anchor is named, and nothing held against it": Forgery(
        retarget(1, unanchored), "gates", "tests against the intent's anchor expected, got none"
    ),
    "the anchor is another model of the run": Forgery(
        lambda run: forge_intent(run, 1, anchor=decisions(run)[0].team[1]), "intents", "the anchor "
    ),
    "better is only better than the incumbent, which is smaller": Forgery(
        retarget(1, lambda one: structs.replace(one, against=UNSET) if one.name == "S" else one),
        "intents",
        "target Target(name='S'",
    ),
    "the margin to the anchor is wider than the charter's": Forgery(
        retarget(1, lambda one: structs.replace(one, bound=0.4) if one.name == "A/L/copy" else one),
        "intents",
        "target Target(name='A/L/copy'",
    ),
    "one ladder is not held against the anchor": Forgery(
        retarget(1, lambda one: None if one.name == "A/L/reverse" else one),
        "intents",
        "A/L/reverse expected, got",
    ),
    "an anchor is made up": Forgery(
        lambda run: forge_intent(run, 1, anchor="ab" * 32), "intents", "the anchor "
    ),
    "what the anchor's answers took is not counted": Forgery(
        lambda run: forge(run, OutcomeWritten, 1, flops=0.0),
        "answers",
        "floating point operations for these answers",
    ),
}


@pytest.mark.parametrize("done", FORGED)
def test_a_forged_objective_is_found_although_the_ledger_is_sound(small: ScriptedRun, done: str) -> None:
    assert_found(small, FORGED[done])


def test_the_objective_is_not_believed_where_the_charter_does_not_name_it(run: ScriptedRun) -> None:
    """The first opening of a run whose charter promotes what is better, and nothing else."""
    assert_found(
        run,
        Forgery(lambda one: claim_smaller(one, 0), "intents", "the objective better expected, got smaller"),
    )


def test_a_smaller_model_that_looks_as_good_must_be_opened(small: ScriptedRun) -> None:
    never_opened(small)
    forge(
        small,
        Decided,
        3,
        decision="discard",
        incumbent=decisions(small)[2].incumbent,
        team=decisions(small)[2].team,
    )
    assert_found(
        small, Forgery(lambda _: None, "decisions", "before the decision expected, since its visible ladder")
    )


def test_a_smaller_model_that_was_not_shown_to_be_as_good_is_not_promoted(small: ScriptedRun) -> None:
    """The verdict follows from the counts, as any other."""
    first, *rest = outcome_of(small).results
    few = structs.replace(first.counts, ties=first.counts.ties - 10)
    outcome = structs.replace(outcome_of(small), results=(structs.replace(first, counts=few), *rest))
    assert_found(
        small, Forgery(lambda run: forge(run, OutcomeWritten, 0, outcome=outcome), "gates", "L/copy: ln E = ")
    )


def test_intents_of_before_read_and_write_as_they_did(honest: ScriptedRun) -> None:
    written = intent_of(honest)
    assert isinstance(written, Intent)
    (line,) = [one for one in honest.record() if b'"intent/v1"' in one][:1]
    assert b"objective" not in line
    assert b"anchor" not in line
    assert b"against" not in line
