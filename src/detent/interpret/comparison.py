"""What changed between two models, on text that one of them wrote: words, and layers.

    >>> compare(before, after, ["R123=", "C77="], max_new_tokens=[9, 8])
    Comparison(divergence=0.31, flips=0.125, similarity=(0.99, 0.98, 0.91, 0.9), tokens=8, unmatched=0)

Model a completes every prompt greedily; both models then read prompt and completion (teacher forcing), and are
compared wherever a completion token is predicted. So one early slip of b does not count at every later position,
as it would if each read its own text. Any two Hugging Face causal LMs with one vocabulary will do.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from detent.errors import SubjectError, UsageError
from detent.interpret.similarity import LEAST_POSITIONS, similarity
from detent.subject.chat import asked
from detent.subject.generate import complete
from detent.subject.load import Subject

Progress = Callable[[int, int], None]  # (done, of how many)

_ROWS = 32  # texts read at once; more only adds padding
_LOGITS = 1 << 24  # most logits of one model at a time: 128 MiB in float64


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
    texts = _written(a, prompts, max_new_tokens, meter)
    tokens = sum(len(text.ids) - text.start for text in texts)
    if tokens < LEAST_POSITIONS:
        raise UsageError(
            f"completions of at least {LEAST_POSITIONS} tokens expected, got {tokens}; give more prompts"
        )
    gap = _Gap()
    with torch.inference_mode():
        for batch in _batches(texts, len(a.tokenizer)):
            gap.add(_read(a.model, batch), _read(b.model, batch))
            meter.advance(len(batch))
        return gap.comparison()


@dataclass(frozen=True, slots=True)
class _Text:
    ids: list[int]  # prompt and completion
    start: int  # where the completion begins


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one model made of a batch, at the n positions that count."""

    logits: Tensor  # (n, V)
    layers: list[Tensor]  # each (n, d)


class _Gap:
    """Adds up what two models made of the same batches."""

    def __init__(self) -> None:
        self._divergence = 0.0
        self._flips = self._tokens = 0
        self._a: list[list[Tensor]] = []
        self._b: list[list[Tensor]] = []

    def add(self, a: _Reading, b: _Reading) -> None:
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


def _written(
    a: Subject, prompts: Sequence[str], max_new_tokens: int | Sequence[int], meter: "_Meter"
) -> list[_Text]:
    """Each prompt with a's completion, as a wrote it: its text encoded again need not be the same tokens."""
    found = complete(*a, prompts, max_new_tokens=max_new_tokens, on_progress=lambda done, _: meter.at(done))
    meter.advance(len(prompts))
    encoded = asked(a.tokenizer, prompts)
    return [_Text([*ids, *one.tokens], len(ids)) for ids, one in zip(encoded, found, strict=True)]


def _batches(texts: Sequence[_Text], vocabulary: int) -> Iterator[list[_Text]]:
    """Texts by length, so that each batch holds little padding, and no more logits than memory should."""
    waiting = sorted(texts, key=lambda text: len(text.ids), reverse=True)
    while waiting:
        room = _LOGITS // (vocabulary * len(waiting[0].ids))
        rows = max(1, min(_ROWS, room))
        yield waiting[:rows]
        waiting = waiting[rows:]


def _read(model: PreTrainedModel, batch: Sequence[_Text]) -> _Reading:
    """Padding is on the right, after everything that counts, where a causal model cannot see it."""
    longest, device = max(len(text.ids) for text in batch), model.device
    ids = torch.tensor(
        [text.ids + [0] * (longest - len(text.ids)) for text in batch], device=device
    )  # (B, T)
    starts = torch.tensor([[text.start] for text in batch], device=device)  # (B, 1)
    ends = torch.tensor([[len(text.ids)] for text in batch], device=device)  # (B, 1)
    at = torch.arange(1, longest + 1, device=device)  # what the position before predicts
    counted = (starts <= at) & (at < ends)  # (B, T)
    kept = longest - int(starts.min()) + 1
    out = model(input_ids=ids, use_cache=False, output_hidden_states=True, logits_to_keep=kept)
    reading = _Reading(out.logits[counted[:, -kept:]], [layer[counted] for layer in out.hidden_states])
    if not all(bool(part.isfinite().all()) for part in (reading.logits, *reading.layers)):
        raise SubjectError(
            "finite logits and layers expected, got others; its weights are of no use: train anew"
        )
    return reading


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
