"""How likely a model thinks it that one of a few given texts comes next; nothing is generated, nothing parsed.

    >>> log_chances(judge, tokenizer, ["Which is right, 1 or 2? "], ["1", "2"])
    [(-0.05, -3.02)]

For a text of several tokens it is the sum over them.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from detent.errors import SubjectError
from detent.subject.chat import Prompt, asked
from detent.subject.generate import rows_for
from detent.subject.padding import padded, pads, together
from detent.subject.portions import Batch, Portions, Progress, in_portions, in_their_order
from detent.subject.spell import encode

ROWS = 128  # prompts read at once; they are longer than those that are answered


def log_chances(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    continuations: Sequence[str],
    *,
    rows: int = ROWS,
    on_progress: Progress | None = None,
    kept: Portions[tuple[float, ...]] | None = None,
) -> list[tuple[float, ...]]:
    """For each prompt ln p(continuation | prompt) of every continuation, in nats, in their order.

    Prompts of one length are read together, so there is no padding; of models that `pads` those of about one length,
    padded. Continuations of several tokens are as many readings. One of them may not begin as another does in whole,
    for then it could never be the likelier. What is `kept` of a reading that was
    interrupted is not read again.

    Raises:
        SubjectError: fewer than two continuations, or two that cannot be compared.
    """
    endings = _comparable(tokenizer, continuations)
    encoded = asked(tokenizer, prompts)
    longest = max(map(len, endings))
    batches = list(_batches(model, [len(ids) for ids in encoded], longest, rows))

    def ask(batch: Batch) -> list[tuple[float, ...]]:
        return list(map(tuple, _read(model, [encoded[place] for place in batch], endings).tolist()))

    was_training = model.training
    model.eval()  # type: ignore[no-untyped-call]
    with torch.inference_mode():
        found = in_portions(batches, ask, kept, on_progress=on_progress)
    model.train(was_training)
    return in_their_order(batches, found)


def _comparable(tokenizer: PreTrainedTokenizerBase, continuations: Sequence[str]) -> list[list[int]]:
    endings = encode(tokenizer, continuations)
    nested = any(a is not b and b[: len(a)] == a for a in endings for b in endings)
    if len(endings) < 2 or nested:  # noqa: PLR2004
        raise SubjectError(
            f"two or more continuations expected of which none begins with another, got {list(continuations)}; "
            "choose verdicts of one token each, such as 1 and 2"
        )
    return endings


def _batches(model: PreTrainedModel, lengths: Sequence[int], ending: int, rows: int) -> Iterator[list[int]]:
    """Places of prompts that are read together."""
    if pads(model):
        yield from together(lengths, lambda length: rows_for(model, length + ending, rows, logits=ending))
        return
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for place, length in enumerate(lengths):
        groups[length].append(place)
    for length in sorted(groups):
        most = rows_for(model, length, rows)
        for start in range(0, len(groups[length]), most):
            yield groups[length][start : start + most]


def _read(model: PreTrainedModel, rows: Sequence[Sequence[int]], endings: Sequence[Sequence[int]]) -> Tensor:
    """Ln p of each ending after each row: (B, endings)."""
    if all(len(ending) == 1 for ending in endings):
        ids, seen = padded(rows, model.device)
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=1, **seen).logits[:, -1]  # (B, V)
        chances: Tensor = logits.double().log_softmax(-1)[:, [ending[0] for ending in endings]]
        return chances
    return torch.stack([_sum(model, rows, list(ending)) for ending in endings], 1)


def _sum(model: PreTrainedModel, rows: Sequence[Sequence[int]], ending: list[int]) -> Tensor:
    """Ln p of one ending after each row: (B,)."""
    ids, seen = padded([[*row, *ending[:-1]] for row in rows], model.device)
    wanted = torch.tensor(ending, device=ids.device).expand(len(ids), -1)  # (B, E)
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=len(ending), **seen).logits  # (B, E, V)
    chances: Tensor = logits.double().log_softmax(-1).gather(-1, wanted[:, :, None])[:, :, 0]
    return chances.sum(-1)
