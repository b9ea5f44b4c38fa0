"""Supervised steps on examples drawn from weighted sources; the loss is on answer and end mark only.

    >>> seed_levels = Source([Example("R123=", "321"), ...], weight=1)
    >>> newest = Source(self_labels, weight=3)                           # three quarters of every batch
    >>> losses = train(model, tokenizer, [seed_levels, newest], Recipe(steps=120), seed=7)

Matrices inside the layers are trained by Muon (Jordan et al. 2024,
https://kellerjordan.github.io/posts/muon), everything else by AdamW (arXiv 1711.05101); or all of it by AdamW, as is
usual for models that others have trained, and for adapters.  Any Hugging Face causal LM will do.

The loss of a loop that trains on its own labels says nothing about whether they are right: it stays low
while labels decay.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from detent.errors import SubjectError
from detent.subject.chat import asked, end_of
from detent.subject.checkpoint import Checkpoints
from detent.subject.moments import Memory
from detent.subject.muon import FloatMuon
from detent.subject.spell import spell_texts

NONE = Checkpoints(None)
IGNORED = -100  # the target that cross_entropy leaves out
Precision = Literal[
    "float32",  # everywhere
    "bfloat16",  # matrix products only (autocast); weights, optimizer and loss stay float32
]
Progress = Callable[[int, int, float], None]  # (steps done, of how many, loss of the last one)


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt with the answer to learn; the end mark is added by `train`."""

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class Source:
    """Examples that share a weight: their part of a batch is `weight` over the sum of all weights."""

    examples: Sequence[Example]
    weight: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the defaults are those of the digits run."""

    steps: int
    batch: int = 128  # examples a step
    matrix_rate: float = 0.02  # Muon's learning rate at its highest
    rest_rate: float = 3e-3  # AdamW's
    matrix_decay: float = 0.1  # decoupled weight decay, multiplied by the learning rate
    warm_up: int = 20  # steps from 0 to the highest rate
    cool_down: float = 0.3  # the last share of the steps, in which the rates fall linearly to 0
    clip: float = 1.0  # largest norm of the gradient
    parts: int = 2  # pieces of a batch by length, so that little padding is computed; gradients are added up
    precision: Precision = "float32"
    method: Literal["muon", "adamw"] = "muon"  # "adamw" trains matrices as well at `rest_rate`

    def __post_init__(self) -> None:
        """Refuse recipes that cannot run."""
        if min(self.steps, self.parts) < 1 or self.batch < self.parts or self.warm_up < 0:
            raise SubjectError(f"at least 1 step and 1 example a part expected, got {self}")
        if not 0.0 <= self.cool_down <= 1.0:
            raise SubjectError(
                f"a cool_down between 0 and 1 expected, got {self.cool_down}; it is a share of the steps"
            )

    def rate(self, step: int) -> float:
        """The factor on both learning rates at `step` (from 0): up, flat, down."""
        up = (step + 1) / self.warm_up if self.warm_up else 1.0
        down = (self.steps - step) / (self.cool_down * self.steps) if self.cool_down else 1.0
        return min(1.0, up, down)


def train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    sources: Sequence[Source],
    recipe: Recipe,
    *,
    seed: int,
    on_progress: Progress | None = None,
    checkpoints: Checkpoints = NONE,
    memory: Memory | None = None,
) -> list[float]:
    """Train `model` in place, or the adapter on it; returns the loss of every step, in nats a token.

    memory: what the optimizers begin with, and what they end with afterwards; None: they begin with nothing, and what
    they end with is thrown away. The rates are warmed up either way.

    Examples are drawn with replacement.  The same arguments, weights, thread count and kind of processor
    give the same weights, bit for bit, also when it was interrupted and goes on from `checkpoints`.  A loss that is
    not finite raises SubjectError: the model is then of no use to anyone.
    """
    noise = torch.Generator().manual_seed(seed)
    batches = _tokenize(tokenizer, _draw(_used(sources), recipe, noise))
    optimizers = _optimizers(model, recipe)
    model.train()
    with torch.random.fork_rng(devices=[]), checkpointed(model):
        torch.manual_seed(seed)  # dropout, where a model has it
        if memory is not None:
            memory.give(model, optimizers)
        losses = checkpoints.restore(model, optimizers)
        for step, batch in enumerate(batches[len(losses) :], start=len(losses)):
            losses.append(_step(model, batch, optimizers, recipe, step))
            if on_progress is not None:
                on_progress(step + 1, recipe.steps, losses[-1])
            checkpoints.step(model, optimizers, losses)
    if memory is not None:
        memory.take(model, optimizers)
    model.eval()  # type: ignore[no-untyped-call]
    return losses


@contextmanager
def checkpointed(model: PreTrainedModel) -> Iterator[None]:
    """On a GPU, where memory is short, activations are computed again for the backward pass and not kept."""
    wanted = model.device.type != "cpu" and model.supports_gradient_checkpointing
    if wanted:
        model.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if wanted:
            model.gradient_checkpointing_disable()  # type: ignore[no-untyped-call]


def _used(sources: Sequence[Source]) -> list[Source]:
    if not all(0.0 <= source.weight < math.inf for source in sources):
        raise SubjectError(f"weights of 0 or more expected, got {[source.weight for source in sources]}")
    used = [source for source in sources if source.weight > 0.0]
    if not used:
        raise SubjectError("at least one source of weight above 0 expected, got none")
    if not all(source.examples for source in used):
        raise SubjectError(
            "a source of at least one example expected, got an empty one; give it weight 0 or leave it out"
        )
    return used


def _draw(sources: Sequence[Source], recipe: Recipe, noise: torch.Generator) -> list[list[Example]]:
    """The examples of every step: first the source of each by weight, then uniformly inside it."""
    weights = torch.tensor([source.weight for source in sources], dtype=torch.float64)
    batches = []
    for _ in range(recipe.steps):
        which = torch.multinomial(weights, recipe.batch, replacement=True, generator=noise).tolist()
        where = torch.rand(recipe.batch, generator=noise, dtype=torch.float64).tolist()
        pools = [sources[w].examples for w in which]
        batches.append([pool[int(x * len(pool))] for pool, x in zip(pools, where, strict=True)])
    return batches


@dataclass(frozen=True, slots=True)
class _Row:
    ids: list[int]  # prompt, answer, end mark
    start: int  # where the answer begins


def _tokenize(tokenizer: PreTrainedTokenizerBase, batches: Sequence[Sequence[Example]]) -> list[list[_Row]]:
    """Prompt and answer are encoded apart, as at generation: no token spans the border between them."""
    end = end_of(tokenizer)
    drawn = list(dict.fromkeys(example for batch in batches for example in batch))
    prompts = asked(tokenizer, [example.prompt for example in drawn])
    answers = spell_texts(tokenizer, [example.answer for example in drawn])
    rows = {e: _Row([*p, *a, end], len(p)) for e, p, a in zip(drawn, prompts, answers, strict=True)}
    return [[rows[example] for example in batch] for batch in batches]


def _step(
    model: PreTrainedModel,
    batch: list[_Row],
    optimizers: Sequence[torch.optim.Optimizer],
    recipe: Recipe,
    step: int,
) -> float:
    targets = sum(len(row.ids) - row.start for row in batch)
    total = 0.0
    for part in _parts(batch, recipe.parts):
        with torch.autocast(model.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            loss = _answer_loss(model, part) / targets
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
    if not total < math.inf:
        raise SubjectError(f"a finite loss expected, got {total} at step {step}; lower the learning rates")
    nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["highest"] * recipe.rate(step)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return total


def _parts(batch: list[_Row], parts: int) -> list[list[_Row]]:
    """The batch by length, cut into pieces of equal count: each is padded only to its own longest row."""
    ordered = sorted(batch, key=lambda row: len(row.ids))
    size = -(-len(ordered) // parts)
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]


def _answer_loss(model: PreTrainedModel, rows: Sequence[_Row]) -> Tensor:
    """Summed cross entropy over answers and end marks.

    Padding is on the right, after everything that counts, where a causal model cannot see it: no attention
    mask needed.
    """
    longest = max(len(row.ids) for row in rows)
    first = min(row.start for row in rows)
    device = model.device
    ids = torch.tensor([row.ids + [0] * (longest - len(row.ids)) for row in rows], device=device)  # (B, T)
    targets = torch.tensor(
        [[IGNORED] * row.start + row.ids[row.start :] + [IGNORED] * (longest - len(row.ids)) for row in rows],
        device=device,
    )  # (B, T)
    kept = longest - first + 1  # logits of the positions that predict an answer token
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=kept).logits[:, :-1]  # (B, T - first, V)
    return cross_entropy(
        logits.flatten(0, 1).float(), targets[:, first:].flatten(), ignore_index=IGNORED, reduction="sum"
    )


def _optimizers(model: PreTrainedModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for matrices inside the layers, AdamW for embeddings, output, norms and biases; or AdamW for everything."""
    outside = {
        id(p)
        for part in (model.get_input_embeddings(), model.get_output_embeddings())  # type: ignore[no-untyped-call]
        if part is not None
        for p in part.parameters()
    }
    trained = [p for p in model.parameters() if p.requires_grad]
    inside = {id(p) for p in trained if p.ndim == 2 and id(p) not in outside and recipe.method == "muon"}  # noqa: PLR2004
    matrices = [p for p in trained if id(p) in inside]
    rest = [p for p in trained if id(p) not in inside]
    found: list[torch.optim.Optimizer] = []
    if matrices:
        # torch's own works in bfloat16; where that is emulated, a step with ours takes a quarter of the time.
        muon = torch.optim.Muon if recipe.precision == "bfloat16" else FloatMuon
        found.append(muon(matrices, lr=recipe.matrix_rate, weight_decay=recipe.matrix_decay))
    if rest:
        found.append(torch.optim.AdamW(rest, lr=recipe.rest_rate, fused=True))
    for optimizer in found:
        for group in optimizer.param_groups:
            group["highest"] = group["lr"]
    return found
