"""How likely a model thinks it that one of a few given texts comes next; nothing is generated, nothing parsed.

    >>> log_chances(judge, tokenizer, ["Which is right, 1 or 2? "], ["1", "2"])
    [(-0.05, -3.02)]

For a text of several tokens it is the sum over them.
"""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from detent.errors import SubjectError
from detent.subject.chat import Prompt, asked
from detent.subject.generate import rows_for
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

    Prompts of one length are read together, so there is no padding. Continuations of several tokens are as many
    readings. One of them may not begin as another does in whole, for then it could never be the likelier. What is
    `kept` of a reading that was interrupted is not read again.

    Raises:
        SubjectError: fewer than two continuations, or two that cannot be compared.
    """
    endings = _comparable(tokenizer, continuations)
    encoded = asked(tokenizer, prompts)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for place, ids in enumerate(encoded):
        groups[len(ids)].append(place)
    batches: list[Batch] = []
    for length in sorted(groups):
        most = rows_for(model, length, rows)
        for start in range(0, len(groups[length]), most):
            places = groups[length][start : start + most]
            batches.append((places, torch.tensor([encoded[place] for place in places])))

    def ask(batch: Batch) -> list[tuple[float, ...]]:
        return list(map(tuple, _read(model, batch[1].to(model.device), endings).tolist()))

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


def _read(model: PreTrainedModel, ids: Tensor, endings: Sequence[Sequence[int]]) -> Tensor:
    """Ln p of each ending after each row of `ids` (B, T): (B, endings)."""
    if all(len(ending) == 1 for ending in endings):
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[:, -1]  # (B, V)
        chances: Tensor = logits.double().log_softmax(-1)[:, [ending[0] for ending in endings]]
        return chances
    return torch.stack([_sum(model, ids, list(ending)) for ending in endings], 1)


def _sum(model: PreTrainedModel, ids: Tensor, ending: list[int]) -> Tensor:
    """Ln p of one ending after each row of `ids` (B, T): (B,)."""
    wanted = torch.tensor(ending, device=ids.device).expand(len(ids), -1)  # (B, E)
    fed = torch.cat([ids, wanted[:, :-1]], 1)
    logits = model(input_ids=fed, use_cache=False, logits_to_keep=len(ending)).logits  # (B, E, V)
    chances: Tensor = logits.double().log_softmax(-1).gather(-1, wanted[:, :, None])[:, :, 0]
    return chances.sum(-1)
