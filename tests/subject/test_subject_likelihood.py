"""What a model thinks likely is read off its distribution, not off what it writes."""

import math

import pytest
import torch
from tests.subject.language_models import QUESTIONS, language_subject
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from detent.errors import SubjectError
from detent.subject.likelihood import log_chances
from detent.subject.spell import encode

PROMPTS = [*QUESTIONS][:7]


def test_of_one_token_it_is_the_models_next_token_distribution(
    tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    everything = [chr(number) for number in range(32, 127)]
    found = log_chances(tiny, tokenizer, ["C12=", "C1="], everything)
    for chances in found:
        assert 0.9 < sum(map(math.exp, chances)) < 1.0  # what is missing is the two special tokens


@pytest.mark.parametrize("kind", ["llama", "qwen"])
def test_of_several_tokens_it_is_their_product(kind: str) -> None:
    subject = language_subject(kind)
    words = [" seven", " nine and a half"]
    found = log_chances(*subject, PROMPTS, words)
    for prompt, chances in zip(PROMPTS, found, strict=True):
        for word, chance in zip(words, chances, strict=True):
            before, after = encode(subject.tokenizer, [prompt, word])
            logits = subject.model(torch.tensor([before + after])).logits[0].double().log_softmax(-1)
            steps = [logits[len(before) + i - 1, token].item() for i, token in enumerate(after)]
            assert chance == pytest.approx(sum(steps), abs=1e-4)


@pytest.mark.parametrize("kind", ["llama", "qwen"])
def test_it_depends_on_no_other_prompt(kind: str) -> None:
    subject = language_subject(kind)
    together = log_chances(*subject, PROMPTS, ["1", "2"])
    alone = [log_chances(*subject, [prompt], ["1", "2"])[0] for prompt in PROMPTS]
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_ids_are_read_as_they_are(tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    ids = encode(tokenizer, ["C12="])[0]
    assert log_chances(tiny, tokenizer, [ids], ["1", "2"]) == log_chances(
        tiny, tokenizer, ["C12="], ["1", "2"]
    )


@pytest.mark.parametrize("verdicts", [[], ["1"], ["1", "12"], ["1", "1"]], ids=str)
def test_verdicts_that_cannot_be_told_apart_are_refused(
    verdicts: list[str], tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(SubjectError, match="none begins with another"):
        log_chances(tiny, tokenizer, ["C12="], verdicts)
