"""Models that can be told what is padding answer prompts of many lengths side by side, and say the same as alone."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    MambaConfig,
    MambaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from detent.errors import SubjectError
from detent.subject import generate, likelihood, rolling, score
from detent.subject.build import Sizes, build_model
from detent.subject.chat import asked
from detent.subject.generate import Completion, complete, stop_tokens
from detent.subject.likelihood import log_chances
from detent.subject.load import Subject
from detent.subject.padding import padded, pads, together
from detent.subject.portions import Progress
from detent.subject.rolling import Manner, chosen
from detent.subject.score import log_likelihoods
from detent.testing.language import FAMILIES, Family, language_model

_WORDS = ["one", "two", "three", "four", "digits", "copy", "write", "them", "backward", "question"]
_RNG = random.Random(1)  # noqa: S311  (no secret)
PROMPTS = [" ".join(_RNG.choices(_WORDS, k=_RNG.randint(1, 20))) for _ in range(24)]
"""Of many lengths; what random models answer to them is as good as never a tie."""


@pytest.fixture(scope="module", params=FAMILIES)
def subject(request: pytest.FixtureRequest) -> Subject:
    return Subject(*language_model(request.param))


@contextmanager
def one_length_at_a_time() -> Iterator[None]:
    """As models are asked that cannot be told what is padding."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (generate, likelihood, score):
            patch.setattr(module, "pads", lambda _: False)
        yield


def tokens(found: list[Completion]) -> list[tuple[int, ...]]:
    return [one.tokens for one in found]


def test_padded_rows_say_what_rows_of_one_length_say(subject: Subject) -> None:
    side_by_side = complete(*subject, PROMPTS, max_new_tokens=24)
    with one_length_at_a_time():
        apart = complete(*subject, PROMPTS, max_new_tokens=24)
    assert tokens(side_by_side) == tokens(apart)
    assert [one.least_probability for one in side_by_side] == pytest.approx(
        [one.least_probability for one in apart], rel=1e-3
    )


@pytest.mark.long
def test_how_many_rows_there_is_room_for_changes_no_answer(subject: Subject) -> None:
    """With few, rows wait, join and leave all the time."""
    for temperature in (0.0, 1.0):
        found = [
            complete(*subject, PROMPTS, max_new_tokens=24, rows=rows, temperature=temperature, seed=3)
            for rows in (1, 5, 512)
        ]
        assert tokens(found[0]) == tokens(found[1]) == tokens(found[2])


def test_limits_differ_from_prompt_to_prompt_and_are_kept(subject: Subject) -> None:
    limits = [1 + place % 7 for place in range(len(PROMPTS))]
    whole = complete(*subject, PROMPTS, max_new_tokens=7, rows=5)
    cut = complete(*subject, PROMPTS, max_new_tokens=limits, rows=5)
    assert tokens(cut) == [one.tokens[:limit] for one, limit in zip(whole, limits, strict=True)]


