"""What a training and a generation need in memory: bytes by what they are for.

    >>> training_memory(shape, Batch(rows=8, tokens=512), adapter=None, gpu=True).total

Whole:    weights 4, gradients 4, AdamW's two moments 8 bytes a parameter (Muon keeps one: 4 less for matrices)
LoRA:     the frozen weights, 2 bytes a parameter on a GPU and 4 on a processor; for each of the adapter's own numbers
          4 + 4 + 8 bytes
At hand:  models that a worker was asked for before stay loaded, `AT_HAND` of them: whole ones as above, of adapters the
          adapters alone
Activations, a token and layer, kept for the way back (Korthikanti et al., arXiv 2205.05198, s. 4, without dropout, for
a gated MLP, and attention that keeps no square of scores):

    b (4 d + 2 n_q w + 2 n_kv w + 4 i)      d hidden, i intermediate, w width of a head, b bytes a number

On a GPU products, and so activations, are bfloat16, and only each layer's input is kept: the rest is computed again on
the way back. On a processor all are kept, as float32. To that come the logits of the tokens that are learnt, four times
over in float32: 16 V (as the model gives them, in one piece, as logarithms of shares, and their gradient). Not in it:
what the library reserves beside (a GPU's context takes 0.5 GB), fragments, and the longest batch when it is longer than
the mean.
"""

from typing import Literal

from msgspec import Struct

from detent.charter import Subject
from detent.sizing.shape import Shape

FLOAT32, BFLOAT16, MOMENTS = 4.0, 2.0, 8.0
AT_HAND = 3
"""Models that a worker keeps when it has answered with them (`detent.worker`)."""

CACHE = float(2 << 30)
"""Bytes that keys, values and logits of the answers written at once may take: more rows wait (`detent.subject`)."""

LOGITS = 16.0
"""Bytes a logit of a token that is learnt: four copies in float32, 4.1 by measurement (docs/benchmarks.md)."""

CONTEXT = 0.5e9
"""Bytes that a GPU's context and its library take before anything is loaded."""


class Batch(Struct, frozen=True):
    """What goes through the model at once. tokens: of a row, padding included. learnt: those whose logits are made."""

    rows: int
    tokens: float
    learnt: float | None = None

    @property
    def positions(self) -> float:
        """Tokens of all rows."""
        return self.rows * self.tokens

    @property
    def predicted(self) -> float:
        """Tokens whose logits are made."""
        return self.rows * (self.tokens if self.learnt is None else self.learnt)


class Adapter(Struct, frozen=True):
    """LoRA of this rank on a model's projections, by the last parts of their names; what it is beside is frozen."""

    rank: int = 16
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"

    def parameters(self, shape: Shape) -> int:
        """Its own numbers: rank (in + out) of every projection of the Llama family that it is on."""
        d, i = shape.hidden, shape.intermediate
        q, kv = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
        sides = {
            "q_proj": (d, q),
            "k_proj": (d, kv),
            "v_proj": (d, kv),
            "o_proj": (q, d),
            "gate_proj": (d, i),
            "up_proj": (d, i),
            "down_proj": (i, d),
        }
        on = sides if self.targets == "all-linear" else set(self.targets) & sides.keys()
        return shape.layers * self.rank * sum(sum(sides[name]) for name in on)


def adapter_of(subject: Subject) -> Adapter | None:
    """What a charter's [subject] lora makes; None where the whole model is trained."""
    return None if subject.lora is None else Adapter(subject.lora.rank, subject.lora.targets)


class Memory(Struct, frozen=True):
    """Bytes by what they are for. kept: other models that are at hand."""

    weights: float
    gradients: float = 0.0
    optimizer: float = 0.0
    activations: float = 0.0
    logits: float = 0.0
    cache: float = 0.0
    kept: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        learning = self.gradients + self.optimizer + self.activations
        return self.weights + learning + self.logits + self.cache + self.kept


def training_memory(
    shape: Shape, batch: Batch, adapter: Adapter | None = None, *, gpu: bool, checkpointed: bool | None = None
) -> Memory:
    """Of one training.

    Args:
        shape: of the model.
        batch: what is learnt from at once; a batch that is cut into pieces needs the memory of a piece.
        adapter: None where the whole model learns.
        gpu: whether a GPU computes it, or a processor.
        checkpointed: whether only each layer's input is kept, and the rest computed again on the way back; None: as
            trainings do, on a GPU.
    """
    number = BFLOAT16 if gpu else FLOAT32  # bytes of an activation
    q, kv = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    layer = number * (4 * shape.hidden + 2 * q + 2 * kv + 4 * shape.intermediate)
    again = gpu if checkpointed is None else checkpointed
    kept = shape.layers * number * shape.hidden + layer if again else shape.layers * layer
    learning = shape.parameters if adapter is None else adapter.parameters(shape)
    frozen = 0.0 if adapter is None else number * shape.parameters
    return Memory(
        weights=frozen + FLOAT32 * learning,
        gradients=FLOAT32 * learning,
        optimizer=MOMENTS * learning,
        activations=batch.positions * kept,
        logits=batch.predicted * shape.vocabulary * LOGITS,
        kept=_at_hand(shape, adapter, AT_HAND, gpu=gpu),
    )


def answering_memory(shape: Shape, batch: Batch, adapter: Adapter | None = None, *, gpu: bool) -> Memory:
    """Of writing answers to a batch of prompts, with the keys and values of all tokens so far."""
    number = BFLOAT16 if gpu else FLOAT32
    own = 0.0 if adapter is None else FLOAT32 * adapter.parameters(shape)
    rows = batch.positions * shape.cached_numbers_a_token * number
    return Memory(
        weights=number * shape.parameters + own,
        cache=min(CACHE, rows + 3 * FLOAT32 * batch.rows * shape.vocabulary),
        kept=_at_hand(shape, adapter, AT_HAND - 1, gpu=gpu),
    )


def _at_hand(shape: Shape, adapter: Adapter | None, models: int, *, gpu: bool) -> float:
    number = BFLOAT16 if gpu else FLOAT32
    each = number * shape.parameters if adapter is None else FLOAT32 * adapter.parameters(shape)
    return models * each
