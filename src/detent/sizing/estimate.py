"""The estimate as a whole: what generations take, how long that is, and what must fit into memory and onto the disk.

>>> estimate(plan, machine, speed).document()["generations"]["first"]["petaflop"]
0.0025
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from detent.sizing.cost import Cost, Plan, first_cost, generation_cost, longest_row
from detent.sizing.machine import Machine, Speed
from detent.sizing.measured import Taken
from detent.sizing.memory import CONTEXT, FLOAT32, Batch, Memory, answering_memory, training_memory
from detent.sizing.served import Asked, servers_asked
from detent.sizing.trials import Screening, largest, screening, with_trials

PETA, GIGA, HOUR, MINUTE = 1e15, 1e9, 3600.0, 60.0

PROCESS = 0.37e9
"""Bytes of a worker's process before it loads a model: Python and the libraries; measured, see docs/benchmarks.md."""

ASKED_AT_ONCE = 256
"""Prompts that a worker answers at once, taken as the most."""

GIVEN_COPIES = 2
"""Of a given model: what `init` copies, and what generation 0 takes among its models."""

NURSERY = 1
"""Processes beside the team's workers: the one that waits for openings."""


class Estimate(Struct, frozen=True):
    """What a charter will cost on a machine.

    speed: None where nobody knows how fast the machine is. taken: what closed generations took.
    beginning: generation 0. first: the next one. last: one near the top of the ladders.
    trials: of a generation near the top, where changes beside the data are tried; None where they never are.
    """

    plan: Plan
    machine: Machine
    speed: Speed | None
    beginning: Cost
    first: Cost
    last: Cost
    training: Memory
    answering: Memory
    taken: tuple[Taken, ...] = ()
    servers: tuple[Asked, ...] = ()
    trials: Screening | None = None

    @property
    def workers(self) -> int:
        """Models that are trained side by side."""
        return min(self.plan.draft.recipe.team, self.plan.draft.run.threads)

    @property
    def memory(self) -> float:
        """Bytes at the most: every worker's model at its training, the processes, and what answers at the gate.

        On GPUs, of the one that has the most to hold.
        """
        largest = max(self.training.total, self.answering.total)
        if gpus := len(self.machine.gpus):
            return -(-self.workers // gpus) * (largest + CONTEXT) + NURSERY * (self.answering.total + CONTEXT)
        return self.workers * (largest + PROCESS) + NURSERY * (self.answering.total + PROCESS)

    @property
    def lease_flops(self) -> float:
        """Of as many generations as the charter grants at once, between the first and one near the top."""
        return self.plan.draft.pace.lease.generations * (self.first.flops + self.last.flops) / 2

    @property
    def disk(self) -> float:
        """Bytes of the models of generation 0 and of a whole lease, where all are kept, and of a given one."""
        plan = self.plan
        models = plan.draft.recipe.team * (2 + plan.draft.pace.lease.generations)
        if self.trials is not None and self.trials.every:
            models += self.trials.models * plan.draft.pace.lease.generations
        if plan.draft.subject.built:
            return models * plan.shape.weight_bytes
        return models * FLOAT32 * plan.learning + GIVEN_COPIES * plan.shape.weight_bytes

    def seconds(self, cost: Cost) -> float | None:
        """How long a generation takes; None where nobody knows how fast the machine is."""
        if self.speed is None:
            return None
        return cost.training / self.speed.training + (cost.flops - cost.training) / self.speed.answering

    @property
    def fits(self) -> bool | None:
        """Whether it fits into memory: the GPU's where there is one. None where its size is not known."""
        room = self.machine.gpus[0].memory if self.machine.gpus else self.machine.memory
        return self.memory <= room if room else None

    def document(self) -> dict[str, Any]:
        """What `detent estimate --json` prints."""
        named = {"beginning": self.beginning, "first": self.first, "last": self.last}
        return {
            "parameters": self.plan.parameters,
            "learning": self.plan.learning,
            "generations": {
                name: {
                    "petaflop": cost.flops / PETA,
                    "tokens": round(cost.tokens),
                    "seconds": self.seconds(cost),
                    "steps": {step: one.flops / PETA for step, one in cost.steps.items()},
                }
                for name, cost in named.items()
            },
            "lease": {
                "generations": self.plan.draft.pace.lease.generations,
                "petaflop": self.lease_flops / PETA,
                "granted_petaflop": self.plan.draft.pace.lease.petaflop,
            },
            "memory_bytes": round(self.memory),
            "disk_bytes": round(self.disk),
            "fits": self.fits,
            "machine": {
                "cpus": self.machine.cpus,
                "memory_bytes": round(self.machine.memory),
                "gpus": [gpu.name for gpu in self.machine.gpus],
                "speed": None if self.speed is None else self.speed.source,
            },
            "uncounted": list(self.plan.uncounted),
            "trials": None if self.trials is None else self._trials(self.trials),
            "servers": [one.document() for one in self.servers],
            "measured": [
                {"generation": one.generation, "petaflop": one.flops / PETA, "seconds": one.seconds}
                for one in self.taken
            ],
        }

    def _trials(self, found: Screening) -> dict[str, Any]:
        return {
            "changes": found.changes,
            "rungs": found.rungs,
            "trials": found.trials,
            "in_every_generation": found.every,
            "petaflop": found.cost.flops / PETA,
            "seconds": self.seconds(found.cost),
            "disk_bytes": round(found.models * self.plan.shape.weight_bytes),
        }


def estimate(plan: Plan, machine: Machine, speed: Speed | None, taken: tuple[Taken, ...] = ()) -> Estimate:
    """Work it out. machine: with GPUs only if the charter lets workers use them (`used_machine`)."""
    recipe, row, gpu = plan.draft.recipe, longest_row(plan), bool(machine.gpus)
    piece = Batch(rows=-(-recipe.batch // plan.parts), tokens=row, learnt=row / 2)
    asked = Batch(rows=ASKED_AT_ONCE, tokens=row + (plan.draft.subject.answer_tokens or row))
    first, last = plan.first_frontier, plan.last_frontier
    shape = largest(plan)
    return Estimate(
        plan=plan,
        machine=machine,
        speed=speed,
        beginning=first_cost(plan),
        first=with_trials(generation_cost(plan, first), screening(plan, first)),
        last=with_trials(generation_cost(plan, last), screening(plan, last)),
        training=training_memory(shape, piece, plan.adapter, gpu=gpu),
        answering=answering_memory(shape, asked, plan.adapter, gpu=gpu),
        taken=taken,
        servers=servers_asked(plan),
        trials=screening(plan, last),
    )


def estimate_lines(found: Estimate) -> Iterator[str]:
    """The same for a person, a line each. Every word in it is Detent's own, or a number."""
    shape, machine = found.plan.shape, found.machine
    yield f"model       {shape.parameters:,} parameters, {_bytes(shape.weight_bytes)} of weights"
    if (adapter := found.plan.adapter) is not None:
        own = found.plan.learning
        yield f"adapter     of rank {adapter.rank}: {own:,} parameters of its own learn, {_bytes(FLOAT32 * own)} each"
    gpus = f", {', '.join(gpu.name for gpu in machine.gpus)}" if machine.gpus else ", no GPU"
    yield f"machine     {machine.cpus} processors, {_bytes(machine.memory)} of memory{gpus}"
    if found.speed is None:
        yield "speed       not known for this machine, so no times; run one generation, and ask again"
    else:
        yield (
            f"speed       training {found.speed.training / GIGA:,.0f}, answers {found.speed.answering / GIGA:,.0f} "
            f"gigaflop/s ({found.speed.source})"
        )
    yield from _generation("generation 0", found, found.beginning)
    yield from _generation("the first after", found, found.first)
    yield from _generation("near the top", found, found.last)
    yield from _trial_lines(found)
    lease = found.plan.draft.pace.lease
    enough = "enough" if found.lease_flops <= lease.petaflop * PETA else "NOT enough: raise pace.lease"
    yield (
        f"lease       {lease.generations} generations: about {found.lease_flops / PETA:.3g} petaflop; the charter "
        f"grants {lease.petaflop:g}, {enough}"
    )
    fit = {True: "fits", False: "DOES NOT FIT", None: "nobody knows whether it fits"}[found.fits]
    yield f"memory      about {_bytes(found.memory)} with {found.workers} at work side by side: {fit}"
    yield f"disk        about {_bytes(found.disk)} of weights, where all models are kept"
    yield from (line for one in found.servers for line in one.lines())
    if found.plan.uncounted:
        yield f"not counted {', '.join(found.plan.uncounted)}: what these methods take comes on top"
    for one in found.taken:
        yield f"measured    generation {one.generation}: {one.flops / PETA:.3g} petaflop, {_time(one.seconds)}"
    yield "An estimate: what a generation labels, and how many items its gate asks, only the run decides."


def _trial_lines(found: Estimate) -> Iterator[str]:
    trials = found.trials
    if trials is None:
        return
    seconds = found.seconds(trials.cost)
    took = "" if seconds is None else f", {_time(seconds)}"
    when = (
        "in every generation, and counted in those above"
        if trials.every
        else f"once no frontier has moved for {trials.patience} generations, ON TOP of what stands here"
    )
    yield (
        f"trials      {trials.changes} changes at {trials.rungs} rungs, {trials.trials} trainings: about "
        f"{trials.cost.flops / PETA:.3g} petaflop{took}, {_bytes(trials.models * found.plan.shape.weight_bytes)} of "
        f"weights; {when}"
    )


def _generation(name: str, found: Estimate, cost: Cost) -> Iterator[str]:
    seconds = found.seconds(cost)
    took = "" if seconds is None else f", {_time(seconds)}"
    yield f"{name:<16}{cost.flops / PETA:.3g} petaflop, {cost.tokens / 1e6:,.3g} million tokens{took}"


def _time(seconds: float) -> str:
    if seconds < MINUTE:
        return f"{seconds:.0f} seconds"
    return f"{seconds / MINUTE:.0f} minutes" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} hours"


def _bytes(number: float) -> str:
    if not number:
        return "an unknown amount"
    return f"{number / GIGA:.1f} GB" if number >= GIGA / 10 else f"{number / 1e6:.1f} MB"
