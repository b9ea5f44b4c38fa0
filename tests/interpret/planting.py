"""Models with a planted change, and looks at them that know what was gained."""

from collections.abc import Sequence
from typing import Any

from tests.interpret.kinds import made

from detent.interpret.look import Look
from detent.subject.load import Subject
from detent.testing.planted import gained_between
from detent.values import InterpretJob
from detent.values.inside import Gained

ASKED = tuple(f"C{number:03d}=" for number in range(12))
FAMILIES = (
    *("llama", "qwen2", "qwen3", "smollm3", "mistral", "gemma2", "gemma3_text"),
    *("mixtral", "cohere", "granite", "phi", "gpt_neox", "gpt2", "opt"),
)


def three(kind: str, *, seed: int = 1, **changes: Any) -> Subject:
    """Three blocks of four heads. Cohere makes logits small, and so what is gained: here they are as they are."""
    depth = {"gpt2": "n_layer"}.get(kind, "num_hidden_layers")
    scale = {"logit_scale": 1.0} if kind == "cohere" else {}
    return made(kind, seed=seed, **{depth: 3, **scale, **changes})


def gained_look(
    before: Subject, after: Subject, gained: Sequence[Gained] | None = None, prompts: Sequence[str] = ASKED
) -> Look:
    """Rows are what the two answer otherwise, if none are given."""
    models = {"a" * 64: before, "b" * 64: after}
    found = gained_between(before, after, prompts, limit=5) if gained is None else gained
    job = InterpretJob(
        models=("a" * 64, "b" * 64), prompts=tuple(prompts), sections=("splices",), gained=tuple(found)
    )
    return Look(job, models.__getitem__, lambda _, asked: [5] * len(asked))
