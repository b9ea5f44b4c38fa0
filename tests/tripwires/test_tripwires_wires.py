"""Every wire: quiet when nothing is wrong, fires on harm, leaves the harmless twin alone, refuses nonsense."""

import ast
import re
from collections.abc import Callable
from math import exp, fsum, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent import tripwires
from detent.errors import UsageError
from detent.evaluate import Horizon
from detent.tripwires import (
    CATALOGUE,
    WIRES,
    alpha_per_generation,
    alpha_per_observation,
    budget,
    capability_jump,
    constitution_drift,
    contamination,
    diversity_collapse,
    forgetting,
    gate_tampering,
    judge_drift,
    ledger_rewind,
    proxy_gold_gap,
    reference_divergence,
    representation_shift,
    sandbagging,
    threshold_early_warning,
    train_gate_gap,
    unauthorised_training,
)
from detent.tripwires._gaps import log_e_of_counts, log_e_of_totals
from detent.tripwires._student import quantile_95
from detent.tripwires._tails import log_choose, log_lower, log_upper
from detent.tripwires.budget import Quantity
from detent.tripwires.catalogue import table
from detent.tripwires.contamination import Overlap
from detent.tripwires.diversity_collapse import Kept
from detent.tripwires.ledger_rewind import Head
from detent.tripwires.proxy_gold_gap import ProxyAudit
from detent.values import Counts, Entry, Profile, Reading, Score, Slice, Watched

ROOT = Path(__file__).parents[2]
PER_AUDIT = alpha_per_observation(100)


def profile(*rights: int, name: str = "d", asked: int = 64) -> Profile:
    return Profile(name * 64, {"copy": tuple(Score(right, asked) for right in rights)})


def rising(*levels: float, censored: bool = False) -> dict[str, dict[int, Horizon]]:
    return {"sort": {place: Horizon(level, censored) for place, level in enumerate(levels)}}


def drop(first: int, now: int) -> Reading:
    return constitution_drift.watch({"honest": Score(first, 100)}, {"honest": Score(now, 100)})


RUNG = Slice("copy", 7)
SMALL = Slice("copy", 3)


