"""Every way to misreport an opening is found again: from counts, from rows, from the tasks."""

from collections.abc import Callable

import pytest
from msgspec import structs
from tests.evaluate.evaluate_world import (
    BUDGET,
    CANDIDATE,
    INCUMBENT,
    TASKS,
    Model,
    World,
    falling,
    intent,
    silent,
)

from detent.errors import TrustError
from detent.evaluate import (
    Conducted,
    Row,
    conduct,
    decode_rows,
    discrepancies,
    encode_rows,
    log_e,
    recheck_items,
    recount,
)
from detent.values import Counts, Gain, Intent, Outcome, Slice, TestResult

SEED = b"\x09" * 32
INTENT = intent(k=3)


def opened(skill: float) -> Conducted:
    world = World({INCUMBENT: Model(falling(0.5)), CANDIDATE: Model(falling(skill), noise="own")})
    return conduct(INTENT, SEED, TASKS, world.answer, silent)


def outcome_of(conducted: Conducted) -> Outcome:
    return Outcome(
        INTENT.k, conducted.verdict, conducted.results, conducted.gain, "00" * 32, conducted.because
    )


BETTER, UNDECIDED, WORSE = opened(0.75), opened(0.5), opened(0.3)
OUTCOME = outcome_of(BETTER)


@pytest.mark.parametrize("conducted", [BETTER, UNDECIDED, WORSE], ids=["better", "undecided", "not_better"])
def test_an_honest_opening_has_no_discrepancy_at_any_depth(conducted: Conducted) -> None:
    outcome = outcome_of(conducted)
    assert discrepancies(INTENT, outcome, BUDGET) == []
    assert recount(INTENT, outcome, conducted.record) == []
    assert recheck_items(INTENT, SEED, conducted.record, TASKS) == []


def test_the_three_examples_have_three_verdicts() -> None:
    assert [one.verdict for one in (BETTER, UNDECIDED, WORSE)] == ["better", "undecided", "not_better"]


def test_a_void_outcome_needs_no_counts() -> None:
    assert discrepancies(INTENT, Outcome(3, "void", (), None, "00" * 32, "disk full"), BUDGET) == []


def first_result(**changes: object) -> Outcome:
    results = (structs.replace(OUTCOME.results[0], **changes), *OUTCOME.results[1:])
    return structs.replace(OUTCOME, results=results)


def counted(kind_counts: Counts) -> TestResult:
    value = log_e("superiority", 0.0, kind_counts)
    return TestResult("S", kind_counts, value, passed=False)


GAIN = Gain(-0.1, 0.1, 10)
MISREPORTED: dict[str, tuple[Intent, Outcome]] = {
    "one more win": (INTENT, first_result(counts=Counts(500, 0, 0))),
    "a negative count": (INTENT, first_result(counts=Counts(-1, 0, 0))),
    "more items than allowed": (
        INTENT,
        first_result(
            counts=Counts(0, 0, 99_999), log_e=log_e("superiority", 0.0, Counts(0, 0, 99_999)), passed=False
        ),
    ),
    "an e-value that is too large": (INTENT, first_result(log_e=OUTCOME.results[0].log_e + 1e-6)),
    "an e-value that is not a number": (INTENT, first_result(log_e=float("nan"))),
    "a pass called a failure": (INTENT, first_result(passed=False)),
    "a failure called a pass": (
        INTENT,
        structs.replace(outcome_of(UNDECIDED), results=(structs.replace(UNDECIDED.results[0], passed=True),)),
    ),
    "undecided called better": (INTENT, structs.replace(outcome_of(UNDECIDED), verdict="better")),
    "undecided called not better": (INTENT, structs.replace(outcome_of(UNDECIDED), verdict="not_better")),
    "not better called undecided": (INTENT, structs.replace(outcome_of(WORSE), verdict="undecided")),
    "better called undecided": (INTENT, structs.replace(OUTCOME, verdict="undecided")),
    "better although a test is missing": (INTENT, structs.replace(OUTCOME, results=OUTCOME.results[:-1])),
    "better without any test": (INTENT, structs.replace(OUTCOME, results=())),
    "tests in another order": (INTENT, structs.replace(OUTCOME, results=OUTCOME.results[::-1])),
    "a test of another name": (INTENT, first_result(name="T")),
    "tests after one that failed": (
        INTENT,
        structs.replace(OUTCOME, results=(counted(Counts(1, 1, 5)), *OUTCOME.results[1:])),
    ),
    "a verdict without a gain": (INTENT, structs.replace(OUTCOME, gain=None)),
    "the outcome of another opening": (INTENT, structs.replace(OUTCOME, k=4)),
    "a larger alpha than the budget gives": (structs.replace(INTENT, alpha=0.05), OUTCOME),
    "a smaller alpha than the budget gives": (structs.replace(INTENT, alpha=1e-6), OUTCOME),
    "an intent without superiority": (structs.replace(INTENT, targets=INTENT.targets[1:]), OUTCOME),
}


