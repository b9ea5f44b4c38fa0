"""What changed between two models, on text that one of them wrote: words, and layers.

    >>> compare(before, after, ["R123=", "C77="], max_new_tokens=[9, 8])
    Comparison(divergence=0.31, flips=0.125, similarity=(0.99, 0.98, 0.91, 0.9), tokens=8, unmatched=0)

Model a completes every prompt greedily; both models then read prompt and completion (teacher forcing), and are
compared wherever a completion token is predicted. So one early slip of b does not count at every later position,
as it would if each read its own text. Any two Hugging Face causal LMs with one vocabulary will do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from detent.errors import SubjectError, UsageError
from detent.interpret.reading import Progress, Reading, batches, read, written
from detent.interpret.similarity import LEAST_POSITIONS, similarity
from detent.subject.load import Subject


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far b is from a, over the positions that predict a token of a's completions.

    divergence: mean of KL(b || a) = sum over tokens of b log(b / a), in nats: what is lost by describing b's
    next-token distribution with a's. flips: share of positions whose likeliest token differs. similarity: CKA of
    the embeddings' output and of every block's, pairwise by index from the first; the last block's is taken
    after the final norm, as Hugging Face gives it. unmatched: how many blocks the deeper model has beyond the
    other; they are in no figure of `similarity`. tokens: how many positions.
    """

    divergence: float
    flips: float
    similarity: tuple[float, ...]
    tokens: int
    unmatched: int


def compare(
    a: Subject,
    b: Subject,
    prompts: Sequence[str],
    *,
    max_new_tokens: int | Sequence[int],
    on_progress: Progress | None = None,
) -> Comparison:
    """Compare b to a on a's greedy completions of `prompts`; a model with itself gives 0, 0 and all 1.

    `max_new_tokens` as in `complete`: the end mark counts, and is compared too. Units of progress are prompts
    written, then prompts read.

    Raises:
        SubjectError: the vocabularies differ, a prompt cannot be spelt, or a model computes what is not finite.
        UsageError: completions of fewer than 4 tokens in all.
    """
    if a.tokenizer.get_vocab() != b.tokenizer.get_vocab():
        raise SubjectError("two models of one vocabulary expected, got two; compare generations of one model")
    meter = _Meter(2 * len(prompts), on_progress)
    texts = written(a, prompts, max_new_tokens, lambda done, _: meter.at(done))
    meter.advance(len(prompts))
    tokens = sum(text.places for text in texts)
    if tokens < LEAST_POSITIONS:
        raise UsageError(
            f"completions of at least {LEAST_POSITIONS} tokens expected, got {tokens}; give more prompts"
        )
    gap = _Gap()
    with torch.inference_mode():
        for batch in batches(texts, len(a.tokenizer)):
            gap.add(read(a.model, batch), read(b.model, batch))
            meter.advance(len(batch))
        return gap.comparison()


class _Gap:
    """Adds up what two models made of the same batches."""

    def __init__(self) -> None:
        self._divergence = 0.0
        self._flips = self._tokens = 0
        self._a: list[list[Tensor]] = []
        self._b: list[list[Tensor]] = []

    def add(self, a: Reading, b: Reading) -> None:
        if a.logits.shape != b.logits.shape:
            sizes = f"{a.logits.shape[1]} and {b.logits.shape[1]}"
            raise SubjectError(f"as many logits from both models expected, got {sizes}; their heads differ")
        log_a, log_b = (one.logits.double().log_softmax(-1) for one in (a, b))  # (n, V)
        self._divergence += float((log_b.exp() * (log_b - log_a)).sum())
        self._flips += int((a.logits.argmax(-1) != b.logits.argmax(-1)).sum())
        self._tokens += len(a.logits)
        self._a.append(a.layers)
        self._b.append(b.layers)

    def comparison(self) -> Comparison:
        a, b = ([torch.cat(parts) for parts in zip(*batches, strict=True)] for batches in (self._a, self._b))
        return Comparison(
            divergence=max(0.0, self._divergence / self._tokens),  # rounding may leave -1e-17
            flips=self._flips / self._tokens,
            similarity=tuple(similarity(x, y) for x, y in zip(a, b, strict=False)),
            tokens=self._tokens,
            unmatched=abs(len(a) - len(b)),
        )


class _Meter:
    """Adds up the progress of both halves."""

    def __init__(self, total: int, tell: Progress | None) -> None:
        self._total = total
        self._tell = tell
        self._done = 0

    def at(self, done: int) -> None:
        if self._tell is not None:
            self._tell(self._done + done, self._total)

    def advance(self, done: int) -> None:
        self._done += done
        self.at(0)
