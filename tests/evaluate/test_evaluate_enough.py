"""A file's sealed rows bound what a test may use, no row is asked twice, and a file that cannot suffice is refused."""

import json
from collections import Counter
from math import sqrt

import pytest

from detent.errors import TaskError
from detent.evaluate import (
    ItemStream,
    Rules,
    alpha,
    item_limit,
    limited,
    most_items,
    see_rows,
    within_rows,
)
from detent.tasks import Rng, RowSource, Shares, TaskSource, builtin, opened, read_rows, rows_of
from detent.values import Slice, Target

BUDGET = 0.05


def source(count: int, levels: int = 1, openings: int = 2, name: str = "sums") -> RowSource:
    rows = [{"prompt": f"{name} {n} = ?", "answer": str(n), "level": 1 + n % levels} for n in range(count)]
    data = "\n".join(map(json.dumps, rows)).encode()
    return RowSource(name, read_rows(data, "f.jsonl", Shares(0.6, 0.1, openings)))


def target(*slices: Slice, limit: int = 2000) -> Target:
    return Target("L/sums", "non_inferiority", slices, (1 / len(slices),) * len(slices), 0.05, limit)


ONE = target(Slice("sums", 1))
MIXED = target(Slice("sums", 1), Slice("sums", 2), Slice("copy", 3))


def test_no_row_comes_twice_within_a_test_whatever_else_is_drawn() -> None:
    tasks: dict[str, TaskSource] = opened({"sums": source(3000, levels=2), "copy": builtin("copy")}, 1)
    items = ItemStream(b"seed", MIXED, tasks).take(0, 1000)
    seen = Counter(item.problem.prompt for item in items if item.slice.task == "sums")
    assert max(seen.values()) == 1
    assert all(item.problem.prompt.startswith("sums") == (item.slice.task == "sums") for item in items)


def test_items_are_the_same_however_they_are_taken() -> None:
    tasks: dict[str, TaskSource] = opened({"sums": source(3000, levels=2), "copy": builtin("copy")}, 1)
    stream = ItemStream(b"seed", MIXED, tasks)
    whole = ItemStream(b"seed", MIXED, tasks).take(0, 300)
    assert [*stream.take(0, 100), *stream.take(100, 300)] == whole
    assert stream.take(50, 60) == whole[50:60]


def test_the_order_of_rows_hangs_on_the_seed_and_any_row_may_come_first() -> None:
    tasks: dict[str, TaskSource] = opened({"sums": source(60, openings=1)}, 1)
    rows = rows_of(tasks["sums"], 1)
    assert rows is not None
    firsts = {
        ItemStream(Rng(bytes([n, m])).seed, ONE, tasks).take(0, 1)[0].problem.prompt
        for n in range(32)
        for m in range(32)
    }
    assert len(firsts) == rows


def test_openings_share_no_row() -> None:
    rows = source(2000)
    drawn = []
    for k in (1, 2):
        tasks: dict[str, TaskSource] = opened({"sums": rows}, k)
        count = rows_of(tasks["sums"], 1)
        assert count is not None
        drawn.append({item.problem.prompt for item in ItemStream(b"s", ONE, tasks).take(0, count)})
        with pytest.raises(TaskError, match=f"for opening {k} expected, got only {count}"):
            ItemStream(b"s", ONE, tasks).take(count, count + 1)
    assert not drawn[0] & drawn[1]


def test_the_limit_leaves_room_for_chance() -> None:
    """What is promised: n w + 6 sqrt(n w (1 - w)) rows at the most, and one item more would be too many."""
    for weight in (1.0, 0.5, 1 / 3, 0.05):
        for rows in (1, 10, 400, 10_000):
            n = most_items((weight, 1 - weight), (rows, None)) or 0

            def needed(n: int, weight: float = weight) -> float:
                return n * weight + 6 * sqrt(n * weight * (1 - weight))

            assert needed(n) <= rows + 1e-6 < needed(n + 1) + 1e-3
    assert most_items((0.5, 0.5), (None, None)) is None
    assert most_items((0.5, 0.5), (100, 0)) == 0


def test_within_that_limit_rows_do_not_run_out() -> None:
    """Of 200 seeds none: the chance of one is about 1e-9."""
    tasks: dict[str, TaskSource] = {"sums": source(1200, levels=2), "copy": builtin("copy")}
    limit = limited(MIXED, tasks, 1).limit
    assert 100 < limit < 2000
    for number in range(200):
        ItemStream(Rng(b"").child(str(number)).seed, MIXED, opened(tasks, 1)).take(0, limit)


def test_tests_of_other_tasks_keep_their_limits() -> None:
    only = target(Slice("copy", 3))
    assert limited(only, {"copy": builtin("copy")}, 9) == only
    assert within_rows([only], {"copy": builtin("copy")}, 9, alpha(9, BUDGET)) == (only,)


def test_an_opening_past_the_last_rows_is_refused_before_it_is_fixed() -> None:
    rows: dict[str, TaskSource] = {"sums": source(4000)}
    assert within_rows([ONE], rows, 2, alpha(2, BUDGET))[0].limit < ONE.limit
    with pytest.raises(
        TaskError,
        match=r"task sums: sealed rows for at least \d+ items of test L/sums \(level 1\) in opening 3",
    ):
        within_rows([ONE], rows, 3, alpha(3, BUDGET))


def test_a_file_with_enough_rows_is_taken_and_one_with_too_few_is_not() -> None:
    see_rows(source(4000), 1, Rules(), BUDGET)
    with pytest.raises(TaskError, match="start another run with more rows, fewer openings, or more sealed"):
        see_rows(source(300), 1, Rules(), BUDGET)
    with pytest.raises(TaskError, match="rows of level 2 for what is taught expected, got none"):
        see_rows(source(4000), 2, Rules(), BUDGET)


def test_more_rows_than_a_test_may_use_change_no_limit() -> None:
    limit = item_limit(200, 1, BUDGET)
    assert limited(target(Slice("sums", 1), limit=limit), {"sums": source(4000)}, 1).limit == limit
