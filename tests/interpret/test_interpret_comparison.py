"""A comparison is what a slow and simple reading of the same text gives."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from detent.errors import DetentError, SubjectError, UsageError
from detent.interpret import reading
from detent.interpret.comparison import compare
from detent.interpret.similarity import similarity
from detent.subject.build import Sizes, build_model, build_tokenizer
from detent.subject.generate import complete
from detent.subject.load import Subject
from detent.subject.noise import noisy

PROMPTS = ["C12=", "R123=", "C1=", "R4321=", "C12="]


def again(subject: Subject) -> Subject:
    """The same weights in another model."""
    return noisy(subject, 0.0, seed=0)


def slowly(model: torch.nn.Module, ids: list[int], start: int) -> tuple[Tensor, list[Tensor]]:
    """Distributions (n, V) and layers (n, d) where the tokens from `start` on are predicted: no batch, no padding."""
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_hidden_states=True)
    counted = slice(start - 1, len(ids) - 1)
    return out.logits[0, counted].double().softmax(-1), [layer[0, counted] for layer in out.hidden_states]


def test_a_model_and_its_untouched_copy_are_exactly_the_same(a: Subject) -> None:
    found = compare(a, again(a), PROMPTS, max_new_tokens=6)
    assert (found.divergence, found.flips, found.similarity) == (0.0, 0.0, (1.0, 1.0, 1.0))


def test_it_is_what_one_text_at_a_time_gives(a: Subject) -> None:
    b = noisy(a, 0.5, seed=4)
    with torch.no_grad():
        dict(b.model.named_parameters())["lm_head.weight"].mul_(
            20
        )  # sure of itself, so that the direction matters
    limits = [6, 5, 4, 7, 6]
    found = compare(a, b, PROMPTS, max_new_tokens=limits)
    chances: list[tuple[Tensor, Tensor]] = []
    layers: list[tuple[list[Tensor], list[Tensor]]] = []
    for prompt, limit in zip(PROMPTS, limits, strict=True):
        (written,) = complete(*a, [prompt], max_new_tokens=limit)
        ids: list[int] = a.tokenizer(prompt)["input_ids"]
        mine, yours = (slowly(one.model, [*ids, *written.tokens], len(ids)) for one in (a, b))
        chances.append((mine[0], yours[0]))
        layers.append((mine[1], yours[1]))
    of_a, of_b = (torch.cat(one) for one in zip(*chances, strict=True))
    assert found.tokens == len(of_a) == sum(limits)
    assert found.divergence == pytest.approx(float((of_b * (of_b / of_a).log()).sum(-1).mean()), rel=1e-4)
    assert found.divergence != pytest.approx(float((of_a * (of_a / of_b).log()).sum(-1).mean()), rel=0.2)
    assert 0.0 < found.flips < 1.0
    assert found.flips == float((of_a.argmax(-1) != of_b.argmax(-1)).double().mean())
    for index, value in enumerate(found.similarity):
        x, y = (torch.cat([pair[side][index] for pair in layers]) for side in (0, 1))
        assert value == pytest.approx(similarity(x, y), abs=1e-4)


def test_the_end_mark_counts_as_a_token(a: Subject) -> None:
    (said,) = complete(*a, ["C12="], max_new_tokens=3)
    assert a.model.generation_config is not None
    a.model.generation_config.eos_token_id = said.tokens[0]
    (said,) = complete(*a, ["C12="], max_new_tokens=3)
    assert (said.text, len(said.tokens)) == ("", 1)
    assert compare(a, again(a), ["C12="] * 4, max_new_tokens=3).tokens == 4


def test_more_noise_is_further_away(a: Subject) -> None:
    found = [compare(a, noisy(a, noise, seed=1), PROMPTS, max_new_tokens=6) for noise in (0.01, 0.1, 1.0)]
    assert found[0].divergence < found[1].divergence < found[2].divergence
    assert found[0].similarity[-1] > found[1].similarity[-1] > found[2].similarity[-1]


def test_of_models_of_different_depth_the_common_layers_are_compared_and_the_rest_is_counted(
    a: Subject,
) -> None:
    deeper = Subject(build_model(Sizes(hidden=16, intermediate=16, layers=5, heads=2), seed=3), a.tokenizer)
    for pair in ((a, deeper), (deeper, a)):
        found = compare(*pair, PROMPTS, max_new_tokens=6)
        assert (len(found.similarity), found.unmatched) == (3, 3)


def test_another_architecture_is_compared_too(a: Subject) -> None:
    config = LlamaConfig(
        vocab_size=97, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2
    )
    llama = Subject(LlamaForCausalLM(config), a.tokenizer)
    assert compare(llama, a, PROMPTS, max_new_tokens=6).divergence > 0
    assert compare(llama, again(llama), PROMPTS, max_new_tokens=6).similarity == (1.0, 1.0, 1.0)


def test_how_texts_are_cut_into_batches_changes_nothing_but_rounding(
    a: Subject, b: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = compare(a, b, PROMPTS, max_new_tokens=6)
    monkeypatch.setattr(reading, "_LOGITS", 1)
    alone = compare(a, b, PROMPTS, max_new_tokens=6)
    assert alone.divergence == pytest.approx(together.divergence, rel=1e-4)
    assert alone.similarity == pytest.approx(together.similarity, abs=1e-4)
    assert (alone.flips, alone.tokens) == (together.flips, together.tokens)


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
