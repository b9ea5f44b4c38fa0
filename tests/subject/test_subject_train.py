"""Training learns the answer only, is repeatable bit for bit, and treats sources by weight."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from detent.errors import SubjectError
from detent.subject import train as train_module
from detent.subject.build import Sizes, build_model
from detent.subject.generate import complete
from detent.subject.muon import FloatMuon
from detent.subject.train import Example, Precision, Recipe, Source, train

EXAMPLES = [Example(f"C{a}{b}=", f"{a}{b}") for a in range(10) for b in range(10)] + [Example("C7=", "7")]


def fresh() -> PreTrainedModel:
    return build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=1)


def test_it_learns(tokenizer: PreTrainedTokenizerFast) -> None:
    model = fresh()
    losses = train(model, tokenizer, [Source(EXAMPLES, 1.0)], Recipe(steps=120, batch=32), seed=1)
    assert len(losses) == 120
    assert losses[0] > 3.0
    assert losses[-1] < 0.5 * losses[0]
    assert not model.training


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_same_seed_same_bits(precision: train_module.Precision, tokenizer: PreTrainedTokenizerFast) -> None:
    runs = []
    for noise in range(2):
        torch.manual_seed(noise)  # the global random state plays no part
        model = fresh()
        losses = train(
            model, tokenizer, [Source(EXAMPLES, 1.0)], Recipe(steps=4, batch=16, precision=precision), seed=3
        )
        runs.append((losses, [p.detach().clone() for p in model.parameters()]))
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(a, b) for a, b in zip(runs[0][1], runs[1][1], strict=True))


def test_another_seed_draws_other_batches(tokenizer: PreTrainedTokenizerFast) -> None:
    losses = [
        train(fresh(), tokenizer, [Source(EXAMPLES, 1.0)], Recipe(steps=3, batch=8), seed=seed)
        for seed in (1, 2)
    ]
    assert losses[0] != losses[1]


def test_the_callers_random_state_is_left_alone(tokenizer: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(fresh(), tokenizer, [Source(EXAMPLES, 1.0)], Recipe(steps=1, batch=8), seed=1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("parts", [1, 3])
def test_first_loss_is_the_mean_over_answers_and_end_marks_only(
    parts: int, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Whatever the padding: worked out one example at a time, it is the same number."""
    examples = [Example("C12345=", "12345"), Example("C1=", "1"), Example("R77777777=", "7")]
    model = fresh()
    total, count = 0.0, 0
    for example in examples:
        prompt, answer = (tokenizer(text)["input_ids"] for text in (example.prompt, example.answer))
        ids = torch.tensor([*prompt, *answer, 1])
        with torch.no_grad():
            logits = model(ids[None]).logits[0, len(prompt) - 1 : -1]
        total += float(cross_entropy(logits, ids[len(prompt) :], reduction="sum"))
        count += len(answer) + 1
    (rows,) = train_module._tokenize(tokenizer, [examples])
    with torch.no_grad():
        found = sum(float(train_module._answer_loss(model, p)) for p in train_module._parts(rows, parts))
    assert found / count == pytest.approx(total / count, rel=1e-5)


def test_sources_fill_the_batch_by_weight_whatever_their_size() -> None:
    few, many = Source([Example("C1=", "1")], 3.0), Source([Example("R22=", "22")] * 500, 1.0)
    recipe, noise = Recipe(steps=40, batch=100), torch.Generator().manual_seed(1)
    batches = train_module._draw([few, many], recipe, noise)
    assert [len(batch) for batch in batches] == [100] * 40
    share = sum(example.prompt == "C1=" for batch in batches for example in batch) / 4000
    assert share == pytest.approx(0.75, abs=0.03)


def test_a_source_of_weight_0_is_left_out(tokenizer: PreTrainedTokenizerFast) -> None:
    sources = [Source(EXAMPLES, 1.0), Source([], 0.0)]
    assert len(train(fresh(), tokenizer, sources, Recipe(steps=1, batch=4), seed=1)) == 1


