"""What a comparison refuses, and how far it says it is; its figures are those of `words` and `layers`."""

from collections.abc import Callable

import pytest
import torch
from tests.interpret.kinds import look
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from detent.errors import DetentError, SubjectError, UsageError
from detent.interpret import layers, words
from detent.interpret.comparison import compare
from detent.subject.build import build_tokenizer
from detent.subject.load import Subject

PROMPTS = ["C12=", "R123=", "C1=", "R4321=", "C12="]


def test_its_figures_are_those_of_the_sections(a: Subject, b: Subject) -> None:
    found, sections = compare(a, b, PROMPTS, max_new_tokens=6), look(a, b)
    said = words.section(sections)
    assert (found.divergence, found.flips, found.tokens) == (said.divergence, said.flips, said.tokens)
    similarity = layers.section(sections).similarity
    assert found.similarity == tuple(row[at] for at, row in enumerate(similarity))


def test_progress_goes_through_writing_and_reading_to_the_end(a: Subject, b: Subject) -> None:
    seen: list[tuple[int, int]] = []
    compare(a, b, PROMPTS, max_new_tokens=3, on_progress=lambda *at: seen.append(at))
    assert seen == sorted(seen)
    assert seen[-1] == (10, 10)


def other_words(_a: Subject, b: Subject) -> tuple[Subject, Subject]:
    tokenizer = build_tokenizer()
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    tokenizer.add_tokens(["<new>"])
    return _a, Subject(b.model, tokenizer)


def other_head(a: Subject, _b: Subject) -> tuple[Subject, Subject]:
    config = LlamaConfig(
        vocab_size=128, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    return a, Subject(LlamaForCausalLM(config), a.tokenizer)


def broken(a: Subject, b: Subject) -> tuple[Subject, Subject]:
    with torch.no_grad():
        dict(b.model.named_parameters())["model.norm.weight"].fill_(float("nan"))
    return a, b


def as_they_are(a: Subject, b: Subject) -> tuple[Subject, Subject]:
    return a, b


Pair = Callable[[Subject, Subject], tuple[Subject, Subject]]
BAD: dict[str, tuple[Pair, list[str], type[DetentError], str]] = {
    "no prompts": (as_they_are, [], UsageError, "at least 4 tokens expected, got 0"),
    "too little text": (as_they_are, ["C1="], UsageError, "at least 4 tokens expected, got 3"),
    "a prompt that cannot be spelt": (as_they_are, ["é"], SubjectError, "cannot spell"),
    "another vocabulary": (other_words, PROMPTS, SubjectError, "one vocabulary expected"),
    "another number of logits": (other_head, PROMPTS, SubjectError, "got 97 and 128"),
    "weights that are no numbers": (broken, PROMPTS, SubjectError, "finite logits"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_compared_is_refused(case: str, a: Subject, b: Subject) -> None:
    make, prompts, kind, message = BAD[case]
    with pytest.raises(kind, match=message):
        compare(*make(a, b), prompts, max_new_tokens=3)
