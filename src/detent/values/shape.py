"""What may be changed about a model's shape: a closed set of edits, each of one kind, and what each keeps.

    >>> AddBlock(at=3).keeps, Rotary((False, False)).keeps
    (True, False)

An edit *keeps* the function when the edited model says what the model said, to rounding, before it is trained: then
nothing is lost by making it, and what it gains must be learnt. The others change what the model says at once, and
have to be trained again before anyone can say what they are worth.
"""

from typing import ClassVar, Literal

from msgspec import Struct, structs

from detent.errors import UsageError

NEAR = 1e-5
"""How far logits may move, over the largest of them, where an edit keeps the function: rounding in float32."""

Activation = Literal["silu", "gelu", "relu"]


class _Edit(Struct, frozen=True, forbid_unknown_fields=True, tag_field="edit"):
    keeps: ClassVar[bool] = False

    @property
    def said(self) -> str:
        """The edit in a few words."""
        raise NotImplementedError


class AddBlock(_Edit, frozen=True, tag="add_block"):
    """A block more; `at` is its place, counted from 0 at the embeddings."""

    at: int
    keeps: ClassVar[bool] = True

    @property
    def said(self) -> str:
        return f"a block more at {self.at}"


class WidenMlp(_Edit, frozen=True, tag="widen_mlp"):
    """`by` more units in the MLP of every block."""

    by: int
    keeps: ClassVar[bool] = True

    @property
    def said(self) -> str:
        return f"{self.by} more units in every MLP"


class AddHeads(_Edit, frozen=True, tag="add_heads"):
    """`groups` more groups of attention heads in every block: keys and values, and as many heads to each as now."""

    groups: int
    keeps: ClassVar[bool] = True

    @property
    def said(self) -> str:
        return f"{self.groups} more group{'s' if self.groups > 1 else ''} of attention heads in every block"


class SplitKeyValues(_Edit, frozen=True, tag="split_key_values"):
    """`times` as many keys and values, each a copy of its own to begin with; as many heads as now."""

    times: int
    keeps: ClassVar[bool] = True

    @property
    def said(self) -> str:
        return f"{self.times} times as many keys and values"


class WidenHidden(_Edit, frozen=True, tag="widen_hidden"):
    """A residual stream `by` numbers wider."""

    by: int
    keeps: ClassVar[bool] = True

    @property
    def said(self) -> str:
        return f"{self.by} more numbers in the stream"


class Rotary(_Edit, frozen=True, tag="rotary"):
    """Rotary positions on (true) or off, a layer each."""

    layers: tuple[bool, ...]

    @property
    def said(self) -> str:
        off = [str(at) for at, on in enumerate(self.layers) if not on]
        if len(off) in {0, len(self.layers)}:
            return f"rotary positions {'off' if off else 'on'} in every layer"
        return f"no rotary positions in layer{'s' if len(off) > 1 else ''} {', '.join(off)}"


class MergeKeyValues(_Edit, frozen=True, tag="merge_key_values"):
    """One key and value for every `times` of now: their mean."""

    times: int

    @property
    def said(self) -> str:
        return f"one key and value for every {self.times}"


class Activate(_Edit, frozen=True, tag="activate"):
    """Another activation in every MLP."""

    activation: Activation

    @property
    def said(self) -> str:
        return f"{self.activation} in every MLP"


class RemoveBlock(_Edit, frozen=True, tag="remove_block"):
    """Without the block `at` this place."""

    at: int

    @property
    def said(self) -> str:
        return f"no block {self.at}"


class RemoveHeads(_Edit, frozen=True, tag="remove_heads"):
    """Without the group of attention heads `at` this place, in every block."""

    at: int

    @property
    def said(self) -> str:
        return f"no attention heads {self.at} in any block"


Edit = (
    AddBlock
    | WidenMlp
    | AddHeads
    | SplitKeyValues
    | WidenHidden
    | Rotary
    | MergeKeyValues
    | Activate
    | RemoveBlock
    | RemoveHeads
)


