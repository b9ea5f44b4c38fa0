"""Prompts in, completions out, with how sure the model was; works for any Hugging Face causal LM.

    >>> complete(model, tokenizer, ["R123=", "C77="], max_new_tokens=[4, 3])
    [Completion(text='321', tokens=(5, 4, 3, 1), ended=True, least_probability=0.99), Completion(text='77', ...)]

Of the default subject prompts of one token length are answered together, so no padding is computed and no attention
mask needed. Natural prompts each have a length of their own: models that can be told what is padding (`padding.pads`)
write answers to them side by side (`rolling`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from detent.errors import SubjectError
from detent.subject import rolling
from detent.subject.chat import Prompt, asked, end_of
from detent.subject.padding import pads, room_of
from detent.subject.portions import Batch, Portions, Progress, in_portions, in_their_order

MEMORY = 2 << 30  # bytes that the keys, values and logits of a batch may take
PORTION = 4  # times as many prompts as are answered at once: what an interrupted job asks again at the most
ROWS = 512  # prompts answered at once; more is no faster, since their keys and values outgrow the caches


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote after one prompt."""

    text: str  # without the end mark
    tokens: tuple[int, ...]  # as written, the end mark included
    ended: bool  # the end mark came within the limit
    least_probability: (
        float  # of the tokens written, the end mark included: the model's own, at temperature 1
    )


def complete(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    *,
    max_new_tokens: int | Sequence[int],
    temperature: float = 0.0,
    seed: int = 0,
    rows: int = ROWS,
    on_progress: Progress | None = None,
    kept: Portions[Completion] | None = None,
) -> list[Completion]:
    """One completion a prompt, in the order of the prompts.

    `max_new_tokens` counts the end mark; one number for all, or one a prompt.  `temperature` 0 takes the
    likeliest token and ignores `seed`; above 0 it samples from softmax(logits / temperature).  For n
    samples, repeat the prompt n times. The same arguments, weights and thread count give the same result,
    bit for bit, also when it was interrupted and goes on from what is `kept`.
    An answer of a model that `pads` ends where the positions do that the model promises to read.

    Raises:
        SubjectError: a prompt cannot be spelt, or leaves no position for an answer; or a number makes no sense.
    """
    limits = [max_new_tokens] * len(prompts) if isinstance(max_new_tokens, int) else list(max_new_tokens)
    _check(prompts, limits, temperature)
    encoded = asked(tokenizer, prompts)
    stops = stop_tokens(model, tokenizer)
    manner = rolling.Manner(stops, temperature, seed)
    asking = _side_by_side if pads(model) else _by_length
    was_training = model.training
    model.eval()  # type: ignore[no-untyped-call]
    batches, noise, write = asking(model, encoded, limits, manner, rows, on_progress)

    def ask(batch: Batch) -> list[Completion]:
        return [_completion(tokenizer, one.tokens, one.chances, stops) for one in write(batch)]

    with torch.inference_mode():
        found = in_portions(batches, ask, kept, noise, on_progress)
    model.train(was_training)
    return in_their_order(batches, found)


class _Asking(NamedTuple):
    """How prompts are asked: which go together, what samples are drawn by, and what writes the answers to a batch."""

    batches: list[Batch]
    noise: torch.Generator | None
    write: Callable[[Batch], list[rolling.Written]]


def _side_by_side(  # noqa: PLR0917
    model: PreTrainedModel,
    encoded: Sequence[Sequence[int]],
    limits: Sequence[int],
    manner: rolling.Manner,
    rows: int,
    on_progress: Progress | None,
) -> _Asking:
    room = room_of(model)
    if encoded and (longest := max(map(len, encoded))) >= room:
        raise SubjectError(
            f"prompts that leave room for an answer within {room} tokens expected, got one of {longest}; shorten it, "
            "or take a model that reads more"
        )
    within = [int(min(limit, room - len(ids))) for ids, limit in zip(encoded, limits, strict=True)]
    waiting = rolling.rows_of(encoded, within, manner)
    most = PORTION * rows_for(model, max((row.most for row in waiting), default=1), rows)
    portions = {start: waiting[start : start + most] for start in range(0, len(waiting), most)}
    starts = {tuple(row.place for row in some): start for start, some in portions.items()}

    def write(batch: Batch) -> list[rolling.Written]:
        start, found = starts[tuple(batch)], dict[int, rolling.Written]()
        at_once = partial(rows_for, model, most=rows)
        for one in rolling.written(model, portions[start], manner, at_once):
            found[one.place] = one
            if on_progress is not None and len(found) < len(batch):  # a portion takes long
                on_progress(start + len(found), len(encoded))
        return [found[place] for place in batch]

    return _Asking([list(places) for places in starts], None, write)