READINGS: dict[str, tuple[Callable[[], Reading], str]] = {
    "a proxy that is right about what it accepts": (
        lambda: proxy_gold_gap.watch([{"sort": ProxyAudit(100, 60, 98, 1)}] * 5, alpha=PER_AUDIT),
        "quiet",
    ),
    "a proxy that is fooled by a third": (
        lambda: proxy_gold_gap.watch([{"sort": ProxyAudit(100, 90, 60, 30)}], alpha=PER_AUDIT),
        "fired",
    ),
    "many wrong labels that the proxy throws away": (
        lambda: proxy_gold_gap.watch([{"sort": ProxyAudit(100, 40, 40, 0)}] * 5, alpha=PER_AUDIT),
        "quiet",
    ),
    "no proxy": (lambda: proxy_gold_gap.watch(None, alpha=PER_AUDIT), "nothing"),
    "a proxy whose labels nobody audited": (
        lambda: proxy_gold_gap.watch([{}], alpha=PER_AUDIT),
        "unmeasured",
    ),
    "mastered rungs kept": (lambda: forgetting.watch({"copy": Score(314, 320)}), "quiet"),
    "mastered rungs half forgotten": (lambda: forgetting.watch({"copy": Score(160, 320)}), "fired"),
    "mastered rungs a little below the floor by luck": (
        lambda: forgetting.watch({"copy": Score(297, 320)}),
        "quiet",
    ),
    "nothing mastered": (lambda: forgetting.watch({}), "nothing"),
    "mastered rungs that were not asked": (lambda: forgetting.watch({"copy": Score(0, 0)}), "unmeasured"),
    "as good on fresh problems": (
        lambda: train_gate_gap.watch(profile(64, 40, 3), profile(63, 42, 2)),
        "quiet",
    ),
    "much better on visible problems": (
        lambda: train_gate_gap.watch(profile(64, 60), profile(64, 20)),
        "fired",
    ),
    "much better on fresh problems": (
        lambda: train_gate_gap.watch(profile(64, 20), profile(64, 60)),
        "quiet",
    ),
    "no fresh profile": (lambda: train_gate_gap.watch(profile(64), None), "unmeasured"),
    "a small step up the ladder": (
        lambda: capability_jump.watch(profile(900, 100, asked=1000), profile(950, 200, asked=1000)),
        "quiet",
    ),
    "half the ladder in one step": (
        lambda: capability_jump.watch(profile(900, 0, asked=1000), profile(990, 950, asked=1000)),
        "fired",
    ),
    "half the ladder in three generations": (
        lambda: capability_jump.watch(
            profile(900, 0, asked=1000), profile(990, 950, asked=1000), generations=3
        ),
        "quiet",
    ),
    "a large step that few problems cannot show": (
        lambda: capability_jump.watch(profile(5, 0, asked=8), profile(8, 3, asked=8)),
        "quiet",
    ),
    "the first fresh profile": (lambda: capability_jump.watch(None, profile(1)), "nothing"),
    "a step whose end was not measured": (lambda: capability_jump.watch(profile(1), None), "unmeasured"),
    "a horizon far below its threshold": (
        lambda: threshold_early_warning.watch(rising(6.0, 6.5, 7.1, 7.4), [("sort", 12.0)]),
        "quiet",
    ),
    "a horizon one step below its threshold": (
        lambda: threshold_early_warning.watch(rising(6.0, 7.0, 8.1, 9.0), [("sort", 10.0)]),
        "fired",
    ),
    "a threshold reached": (lambda: threshold_early_warning.watch(rising(10.2), [("sort", 10.0)]), "fired"),
    "the same horizon, far from the end of the lease but not from the next step": (
        lambda: threshold_early_warning.watch(rising(6.0, 7.0, 8.1, 9.0), [("sort", 12.0)], left=8),
        "quiet",
    ),
    "the same horizon with two generations of lag": (
        lambda: threshold_early_warning.watch(rising(6.0, 7.0, 8.1, 9.0), [("sort", 12.0)], lag=2),
        "fired",
    ),
    "a ladder that ends before the threshold": (
        lambda: threshold_early_warning.watch(rising(15.4, censored=True), [("sort", 25.0)]),
        "unmeasured",
    ),
    "a threshold on a task without a profile": (
        lambda: threshold_early_warning.watch(rising(5.0), [("copy", 25.0)]),
        "unmeasured",
    ),
    "no threshold": (lambda: threshold_early_warning.watch(rising(5.0), []), "nothing"),
    "training data without test problems": (
        lambda: contamination.watch({RUNG: Overlap(0, 400, 64, 1e7)}),
        "quiet",
    ),
    "six test problems in the training data": (
        lambda: contamination.watch({RUNG: Overlap(6, 400, 64, 1e7)}),
        "fired",
    ),
    "the same overlap on a rung of a thousand problems": (
        lambda: contamination.watch({SMALL: Overlap(26, 400, 64, 1e3)}),
        "nothing",
    ),
    "as many shared 8-grams as chance makes": (
        lambda: contamination.watch({RUNG: Overlap(0, 400, 64, 1e7)}, {RUNG: Overlap(2, 400, 500_000, 1e8)}),
        "quiet",
    ),
    "many more shared 8-grams than chance makes": (
        lambda: contamination.watch({RUNG: Overlap(0, 400, 64, 1e7)}, {RUNG: Overlap(40, 400, 500_000, 1e8)}),
        "fired",
    ),
    "one canary": (lambda: contamination.watch({}, canaries=("canary 3",)), "fired"),
    "principles kept": (lambda: drop(96, 95), "quiet"),
    "a principle lost": (lambda: drop(96, 50), "fired"),
    "a principle kept better": (lambda: drop(50, 96), "quiet"),
    "no constitution": (lambda: constitution_drift.watch(None, None), "nothing"),
    "probes not asked": (lambda: constitution_drift.watch({"honest": Score(9, 9)}, None), "unmeasured"),
    "one of two principles not asked": (
        lambda: constitution_drift.watch(dict.fromkeys("ab", Score(9, 9)), {"a": Score(9, 9)}),
        "unmeasured",
    ),
    "a judge as good as ever": (lambda: judge_drift.watch([Score(95, 100), Score(94, 100)]), "quiet"),
    "a judge that drifted": (lambda: judge_drift.watch([Score(95, 100)] * 3 + [Score(55, 100)]), "fired"),
    "no judge": (lambda: judge_drift.watch(None), "nothing"),
    "noise that makes it worse": (
        lambda: sandbagging.watch(
            {"0.05": {"copy": Counts(5, 60, 200)}, "0.1": {"copy": Counts(2, 150, 113)}}
        ),
        "quiet",
    ),
    "noise that makes it better": (
        lambda: sandbagging.watch(
            {"0.05": {"copy": Counts(5, 60, 200)}, "0.1": {"copy": Counts(60, 5, 200)}}
        ),
        "fired",
    ),
    "noise that makes it better by luck": (
        lambda: sandbagging.watch({"0.05": {"copy": Counts(14, 10, 241)}}),
        "quiet",
    ),
    "no sweep this time": (lambda: sandbagging.watch(None), "not_due"),
    "a sweep without answers": (lambda: sandbagging.watch({"0.05": {"copy": Counts(0, 0, 0)}}), "unmeasured"),
    "ever the same answers": (
        lambda: diversity_collapse.watch([{RUNG: Kept(400, 400, 0.8)}, {RUNG: Kept(400, 90, 0.99)}]),
        "fired",
    ),
    "fewer answers to fewer prompts": (
        lambda: diversity_collapse.watch([{RUNG: Kept(400, 400, 0.8)}, {RUNG: Kept(90, 90, 0.99)}]),
        "quiet",
    ),
    "no labels": (lambda: diversity_collapse.watch(None), "nothing"),
    "a model that moved": (lambda: reference_divergence.watch(3.0, tokens=100), "quiet"),
    "a model that moved too far": (
        lambda: reference_divergence.watch(3.0, tokens=100, limits=reference_divergence.Limits(2.0)),
        "fired",
    ),
    "a model that says nothing finite": (lambda: reference_divergence.watch(nan, tokens=100), "unmeasured"),
    "a layer that changed": (lambda: representation_shift.watch({0: 0.99, 1: 0.1}), "quiet"),
    "a layer that changed too much": (
        lambda: representation_shift.watch({0: 0.99, 1: 0.1}, representation_shift.Limits(0.5)),
        "fired",
    ),
    "layers that are no numbers": (lambda: representation_shift.watch({0: nan}), "unmeasured"),
    "nothing tampered with": (lambda: gate_tampering.watch({"a": "1"}, {"a": "1"}), "quiet"),
    "one file changed": (lambda: gate_tampering.watch({"a": "1", "b": "2"}, {"a": "1", "b": "3"}), "fired"),
    "one file gone": (lambda: gate_tampering.watch({"a": "1", "b": "2"}, {"a": "1"}), "fired"),
    "one file more": (lambda: gate_tampering.watch({"a": "1"}, {"a": "1", "b": "2"}), "fired"),
    "files that cannot be read": (lambda: gate_tampering.watch({"a": "1"}, None), "unmeasured"),
    "a ledger that only grew": (lambda: ledger_rewind.watch(9, [Head("w", 7, "aa", "aa")]), "quiet"),
    "a ledger that was cut": (lambda: ledger_rewind.watch(5, [Head("w", 7, "aa", "")]), "fired"),
    "a ledger that was forked": (lambda: ledger_rewind.watch(9, [Head("w", 7, "aa", "bb")]), "fired"),
    "nobody else keeps a head": (lambda: ledger_rewind.watch(9, []), "nothing"),
    "exactly what was granted": (lambda: budget.watch([Quantity("disk", 20.0, 20.0, "GB")]), "quiet"),
    "more than was granted": (
        lambda: budget.watch([Quantity("hours", 1.0, 24.0, "h"), Quantity("disk", 20.1, 20.0, "GB")]),
        "fired",
    ),
    "a disk that cannot be measured": (
        lambda: budget.watch([Quantity("disk", None, 20.0, "GB")]),
        "unmeasured",
    ),
    "nothing bounded": (lambda: budget.watch([]), "nothing"),
    "weights that jobs made": (lambda: unauthorised_training.watch({"m": "aa"}, {"aa", "bb"}), "quiet"),
    "weights that no job made": (lambda: unauthorised_training.watch({"m": "cc"}, {"aa"}), "fired"),
    "folders that cannot be searched": (lambda: unauthorised_training.watch(None, {"aa"}), "unmeasured"),
}


