"""How fast the ledger is, and how that grows: what docs/benchmarks.md states, measured here and now.

    ledger_bench.py                         up to 1,000,000 entries of 1 KB: needs 2 GB of disk and some minutes
    ledger_bench.py --largest 10000         less
    ledger_bench.py --picture docs/ledger-growth.svg

The log lies in a folder beside the results (bench/), on the disk that is to be measured, and is removed afterwards.
All figures but those of batches and of fsck are medians; fsync is the disk's own.
"""

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from detent.audit import fsck
from detent.ledger import Ledger, LedgerReader
from detent.report.charts import Axis, Lines, Point, Series, line_chart, ticks
from detent.signing import SigningKey

BENCH = Path(__file__).parent.parent / "bench"
KEY = SigningKey.from_seed("example.com/bench", bytes(32))
ENTRY = 1000  # bytes
BATCH = 10_000
SINGLE = 256  # appends one by one, so that a tile and a bundle are filled once
SIZES = (1_000, 10_000, 100_000, 1_000_000)

Found = dict[str, Any]


def main() -> None:
    """Measure, print Markdown, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--largest", type=int, default=SIZES[-1])
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--fsck", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fsck:
        print(json.dumps(checked(options.fsck)))
        return
    BENCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BENCH, prefix="ledger-") as place:
        found = measured(Path(place), options.largest)
    print(table(found))
    if options.picture:
        options.picture.write_text(picture(found["sizes"]), encoding="utf-8")


def measured(place: Path, largest: int) -> Found:
    """Make a log of each size, look at each, then append to all in turn: what else the disk does meets all alike."""
    batches: list[float] = []
    sizes: dict[int, Found] = {}
    for size in (size for size in SIZES if size <= largest):
        batches += grown(place / str(size), size)
        sizes[size] = at_size(place / str(size), size)
        print(f"{size:,} entries done", file=sys.stderr, flush=True)
    probes = appended(place, sizes)
    check = fsck_apart(place / str(max(sizes)))
    return {"batches": batches, "sizes": sizes, "disk": probes, "fsck": check, "load": os.getloadavg()[0]}


def grown(folder: Path, size: int) -> list[float]:
    """A log of that size; entries a second of each full batch."""
    Ledger.create(folder, KEY, KEY.name).close()
    rates = []
    with Ledger.open(folder, KEY) as ledger:
        while ledger.size < size:
            entries = [entry(ledger.size + at) for at in range(min(BATCH, size - ledger.size))]
            began = time.perf_counter()
            ledger.extend(entries)
            if len(entries) == BATCH:
                rates.append(BATCH / (time.perf_counter() - began))
    return rates


def entry(number: int) -> bytes:
    """A kilobyte that no compression and no other entry makes smaller."""
    return random.Random(number).randbytes(ENTRY)  # noqa: S311  no secret


def at_size(folder: Path, size: int) -> Found:
    """Openings and proofs; a proof is cold when its reader has just been opened and has read no tile but the edge."""
    opening = [timed(lambda: Ledger.open(folder, KEY).close()) for _ in range(21)]
    reading = [timed(lambda: LedgerReader(folder, KEY.verify_key)) for _ in range(21)]
    chance = random.Random(size)  # noqa: S311  no secret
    cold, warm = [], []
    reader = LedgerReader(folder, KEY.verify_key)
    for index in chance.choices(range(size), k=1000):
        fresh = LedgerReader(folder, KEY.verify_key)
        cold.append(timed(partial(fresh.inclusion_proof, index)))
        warm.append(timed(partial(reader.inclusion_proof, index)))
    median = statistics.median
    return {"open": median(opening), "read": median(reading), "cold": median(cold), "warm": median(warm)}


def appended(place: Path, sizes: dict[int, Found]) -> list[float]:
    """Add to each size's figures those of single appends; returns what an fsync alone took, measured between them."""
    ledgers = {size: Ledger.open(place / str(size), KEY) for size in sizes}
    appends: dict[int, list[float]] = {size: [] for size in sizes}
    syncs: dict[int, list[float]] = {size: [] for size in sizes}
    cpu = dict.fromkeys(sizes, 0.0)
    probes = []
    for number in range(SINGLE):
        data = entry(number)
        probes.append(probed(place / "probe", data))
        for size, ledger in ledgers.items():
            before = time.process_time()
            with counted_syncs() as count:
                appends[size].append(timed(partial(ledger.append, data)))
            syncs[size].append(count[0])
            cpu[size] += time.process_time() - before
    for size, ledger in ledgers.items():
        ledger.close()
        found = [quantile(appends[size], share) for share in (0.05, 0.5, 0.95)]
        counts = [min(syncs[size]), statistics.median(syncs[size]), max(syncs[size])]
        sizes[size] |= {"append": found, "syncs": counts, "cpu": cpu[size] / SINGLE}
    return probes


