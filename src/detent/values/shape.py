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
