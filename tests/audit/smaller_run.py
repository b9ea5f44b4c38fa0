"""A scripted run whose charter promotes what is smaller and as good, too.

>>> run = make_smaller_run(folder)
>>> [entry.decision for entry in run.entries() if isinstance(entry, Decided)]
['promote', 'promote', 'promote', 'promote', 'carry']

Two members of different width learn side by side. Generation 1: the narrow one's candidate is as good as the wide
incumbent, and promoted for being smaller. 2: the wide one's is better than the anchor, which is generation 0's model
still. 3: a narrow one again; the anchor stays. 4: a narrow one that is no smaller than the incumbent, and no better.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from tests.audit.scripted_run import DRAFT, Model, ScriptedRun, ScriptedWorker, make_run

from detent.testing.models import write_model
from detent.values import BuildJob, Job, Result, TrainJob

WIDE, NARROW = 64, 48
"""Parameters."""

SMALLER = DRAFT.replace("[direction]\n", '[direction]\nobjective = "better_or_smaller"\n')

TRAINED = (
    *(Model(2.5), Model(2.4)),
    *(Model(2.2), Model(2.5)),
    *(Model(3.5), Model(2.4)),
    *(Model(3.2), Model(3.5)),
    *(Model(3.3), Model(3.5)),
)
"""In the order in which they are trained, a wide and a narrow one a generation."""


@dataclass
class SizedWorker(ScriptedWorker):
    """Builds a wide and a narrow model by turns; a training changes no width."""

    widths: Iterator[int] = field(default_factory=lambda: cycle((WIDE, NARROW)))
    width: int = WIDE

    def do(self, job: Job) -> Result:
        match job:
            case BuildJob():
                self.width = next(self.widths)
            case TrainJob(parent=parent):
                data = (self.models / parent / "model.safetensors").read_bytes()
                self.width = len(data) - 8 - int.from_bytes(data[:8], "little")
        return super().do(job)

    def _write(self, model: Model) -> str:
        number = next(self.names)
        content = json.dumps([number, model.strength, model.luck]).encode().ljust(self.width)
        write_model(self.staging / f"model-{number}", content)
        return f"model-{number}"


class ThreeWidths(SizedWorker):
    """Builds a wide, a narrow and a narrower model by turns."""

    def __post_init__(self) -> None:
        self.widths = cycle((WIDE, NARROW, NARROW * NARROW // WIDE))


def make_smaller_run(folder: Path) -> ScriptedRun:
    """Four generations after the first, two leases."""
    return make_run(folder, SMALLER, trained=TRAINED, leases=(2, 2), worker_kind=SizedWorker)
