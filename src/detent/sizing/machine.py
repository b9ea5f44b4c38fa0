"""The machine that a run would work on: processors, memory, GPUs, as the system tells; and how fast such machines are.

    >>> machine_found().cpus
    2

A GPU is looked for with nvidia-smi and in /proc/driver/nvidia; no library that loads models is asked.
"""

import os
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

MEMINFO, NVIDIA = Path("/proc/meminfo"), Path("/proc/driver/nvidia/gpus")
ASKED_SECONDS = 10.0
QUERY = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits")

PEAKS = {
    "H200": 989e12,
    "H100": 989e12,
    "A100": 312e12,
    "A10": 125e12,
    "L40S": 362e12,
    "L4": 121e12,
    "T4": 65e12,
    "4090": 165e12,
    "3090": 71e12,
}
"""Dense bfloat16 (of the T4 float16) operations a second, as the makers state them, by a part of the name."""

TRAINING_SHARE, ANSWERING_SHARE = 0.35, 0.05
"""Of a GPU's peak. Assumed, not measured here: answers are written token by token, and wait for memory."""

CPU_TRAINING, CPU_ANSWERING = 40e9, 15e9
"""Operations a second and thread: measured with two threads on an AMD EPYC of 2024, charter `digits`, seed 1."""


FROZEN_SHARE = 2 / 3
"""Of a training's operations that are left on a processor where only an adapter learns: frozen weights get no gradients
of their own, 4 of 6 a parameter. On a GPU it is 6 again, since activations are computed twice."""


class Gpu(Struct, frozen=True):
    """A GPU's name and memory in bytes, 0 where only the name is known."""

    name: str
    memory: float = 0.0

    @property
    def peak(self) -> float | None:
        """Operations a second in bfloat16, None of one that is not in the table."""
        return next((speed for part, speed in PEAKS.items() if part in self.name), None)


class Machine(Struct, frozen=True):
    """Processors that this process may use, memory in bytes (0: unknown), and GPUs."""

    cpus: int
    memory: float
    gpus: tuple[Gpu, ...] = ()


class Speed(Struct, frozen=True):
    """Operations a second, as ledgers count them, of training and of answering. source: where that is known from."""

    training: float
    answering: float
    source: str


def machine_found() -> Machine:
    """This machine."""
    return Machine(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_in(_text(MEMINFO)),
        _gpus(),
    )


def used_machine(machine: Machine, device: str, *, built: bool) -> Machine:
    """The machine as far as a charter lets workers use it: its run.device, and whether the model is made here."""
    on_processor = device == "cpu" or (built and device == "auto")
    return Machine(machine.cpus, machine.memory) if on_processor else machine


def memory_in(meminfo: str) -> float:
    """Bytes of memory, as /proc/meminfo says; 0 where it does not."""
    for line in meminfo.splitlines():
        name, _, said = line.partition(":")
        words = said.split()
        if name == "MemTotal" and words and words[0].isdigit():
            return int(words[0]) * 1024.0
    return 0.0


def gpus_in(listed: str) -> tuple[Gpu, ...]:
    """What nvidia-smi lists, a line each: `NVIDIA H100 80GB HBM3, 81559` (MiB)."""
    found = []
    for line in listed.splitlines():
        name, _, memory = line.rpartition(",")
        if name.strip() and memory.strip().isdigit():
            found.append(Gpu(name.strip()[:80], int(memory) * 1024.0**2))
    return tuple(found)


def stated_speed(machine: Machine, threads: int, *, adapter: bool = False) -> Speed | None:
    """What such a machine is known or assumed to do; None where nobody says, as of a GPU that is not in the table.

    adapter: whether only an adapter learns, of which ledgers count more operations than are done.
    """
    if not machine.gpus:
        used = min(threads, machine.cpus)
        training = CPU_TRAINING * used / (FROZEN_SHARE if adapter else 1.0)
        return Speed(training, CPU_ANSWERING * used, f"stated, for {used} threads of a server of 2024")
    gpu = machine.gpus[0]
    if gpu.peak is None:
        return None
    return Speed(
        TRAINING_SHARE * gpu.peak,
        ANSWERING_SHARE * gpu.peak,
        f"assumed, {TRAINING_SHARE:.0%} and {ANSWERING_SHARE:.0%} of the stated peak of {gpu.name}",
    )


def _gpus() -> tuple[Gpu, ...]:
    program = shutil.which("nvidia-smi")
    if program is not None:
        try:
            said = subprocess.run(
                [program, *QUERY], capture_output=True, text=True, timeout=ASKED_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            said = None
        if said is not None and said.returncode == 0 and (found := gpus_in(said.stdout)):
            return found
    return tuple(Gpu(_model(_text(path))) for path in sorted(NVIDIA.glob("*/information")))


def _model(information: str) -> str:
    lines = (line.partition(":") for line in information.splitlines())
    return next((said.strip()[:80] for name, _, said in lines if name == "Model"), "unknown")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
