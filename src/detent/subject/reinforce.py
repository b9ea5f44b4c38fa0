"""Group relative policy optimisation: write several answers a prompt, and make likelier those that a reward prefers.

    >>> def short(prompts, written): return [-len(one.text) for one in written]
    >>> lesson = reinforce(model, tokenizer, prompts, short, Recipe(steps=40), seed=7, max_new_tokens=9)

An answer's advantage is its reward minus the mean of its group, over the standard deviation of the step's; the loss
holds the model near the one it was by `beta` times an estimate of the divergence: Shao et al., "DeepSeekMath"
(arXiv 2402.03300), s. 4.1, equations 3 and 4.  TRL's `GRPOTrainer` does the work; the answers are written by
`generate.complete`, whose draws depend on nothing but their seed.

`beta` 0 is refused: without it nothing holds a model that has found what pleases an imperfect reward (Gao et al.,
arXiv 2210.10760, s. 3).  A group whose answers all get one reward teaches nothing.
"""

import math
import tempfile
from collections.abc import Callable, Sequence
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
    handing_out,
    learn_from,
    padded,
    pupil,
    run,
    undisturbed,
    watched,
)
from detent.subject.chat import asked
from detent.subject.checkpoint import Checkpoints
from detent.subject.generate import Completion, complete
from detent.values import sha256_hex

Rewards = Callable[[Sequence[str], Sequence[Completion]], Sequence[float]]
"""Of each prompt and what was written after it: a finite number, the more the better."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the learning rate rises for `warm_up` steps and then falls linearly to 0."""

    steps: int
    prompts: int = 8  # a step
    group: int = 8  # answers a prompt
    rate: float = 2e-4  # AdamW's learning rate at its highest
    beta: float = 0.04  # weight of the divergence from the model as it was; above 0
    temperature: float = 1.0  # at which answers are written
    warm_up: int = 5  # steps
    clip: float = 1.0  # largest norm of the gradient

    def __post_init__(self) -> None:
        """Refuse recipes that cannot run, or that hold the model to nothing."""
        if min(self.steps, self.prompts) < 1 or self.group < 2 or self.warm_up < 0:  # noqa: PLR2004
            raise SubjectError(f"at least 1 step, 1 prompt a step and groups of 2 expected, got {self}")
        if not (self.beta > 0.0 and self.rate > 0.0 and self.clip > 0.0 and self.temperature > 0.0):
            raise SubjectError(
                f"beta, rate, clip and temperature above 0 expected, got {self}; beta .04 is usual"
            )


def reinforce(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    rewards: Rewards,
    recipe: Recipe,
    *,
    seed: int,
    max_new_tokens: int,
    on_progress: Progress | None = None,
    checkpoints: Checkpoints | None = None,
) -> Lesson:
    """Train `model` in place on prompts drawn by `seed`, each once before any comes again.

    `max_new_tokens` counts the end mark; an answer that did not end is rewarded like any other, so `rewards`
    should look at it.  The same arguments, weights, thread count and kind of processor give the same weights, bit
    for bit, when `rewards` gives the same numbers, also when it was interrupted and goes on from `checkpoints`.  In
    memory there are meanwhile three copies of the model.

    Raises:
        SubjectError: there are fewer prompts than a step takes, or a reward or a loss is not finite.
    """
    if len(prompts) < recipe.prompts:
        raise SubjectError(
            f"at least {recipe.prompts} prompts expected, got {len(prompts)}; lower the prompts a step"
        )
    meter = Meter(recipe.steps, on_progress, checkpoints or Checkpoints(None))
    with undisturbed(), tempfile.TemporaryDirectory(prefix=TEMPORARY) as folder:
        learner, reference = pupil(model), pupil(model)
        for copy in (learner, reference):
            meter.count(copy)
        group = _Group(learner, tokenizer, rewards, recipe.temperature, meter, seed, max_new_tokens)
        options = _options(recipe, model, folder, seed, max_new_tokens)
        trainer = _trainer((learner, reference), padded(tokenizer), prompts, group, options, meter)
        run(trainer)
        learn_from(model, learner)
    return meter.lesson()


class _Group:
    """Writes the answers of a step and has them rewarded."""

    def __init__(  # noqa: PLR0917
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        rewards: Rewards,
        temperature: float,
        meter: Meter,
        seed: int,
        max_new_tokens: int,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._rewards = rewards
        self._temperature = temperature
        self._seed = seed
        self._limit = max_new_tokens
        self._meter = meter
        self._written: list[Completion] = []

    def write(self, prompts: Sequence[str], _trainer: object) -> dict[str, Any]:
        """One answer for each of `prompts`, in which each comes as often as a group is large."""
        step = len(
            self._meter.losses
        )  # its answers are written in it, so nothing of them is to be kept between two
        seed = int(sha256_hex(f"{self._seed}/{step}".encode())[:15], 16)
        self._written = complete(
            self._model,
            self._tokenizer,
            prompts,
            max_new_tokens=self._limit,
            temperature=self._temperature,
            seed=seed,
        )
        return {
            "prompt_ids": asked(self._tokenizer, prompts),
            "completion_ids": [list(one.tokens) for one in self._written],
            "logprobs": None,  # the trainer computes them anew, with a gradient
        }

    def reward(self, *, prompts: Sequence[str], **_: object) -> list[float]:
        """The rewards of what was written last, not of the trainer's decoded text, which lacks special tokens."""
        found = [float(reward) for reward in self._rewards(prompts, self._written)]
        if len(found) != len(prompts) or not all(map(math.isfinite, found)):
            raise SubjectError(f"{len(prompts)} finite rewards expected, got {len(found)}: {found[:8]}")
        return found


def _options(recipe: Recipe, model: PreTrainedModel, folder: str, seed: int, max_new_tokens: int) -> Any:
    from trl.trainer.grpo_config import GRPOConfig  # noqa: PLC0415

    shared = arguments(
        model,
        folder,
        steps=recipe.steps,
        batch=recipe.prompts * recipe.group,
        rate=recipe.rate,
        warm_up=recipe.warm_up,
        clip=recipe.clip,
        seed=seed,
    )
    return GRPOConfig(
        **shared,
        beta=recipe.beta,
        num_generations=recipe.group,
        temperature=recipe.temperature,
        max_completion_length=max_new_tokens,
        loss_type="grpo",
        # By its own group's deviation, as the paper has it, answers that a judge scores almost alike weigh as much as
        # those it tells apart: noise is learnt. By the whole step's it is not (docs/benchmarks.md).
        scale_rewards="batch",
    )


def _trainer(  # noqa: PLR0917
    models: tuple[PreTrainedModel, PreTrainedModel],
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    group: _Group,
    options: Any,
    meter: Meter,
) -> Any:
    from datasets import Dataset  # type: ignore[import-untyped]  # noqa: PLC0415
    from trl.trainer import grpo_trainer  # noqa: PLC0415

    learner, reference = models

    def reward(**given: Any) -> list[float]:  # the trainer wants a function with a name
        return group.reward(**given)

    # It takes no reference but loads one, from the folder that the model's configuration names: a model that was never
    # loaded names none, the folder of one that was may be gone, and an adapter's parent lies in no one folder.
    with handing_out(grpo_trainer, reference):
        return watched(grpo_trainer.GRPOTrainer, meter)(
            model=learner,
            reward_funcs=reward,
            rollout_func=group.write,
            args=options,
            train_dataset=Dataset.from_dict({"prompt": list(prompts)}),
            processing_class=tokenizer,
        )