def _by_length(
    model: PreTrainedModel,
    encoded: Sequence[Sequence[int]],
    limits: Sequence[int],
    manner: rolling.Manner,
    rows: int,
    _: Progress | None,
) -> _Asking:
    noise = torch.Generator().manual_seed(manner.seed)

    def write(batch: Batch) -> list[rolling.Written]:
        ids = torch.tensor([encoded[place] for place in batch], device=model.device)
        limit = max(limits[place] for place in batch)
        written, probabilities = _write(model, ids, limit, manner.stops, manner.temperature, noise)
        return [
            rolling.Written(place, tokens[: limits[place]], chances)
            for place, tokens, chances in zip(batch, written.tolist(), probabilities.tolist(), strict=True)
        ]

    return _Asking(list(_batches(encoded, limits, lambda each: rows_for(model, each, rows))), noise, write)


def stop_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """The ids that end an answer: of a turn, of a text, and those that the model's configuration lists.

    Raises:
        SubjectError: there is none.
    """
    generation = model.generation_config
    listed = None if generation is None else generation.eos_token_id
    ids = {listed} if isinstance(listed, int) else set(listed or ())
    if isinstance(tokenizer.eos_token_id, int):
        ids.add(tokenizer.eos_token_id)
    if tokenizer.chat_template or not ids:
        ids.add(end_of(tokenizer))
    return tuple(sorted(ids))


def rows_for(model: PreTrainedModel, tokens: int, most: int, *, logits: int = 1) -> int:
    """How many texts of so many tokens are read at once, `most` at the most: their keys and values fit in `MEMORY`.

    A row keeps two vectors a layer and token, and the logits of so many positions, three times over. The default
    subject's rows never get there.
    """
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    kept = 2 * config.num_hidden_layers * heads * width * model.dtype.itemsize
    row = kept * tokens + 3 * 4 * config.vocab_size * logits
    return max(1, min(most, MEMORY // int(row)))


def _check(prompts: Sequence[Prompt], limits: Sequence[int], temperature: float) -> None:
    if len(limits) != len(prompts):
        raise SubjectError(f"one limit a prompt expected, got {len(limits)} for {len(prompts)} prompts")
    if any(limit < 1 for limit in limits):
        raise SubjectError(f"limits of at least 1 new token expected, got {min(limits)}")
    if not 0.0 <= temperature < float("inf"):
        raise SubjectError(f"a finite temperature of 0 or more expected, got {temperature}")


def _batches(
    encoded: Sequence[Sequence[int]], limits: Sequence[int], rows: Callable[[int], int]
) -> Iterator[Batch]:
    """Places in `encoded`; a batch has one length and one limit.

    rows: how many at most, of so many tokens.
    """
    groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for place, (ids, limit) in enumerate(zip(encoded, limits, strict=True)):
        groups[len(ids), limit].append(place)
    for key in sorted(groups):
        most = rows(sum(key))
        for start in range(0, len(groups[key]), most):
            yield groups[key][start : start + most]


# An own loop and not model.generate: that is no faster (2,880 prompts of 15 lengths, batches alike: .9 s
# each), hands out no probabilities without keeping the logits of every step, and draws its samples from the
# process's global random state.
def _write(  # noqa: PLR0917
    model: PreTrainedModel,
    ids: Tensor,
    limit: int,
    stops: tuple[int, ...],
    temperature: float,
    noise: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Up to `limit` tokens after each row of `ids` (B, T), and their probabilities: both (B, <= limit)."""
    ends = torch.tensor(stops, device=ids.device)
    ended = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)  # (B,)
    tokens: list[Tensor] = []
    chances: list[Tensor] = []
    cache = None
    feed = ids
    for _ in range(limit):
        out = model(input_ids=feed, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = out.past_key_values
        logits = out.logits[:, -1].float()  # (B, V)
        token = _choose(logits, temperature, noise)  # (B,)
        tokens.append(token)
        chances.append(logits.softmax(-1).gather(-1, token[:, None])[:, 0])
        ended |= torch.isin(token, ends)
        if bool(ended.all()):
            break
        feed = token[:, None]
    return torch.stack(tokens, 1), torch.stack(chances, 1)


def _choose(logits: Tensor, temperature: float, noise: torch.Generator) -> Tensor:
    """The next token of each row of `logits` (B, V): the likeliest, or a draw at `temperature`."""
    if temperature == 0.0:
        return logits.argmax(-1)
    # Drawn on the processor: its generator gives the same numbers beside every kind of device.
    drawn = torch.multinomial((logits / temperature).softmax(-1).cpu(), 1, generator=noise)[:, 0]
    return drawn.to(logits.device)


def _completion(
    tokenizer: PreTrainedTokenizerBase,
    tokens: Sequence[int],
    chances: Sequence[float],
    stops: tuple[int, ...],
) -> Completion:
    """Cut one row after its first end mark."""
    end = next((i for i, token in enumerate(tokens) if token in stops), None)
    written = tokens[:end]
    counted = len(written) + (end is not None)
    # Special tokens other than the end mark stay visible: an answer with one of them inside is not the
    # answer without it.
    text = tokenizer.decode(list(written), skip_special_tokens=False)
    return Completion(
        text=str(text),
        tokens=tuple(tokens[:counted]),
        ended=end is not None,
        least_probability=min(chances[:counted]),
    )
