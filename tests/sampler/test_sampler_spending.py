"""What a server is asked for: no question twice in a turn, none beyond the budget, no more at once or a minute."""

import json
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.sampler.asking import contests, judging, sampler, unwatched

from detent.engine import ServerSampler
from detent.errors import CharterError, EngineError, StorageError
from detent.testing.servers import Asked, ChatServer, completion, kind, send
from detent.values.serving import Budget

TURN = "generation 1"


def spent(folder: Path) -> int:
    lines = (folder / "kept" / "spent.jsonl").read_text().splitlines()
    return sum(row["read"] + row["written"] for row in map(json.loads, lines))


def test_what_was_answered_is_not_asked_again_in_its_turn_also_by_another_sampler(tmp_path: Path) -> None:
    with ChatServer(kind()) as server:
        kept = []
        for _ in range(2):
            with sampler(tmp_path, server.url) as asked:
                kept.append(asked.ask(judging(contests(4)), TURN, unwatched).report.kept)
        assert len(server.asked) == 8
        assert kept == [0, 8]
        assert spent(tmp_path) == 8 * 51


def test_the_same_question_in_another_turn_is_asked_again(tmp_path: Path) -> None:
    with ChatServer(kind()) as server, sampler(tmp_path, server.url) as asked:
        for turn in (TURN, "generation 2"):
            asked.ask(judging(), turn, unwatched)
        assert len(server.asked) == 4


def test_the_same_question_to_another_model_is_asked_again(tmp_path: Path) -> None:
    def behave(line: socket.socket, asked: Asked) -> None:
        send(line, completion("1", [("1", -0.1)], model=asked.body["model"]))

    with ChatServer(behave) as server:
        for model in ("wise-1b", "wise-2b"):
            with sampler(tmp_path, server.url, model=model) as asked:
                asked.ask(judging(), TURN, unwatched)
        assert len(server.asked) == 4


@pytest.mark.parametrize("damage", ["reply", "question", "cut"])
def test_an_answer_that_was_changed_on_disk_is_asked_for_again(damage: str, tmp_path: Path) -> None:
    with ChatServer(kind()) as server, sampler(tmp_path, server.url) as asked:
        before = asked.ask(judging(), TURN, unwatched)
        for path in (tmp_path / "kept").glob("*/*.json"):
            document = json.loads(path.read_text())
            if damage == "reply":
                document["reply"]["top"] = [["2", -0.1]]
            if damage == "question":
                document["question"] = "0" * 64
            text = json.dumps(document)
            path.write_text(text[:-5] if damage == "cut" else text)
        after = asked.ask(judging(), TURN, unwatched)
        assert len(server.asked) == 4
        assert after.result == before.result


def test_nothing_is_sent_that_could_go_beyond_the_tokens(tmp_path: Path) -> None:
    with ChatServer(kind()) as server:
        with (
            sampler(tmp_path, server.url, budget=Budget(tokens=2000)) as asked,
            pytest.raises(CharterError, match=r"servers\.wise\.budget\.tokens = 2000"),
        ):
            asked.ask(judging(contests(40)), TURN, unwatched)
        assert 0 < len(server.asked) < 80
        assert spent(tmp_path) <= 2000


def test_what_is_on_its_way_counts(tmp_path: Path) -> None:
    """Eight at once, each of which might take some 600 tokens, never go out on a budget of 2000."""

    def behave(line: socket.socket, asked: Asked) -> None:
        time.sleep(0.3)
        kind()(line, asked)

    with ChatServer(behave) as server:
        with (
            sampler(tmp_path, server.url, budget=Budget(tokens=2000), concurrency=8) as asked,
            pytest.raises(CharterError),
        ):
            asked.ask(judging(contests(40)), TURN, unwatched)
        assert server.most_at_once <= 3


def test_a_budget_that_is_spent_stays_spent_in_another_session(tmp_path: Path) -> None:
    with ChatServer(kind()) as server:
        for _ in range(2):
            with (
                sampler(tmp_path, server.url, budget=Budget(tokens=2000)) as asked,
                pytest.raises(CharterError),
            ):
                asked.ask(judging(contests(40)), TURN, unwatched)
        once = len(server.asked)
        with sampler(tmp_path, server.url, budget=Budget(tokens=2000)) as asked, pytest.raises(CharterError):
            asked.ask(judging(contests(40)), TURN, unwatched)
        assert len(server.asked) == once


def test_what_the_ledger_says_was_spent_is_spent_though_the_journal_is_gone(tmp_path: Path) -> None:
    with ChatServer(kind()) as server:
        with (
            sampler(
                tmp_path, server.url, budget=Budget(tokens=2000), spent_read=1900, spent_written=90
            ) as asked,
            pytest.raises(CharterError, match="of which 1990 are spent"),
        ):
            asked.ask(judging(), TURN, unwatched)
        assert not server.asked


def test_nothing_is_sent_that_could_cost_more_than_there_is(tmp_path: Path) -> None:
    budget = Budget(tokens=1_000_000, money=0.005, price_in=2.5, price_out=10.0)
    with ChatServer(kind()) as server:
        with (
            sampler(tmp_path, server.url, budget=budget) as asked,
            pytest.raises(CharterError, match=r"budget\.money = 0\.005"),
        ):
            asked.ask(judging(contests(40)), TURN, unwatched)
        assert len(server.asked) < 80