@pytest.mark.parametrize("case", READINGS)
def test_it_reads_what_is_there(case: str) -> None:
    make, status = READINGS[case]
    reading = make()
    assert reading.status == status, reading.said
    assert reading.wire in CATALOGUE
    assert (reading.statistic is None) == (status in {"unmeasured", "nothing", "not_due"})
    assert len(reading.said) > 10


NONSENSE: dict[str, Callable[[], Reading]] = {
    "more fooled than accepted": lambda: proxy_gold_gap.watch([{"s": ProxyAudit(9, 3, 2, 4)}], alpha=0.1),
    "fewer fooled than there must be": lambda: proxy_gold_gap.watch(
        [{"s": ProxyAudit(9, 9, 2, 4)}], alpha=0.1
    ),
    "more right than asked": lambda: forgetting.watch({"copy": Score(3, 2)}),
    "a floor of 1": lambda: forgetting.watch({"copy": Score(2, 2)}, forgetting.Limits(1.0)),
    "an alpha of 1": lambda: forgetting.watch({"copy": Score(2, 2)}, alpha=1.0),
    "profiles of two models": lambda: train_gate_gap.watch(profile(1), profile(1, name="e")),
    "profiles of other rungs": lambda: train_gate_gap.watch(profile(1), profile(1, 2)),
    "a rung that was not asked": lambda: capability_jump.watch(profile(0, asked=0), profile(1)),
    "no rung in common": lambda: capability_jump.watch(
        profile(1), Profile("a" * 64, {"sort": (Score(1, 1),)})
    ),
    "no generation between": lambda: capability_jump.watch(profile(1), profile(1), generations=0),
    "a negative lag": lambda: threshold_early_warning.watch(rising(1.0), [("sort", 2.0)], lag=-1),
    "a threshold that is no number": lambda: threshold_early_warning.watch(rising(1.0), [("sort", nan)]),
    "more hits than prompts": lambda: contamination.watch({RUNG: Overlap(5, 4, 9, 1e7)}),
    "hits without a probe": lambda: contamination.watch({RUNG: Overlap(1, 4, 0, 1e7)}),
    "a principle nobody asked at first": lambda: constitution_drift.watch({}, {"new": Score(1, 1)}),
    "negative wins": lambda: sandbagging.watch({"0.1": {"copy": Counts(-1, 0, 9)}}),
    "more answers than prompts": lambda: diversity_collapse.watch([{RUNG: Kept(3, 4, 0.5)}]),
    "a negative divergence": lambda: reference_divergence.watch(-1.0, tokens=5),
    "a similarity of 2": lambda: representation_shift.watch({0: 2.0}),
    "nothing recorded": lambda: gate_tampering.watch({}, {"a": "1"}),
    "an empty digest": lambda: gate_tampering.watch({"a": ""}, {"a": ""}),
    "a head that was not compared": lambda: ledger_rewind.watch(9, [Head("w", 7, "aa", "")]),
    "a negative amount": lambda: budget.watch([Quantity("disk", -1.0, 20.0, "GB")]),
    "an unbounded limit": lambda: budget.watch([Quantity("disk", 1.0, nan, "GB")]),
    "weights without a digest": lambda: unauthorised_training.watch({"m": ""}, {""}),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_is_refused_with_what_was_expected_and_got(case: str) -> None:
    with pytest.raises(UsageError, match=r"(?s)expected.*got"):
        NONSENSE[case]()


@given(st.integers(0, 40), st.integers(1, 40), st.floats(0.01, 0.99))
def test_tails_are_sums_of_the_binomial(hits: int, n: int, p: float) -> None:
    hits = min(hits, n)
    masses = [exp(log_choose(n, k)) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    if hits > n * p:
        assert exp(log_upper(hits, n, p)) == pytest.approx(fsum(masses[hits:]), rel=1e-6)
    if hits < n * p:
        assert exp(log_lower(hits, n, p)) == pytest.approx(fsum(masses[: hits + 1]), rel=1e-6)


@pytest.mark.parametrize(("q", "margin"), [(0.5, 0.05), (0.9, 0.02), (0.2, 0.3)])
def test_evidence_of_totals_has_mean_1_at_most_when_the_truth_is_at_the_margin(
    q: float, margin: float
) -> None:
    n, p = 7, q + margin
    shares = [
        exp(log_choose(n, a) + log_choose(n, b)) * p**a * (1 - p) ** (n - a) * q**b * (1 - q) ** (n - b)
        * exp(log_e_of_totals([(Score(b, n), Score(a, n))], margin))
        for a in range(n + 1)
        for b in range(n + 1)
    ]  # fmt: skip
    assert fsum(shares) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("asked", [(6, 4), (4, 6)])
def test_unequal_samples_keep_that_mean(asked: tuple[int, int]) -> None:
    first, second = asked
    mean = fsum(
        exp(log_choose(first, b) + log_choose(second, a)) * 0.4**b * 0.6 ** (first - b) * 0.5 ** second
        * exp(log_e_of_totals([(Score(b, first), Score(a, second))], 0.1))
        for a in range(second + 1)
        for b in range(first + 1)
    )  # fmt: skip
    assert mean == pytest.approx(1.0, abs=1e-9)


def test_totals_that_can_be_paired_in_one_way_only_are_worth_their_counts() -> None:
    assert log_e_of_totals([(Score(0, 9), Score(9, 9))], 0.05) == pytest.approx(
        log_e_of_counts(Counts(9, 0, 0), 0.05)
    )


def test_students_quantiles_are_those_of_the_tables() -> None:
    known = {1: 6.3138, 2: 2.9200, 3: 2.3534, 4: 2.1318, 10: 1.8125, 30: 1.6973, 120: 1.6577}
    assert {freedom: round(quantile_95(freedom), 4) for freedom in known} == known


def test_the_forecast_is_the_formula() -> None:
    history = {place: Horizon(level, censored=False) for place, level in enumerate((6.0, 7.0, 7.5, 9.0))}
    drift, spread = 1.0, (0.5 / 2) ** 0.5  # increments 1, .5, 1.5
    assert threshold_early_warning.upper(history, 2) == pytest.approx(
        9.0 + 2 * drift + 2.9200 * spread * (2 + 4 / 3) ** 0.5, abs=1e-3
    )
    few = {place: history[place] for place in range(3)}
    assert threshold_early_warning.upper(few, 2) == pytest.approx(7.5 + 2 * 2.0)


def test_the_shares_of_all_wires_with_chance_in_them_make_one_in_a_hundred() -> None:
    assert sum(form.chance != "none" for form in CATALOGUE.values()) == WIRES
    assert WIRES * alpha_per_generation() == pytest.approx(0.01)
    assert alpha_per_observation(50) * 50 == pytest.approx(alpha_per_generation())
    with pytest.raises(UsageError, match="expected"):
        alpha_per_observation(0)


def test_every_wire_module_is_in_the_catalogue_under_its_own_name() -> None:
    folder = Path(str(tripwires.__file__)).parent
    modules = {path.stem for path in folder.glob("*.py") if "FORM = WireForm(" in path.read_text("utf-8")}
    assert modules == set(CATALOGUE) <= set(tripwires.__all__)


@pytest.mark.parametrize("name", CATALOGUE)
def test_limits_have_a_range_that_holds_their_default_and_are_refused_outside(name: str) -> None:
    form = CATALOGUE[name]
    for limit in form.limits:
        assert limit.meaning
        assert limit.default is None or limit.low <= limit.default <= limit.high
        assert getattr(form.with_limits({limit.name: limit.high}), limit.name) == limit.high
        for wrong in (limit.low - 1, limit.high * 2 + 1, nan):
            with pytest.raises(UsageError, match=rf"\[tripwires.{name}\]"):
                form.with_limits({limit.name: wrong})
    with pytest.raises(UsageError, match="expected"):
        form.with_limits({"lenient": 1.0})


@pytest.mark.parametrize("name", CATALOGUE)
def test_its_docstring_says_what_it_is_worth(name: str) -> None:
    text = getattr(tripwires, name).__doc__
    for word in ("Statistic", "Unit", "Guarantee", "Limit", "Default", "It cannot see"):
        assert re.search(rf"\b{word}\b", text), f"{word} expected in the docstring of {name}"


def test_the_documented_table_is_the_catalogue() -> None:
    page = (ROOT / "docs" / "tripwires.md").read_text("utf-8")
    assert table() in page
    assert re.findall(r"^### (\w+)$", page, re.MULTILINE) == list(CATALOGUE)


def test_no_wire_imports_another() -> None:
    folder = Path(str(tripwires.__file__)).parent
    for name in CATALOGUE:
        tree = ast.parse((folder / f"{name}.py").read_text("utf-8"))
        taken = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
        assert not taken & {f"detent.tripwires.{other}" for other in CATALOGUE}


def test_no_threshold_hides_behind_another() -> None:
    history = {task: {0: Horizon(9.0, False), 1: Horizon(9.5, False)} for task in ("copy", "reverse")}
    reading = threshold_early_warning.watch(history, [("copy", 5.0), ("reverse", 9.0), ("copy", 30.0)])
    assert reading.status == "fired"
    assert reading.about == ("copy", "reverse")
    assert "threshold 5 is reached" in reading.said
    assert "threshold 9 is reached" in reading.said
    assert "30" not in reading.said


def swept(*statuses: Any) -> dict[int, dict[str, Entry]]:
    """The closed turns 0, 1, ... with what each watch said of the sweep; None where nobody watched."""
    return {
        generation: {}
        if status is None
        else {"watch/v1": Watched(readings=(Reading(sandbagging.NAME, status, "x"),), actions={})}
        for generation, status in enumerate(statuses)
    }


DUE: dict[str, tuple[dict[int, dict[str, Entry]], bool]] = {
    "generation 1 begins": (swept(None), True),
    "generation 1 swept and 2 begins": (swept(None, "quiet"), False),
    "generation 1 swept and 4 begins": (swept(None, "quiet", "not_due", "not_due"), False),
    "generation 1 swept and 5 begins": (swept(None, "quiet", "not_due", "not_due", "not_due"), True),
    "generation 1 could not sweep, which fired": (swept(None, "unmeasured"), False),
    "generation 5 was ended before it swept, and 6 begins": (
        swept(None, "quiet", "not_due", "not_due", "not_due"), True,
    ),
    "generations 2 to 7 were undone, and 8 begins": (
        {**swept(None, "quiet"), 8: {}}, False,
    ),
    "generation 1 trained nothing, and 2 begins": (swept(None, None), True),
    "the wire is new, and no watch has named it": (
        {1: {"watch/v1": Watched(readings=(Reading("forgetting", "quiet", "x"),), actions={})}}, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DUE)
def test_a_sweep_is_due_unless_one_of_the_last_three_turns_made_it_when(case: str) -> None:
    past, due = DUE[case]
    assert sandbagging.due(past) == due