def probed(path: Path, data: bytes) -> float:
    """What one fsync of a kilobyte costs now: to read the other figures by."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        return timed(partial(os.fsync, file.fileno()))


def fsck_apart(folder: Path) -> Found:
    """In a process of its own, whose memory is the check's."""
    command = [sys.executable, __file__, "--fsck", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def checked(folder: Path) -> Found:
    """Derive everything again."""
    began, cpu = time.monotonic(), time.process_time()
    tree = fsck(folder, KEY.verify_key)
    assert not tree.faults, tree.faults[:3]
    return {
        "entries": len(tree.entries),
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
        "peak_mb": peak_kb() / 1024,
    }


def peak_kb() -> int:
    """The most memory this process had; what `getrusage` says begins with that of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def timed(act: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def quantile(values: list[float], share: float) -> float:
    """Of sorted values the one at that share."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


@contextmanager
def counted_syncs() -> Iterator[list[int]]:
    """How often the disk was told to make something durable."""
    count, real = [0], os.fsync

    def counting(handle: int) -> None:
        count[0] += 1
        real(handle)

    os.fsync = counting
    try:
        yield count
    finally:
        os.fsync = real


HEADS = (
    "entries",
    "single append, median (5 %-95 %)",
    "its processor time",
    "fsync each",
    "writer opens",
    "reader opens",
    "proof, cold",
    "proof, warm",
)


def table(found: Found) -> str:
    """As Markdown."""
    rates, check = found["batches"], found["fsck"]
    rows = [
        f"Machine: {machine()}; load when done {found['load']:.1f}.",
        "",
        f"| {' | '.join(HEADS)} |",
        "|---" * len(HEADS) + "|",
        *(_row(size, one) for size, one in found["sizes"].items()),
        "",
        "| what | figure |",
        "|---|---|",
    ]
    if rates:
        rows.append(
            f"| durable, integrated entries a second, batches of {BATCH:,} | median {statistics.median(rates):,.0f} "
            f"(slowest {min(rates):,.0f}, fastest {max(rates):,.0f}; {len(rates)} batches) |"
        )
    rows.append(
        f"| one fsync alone, between the appends | median {1000 * statistics.median(found['disk']):.2f} ms "
        f"(95 %: {1000 * quantile(found['disk'], 0.95):.1f} ms) |"
    )
    rows.append(
        f"| full check (`detent ledger fsck`) of {check['entries']:,} entries | {check['seconds']:.1f} s "
        f"({check['cpu']:.1f} s of processor time), {check['peak_mb']:.0f} MB at the most |"
    )
    return "\n".join(rows)


def _row(size: int, one: Found) -> str:
    low, middle, high = (f"{1000 * value:.1f}" for value in one["append"])
    least, usual, most = (f"{value:g}" for value in one["syncs"])
    cpu, *times = (f"{1000 * one[name]:.2f} ms" for name in ("cpu", "open", "read", "cold", "warm"))
    cells = (f"{size:,}", f"{middle} ms ({low}-{high})", cpu, f"{usual} ({least}-{most})", *times)
    return f"| {' | '.join(cells)} |"


def machine() -> str:
    """Which processor, how many of it, and what disk the results lie on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    disk = shutil.disk_usage(BENCH).total >> 30
    return (
        f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}, "
        f"Python {platform.python_version()}, a disk of {disk} GiB"
    )


def picture(sizes: dict[int, Found]) -> str:
    """Cost of an append over the size of the log, as a drawing of its own."""
    title = "One durable append of 1 KB, ms: median, and 5 % to 95 %"
    points = []
    for place, (size, one) in enumerate(sizes.items()):
        low, middle, high = (1000 * value for value in one["append"])
        points.append(Point(float(place), middle, f"{size:,} entries: {middle:.1f} ms", low=low, high=high))
    places = tuple((float(place), f"{size:,}") for place, size in enumerate(sizes))
    top = max(5.0, *(point.high or 0.0 for point in points))
    lines = Lines(
        f"{title}, by entries in the log",
        (Series("", tuple(points), band=True),),
        x=Axis("entries in the log", -0.3, len(sizes) - 0.7, places),
        y=Axis(title, 0, top, ticks(0, top)),
    )
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="640" '
    drawn = str(line_chart(lines)).replace("<svg ", head, 1)
    return drawn.replace("</svg>", f"<style>{STYLE}</style></svg>\n")


STYLE = """
svg { font: 12px sans-serif; background: #fff; color: #1f5f99; font-variant-numeric: tabular-nums }
text { fill: #444 } .middle { text-anchor: middle } .end { text-anchor: end }
.name { fill: currentColor; font-weight: 600 }
.grid { stroke: #e5e5e5 } .base { stroke: #888 } .line, .whisker { fill: none; stroke: currentColor; stroke-width: 2 }
.mark { fill: currentColor } .band { fill: currentColor; opacity: .15 } .reach { fill: none }
"""

if __name__ == "__main__":
    main()