@pytest.mark.parametrize(
    ("precision", "kind"), [("float32", FloatMuon), ("bfloat16", torch.optim.Muon)], ids=str
)
def test_matrices_of_the_layers_go_to_muon_and_all_else_to_adamw(precision: Precision, kind: type) -> None:
    model = fresh()
    muon, adamw = train_module._optimizers(model, Recipe(steps=1, precision=precision))
    assert isinstance(muon, kind)
    assert isinstance(adamw, torch.optim.AdamW)
    names = {id(p): name for name, p in model.named_parameters()}
    other = {names[id(p)] for group in adamw.param_groups for p in group["params"]}
    assert {"model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"} <= other
    assert all("proj" in names[id(p)] for group in muon.param_groups for p in group["params"])
    assert sum(len(g["params"]) for o in (muon, adamw) for g in o.param_groups) == len(names)


def test_another_architecture_with_tied_embeddings_trains_too(tokenizer: PreTrainedTokenizerFast) -> None:
    config = LlamaConfig(
        vocab_size=97,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    losses = train(model, tokenizer, [Source(EXAMPLES, 1.0)], Recipe(steps=30, batch=16), seed=1)
    assert losses[-1] < losses[0]
    assert complete(model, tokenizer, ["C1="], max_new_tokens=2)


def test_rates_rise_stay_and_fall() -> None:
    recipe = Recipe(steps=100, warm_up=10, cool_down=0.2)
    assert [recipe.rate(i) for i in (0, 4, 9, 50, 80, 90, 99)] == pytest.approx(
        [0.1, 0.5, 1, 1, 1, 0.5, 0.05]
    )


def test_no_warm_up_and_no_cool_down_is_flat() -> None:
    recipe = Recipe(steps=3, warm_up=0, cool_down=0.0)
    assert [recipe.rate(i) for i in range(3)] == [1.0, 1.0, 1.0]


def test_progress_tells_each_step_and_its_loss(tokenizer: PreTrainedTokenizerFast) -> None:
    seen: list[tuple[int, int, float]] = []
    losses = train(
        fresh(),
        tokenizer,
        [Source(EXAMPLES, 1.0)],
        Recipe(steps=3, batch=4),
        seed=1,
        on_progress=lambda *at: seen.append(at),
    )
    assert seen == [(i + 1, 3, loss) for i, loss in enumerate(losses)]


def test_a_loss_that_is_no_number_stops_at_once(tokenizer: PreTrainedTokenizerFast) -> None:
    model = fresh()
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(SubjectError, match="finite loss expected, got nan at step 0"):
        train(model, tokenizer, [Source(EXAMPLES, 1.0)], Recipe(steps=1, batch=4), seed=1)


BAD: dict[str, tuple[list[Source], str]] = {
    "no source": ([], "at least one source"),
    "only sources of weight 0": ([Source(EXAMPLES, 0.0)], "at least one source"),
    "an empty source": ([Source([], 1.0)], "got an empty one"),
    "a negative weight": ([Source(EXAMPLES, 1.0), Source(EXAMPLES, -1.0)], "weights of 0 or more"),
    "a prompt it cannot spell": ([Source([Example("é", "1")], 1.0)], "cannot spell"),
    "an empty answer": ([Source([Example("C1=", "")], 1.0)], "at least one token"),
}


@pytest.mark.parametrize("case", BAD)
def test_sources_that_cannot_be_learnt_from_are_refused(
    case: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    sources, message = BAD[case]
    with pytest.raises(SubjectError, match=message):
        train(fresh(), tokenizer, sources, Recipe(steps=1, batch=4), seed=1)


@pytest.mark.parametrize(
    "changes", [{"steps": 0}, {"batch": 1}, {"parts": 0}, {"cool_down": 1.5}, {"warm_up": -1}]
)
def test_recipes_that_cannot_run_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(SubjectError, match="expected"):
        Recipe(**({"steps": 10} | changes))  # type: ignore[arg-type]
