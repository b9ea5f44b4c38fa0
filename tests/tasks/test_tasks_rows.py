"""A file of prompts with answers is a task whose rows are dealt once, and never twice into an opening."""

import json
import time
import tracemalloc
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import TaskError, TrustError
from detent.tasks import (
    Finite,
    Pooled,
    Problem,
    Rng,
    RowSource,
    Shares,
    TaskSource,
    at_place,
    builtin,
    deal,
    opened,
    over_ladder,
    pinned_rows,
    read_rows,
    row_faults,
    row_file,
    rows_of,
    see_files_apart,
    see_questions_once,
    shown,
    vet,
)
from detent.tasks._dealing import SHOWN, TAUGHT, place_of
from detent.values import sha256_hex

SHARES = Shares(sealed=0.5, shown=0.1, openings=4)


def lines(count: int, levels: int = 1) -> bytes:
    """So many rows."""
    rows = [
        {"prompt": f"What is {n} and {n}?", "answer": f"{2 * n}", "level": 1 + n % levels}
        for n in range(count)
    ]
    return "\n".join(map(json.dumps, rows)).encode()


def source(count: int = 400, levels: int = 1) -> RowSource:
    return RowSource("sums", read_rows(lines(count, levels), "sums.jsonl", SHARES))


def prompts(problems: list[Problem]) -> set[str]:
    return {problem.prompt for problem in problems}


