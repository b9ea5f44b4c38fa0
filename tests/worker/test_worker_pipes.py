"""The worker's pipes and its nursery, with a bench that only counts: no libraries to load."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

COUNTING = """
import os, sys, time
from detent.values import Answers
from detent.worker.__main__ import nurse, serve
from detent.values.wire import Wire

class Counting:
    count = 0
    def settle(self):
        pass
    def attempt(self, line):
        if line == b"die":
            os.kill(os.getpid(), 9)
        if line == b"leave":
            sys.exit(5)
        if line == b"haunt" and os.fork() == 0:
            if os.fork() == 0:
                time.sleep(5)
            os._exit(0)
        self.count += 1
        print("a stray print", flush=True)
        os.write(1, b"and a write to descriptor 1\\n")
        found = sys.stdin.read()
        return Answers(completions=(f"{self.count} {line.decode()}{found}",))

wire = Wire.taken()
wire.ready()
"""


def said(how: str, heard: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, lines said and the log of a worker that hears `heard` and then the end."""
    ran = subprocess.run(
        [sys.executable, "-c", COUNTING + how],
        input=heard.encode(),
        capture_output=True,
        check=False,
        timeout=20,
    )
    return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines()], ran.stderr.decode()


def words(records: list[dict[str, Any]]) -> list[str]:
    return [record.get("completions", [record["type"]])[0] for record in records]


def test_stray_prints_go_to_the_log_and_stray_reads_take_no_job() -> None:
    status, records, log = said("serve(Counting(), wire, wire.lines())", "one\ntwo\nthree\n")
    assert (status, words(records)) == (0, ["ready", "1 one", "2 two", "3 three"])
    assert log == "a stray print\nand a write to descriptor 1\n" * 3


def test_a_worker_ends_when_its_overseer_does() -> None:
    assert said("serve(Counting(), wire, wire.lines())", "")[:2] == (0, [{"type": "ready"}])


def test_an_opening_starts_where_no_job_has_been() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COUNTING + "nurse(Counting(), wire)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        heard = [nursery.stdout.readline()]
        for line in (b"one\n", b"two\n", b"\n", b"three\n", b"\n", b"\n", b"four\n"):
            nursery.stdin.write(line)
            nursery.stdin.flush()
            heard.append(nursery.stdout.readline())
        nursery.stdin.close()
        assert nursery.wait(timeout=5) == 0
    found = words([json.loads(line) for line in heard])
    assert found == ["ready", "1 one", "2 two", "ready", "1 three", "ready", "ready", "1 four"]


def test_a_nursery_ends_as_the_worker_it_started() -> None:
    assert said("nurse(Counting(), wire)", "die\n")[0] == 128 + signal.SIGKILL
    assert said("nurse(Counting(), wire)", "leave\n")[0] == 1


def test_a_nursery_does_not_go_on_beside_a_process_that_an_opening_left_behind() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COUNTING + "nurse(Counting(), wire)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stderr is not None
        nursery.stdin.write(b"haunt\n\n")
        nursery.stdin.flush()
        assert nursery.wait(timeout=4) == 1
        log = os.read(nursery.stderr.fileno(), 10_000)
    assert b"no process left behind by an opening expected" in log


def test_progress_is_told_at_first_and_at_last_and_seldom_between() -> None:
    script = """
from detent.values.wire import Wire
wire = Wire(0, 1)
tell = wire.progress("train")
for done in range(100_001):
    tell(done, 100_000, f"loss {done}")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    records = [json.loads(line) for line in ran.stdout.splitlines()]
    assert records[0] == {"type": "progress", "phase": "train", "done": 0, "total": 100_000, "note": "loss 0"}
    assert records[-1]["done"] == 100_000
    assert len(records) < 30
