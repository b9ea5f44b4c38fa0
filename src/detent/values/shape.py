"""What may be changed about a model's shape: a closed set of edits, each of one kind, and what each keeps.

    >>> AddBlock(at=3).keeps, Rotary((False, False)).keeps
    (True, False)

An edit *keeps* the function when the edited model says what the model said, to rounding, before it is trained: then
nothing is lost by making it, and what it gains must be learnt. The others change what the model says at once, and
have to be trained again before anyone can say what they are worth.
"""

from typing import ClassVar, Literal

from msgspec import Struct

Activation = Literal["silu", "gelu", "relu"]


class _Edit(Struct, frozen=True, forbid_unknown_fields=True, tag_field="edit"):
    keeps: ClassVar[bool] = False


class AddBlock(_Edit, frozen=True, tag="add_block"):
    """A block more; `at` is its place, counted from 0 at the embeddings."""

    at: int
    keeps: ClassVar[bool] = True


class WidenMlp(_Edit, frozen=True, tag="widen_mlp"):
    """`by` more units in the MLP of every block."""

    by: int
    keeps: ClassVar[bool] = True


class AddHeads(_Edit, frozen=True, tag="add_heads"):
    """`groups` more groups of attention heads in every block: keys and values, and as many heads to each as now."""

    groups: int
    keeps: ClassVar[bool] = True


class SplitKeyValues(_Edit, frozen=True, tag="split_key_values"):
    """`times` as many keys and values, each a copy of its own to begin with; as many heads as now."""

    times: int
    keeps: ClassVar[bool] = True


class WidenHidden(_Edit, frozen=True, tag="widen_hidden"):
    """A residual stream `by` numbers wider."""

    by: int
    keeps: ClassVar[bool] = True


class Rotary(_Edit, frozen=True, tag="rotary"):
    """Rotary positions on (true) or off, a layer each."""

    layers: tuple[bool, ...]


class MergeKeyValues(_Edit, frozen=True, tag="merge_key_values"):
    """One key and value for every `times` of now: their mean."""

    times: int


class Activate(_Edit, frozen=True, tag="activate"):
    """Another activation in every MLP."""

    activation: Activation


class RemoveBlock(_Edit, frozen=True, tag="remove_block"):
    """Without the block `at` this place."""

    at: int


class RemoveHeads(_Edit, frozen=True, tag="remove_heads"):
    """Without the group of attention heads `at` this place, in every block."""

    at: int


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
