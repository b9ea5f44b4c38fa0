"""What a run will cost before it starts: a model's size, the machine's, and what a generation takes of either.

It reads files' headers and what the system tells. It starts no model, and decides nothing: what it says is an
estimate, and says so. So is what many GPUs would give: `scale.py`, `scale_work.py`, `scale_gain.py`.
"""

from detent.sizing.cost import Cost, Plan, Step, first_cost, generation_cost
from detent.sizing.drafting import draft_text_for, fitted, tasks_in, with_means, with_room
from detent.sizing.estimate import Estimate, estimate, estimate_lines
from detent.sizing.machine import Gpu, Machine, Speed, machine_found, stated_speed, used_machine
from detent.sizing.measured import Taken, measured, measured_speed
from detent.sizing.memory import Adapter, Batch, Memory, adapter_of, answering_memory, training_memory
from detent.sizing.scale import Cluster, Learner, Placed
from detent.sizing.scale_gain import Screened, beyond_chance, halved, single_stage
from detent.sizing.scale_work import Generation, Work, generation, knee
from detent.sizing.served import Asked, Use, servers_asked
from detent.sizing.shape import Shape, built_shape, shape_in, shape_of
from detent.sizing.trials import Screening, largest, screening

__all__ = [
    "Adapter",
    "Asked",
    "Batch",
    "Cluster",
    "Cost",
    "Estimate",
    "Generation",
    "Gpu",
    "Learner",
    "Machine",
    "Memory",
    "Placed",
    "Plan",
    "Screened",
    "Screening",
    "Shape",
    "Speed",
    "Step",
    "Taken",
    "Use",
    "Work",
    "adapter_of",
    "answering_memory",
    "beyond_chance",
    "built_shape",
    "draft_text_for",
    "estimate",
    "estimate_lines",
    "first_cost",
    "fitted",
    "generation",
    "generation_cost",
    "halved",
    "knee",
    "largest",
    "machine_found",
    "measured",
    "measured_speed",
    "screening",
    "servers_asked",
    "shape_in",
    "shape_of",
    "single_stage",
    "stated_speed",
    "tasks_in",
    "training_memory",
    "used_machine",
    "with_means",
    "with_room",
]
