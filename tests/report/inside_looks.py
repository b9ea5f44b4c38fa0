"""Looks inside that never were, for sentences and pictures: of models of any size, with any text in them.

>>> look(blocks=4).sections == (*ALWAYS, *DEEPER)
True
"""

from random import Random

from msgspec import structs

from detent.values import Interpreted
from detent.values.inside import (
    Flip,
    Head,
    Heads,
    Layers,
    Lens,
    Moved,
    Patch,
    Patches,
    Probe,
    Probes,
    Said,
    Splice,
    Splices,
    Tokens,
    Weights,
    Words,
)

MODULES = ("self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj", "mlp.down_proj")


def look(blocks: int = 2, heads: int = 2, places: int = 3, text: str = "7", seed: int = 1) -> Interpreted:
    """Every section, with figures drawn from a seeded stream; `text` is every token and every name of a worker's."""
    draw = Random(seed)  # noqa: S311  figures of a test
    layers = range(blocks + 1)
    return Interpreted(
        layers=Layers(
            tuple(tuple(1 - 0.1 * abs(i - j) - 0.05 * draw.random() for j in layers) for i in layers),
            tuple((i, i) for i in layers),
        ),
        weights=_weights(blocks, text, draw),
        lens=Lens(
            tuple((i, i) for i in layers),
            tuple(tuple(0.02 * i * draw.random() for _ in range(places)) for i in layers),
            (40,) * places,
        ),
        words=Words(0.31, 0.12, 400, (Flip(text, text, text, text, 2.1), Flip(text, text, "4", text, 0.4))),
        heads=Heads(
            tuple(
                Head((block, block), head, (1.31, 0.62), draw.random())
                for block in range(1, blocks + 1)
                for head in range(1, heads + 1)
            ),
            100,
        ),
        probes=Probes(
            tuple(
                Probe(text, layer, (0.91, None, draw.random()), 0.2, 0.25, (0.91, None, 0.8))
                for layer in layers
            ),
            (text, "b" * 64, "c" * 64),
            50,
        ),
        splices=Splices(
            1.2,
            40,
            (Splice(text, 0.6, 0.5), *(Splice(f"block {n + 1}", draw.random(), 0.3) for n in range(blocks))),
        ),
        tokens=Tokens(tuple(Said((i, i), draw.random(), (text, "end"), (text,)) for i in layers), 10),
        patches=_patches(blocks, heads, places, text, draw),
    )


def _weights(blocks: int, text: str, draw: Random) -> Weights:
    names = [f"model.layers.{block}.{module}" for block in range(blocks) for module in MODULES]
    moved = tuple(Moved(name, 0.05 * draw.random(), (0.6, 0.3), 1 + 9 * draw.random(), 0.4) for name in names)
    return Weights((Moved(text, 0.01), *moved), 0.02, (text,))


def _patches(blocks: int, heads: int, places: int, text: str, draw: Random) -> Patches:
    each = tuple(
        Patch(block, head, draw.random(), tuple(draw.random() for _ in range(places)) if head else ())
        for block in range(1, blocks + 1)
        for head in range(heads + 1)
    )
    return Patches(1.1, 30, (text,) * places, each)


def absent(reason: str) -> Interpreted:
    """No section at all."""
    every = look().sections
    return structs.replace(Interpreted(), absent=dict.fromkeys(every, reason))