@pytest.mark.parametrize("case", MISREPORTED)
def test_what_does_not_follow_from_the_counts_is_found(case: str) -> None:
    asked, outcome = MISREPORTED[case]
    assert discrepancies(asked, outcome, BUDGET)


def test_another_budget_than_the_charters_is_found() -> None:
    assert discrepancies(INTENT, OUTCOME, 0.01) == [
        "alpha 0.0008333333333333334 expected at k = 3, got 0.004166666666666667"
    ]


ROWS = BETTER.record


def changed(place: int, **changes: object) -> tuple[Row, ...]:
    return (*ROWS[:place], structs.replace(ROWS[place], **changes), *ROWS[place + 1 :])


FALSE_ROWS: dict[str, Callable[[], tuple[Row, ...]]] = {
    "a row left out": lambda: ROWS[:5] + ROWS[6:],
    "rows cut before the crossing": lambda: ROWS[: OUTCOME.results[0].counts.items - 1],
    "a row of the gain left out": lambda: tuple(row for row in ROWS if (row.target, row.index) != ("S", 511)),
    "a row twice": lambda: ROWS[:6] + ROWS[5:],
    "a mark changed": lambda: changed(0, candidate_right=not ROWS[0].candidate_right),
    "a slice that is not the target's": lambda: changed(0, slice=Slice("copy", 8000)),
    "a row of a target that was not tested": lambda: changed(0, target="Q"),
    "no rival where there was one": lambda: changed(0, incumbent=None, incumbent_right=None),
    "two rows exchanged": lambda: (ROWS[1], ROWS[0], *ROWS[2:]),
    "nothing": lambda: (),
}


@pytest.mark.parametrize("case", FALSE_ROWS)
def test_what_does_not_follow_from_the_rows_is_found(case: str) -> None:
    assert recount(INTENT, OUTCOME, FALSE_ROWS[case]())


def test_a_gain_that_does_not_follow_from_the_rows_is_found() -> None:
    nicer = structs.replace(OUTCOME, gain=Gain(OUTCOME.gain.low + 1e-6, 1.0, OUTCOME.gain.items))  # type: ignore[union-attr]
    for outcome in (nicer, structs.replace(OUTCOME, gain=GAIN), structs.replace(OUTCOME, gain=None)):
        assert "gain" in recount(INTENT, outcome, ROWS)[0]


FALSE_ITEMS: dict[str, Callable[[], tuple[Row, ...]]] = {
    "another prompt": lambda: changed(3, prompt="C1="),
    "another answer": lambda: changed(3, answer="1"),
    "another slice": lambda: changed(3, slice=Slice("copy", 7)),
    "a wrong answer marked right": lambda: changed(_wrong(), candidate_right=True),
    "an incumbent's right answer marked wrong": lambda: changed(_incumbent_right(), incumbent_right=False),
}


def _wrong() -> int:
    return next(place for place, row in enumerate(ROWS) if not row.candidate_right)


def _incumbent_right() -> int:
    return next(place for place, row in enumerate(ROWS) if row.incumbent_right)


@pytest.mark.parametrize("case", FALSE_ITEMS)
def test_rows_that_the_seed_did_not_draw_or_the_checker_did_not_mark_are_found(case: str) -> None:
    assert recheck_items(INTENT, SEED, FALSE_ITEMS[case](), TASKS)


def test_items_of_another_seed_are_found() -> None:
    assert recheck_items(INTENT, SEED[::-1] + b"x", ROWS, TASKS)


def test_rows_come_back_from_their_file_and_the_same_rows_give_the_same_bytes() -> None:
    data = encode_rows(ROWS)
    assert decode_rows(data) == list(ROWS)
    assert encode_rows(decode_rows(data)) == data
    assert data.count(b"\n") == len(ROWS)


@pytest.mark.parametrize("data", [b"{}\n", b"nonsense", b'{"target":"S"}\n'])
def test_a_file_that_holds_no_rows_is_not_believed(data: bytes) -> None:
    with pytest.raises(TrustError, match="rows of an answers file"):
        decode_rows(data)
