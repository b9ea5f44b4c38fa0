"""A model that holds a planted trait in one layer and not before it, and what probes are asked of it."""

import torch

from detent.interpret.look import Look
from detent.subject.build import Sizes, build_model, build_tokenizer
from detent.subject.load import Subject
from detent.values import InterpretJob
from detent.values.inside import Known

FIRST, NEXT = "a" * 64, "b" * 64


def asked() -> tuple[str, ...]:
    """120 prompts, of one letter or the other, as many of each among those that are made on and those that are not."""
    return tuple(f"{'CR'[place // 2 % 2]}{(7919 * place) % 997:03d}=" for place in range(120))


@torch.no_grad()
def planted() -> Subject:
    """Its first block adds nothing, so that at the sign "=" nothing is known of the prompt; its second looks back."""
    subject = Subject(
        build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=1), build_tokenizer()
    )
    weights = dict(subject.model.named_parameters())
    for name in ("self_attn.o_proj", "mlp.down_proj"):
        weights[f"model.layers.0.{name}.weight"].zero_()
    return subject


def known(traits: dict[str, tuple[tuple[int, ...], ...]], models: int = 1) -> Known:
    """All answers are wrong, as untrained models' are."""
    wrong = (False,) * len(asked())
    return Known(models=(FIRST, NEXT)[:models], prompts=asked(), traits=traits, right=(wrong,) * models)


def look_at(of: Known, *models: Subject, seed: int = 1) -> Look:
    """A look whose models are these, by the digests that `known` has; answers are as long as prompts."""
    shelf = dict(zip((FIRST, NEXT), (*models, *models), strict=False))
    job = InterpretJob(
        models=(FIRST, FIRST), prompts=("C1=",), sections=("probes",), extra_tokens=1, known=of, seed=seed
    )
    return Look(job, shelf.__getitem__, lambda _, prompts: [len(one) for one in prompts])
