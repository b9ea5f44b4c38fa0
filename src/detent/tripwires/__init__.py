"""Named measurements with a limit, one a file: plain values in, a `Reading` out.

A tripwire knows its statistic, its guarantee and what it cannot see. It does not know where the values come from,
what the charter makes of an alarm, or any other tripwire. Each is a module with NAME, FORM, Limits and `watch`;
CATALOGUE holds the forms, from which the charter's table is made. `own` reads those that a charter's author wrote;
`looks` is what those that look at a model ask it.
"""

from detent.tripwires import (
    budget,
    capability_jump,
    constitution_drift,
    contamination,
    diversity_collapse,
    forgetting,
    gate_tampering,
    judge_drift,
    label_avalanche,
    ledger_rewind,
    looks,
    own,
    proxy_gold_gap,
    reference_divergence,
    representation_shift,
    sandbagging,
    threshold_early_warning,
    train_gate_gap,
    unauthorised_training,
)
from detent.tripwires.catalogue import CATALOGUE
from detent.tripwires.chance import WIRES, alpha_per_generation, alpha_per_observation
from detent.tripwires.form import LimitForm, WireForm
from detent.tripwires.readings import not_due, nothing, unmeasured

__all__ = [
    "CATALOGUE",
    "WIRES",
    "LimitForm",
    "WireForm",
    "alpha_per_generation",
    "alpha_per_observation",
    "budget",
    "capability_jump",
    "constitution_drift",
    "contamination",
    "diversity_collapse",
    "forgetting",
    "gate_tampering",
    "judge_drift",
    "label_avalanche",
    "ledger_rewind",
    "looks",
    "not_due",
    "nothing",
    "own",
    "proxy_gold_gap",
    "reference_divergence",
    "representation_shift",
    "sandbagging",
    "threshold_early_warning",
    "train_gate_gap",
    "unauthorised_training",
    "unmeasured",
]