BAD: dict[str, tuple[bytes, str]] = {
    "a prompt twice": (
        b'{"prompt": "a", "answer": "1"}\n{"prompt": "a", "answer": "2"}',
        "f.jsonl:2: each prompt once expected, got 'a' again; put its right answers into one row",
    ),
    "an empty answer": (b'{"prompt": "a", "answer": " "}', "f.jsonl:1: answers that are not empty expected"),
    "an empty answer among several": (
        b'{"prompt": "a", "answer": "1", "answers": ["2", ""]}',
        "f.jsonl:1: answers that are not empty expected",
    ),
    "no answer at all": (b'{"prompt": "a"}', "f.jsonl:1: "),
    "an empty prompt": (
        b'{"prompt": "\\n", "answer": "1"}',
        "f.jsonl:1: a prompt that is not empty expected",
    ),
    "a level below 1": (
        b'{"prompt": "a", "answer": "1", "level": 0}',
        "f.jsonl:1: a level from 1 to 100 expected",
    ),
    "a level of words": (b'{"prompt": "a", "answer": "1", "level": "easy"}', "f.jsonl:1: "),
    "a key that there is not": (b'{"prompt": "a", "anwser": "1"}', "f.jsonl:1: "),
    "an answer that is a number": (b'{"prompt": "a", "answer": 1}', "f.jsonl:1: "),
    "what is not UTF-8": (b'{"prompt": "caf\xe9", "answer": "1"}', "f.jsonl:1: "),
    "a control character": (
        b'{"prompt": "a\\u001b[2J", "answer": "1"}',
        "f.jsonl:1: a prompt of text without control characters expected, got '\\x1b' in it",
    ),
    "a prompt of a million characters": (
        b'{"prompt": "' + b"a" * 1_000_000 + b'", "answer": "1"}',
        "f.jsonl:1: a prompt of at most 65536 characters expected, got 1000000",
    ),
    "an array in place of lines": (b'[{"prompt": "a", "answer": "1"}]', "f.jsonl:1: "),
    "nothing": (b"\n\n", "f.jsonl: 1 to 1,000,000 rows expected, got none"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_file_is_refused_that_has(what: str) -> None:
    data, says = BAD[what]
    with pytest.raises(TaskError) as caught:
        read_rows(data, "f.jsonl", SHARES)
    assert str(caught.value).startswith(says)


def test_of_a_thousand_bad_rows_twenty_are_named() -> None:
    with pytest.raises(TaskError) as caught:
        read_rows(b'{"prompt": "a"}\n' * 1000, "f.jsonl", SHARES)
    assert str(caught.value).count("\n") == 20
    assert str(caught.value).endswith("\n...")


def test_words_of_any_script_and_of_several_lines_are_rows() -> None:
    rows = read_rows('{"prompt": "Où?\\n\\t東京\\u00a0🗼", "answer": "là"}'.encode(), "f.jsonl", SHARES)
    assert sum(count for _, _, count in rows.sizes) == 1


def test_what_is_taught_shown_and_sealed_are_apart_and_are_all_rows() -> None:
    rows = source(1000)
    seed = iter(range(100_000))

    def drawn(one: object, count: int) -> set[str]:
        assert isinstance(one, RowSource)
        return prompts(one.problems([(1, Rng(b"").child(str(next(seed))).seed) for _ in range(count)]))

    sealed = [rows.opened(k) for k in range(1, 5)]
    by_place = [
        prompts(each.problems([(1, at_place(b"", n)) for n in range(rows_of(each, 1) or 0)]))
        for each in sealed
    ]
    pools = [drawn(rows, 8000), drawn(rows.shown(), 4000), *by_place]
    assert sum(map(len, pools)) == len(set().union(*pools)) == 1000
    assert abs(len(pools[0]) - 400) < 60
    assert abs(len(pools[1]) - 100) < 40
    assert all(abs(len(pool) - 125) < 45 for pool in by_place)


@given(
    st.text(min_size=1),
    st.sampled_from([str.upper, str.lower, "  {} ".format, lambda text: text.replace(" ", "\n ")]),
)
def test_case_and_space_of_ascii_move_no_row(prompt: str, changed: Callable[[str], str]) -> None:
    if prompt.isascii():
        assert place_of(changed(prompt), SHARES) == place_of(prompt, SHARES)


def test_a_prompt_is_dealt_as_it_was_when_this_was_written() -> None:
    assert [deal(f"{n}", SHARES) for n in range(6)] == [deal(f" {n}", SHARES) for n in range(6)]
    assert deal("What is 2 + 2?", Shares(0.5, 0.1, 8)) == "opening 7"
    digest = sha256(b"detent/rows/v1\0what is 2 + 2?").digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    assert (share < 0.5) == (place_of("What is 2 + 2?", SHARES) >= 1)
    assert {TAUGHT, SHOWN} == {0, -1}


def test_an_opening_has_no_row_of_another_and_past_the_last_there_is_none() -> None:
    rows = source()
    assert rows_of(rows.opened(5), 1) == 0
    with pytest.raises(TaskError, match="one more row of level 1 for opening 5 expected, got only 0"):
        rows.opened(5).problems([(1, at_place(b"", 0))])


def test_a_level_without_rows_is_an_error_and_no_other_levels_row() -> None:
    with pytest.raises(TaskError, match="level 2 for what is taught"):
        source().problems([(2, b"seed")])
    assert row_faults(source(400, levels=2), 2) == []
    missing = row_faults(source(), 2)
    assert len(missing) == 6  # taught, shown and four openings
    assert (
        missing[0]
        == "rows of level 2 for what is taught expected, got none; add rows, or deal them otherwise"
    )


def test_every_listed_answer_is_right_outer_space_apart_and_no_other() -> None:
    data = b'{"prompt": "prime?", "answer": "2", "answers": ["3", "two"]}\n{"prompt": "one?", "answer": "1"}'
    rows = RowSource("r", read_rows(data, "f.jsonl", SHARES))
    prime, one = Problem("prime?", "2"), Problem("one?", "1")
    asked = [
        (prime, "3"),
        (prime, " two\n"),
        (prime, "2"),
        (prime, "2 "),
        (prime, "2 or 3"),
        (prime, "Two"),
        (one, ""),
    ]
    assert rows.right([*asked, (one, "1"), (one, "11")]) == [True] * 4 + [False] * 3 + [True, False]


def test_a_file_keeps_the_promises_of_a_task() -> None:
    vet(source(levels=2), levels=2, room=0)


def two_files(first: str, second: str, answers: tuple[str, str] = ("1", "1")) -> list[TaskSource]:
    """The first all but taught, the second all but sealed: the worst that shares can do to a row in both."""
    return [
        RowSource(name, read_rows(json.dumps({"prompt": prompt, "answer": answer}).encode(), name, shares))
        for name, prompt, answer, shares in (
            ("a", first, answers[0], Shares(0.01, 0.01, 1)),
            ("b", second, answers[1], Shares(0.98, 0.01, 1)),
        )
    ]


IN_TWO_FILES: dict[str, tuple[str, str]] = {
    "letter for letter": ("Who wrote Faust?", "Who wrote Faust?"),
    "in another case": ("Who wrote Faust?", "WHO wrote Faust?"),
    "with other space": ("Who wrote Faust?", " Who\nwrote  Faust?"),
}


@pytest.mark.parametrize(("first", "second"), IN_TWO_FILES.values(), ids=IN_TWO_FILES.keys())
def test_a_prompt_stands_in_two_files(first: str, second: str) -> None:
    for refuse in (see_files_apart, see_questions_once):
        with pytest.raises(TaskError, match="a prompt in one file alone"):
            refuse(two_files(first, second, ("1", "2")))


TO_A_READER_ONE: dict[str, tuple[str, str]] = {
    "a space that does not break": ("Who wrote Faust?", "Who wrote\u00a0Faust?"),
    "a space of no width": ("Who wrote Faust?", "Who wrote Fa\u200bust?"),
    "a soft hyphen": ("Who wrote Faust?", "Who wrote Fa\u00adust?"),
    "an accent of its own": ("Où est Caen ?", "Ou\u0300 est Caen ?"),
    "another case, not of ASCII": ("Кто написал?", "кто НАПИСАЛ?"),
    "sharp s in capitals": ("Straße?", "STRASSE?"),
    "letters of full width": ("Who?", "\uff37\uff48\uff4f\uff1f"),
    "a ligature": ("Who filed?", "Who \ufb01led?"),
    "a mark of direction": ("Who?", "\u202aWho?\u202c"),
}


@pytest.mark.parametrize(("first", "second"), TO_A_READER_ONE.values(), ids=TO_A_READER_ONE.keys())
def test_two_rows_are_one_question_that_differ_in(first: str, second: str) -> None:
    see_files_apart(two_files(first, second))  # what is dealt alike is alike in its bytes
    with pytest.raises(TaskError, match="a prompt in one file alone"):
        see_questions_once(two_files(first, second, ("1", "2")))
    with pytest.raises(TaskError, match="each question once"):
        see_questions_once([one_file([first, second], ["1", "1"])])


def test_a_row_that_is_repeated_with_other_space_counts_once_or_not_at_all() -> None:
    """Else one question a hundred times would pass a gate that takes a hundred draws for independent."""
    with pytest.raises(TaskError, match="each question once") as caught:
        see_questions_once([one_file([f"Who{' ' * n}?" for n in range(1, 101)], ["Goethe"] * 100)])
    assert len(str(caught.value).splitlines()) == 21, "twenty of them, and that there are more"


def test_a_file_that_two_charters_of_a_run_name_shares_no_row_with_itself() -> None:
    see_files_apart([one_file(["Who?"], ["1"]), one_file(["Who?"], ["1"])])


def test_questions_about_case_itself_are_questions_of_their_own() -> None:
    see_questions_once([one_file(["Turn round the case: aB", "Turn round the case: Ab"], ["Ab", "aB"])])


def one_file(prompts: list[str], answers: list[str]) -> RowSource:
    rows = [{"prompt": one, "answer": right} for one, right in zip(prompts, answers, strict=True)]
    return RowSource("a", read_rows("\n".join(map(json.dumps, rows)).encode(), "a", SHARES))


def test_tasks_that_make_their_problems_have_no_pools() -> None:
    copy = builtin("copy")
    assert opened({"copy": copy}, 1) == shown({"copy": copy}) == {"copy": copy}
    assert rows_of(copy, 1) is None
    assert not isinstance(copy, Pooled)


def test_a_principle_over_a_file_asks_what_the_file_has_for_the_opening() -> None:
    rows = source()
    asked = opened({"P/p/sums": over_ladder("p", "unsure", rows)}, 2)["P/p/sums"]
    assert isinstance(asked, Finite)
    assert rows_of(asked, 1) == rows_of(rows.opened(2), 1)
    assert (
        asked.problems([(1, at_place(b"s", 0))])[0].prompt
        == rows.opened(2).problems([(1, at_place(b"", 0))])[0].prompt
    )


OUTSIDE: dict[str, tuple[str, str]] = {
    "above the folder": ("../f.jsonl", '"FILE.jsonl" with FILE in the charter\'s folder expected'),
    "at an absolute path": ("/etc/f.jsonl", '"FILE.jsonl" with FILE in the charter\'s folder expected'),
    "of another kind": ("f.json", '"FILE.jsonl" with FILE in the charter\'s folder expected'),
    "that is not there": ("g.jsonl", "got No such file or directory; put it beside the charter"),
    "that is a folder": ("d.jsonl", "got something else than an ordinary file"),
}


@pytest.mark.parametrize("where", OUTSIDE)
def test_no_file_is_read(where: str, tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").mkdir()
    name, says = OUTSIDE[where]
    with pytest.raises(TaskError) as caught:
        row_file("sums", name, tmp_path, SHARES)
    assert says in str(caught.value)


def test_rows_that_were_changed_after_signing_are_not_believed(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_bytes(lines(10))
    signed = sha256_hex(lines(10))
    assert pinned_rows("sums", "f.jsonl", signed, tmp_path, SHARES).digest == signed
    (tmp_path / "f.jsonl").write_bytes(lines(11))
    with pytest.raises(TrustError, match=f"SHA-256 {signed} expected, as signed"):
        pinned_rows("sums", "f.jsonl", signed, tmp_path, SHARES)


@pytest.mark.long
def test_a_million_rows_are_read_in_a_minute_and_a_gigabyte() -> None:
    data = lines(1_000_000, levels=5)
    tracemalloc.start()
    began = time.process_time()
    rows = read_rows(data, "f.jsonl", SHARES)
    took, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(count for _, _, count in rows.sizes) == 1_000_000
    assert took < 60
    assert peak < 1 << 30
    with pytest.raises(TaskError, match="rows expected, got more"):
        read_rows(data + b"\n" + lines(1), "f.jsonl", SHARES)