def test_a_server_that_says_it_took_more_than_it_could_is_believed_and_stops_the_run(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 10**12, "completion_tokens": 1}
    body = completion("1", [("1", -0.1)], usage=usage)
    with ChatServer(lambda line, _: send(line, body)) as server:
        with sampler(tmp_path, server.url, concurrency=1) as asked, pytest.raises(CharterError):
            asked.ask(judging(contests(5)), TURN, unwatched)
        assert len(server.asked) == 1


def test_an_answer_that_broke_off_is_paid_as_if_it_had_been_written_to_its_end(tmp_path: Path) -> None:
    def behave(line: socket.socket, asked: Asked) -> None:
        if asked.number:
            kind()(line, asked)

    with ChatServer(behave) as server, sampler(tmp_path, server.url, concurrency=1) as asked:
        asked.ask(judging(), TURN, unwatched)
        question = server.asked[0].text
    assert spent(tmp_path) == len(question.encode()) + 64 + 1 + 2 * 51


def test_a_journal_that_holds_something_else_is_not_read_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "spent.jsonl").write_text('{"read": -5, "written": 1}\n{"read": 5, "written": 1}\n')
    with ChatServer(kind()) as server:
        with sampler(tmp_path, server.url) as asked, pytest.raises(StorageError, match="line 1"):
            asked.ask(judging(), TURN, unwatched)
        assert not server.asked


def test_a_sampler_that_is_killed_while_it_waits_has_paid_for_what_it_sent(tmp_path: Path) -> None:
    """The budget would else hold for a session, and not for a run: each kill would give two questions for nothing."""
    seen = threading.Event()

    def behave(_: socket.socket, asked: Asked) -> None:
        if asked.number:
            seen.set()
        seen.wait(10)

    with ChatServer(behave) as server, sampler(tmp_path, server.url, seconds=20.0) as asked:
        thread = threading.Thread(target=_until_killed, args=(asked,))
        thread.start()
        assert seen.wait(10)
        (process,) = started(tmp_path / "kept")
        os.kill(process, signal.SIGKILL)
        thread.join()
        most = sum(len(one.text.encode()) + 64 + 1 for one in server.asked)
    assert len(server.asked) == 2
    assert spent(tmp_path) == most


def _until_killed(asked: ServerSampler) -> None:
    with suppress(EngineError):
        asked.ask(judging(), TURN, unwatched)


def started(kept: Path) -> list[int]:
    """The samplers' own processes with that folder, not what confines them."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (path / "cmdline").read_bytes().split(b"\0")
            if str(kept).encode() in words and words[0].endswith(b"python"):
                found.append(int(path.name))
    return found


def test_a_line_that_a_crash_cut_short_is_taken_off_and_the_others_count(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    journal = tmp_path / "kept" / "spent.jsonl"
    journal.write_text('{"read": 700, "written": 10}\n{"read": 600, "wri')
    with ChatServer(kind()) as server:
        for number in (1, 2):
            with sampler(tmp_path, server.url) as asked:
                asked.ask(judging(), f"generation {number}", unwatched)
    assert spent(tmp_path) == 710 + 4 * 51


def test_a_budget_in_money_holds_against_a_server_that_counts_more_than_it_could_take(tmp_path: Path) -> None:
    """Else the record would say that more was spent than the charter allows, and no honest run could mend that."""
    usage = {"prompt_tokens": 500_000, "completion_tokens": 1}
    body = completion("1", [("1", -0.1)], usage=usage)
    budget = Budget(tokens=10_000_000, money=0.5, price_in=2.5)
    with ChatServer(lambda line, _: send(line, body)) as server:
        with (
            sampler(tmp_path, server.url, budget=budget, concurrency=1) as asked,
            pytest.raises(CharterError, match=r"budget\.money = 0\.5 expected, got what costs 1\.25"),
        ):
            asked.ask(judging(), TURN, unwatched)
        assert len(server.asked) == 1


def test_what_is_spent_after_the_journal_was_lost_adds_to_what_the_ledger_says(tmp_path: Path) -> None:
    with ChatServer(kind()) as server:
        for number in (1, 2):
            with sampler(tmp_path, server.url, spent_read=5000, spent_written=40) as asked:
                asked.ask(judging(), f"generation {number}", unwatched)
    assert spent(tmp_path) == 5040 + 4 * 51


def test_no_more_are_asked_at_once_than_the_charter_says(tmp_path: Path) -> None:
    def behave(line: socket.socket, asked: Asked) -> None:
        time.sleep(0.1)
        kind()(line, asked)

    with ChatServer(behave) as server, sampler(tmp_path, server.url, concurrency=3) as asked:
        asked.ask(judging(contests(6)), TURN, unwatched)
        assert server.most_at_once == 3


def test_no_more_are_asked_a_minute_than_the_charter_says(tmp_path: Path) -> None:
    with ChatServer(kind()) as server, sampler(tmp_path, server.url, requests_per_minute=120) as asked:
        asked.ask(judging(), TURN, unwatched)
        began = time.monotonic()
        asked.ask(judging(contests(2)), TURN, unwatched)
        assert time.monotonic() - began > 0.9
