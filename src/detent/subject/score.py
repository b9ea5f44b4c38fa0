"""How likely a model finds a completion: a sum of log-probabilities, for any Hugging Face causal LM.

    >>> log_likelihoods(model, tokenizer, [("R123=321?", "yyyY")])
    [-0.02]

Rows of the same token lengths are read together, so that nothing is padded (as in `generate`).
"""

from collections import defaultdict
from collections.abc import Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from detent.subject.chat import asked
from detent.subject.generate import ROWS, rows_for
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
    groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for place, (prompt, completion) in enumerate(rows):
        groups[len(prompt), len(completion)].append(place)
    found = [0.0] * len(rows)
    was_training = model.training
    model.eval()  # type: ignore[no-untyped-call]
    with torch.inference_mode():
        for (before, length), places in sorted(groups.items()):
            most = rows_for(model, before + length, ROWS, logits=length + 1)
            for start in range(0, len(places), most):
                some = places[start : start + most]
                ids = torch.tensor([[*rows[i][0], *rows[i][1]] for i in some], device=model.device)  # (B, T)
                logits = model(input_ids=ids, use_cache=False, logits_to_keep=length + 1).logits[:, :-1]
                chances = logits.float().log_softmax(-1)  # (B, length, V)
                told = chances.gather(-1, ids[:, -length:, None])[..., 0].sum(1)  # (B,)
                for place, value in zip(some, told.tolist(), strict=True):
                    found[place] = value
    model.train(was_training)
    return found