def test_rows_that_ended_are_not_computed_and_others_take_their_room() -> None:
    subject = language_model("qwen3")
    free = complete(*subject, PROMPTS, max_new_tokens=40, temperature=1.0, seed=3)
    ends = {one.tokens[len(one.tokens) // 4] for one in free[::2]}  # so that they end here and there
    subject.model.generation_config.eos_token_id = sorted(ends)
    widths: list[int] = []
    subject.model.register_forward_pre_hook(
        lambda _model, _args, given: widths.append(len(given["input_ids"])), with_kwargs=True
    )
    some = complete(*subject, PROMPTS, max_new_tokens=40, temperature=1.0, seed=3, rows=8)
    assert max(widths) <= 8
    assert sum(widths) <= 1.2 * sum(len(one.tokens) for one in some)
    stops = set(stop_tokens(*subject))
    for long, short in zip(free, some, strict=True):
        end = next((at + 1 for at, one in enumerate(long.tokens) if one in stops), len(long.tokens))
        assert short.tokens == long.tokens[:end]


@pytest.mark.parametrize("every", [1, 10**6])
def test_when_rows_are_dropped_changes_no_answer(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = language_model("llama")
    found = complete(*subject, PROMPTS, max_new_tokens=24, rows=6, temperature=1.0, seed=9)
    monkeypatch.setattr(rolling, "ENDED", every)
    monkeypatch.setattr(rolling, "READ_AT_ONCE", 40)
    assert tokens(complete(*subject, PROMPTS, max_new_tokens=24, rows=6, temperature=1.0, seed=9)) == tokens(
        found
    )


def test_the_same_seed_draws_the_same_samples_and_another_draws_others() -> None:
    subject = language_model("smollm2")

    def drawn(seed: int) -> list[Completion]:
        return complete(*subject, PROMPTS, max_new_tokens=8, temperature=1.0, seed=seed)

    first = drawn(3)
    torch.rand(7)  # the global random state plays no part
    assert drawn(3) == first
    assert tokens(drawn(4)) != tokens(first)


def test_a_sample_hangs_on_its_place_and_not_on_what_is_written_beside_it() -> None:
    subject = language_model("qwen2")
    few = complete(*subject, PROMPTS[:5], max_new_tokens=8, temperature=1.0, seed=3)
    assert tokens(complete(*subject, PROMPTS, max_new_tokens=8, temperature=1.0, seed=3))[:5] == tokens(few)


def test_samples_follow_the_probabilities() -> None:
    chances = torch.tensor([0.5, 0.0, 0.3, 0.2])
    logits = (chances.log() * 0.7).expand(20_000, -1)
    draws = torch.rand(20_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    shares = torch.bincount(chosen(logits, 0.7, draws), minlength=4) / 20_000
    assert torch.allclose(shares, chances, atol=0.02)
    assert shares[1] == 0


def test_the_ends_of_the_interval_fall_on_tokens_that_are_possible() -> None:
    logits = torch.tensor([[-torch.inf, 0.0, 0.0, -torch.inf]]).expand(2, -1)
    assert chosen(logits, 1.0, torch.tensor([0.0, 1.0 - 2**-53], dtype=torch.float64)).tolist() == [1, 2]


def test_judgements_of_padded_rows_are_those_of_rows_of_one_length(subject: Subject) -> None:
    rows = [(prompt, answer) for prompt, answer in zip(PROMPTS, reversed(PROMPTS), strict=True)]
    endings = ["1 or", "2 and more"]
    found = log_likelihoods(*subject, rows), log_chances(*subject, PROMPTS, ["1", "2"])
    long = log_chances(*subject, PROMPTS, endings)
    with one_length_at_a_time():
        assert found[0] == pytest.approx(log_likelihoods(*subject, rows), rel=1e-4)
        for got, apart in ((found[1], ["1", "2"]), (long, endings)):
            expected = log_chances(*subject, PROMPTS, apart)
            assert [x for one in got for x in one] == pytest.approx(
                [x for one in expected for x in one], rel=1e-4
            )


def test_a_layer_that_keeps_a_window_is_answered_without_letting_others_in() -> None:
    _, tokenizer = language_model("qwen2")
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        use_sliding_window=True,
        sliding_window=16,
        max_window_layers=1,
    )
    torch.manual_seed(1)
    model = Qwen2ForCausalLM(config).eval()  # type: ignore[no-untyped-call]
    assert "sliding_attention" in (config.layer_types or ())
    found = complete(model, tokenizer, PROMPTS, max_new_tokens=24, rows=5)
    with one_length_at_a_time():
        assert tokens(complete(model, tokenizer, PROMPTS, max_new_tokens=24)) == tokens(found)


OTHERS: dict[str, Callable[[], PreTrainedModel]] = {
    "the default subject": lambda: build_model(Sizes(), seed=1),
    "one that keeps a state": lambda: MambaForCausalLM(
        MambaConfig(vocab_size=400, hidden_size=16, num_hidden_layers=1, state_size=4)
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_who_cannot_be_told_what_is_padding_or_was_recorded_without_is_asked_by_length(case: str) -> None:
    assert not pads(OTHERS[case]())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_told_what_is_padding(family: Family) -> None:
    assert pads(language_model(family).model)


def test_the_default_subject_reads_no_padding_and_no_mask(tokenizer: PreTrainedTokenizerFast) -> None:
    """What it said in recorded runs was computed so, and replay compares bits."""
    model = build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=1)
    seen: list[dict[str, object]] = []
    model.register_forward_pre_hook(lambda _model, _args, given: seen.append(given), with_kwargs=True)
    complete(model, tokenizer, ["C12=", "C3=", "R123="], max_new_tokens=3)
    log_likelihoods(model, tokenizer, [("C12=", "1"), ("C3=", "12")])
    log_chances(model, tokenizer, ["C12=", "C3="], ["1", "2"])
    assert all(
        set(given) <= {"input_ids", "past_key_values", "use_cache", "logits_to_keep"} for given in seen
    )
    prompts = [given["input_ids"] for given in seen if not given.get("past_key_values")]
    assert all(isinstance(ids, torch.Tensor) and (ids > 1).all() for ids in prompts)


def short(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """GPT-2 has learnt its positions: there is nothing beyond the last."""
    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=32,
        n_layer=1,
        n_head=2,
        n_positions=600,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    return GPT2LMHeadModel(config).eval()  # type: ignore[no-untyped-call,no-any-return]


def test_an_answer_ends_where_the_models_positions_do() -> None:
    tokenizer = language_model("llama", chat=False).tokenizer
    model = short(tokenizer)
    prompt = "one " * 590
    assert 560 < len(asked(tokenizer, [prompt])[0]) < 600
    (found,) = complete(model, tokenizer, [prompt], max_new_tokens=50)
    assert len(found.tokens) == 600 - len(asked(tokenizer, [prompt])[0])
    assert not found.ended


def test_a_prompt_longer_than_the_models_positions_is_refused() -> None:
    tokenizer = language_model("llama", chat=False).tokenizer
    with pytest.raises(SubjectError, match="within 600 tokens expected"):
        complete(short(tokenizer), tokenizer, ["one", "one two three " * 400], max_new_tokens=5)


def test_no_prompts_no_answers(subject: Subject) -> None:
    assert complete(*subject, [], max_new_tokens=2) == []
    assert log_likelihoods(*subject, []) == []
    assert log_chances(*subject, [], ["1", "2"]) == []


def test_progress_rises_to_the_end() -> None:
    seen: list[tuple[int, int]] = []
    complete(*language_model("qwen3"), PROMPTS, max_new_tokens=3, on_progress=lambda *at: seen.append(at))
    assert [done for done, _ in seen] == list(range(1, len(PROMPTS) + 1))


def test_rows_are_padded_on_the_left_and_say_where_they_begin() -> None:
    found = padded([[5, 6, 7], [8]], "cpu")
    assert found.ids.tolist() == [[5, 6, 7], [0, 0, 8]]
    assert found.seen["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]
    assert found.seen["position_ids"].tolist() == [[0, 1, 2], [0, 0, 0]]
    assert padded([[5], [6]], "cpu").seen == {}


def test_rows_are_read_together_longest_first_as_many_as_there_is_room_for() -> None:
    assert list(together([3, 9, 3, 7], lambda tokens: 1 if tokens > 8 else 2)) == [[1], [3, 0], [2]]


def test_a_row_is_written_as_its_manner_says() -> None:
    """Straight from `written`: nothing is lost, nothing comes twice."""
    model = language_model("qwen3").model
    prompts, manner = [[5, 6, 7], [8], [9] * 30], Manner((), 0.0, 0)
    with torch.inference_mode():
        found = list(rolling.written(model, rolling.rows_of(prompts, [3, 1, 2], manner), manner, lambda _: 2))
    assert sorted((one.place, len(one.tokens), len(one.chances)) for one in found) == [
        (0, 3, 3),
        (1, 1, 1),
        (2, 2, 2),
    ]


def test_a_question_that_was_cut_short_goes_on_with_the_portions_that_are_left() -> None:
    """The same answers, samples too, in the same batches: a portion is asked whole or not at all."""
    model, tokenizer = language_model("qwen3")
    prompts = ["one " * (1 + place % 7) for place in range(19)]
    kept = Remembered()

    def ask(on_progress: Progress | None = None) -> list[Completion]:
        limits = [3 + place % 2 for place in range(len(prompts))]
        return complete(
            model,
            tokenizer,
            prompts,
            max_new_tokens=limits,
            temperature=1.0,
            seed=5,
            rows=2,
            kept=kept,
            on_progress=on_progress,
        )

    def cut(done: int, _: int) -> None:
        if done == 13:
            raise KilledError

    whole = ask()
    kept.found = []
    with pytest.raises(KilledError):
        ask(cut)
    assert len(kept.found) == 8  # one portion of four times two
    heard: list[int] = []
    assert ask(lambda done, _: heard.append(done)) == whole
    assert min(heard) == 9


class KilledError(Exception):
    """The worker is gone."""


class Remembered:
    """Keeps after every portion."""

    def __init__(self) -> None:
        self.found: list[Completion] = []

    def restore(self) -> tuple[list[Completion], bytes]:
        return list(self.found), b""

    def step(self, found: list[Completion], drawn: bytes) -> None:
        assert drawn == b""
        self.found = list(found)
