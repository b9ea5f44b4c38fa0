"""Every tripwire's form, by name: the one table that the charter and docs/tripwires.md are made from."""

from collections.abc import Mapping
from types import MappingProxyType

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
    proxy_gold_gap,
    reference_divergence,
    representation_shift,
    sandbagging,
    threshold_early_warning,
    train_gate_gap,
    unauthorised_training,
)
from detent.tripwires.form import WireForm

CATALOGUE: Mapping[str, WireForm] = MappingProxyType(
    {
        wire.NAME: wire.FORM
        for wire in (
            label_avalanche,
            proxy_gold_gap,
            diversity_collapse,
            forgetting,
            capability_jump,
            threshold_early_warning,
            train_gate_gap,
            contamination,
            constitution_drift,
            judge_drift,
            reference_divergence,
            representation_shift,
            sandbagging,
            gate_tampering,
            ledger_rewind,
            budget,
            unauthorised_training,
        )
    }
)
"""In the order in which a person reads them: data, ability, honesty, machinery."""


def table() -> str:
    """The table of docs/tripwires.md, in Markdown."""
    rows = ["name", "watches", "statistic", "fires when", "default limit", "default action", "cannot see"]
    lines = [_row(rows), _row(["---"] * len(rows))]
    lines += [_row(_cells(form)) for form in CATALOGUE.values()]
    return "\n".join(lines)


def _cells(form: WireForm) -> list[str]:
    link = f"[{form.name}](#{form.name})"
    return [link, form.watches, form.statistic, form.fires, _limits(form), form.action, form.blind]


def _limits(form: WireForm) -> str:
    said = [
        f"{limit.name} {'none' if limit.default is None else format(limit.default, 'g')}"
        for limit in form.limits
    ]
    said += {
        "none": [],
        "generation": ["alpha 1/(100 W)"],
        "observation": ["alpha 1/(100 W n)"],
    }[form.chance]
    return ", ".join(said) or "none of its own"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
