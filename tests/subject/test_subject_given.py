"""What is asked and trained otherwise when a model is given: attention, batches, the optimizer, pieces of a batch."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from detent.errors import EngineError
from detent.subject import generate
from detent.subject.build import Sizes, build_model
from detent.subject.generate import ROWS, complete, rows_for
from detent.subject.likelihood import log_chances
from detent.subject.load import load
from detent.subject.processor import fast_precision, found_device
from detent.subject.score import log_likelihoods
from detent.subject.train import Example, Recipe, Source, _optimizers, train
from detent.testing.language import FAMILIES, Family, language_model, write_language_model

PROMPTS = ["What is one plus two?", "Copy the digits 0 1 2.", "one"]
EXAMPLES = [Example(prompt, "three") for prompt in PROMPTS]


def test_attention_is_fused_for_what_reads_more_than_the_default_subject(
    tmp_path: Path, folder: Path
) -> None:
    given = load(write_language_model(tmp_path / "given", "llama")).model
    assert given.config._attn_implementation == "sdpa"
    assert load(folder).model.config._attn_implementation == "eager"


def test_the_default_subject_is_asked_in_batches_of_the_same_size_whatever_it_reads() -> None:
    model = build_model(Sizes(), seed=1)
    assert rows_for(model, 512, ROWS) == ROWS
    assert rows_for(model, 512, ROWS, logits=128) == ROWS


def test_a_batch_is_as_large_as_its_keys_values_and_logits_leave_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, tokenizer = language_model("qwen3")
    row = 2 * 2 * 2 * 16 * 4 * 10 + 3 * 4 * len(
        tokenizer
    )  # layers, heads, width, bytes, tokens; then the logits
    monkeypatch.setattr(generate, "MEMORY", 3 * row)
    assert rows_for(model, 10, ROWS) == 3
    assert rows_for(model, 10_000, ROWS) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_smaller_batches_say_the_same(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = language_model(family)
    asked = [*PROMPTS, *PROMPTS]
    rows = [(prompt, "three") for prompt in asked]
    whole = [one.tokens for one in complete(*subject, asked, max_new_tokens=5)]
    read, chances = log_likelihoods(*subject, rows), log_chances(*subject, asked, ["1", "2"])
    monkeypatch.setattr(generate, "MEMORY", 1)
    assert [one.tokens for one in complete(*subject, asked, max_new_tokens=5)] == whole
    assert log_likelihoods(*subject, rows) == pytest.approx(read, abs=1e-4)
    again = log_chances(*subject, asked, ["1", "2"])
    assert [x for one in again for x in one] == pytest.approx([x for one in chances for x in one], abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_of_each_family_learns_an_answer_and_ends_it(family: Family) -> None:
    model, tokenizer = language_model(family, layers=1)
    recipe = Recipe(steps=60, batch=6, rest_rate=1e-2, warm_up=5, method="adamw")
    losses = train(model, tokenizer, [Source(EXAMPLES, 1)], recipe, seed=3)
    assert losses[-1] < 0.1 < losses[0]
    assert [(one.text, one.ended) for one in complete(model, tokenizer, PROMPTS, max_new_tokens=9)] == [
        ("three", True)
    ] * 3


def weights(model: PreTrainedModel) -> torch.Tensor:
    return torch.cat([value.detach().flatten() for value in model.parameters()])


def test_a_batch_in_smaller_pieces_is_the_same_step() -> None:
    found = []
    for parts in (1, 2, 8):
        model, tokenizer = language_model("qwen2")
        recipe = Recipe(steps=2, batch=8, parts=parts, rest_rate=1e-3, warm_up=0, method="adamw")
        train(model, tokenizer, [Source(EXAMPLES, 1)], recipe, seed=3)
        found.append(weights(model))
    assert torch.allclose(found[0], found[1], atol=1e-4)
    assert torch.allclose(found[0], found[2], atol=1e-4)
    assert not torch.allclose(found[0], weights(language_model("qwen2").model), atol=1e-4)


def test_adamw_alone_trains_every_weight_when_asked() -> None:
    model, _ = language_model("qwen2")
    kinds = [type(one).__name__ for one in _optimizers(model, Recipe(steps=1, method="adamw"))]
    assert kinds == ["AdamW"]
    both = [type(one).__name__ for one in _optimizers(model, Recipe(steps=1))]
    assert both == ["FloatMuon", "AdamW"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_only_who_insists_is_refused() -> None:
    assert found_device("auto") == found_device("cpu") == "cpu"
    with pytest.raises(EngineError, match=r"run\.device"):
        found_device("cuda")
    assert fast_precision("cuda") == "bfloat16"
