"""How fast the dashboard's server is with a long run, and what it takes: what docs/dashboard.md states, measured here.

    web_bench.py                            1,000 generations, some 97,000 entries: 200 MB of disk and two minutes
    web_bench.py --generations 100          less

A run folder with a real charter and ledger and made-up generations lies beside the results (bench/) and is removed
afterwards. The server is a process of its own: its memory and processor time are read from /proc.
"""

import argparse
import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.web.made_run import Made, free_port  # noqa: E402

from detent.values import Refused  # noqa: E402

BENCH = ROOT / "bench"
TRIALS = 28  # three entries each: with a generation's own some 97
VIEWERS = 50
WATCHED = 20.0  # seconds
PAUSE = 2.0  # seconds between entries while watched: a run under way writes some ten a minute

Found = dict[str, Any]


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generations", type=int, default=1_000)
    options = parser.parse_args()
    BENCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BENCH, prefix="web-") as place:
        os.environ["DETENT_DATA"] = f"{place}/data"
        made = Made.new(Path(place) / "long", options.generations, trials=TRIALS)
        print("made", file=sys.stderr, flush=True)
        for row in rows(made):
            print(f"| {row[0]} | {row[1]} |", flush=True)


def rows(made: Made) -> Iterator[tuple[str, str]]:
    """What was measured, a row each."""
    yield "what", "figure"
    yield "---", "---"
    with served(made.folder) as (port, process, began):
        yield "from the command to the first answer", f"{time.monotonic() - began:.1f} s"
        while (first := timed(port, "/runs/long")) is None:  # its charter is being read
            time.sleep(0.02)
        shown = time.monotonic() - began
        yield "from the command to the run's page, of what was read by then", f"{shown:.1f} s"
        yield "that page, while the rest is read", f"{1000 * first:.0f} ms"
        run = wait_read(port)
        yield f"from the command to all {run['read']:,} entries", f"{time.monotonic() - began:.1f} s"
        yield from used(port, process, made)


def used(port: int, process: int, made: Made) -> Iterator[tuple[str, str]]:
    """With everything read: answers, memory, viewers."""
    yield "processor time until then", f"{cpu_of(process):.1f} s"
    for address in (
        "/api/v1/runs",
        "/api/v1/runs/long",
        "/api/v1/runs/long/generations?start=900&limit=50",
        "/api/v1/runs/long/generations/500",
        "/api/v1/runs/long/entries?start=50000&limit=50",
        "/metrics",
        "/",
        "/runs/long",
        "/runs/long/generations/500",
    ):
        times = [timed(port, address) for _ in range(11)]
        if (first := times[0]) is not None:
            usual = statistics.median(one or 0.0 for one in times[1:])
            yield f"{address}, first and median", f"{1000 * first:.0f} ms, {1000 * usual:.1f} ms"
    yield (
        "memory (resident, and its peak)",
        " and ".join(f"{memory_of(process, key):.0f} MB" for key in ("VmRSS", "VmHWM")),
    )
    yield from asyncio.run(watched(port, process, made))
    yield (
        "memory with viewers gone",
        f"{memory_of(process, 'VmRSS'):.0f} MB, peak {memory_of(process, 'VmHWM'):.0f} MB",
    )


async def watched(port: int, process: int, made: Made) -> list[tuple[str, str]]:
    """Viewers on the events of a run under way: how late they are told, and what that takes."""
    heard: list[float] = []
    viewers = [asyncio.create_task(viewer(port, heard)) for _ in range(VIEWERS)]
    while len(heard) < VIEWERS:  # noqa: ASYNC110  where the run stands, told on arrival
        await asyncio.sleep(0.1)
    before, began, late, number = cpu_of(process), time.monotonic(), [], 0
    while time.monotonic() - began < WATCHED:
        heard.clear()
        number += 1
        made.write(
            [Refused(at="2026-11-01T00:00:00Z", what="nothing", digest="00" * 32, because=f"number {number}")]
        )
        written = time.monotonic()
        await asyncio.sleep(PAUSE)
        late.append(max(heard) - written if len(heard) >= VIEWERS else float("nan"))
    share = (cpu_of(process) - before) / (time.monotonic() - began)
    for one in viewers:
        one.cancel()
    return [
        (
            f"{VIEWERS} viewers: the last is told of an entry after, median and most",
            f"{statistics.median(late):.2f} s, {max(late):.2f} s",
        ),
        (f"{VIEWERS} viewers, an entry every {PAUSE:g} s: of one processor", f"{share:.2%}"),
    ]


async def viewer(port: int, heard: list[float]) -> None:
    """Somebody with a run's page open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /runs/long/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    while line := await reader.readline():
        if line.startswith(b"event: version"):
            heard.append(time.monotonic())


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, int, float]]:
    """A server of its own; port, process, and when it was started."""
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("detent")),
        "serve",
        str(folder),
        "--listen",
        f"127.0.0.1:{port}",
    ]
    began = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while timed(port, "/api/v1/runs") is None:
            time.sleep(0.02)
        yield port, process.pid, began
    finally:
        process.terminate()
        process.wait(10)


def wait_read(port: int) -> Found:
    """The run at a glance, as soon as all of it was read."""
    while True:
        run = asked(port, "/api/v1/runs")[0]
        if run["read"] and run["read"] == run["entries"]:
            return dict(run)
        time.sleep(0.1)


def timed(port: int, address: str) -> float | None:
    """Seconds of an answer; None where there is none."""
    began = time.perf_counter()
    try:
        asked(port, address)
    except (OSError, ValueError):
        return None
    return time.perf_counter() - began


def asked(port: int, address: str) -> Any:
    """What it says, JSON read. ValueError: it is no 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", address)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise ValueError(answer.status)
    return json.loads(body) if address.startswith("/api/") else body


def cpu_of(process: int) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(process: int) -> str:
    """As text."""
    return f"{memory_of(process, 'VmRSS'):.0f} MB resident, {memory_of(process, 'VmHWM'):.0f} MB at the most"


def memory_of(process: int, key: str) -> float:
    """Megabytes, of 10^6 bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:")) * 1024 / 1e6


if __name__ == "__main__":
    main()
