"""How a charter has its models trained, as jobs and entries say it.

>>> optimizer_of(charter).lora
Lora(rank=16, alpha=32.0, dropout=0.0, targets='all-linear')
"""

from msgspec import UNSET

from detent.charter import Charter
from detent.values import Lora, Optimizer


def optimizer_of(charter: Charter) -> Optimizer:
    """The same for every model of a run: members, candidates, and a judge that is taught."""
    recipe, lora = charter.recipe, charter.subject.lora
    return Optimizer(
        matrix_rate=recipe.matrix_rate,
        other_rate=recipe.other_rate,
        batch=recipe.batch,
        method="adamw" if recipe.optimizer == "adamw" else UNSET,
        micro_batch=recipe.micro_batch or UNSET,
        carry=recipe.carry_optimizer or UNSET,
        lora=UNSET
        if lora is None
        else Lora(rank=lora.rank, alpha=lora.alpha, dropout=lora.dropout, targets=lora.targets),
    )
