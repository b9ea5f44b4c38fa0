"""Which part carries the gain: one part of the one model put into the other, and what that makes of its answers.

    >>> section(look).parts[2]
    Splice(part='block 2', carries=0.81, loses=0.77)

On prompts that after answers rightly and before wrongly, with m(model) the mean over them of

    ln p(after's answer) - ln p(before's answer)

by teacher forcing (`margins`), the gain is m(after) - m(before). Of each part P, the embedding, a block, or final norm
and output,

    carries = (m(before with after's P) - m(before)) / gain
    loses   = (m(after) - m(after with before's P)) / gain

carries says how far the part suffices, loses how far it is needed; 1 is all of the gain. Parts are put in as whole
modules, so a tied embedding goes in without the output, and no weight is written to. They need not add up to 1: a part
that only works with another carries little alone, and two that do the same lose little each. Of models that were
trained far apart a part in a strange place says little, and shares below 0 or far above 1 say so.

Models of one depth and width, and of one kind, are spliced; in them heads, groups of keys and values, the MLP's width
and activation may differ, for a block brings its own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from detent.interpret.anatomy import Anatomy, attending
from detent.interpret.look import Absent, Look
from detent.interpret.margins import checked, ends_of, margins, rows_of
from detent.values.inside import Splice, Splices

_OWN = frozenset(
    {
        "num_attention_heads",
        "num_key_value_heads",
        "intermediate_size",
        "hidden_act",
        "no_rope_layers",
        "n_inner",
    }
)
"""Keys of a configuration by which a block is made, and nothing around it."""

_NAMES = frozenset(
    {"_name_or_path", "architectures", "transformers_version", "dtype", "tie_word_embeddings", "use_cache"}
)
"""Keys that change nothing of what a model computes from its weights."""

_SAID = {
    "num_hidden_layers": "depths",
    "hidden_size": "widths",
    "model_type": "kinds",
    "vocab_size": "vocabularies",
}


def section(look: Look) -> Splices:
    """Of every part.

    Raises:
        Absent: nothing was gained, or too little, or the models are not of one shape.
        SubjectError: a model computes what is not finite.
    """
    rows, ends = rows_of(look), ends_of(look)
    before, after = (Anatomy(one.model) for one in (look.before, look.after))
    _check(before, after)

    def margin(model: PreTrainedModel) -> float:
        return float(margins(model, rows, ends).mean())

    with attending(after.model, before.model.config._attn_implementation):  # noqa: SLF001  masks are made for one way
        low, high = margin(before.model), margin(after.model)
        gain = checked(high - low)
        found = []
        for part, names in before.parts.items():
            with spliced(before.model, after.model, names):
                carried = margin(before.model) - low
            with spliced(after.model, before.model, names):
                lost = high - margin(after.model)
            found.append(Splice(part, carried / gain, lost / gain))
    return Splices(gain, len(rows), tuple(found))


@contextmanager
def spliced(host: nn.Module, giver: nn.Module, names: Sequence[str]) -> Iterator[None]:
    """The host has the giver's modules of these names meanwhile; its own are back afterwards, whatever happens."""
    own = {name: host.get_submodule(name) for name in names}
    try:
        for name in names:
            host.set_submodule(name, giver.get_submodule(name))
        yield
    finally:
        for name, module in own.items():
            host.set_submodule(name, module)


def _check(before: Anatomy, after: Anatomy) -> None:
    mine, theirs = (_around(one) for one in (before, after))
    differ = sorted(key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key))
    for key, said in _SAID.items():
        if key in differ:
            raise Absent(f"their {said} differ: {mine.get(key)} and {theirs.get(key)}")
    if differ:
        raise Absent(f"they differ in what is around their blocks: {', '.join(differ)}")
    if before.parts != after.parts:
        raise Absent("their parts are not made of the same modules")


def _around(body: Anatomy) -> dict[str, Any]:
    """The configuration, without what a block is made by; with the width of a head, which all blocks are told by."""
    config: Any = body.model.config.get_text_config()
    found = {key: value for key, value in config.to_dict().items() if key not in _OWN | _NAMES}
    return {
        **found,
        "num_hidden_layers": len(body.blocks),
        "hidden_size": body.width,
        "head_dim": getattr(config, "head_dim", None) or body.width // int(config.num_attention_heads),
    }
