"""How likely a model finds a completion: a sum of log-probabilities, for any Hugging Face causal LM.

    >>> log_likelihoods(model, tokenizer, [("R123=321?", "yyyY")])
    [-0.02]

Rows of the same token lengths are read together, so that nothing is padded; of models that `pads` rows of about one
length, padded (as in `generate`).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from detent.subject.chat import asked
from detent.subject.generate import ROWS, rows_for
from detent.subject.padding import mask_of, padded, pads, together
from detent.subject.spell import spell_texts


def log_likelihoods(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[tuple[str, str]]
) -> list[float]:
    """Ln p(completion | prompt) of each (prompt, completion), in nats; the end mark is not asked about.

    Prompt and completion are encoded apart, as in training. Raises SubjectError as `encode`.
    """
    prompts = asked(tokenizer, [prompt for prompt, _ in rows])
    completions = spell_texts(tokenizer, [completion for _, completion in rows])
    return spelt_likelihoods(model, list(zip(prompts, completions, strict=True)))


def spelt_likelihoods(
    model: PreTrainedModel, rows: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> list[float]:
    """The same of token ids; each has at least one."""
    found = [0.0] * len(rows)
    was_training = model.training
    model.eval()  # type: ignore[no-untyped-call]
    with torch.inference_mode():
        for some in _batches(model, rows):
            for place, value in zip(some, _read(model, [rows[place] for place in some]), strict=True):
                found[place] = value
    model.train(was_training)
    return found


def _batches(
    model: PreTrainedModel, rows: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> Iterator[list[int]]:
    """Places of rows that are read together."""
    if pads(model):
        answer = max((len(completion) for _, completion in rows), default=0)
        lengths = [len(prompt) + len(completion) for prompt, completion in rows]
        yield from together(lengths, lambda tokens: rows_for(model, tokens, ROWS, logits=answer + 1))
        return
    groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for place, (prompt, completion) in enumerate(rows):
        groups[len(prompt), len(completion)].append(place)
    for (before, length), places in sorted(groups.items()):
        most = rows_for(model, before + length, ROWS, logits=length + 1)
        for start in range(0, len(places), most):
            yield places[start : start + most]


def _read(model: PreTrainedModel, rows: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
    """Ln p of each row's completion; of completions shorter than the longest what stands before is not counted."""
    length = max(len(completion) for _, completion in rows)
    ids, seen = padded([[*prompt, *completion] for prompt, completion in rows], model.device)  # (B, T)
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=length + 1, **seen).logits[:, :-1]
    chances = logits.float().log_softmax(-1)  # (B, length, V)
    told = chances.gather(-1, ids[:, -length:, None])[..., 0]  # (B, length)
    if any(len(completion) < length for _, completion in rows):
        told = told * mask_of([len(completion) for _, completion in rows], length, model.device)
    values: list[float] = told.sum(1).tolist()
    return values
