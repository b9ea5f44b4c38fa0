"""Direct preference optimisation: of two answers to a prompt, make one likelier and the other less so.

    >>> pairs = [Preference("R123=", "321", "312"), ...]
    >>> lesson = prefer(model, tokenizer, pairs, Recipe(steps=60), seed=7)

The loss is -ln sigmoid(beta (r(chosen) - r(rejected))), r the log-ratio of the model's probability of an answer
to that of the model as it was: Rafailov et al., "Direct Preference Optimization" (arXiv 2305.18290), s. 4,
equation 7.  No reward model, no sampling.  TRL's `DPOTrainer` does the work.

It misleads where both answers are wrong: the loss falls as long as one becomes *less* unlikely than the other,
and the probability of both may fall (s. 5.1 there shows the reward only up to a function of the prompt).
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from detent.errors import SubjectError
from detent.subject._trl import (
    TEMPORARY,
    Lesson,
    Meter,
    Progress,
    arguments,
    learn_from,
    padded,
    pupil,
    run,
    undisturbed,
    watched,
)
from detent.subject.chat import asked, end_of
from detent.subject.checkpoint import Checkpoints
from detent.subject.spell import spell_text


@dataclass(frozen=True, slots=True)
class Preference:
    """Two answers to one prompt; the end mark is added by `prefer`."""

    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the learning rate rises for `warm_up` steps and then falls linearly to 0."""

    steps: int
    pairs: int = 32  # a step
    rate: float = 2e-4  # AdamW's learning rate at its highest
    beta: float = 0.1  # how dear it is to leave the model as it was; above 0
    warm_up: int = 5  # steps
    clip: float = 1.0  # largest norm of the gradient

    def __post_init__(self) -> None:
        """Refuse recipes that cannot run, or that hold the model to nothing."""
        if min(self.steps, self.pairs) < 1 or self.warm_up < 0:
            raise SubjectError(f"at least 1 step and 1 pair a step expected, got {self}")
        if not (self.beta > 0.0 and self.rate > 0.0 and self.clip > 0.0):
            raise SubjectError(f"beta, rate and clip above 0 expected, got {self}; beta .1 is usual")


def prefer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    preferences: Sequence[Preference],
    recipe: Recipe,
    *,
    seed: int,
    on_progress: Progress | None = None,
    checkpoints: Checkpoints | None = None,
) -> Lesson:
    """Train `model` in place. Pairs come in an order drawn by `seed`, each once before any comes again.

    The same arguments, weights, thread count and kind of processor give the same weights, bit for bit, also when
    it was interrupted and goes on from `checkpoints`.  In memory there are meanwhile three copies of the model (two
    are the one in training and its reference); of the base of an adapter there is one.

    Raises:
        SubjectError: there are no pairs, two answers are one, or a loss is not finite.
    """
    rows = _rows(tokenizer, preferences)
    meter = Meter(recipe.steps, on_progress, checkpoints or Checkpoints(None))
    with undisturbed(), tempfile.TemporaryDirectory(prefix=TEMPORARY) as folder:
        learner, reference = pupil(model), pupil(model)
        for copy in (learner, reference):
            meter.count(copy)
        options = _options(recipe, model, folder, seed)
        trainer = _trainer(learner, reference, padded(tokenizer), rows, options, meter)
        run(trainer)
        learn_from(model, learner)
    return meter.lesson()


def _rows(
    tokenizer: PreTrainedTokenizerBase, preferences: Sequence[Preference]
) -> dict[str, list[list[int]]]:
    """The columns that DPOTrainer trains on. Prompt and answers are encoded apart, as at generation.

    Its own preparation encodes them together, where a token may span the border, and then leaves out the end of
    the prompt.
    """
    if not preferences:
        raise SubjectError("at least one preference expected, got none; leave the training out")
    if same := [pair for pair in preferences if pair.chosen == pair.rejected]:
        raise SubjectError(f"two different answers a preference expected, got {same[0]}; drop it")
    end = end_of(tokenizer)
    return {
        "prompt_ids": asked(tokenizer, [pair.prompt for pair in preferences]),
        "chosen_ids": [[*spell_text(tokenizer, pair.chosen), end] for pair in preferences],
        "rejected_ids": [[*spell_text(tokenizer, pair.rejected), end] for pair in preferences],
    }


def _options(recipe: Recipe, model: PreTrainedModel, folder: str, seed: int) -> Any:
    from trl.trainer.dpo_config import DPOConfig  # noqa: PLC0415

    shared = arguments(
        model,
        folder,
        steps=recipe.steps,
        batch=recipe.pairs,
        rate=recipe.rate,
        warm_up=recipe.warm_up,
        clip=recipe.clip,
        seed=seed,
    )
    return DPOConfig(**shared, beta=recipe.beta, max_length=None)


def _trainer(  # noqa: PLR0917
    learner: PreTrainedModel,
    reference: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: dict[str, list[list[int]]],
    options: Any,
    meter: Meter,
) -> Any:
    from datasets import Dataset  # type: ignore[import-untyped]  # noqa: PLC0415
    from trl.trainer.dpo_trainer import DPOTrainer  # noqa: PLC0415

    kind = watched(DPOTrainer, meter, _prepare_dataset=lambda _self, dataset, *_: dataset)
    return kind(
        model=learner,
        ref_model=reference,
        args=options,
        train_dataset=Dataset.from_dict(rows),
        processing_class=tokenizer,
    )
