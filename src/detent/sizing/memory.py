"""What a training and a generation need in memory: bytes by what they are for.

    >>> training_memory(shape, Batch(rows=8, tokens=512), adapter=None).total

Whole:    weights 4, gradients 4, AdamW's two moments 8 bytes a parameter (Muon keeps one: 4 less for matrices)
LoRA:     the frozen weights, 2 bytes a number on a GPU and 4 on a processor; the adapter's own numbers 4 + 4 + 8 each
Activations, a token and layer, kept for the way back (Korthikanti et al., arXiv 2205.05198, s. 4, without dropout, for
a gated MLP, and attention that keeps no square of scores):

    b (4 d + 2 n_q w + 2 n_kv w + 4 i)      d hidden, i intermediate, w width of a head, b bytes a number

and the logits of the tokens that are learnt, with their gradient, in float32: 8 V. Not in it: what the library reserves
beside (a GPU's context takes 0.5 GB), fragments, and the longest batch when it is longer than the mean.
"""

from math import prod

from msgspec import Struct

from detent.charter import Subject
from detent.sizing.shape import Shape

FLOAT32, BFLOAT16, MOMENTS = 4.0, 2.0, 8.0
LOGITS = 8.0
"""Bytes a logit: the value and its gradient, float32."""

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
    """LoRA of this rank on the projections of attention and MLP, or on those named; what it is beside is frozen."""

    rank: int = 16
    targets: tuple[str, ...] = ()

    def parameters(self, shape: Shape) -> int:
        """Its own numbers: rank (in + out) of every projection that has one."""
        d, i = shape.hidden, shape.intermediate
        q, kv = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
        sides = {
            "q_proj": d + q,
            "k_proj": d + kv,
            "v_proj": d + kv,
            "o_proj": q + d,
            "gate_proj": d + i,
            "up_proj": d + i,
            "down_proj": i + d,
        }
        named = [side for name, side in sides.items() if not self.targets or name in self.targets]
        return shape.layers * self.rank * sum(named)


def adapter_for(subject: Subject) -> Adapter | None:
    """What a charter's models are trained as: None where the whole model learns."""
    terms = subject.lora
    if terms is None:
        return None
    return Adapter(terms.rank, () if terms.targets == "all-linear" else tuple(terms.targets))


class Memory(Struct, frozen=True):
    """Bytes by what they are for."""

    weights: float
    gradients: float = 0.0
    optimizer: float = 0.0
    activations: float = 0.0
    logits: float = 0.0
    cache: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.logits + self.cache


def training_memory(
    shape: Shape,
    batch: Batch,
    adapter: Adapter | None = None,
    *,
    checkpointed: bool = False,
    frozen: float = BFLOAT16,
) -> Memory:
    """Of one training.

    Args:
        shape: of the model.
        batch: what is learnt from at once; a batch that is cut into pieces needs the memory of a piece.
        adapter: None where the whole model learns.
        checkpointed: whether only each layer's input is kept, and the rest computed again on the way back.
        frozen: bytes a number of the weights beside an adapter, and of its activations.
    """
    number = frozen if adapter is not None else FLOAT32  # bytes of an activation
    q, kv = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    layer = number * (4 * shape.hidden + 2 * q + 2 * kv + 4 * shape.intermediate)
    kept = shape.layers * number * shape.hidden + layer if checkpointed else shape.layers * layer
    learning = shape.parameters if adapter is None else adapter.parameters(shape)
    weights = FLOAT32 * learning if adapter is None else frozen * shape.parameters + FLOAT32 * learning
    return Memory(
        weights=weights,
        gradients=FLOAT32 * learning,
        optimizer=MOMENTS * learning,
        activations=batch.positions * kept,
        logits=batch.predicted * shape.vocabulary * LOGITS,
    )


def answering_memory(shape: Shape, batch: Batch) -> Memory:
    """Of writing answers to a batch of prompts, with the keys and values of all tokens so far."""
    return Memory(
        weights=shape.weight_bytes,
        cache=batch.positions * shape.cache_bytes_a_token,
        logits=prod((batch.rows, shape.vocabulary)) * FLOAT32,
    )