class Shape(Struct, frozen=True, forbid_unknown_fields=True):
    """How a decoder is built. heads: of queries; groups: of keys and values; width: of a head.

    rotary: whether each layer has rotary positions; () where the kind of model has them everywhere, or nowhere.
    """

    layers: int
    hidden: int
    intermediate: int
    heads: int
    groups: int
    width: int
    rotary: tuple[bool, ...]
    activation: str

    @property
    def sizes(self) -> dict[str, int]:
        """What the dimensions of weights count, in numbers."""
        return {
            "hidden": self.hidden,
            "intermediate": self.intermediate,
            "heads": self.heads * self.width,
            "groups": self.groups * self.width,
        }

    @property
    def config(self) -> dict[str, int | str]:
        """What a configuration of the Llama kind says of it, by its keys, without lists that have a place a layer."""
        return {
            "num_hidden_layers": self.layers,
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.groups,
            "head_dim": self.width,
            "hidden_act": self.activation,
        }

    @property
    def said(self) -> str:
        """For people."""
        where = {(): "as its kind has them", (True,): "on", (False,): "off"}
        rotary = where.get(tuple(sorted(set(self.rotary))), "on in some layers")
        return (
            f"{self.layers} layers, hidden {self.hidden}, MLP {self.intermediate}, {self.heads} heads, "
            f"{self.groups} keys and values, {self.activation}, rotary positions {rotary}"
        )


MOST = 1 << 20
"""Of anything that an edit may come to: more is a slip of the pen."""


def reshape(shape: Shape, edit: Edit) -> Shape:
    """The shape after an edit.

    Raises:
        UsageError: a model of this shape cannot take it.
    """
    after = _reshaped(shape, edit)
    if max(after.layers, after.hidden, after.intermediate, after.heads, after.groups) > MOST:
        raise _refused(f"sizes up to {MOST}", edit)
    # The library builds no model otherwise, even where a head's width is said.
    if after.hidden % after.heads:
        raise _refused(f"a hidden size that is a multiple of {after.heads} heads", edit)
    return after


def _reshaped(shape: Shape, edit: Edit) -> Shape:  # noqa: C901, PLR0911  one a kind of edit
    each = shape.heads // shape.groups
    match edit:
        case AddBlock(at=at) if 0 <= at <= shape.layers:
            rotary = (*shape.rotary[:at], *shape.rotary[min(at, shape.layers - 1) :][:1], *shape.rotary[at:])
            return structs.replace(shape, layers=shape.layers + 1, rotary=rotary)
        case RemoveBlock(at=at) if 0 <= at < shape.layers and shape.layers > 1:
            rotary = (*shape.rotary[:at], *shape.rotary[at + 1 :])
            return structs.replace(shape, layers=shape.layers - 1, rotary=rotary)
        case WidenMlp(by=by) if by > 0:
            return structs.replace(shape, intermediate=shape.intermediate + by)
        case WidenHidden(by=by) if by > 0:
            return structs.replace(shape, hidden=shape.hidden + by)
        case AddHeads(groups=more) if more > 0:
            return structs.replace(shape, heads=shape.heads + more * each, groups=shape.groups + more)
        case RemoveHeads(at=at) if 0 <= at < shape.groups and shape.groups > 1:
            return structs.replace(shape, heads=shape.heads - each, groups=shape.groups - 1)
        case SplitKeyValues(times=times) if times > 1 and each % times == 0:
            return structs.replace(shape, groups=shape.groups * times)
        case MergeKeyValues(times=times) if times > 1 and shape.groups % times == 0:
            return structs.replace(shape, groups=shape.groups // times)
        case Rotary(layers=layers) if shape.rotary and len(layers) == shape.layers and layers != shape.rotary:
            return structs.replace(shape, rotary=layers)
        case Activate(activation=activation) if activation != shape.activation:
            return structs.replace(shape, activation=activation)
        case _:
            raise _refused(f"an edit that changes a model of {shape.said}", edit)


def _refused(wanted: str, edit: Edit) -> UsageError:
    return UsageError(f"{wanted} expected, got {edit}; propose another")
