"""Whoever holds the log's key rewrites what was measured beside the gate: profiles, mastery. Each is named."""

import pytest
from msgspec import structs
from tests.audit.forging import Forgery, assert_found, forge, places
from tests.audit.scripted_run import ScriptedRun

from detent.values import (
    Mastered,
    OutcomeWritten,
    Profiled,
    Score,
    Watched,
)


def visible(run: ScriptedRun, nth: int, **fields: object) -> None:
    """Change the nth profile of any purpose."""
    forge(run, Profiled, nth, **fields)


def profile_of(run: ScriptedRun, nth: int) -> Profiled:
    """The nth profile."""
    entry = run.entries()[places(run, Profiled)[nth]]
    assert isinstance(entry, Profiled)
    return entry


def rescore(run: ScriptedRun, nth: int, task: str, *scores: Score) -> None:
    """Other scores of one task in the nth profile."""
    profile = profile_of(run, nth).profile
    forge(run, Profiled, nth, profile=structs.replace(profile, scores={**profile.scores, task: scores}))


def remaster(run: ScriptedRun, nth: int, **fields: object) -> None:
    """Change the nth measurement of mastery."""
    forge(run, Mastered, nth, **fields)


FRESH = 2
"""Which profile is the first fresh one."""

MEASURED: dict[str, Forgery] = {
    "a visible profile used other problems": Forgery(
        lambda run: visible(run, 0, stream="00" * 32), "profiles", "the visible profile from stream"
    ),
    "a fresh profile used problems of the operator's choice": Forgery(
        lambda run: visible(run, FRESH, stream="00" * 32), "profiles", "the fresh profile from stream"
    ),
    "a fresh profile's problems were known earlier": Forgery(
        lambda run: visible(run, FRESH, stream=profile_of(run, 0).stream),
        "profiles",
        "the fresh profile from stream",
    ),
    "a profile is of another model": Forgery(
        lambda run: visible(run, 0, profile=structs.replace(profile_of(run, 0).profile, subject="ab" * 32)),
        "profiles",
        "the visible profile of ",
    ),
    "a fresh profile is of the model that was not passed": Forgery(
        lambda run: visible(run, 5, profile=profile_of(run, 4).profile), "profiles", "the fresh profile of "
    ),
    "a profile leaves the hardest level out": Forgery(
        lambda run: rescore(run, 0, "copy", *profile_of(run, 0).profile.scores["copy"][:-1]),
        "profiles",
        "levels {",
    ),
    "a profile asked fewer problems": Forgery(
        lambda run: rescore(run, 0, "copy", *[Score(1, 1)] * 4),
        "profiles",
        "0 to 32 right of 32 expected at copy 1",
    ),
    "a profile counts more right than asked": Forgery(
        lambda run: rescore(run, 0, "copy", *[Score(33, 32)] * 4), "profiles", "got 33 of 32"
    ),
    "a rung is mastered without the scores": Forgery(
        lambda run: remaster(run, 0, added={"copy": (1, 2, 3, 4)}), "mastery", "mastered by these scores"
    ),
    "a mastered rung is kept off the record, so that no gate defends it": Forgery(
        lambda run: remaster(run, 0, added={}), "mastery", "mastered by these scores"
    ),
    "rungs are not tried for mastery": Forgery(
        lambda run: remaster(run, 0, levels={}, added={}), "mastery", "problems on the rungs"
    ),
    "mastery was measured on problems of the operator's choice": Forgery(
        lambda run: remaster(run, 0, stream="00" * 32), "mastery", "stream "
    ),
    "mastery was measured with another model": Forgery(
        lambda run: remaster(run, 0, subject="ab" * 32), "mastery", "the fresh profile of abab"
    ),
    "mastery counts more right than asked": Forgery(
        lambda run: remaster(
            run, 0, levels={t: {n: Score(300, 256) for n in "12"} for t in ("copy", "reverse")}
        ),
        "mastery",
        "counts of 0 to",
    ),
    "a visible profile was for nothing": Forgery(
        lambda run: visible(run, 0, flops=0.0), "compute", "for what was asked expected, got 0"
    ),
    "a fresh profile paid something into the lease": Forgery(
        lambda run: visible(run, FRESH, flops=-1e15), "compute", "for what was asked expected, got -1e+15"
    ),
    "measuring mastery was for nothing": Forgery(
        lambda run: remaster(run, 0, flops=0.0), "compute", "for what was asked expected, got 0"
    ),
    "a watch that looked at no model cost something": Forgery(
        lambda run: forge(run, Watched, 0, flops=1e12),
        "compute",
        "0 floating point operations for what was asked",
    ),
    "the gate's answers were for nothing": Forgery(
        lambda run: forge(run, OutcomeWritten, 0, flops=0.0), "answers", "for these answers expected, got 0"
    ),
}


@pytest.mark.parametrize("done", MEASURED)
def test_a_forged_measurement_is_found_although_the_ledger_is_sound(run: ScriptedRun, done: str) -> None:
    assert_found(run, MEASURED[done])
