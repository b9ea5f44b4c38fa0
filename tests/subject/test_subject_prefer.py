"""Direct preference optimisation: on the default subject, a Llama and a Qwen."""

import random
import socket
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.subject.language_models import QUESTIONS, language_subject
from transformers import PreTrainedModel

from detent.errors import SubjectError
from detent.subject._trl import Lesson
from detent.subject.build import Sizes, build_model, build_tokenizer
from detent.subject.generate import complete
from detent.subject.likelihood import log_chances
from detent.subject.load import Subject, load
from detent.subject.prefer import Preference, Recipe, prefer
from detent.subject.spell import encode

RECIPE = Recipe(steps=12, pairs=8, rate=3e-3, warm_up=2)
KINDS = pytest.mark.parametrize("kind", ["default", "llama", "qwen"])


def subject_of(kind: str) -> Subject:
    if kind == "default":
        return Subject(
            build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=1), build_tokenizer()
        )
    return language_subject(kind)


def preferences(kind: str) -> list[Preference]:
    if kind == "default":
        return [Preference(f"C{n}=", str(n), str(n)[::-1] + "1") for n in range(120, 150)]
    return [Preference(prompt, answer, " I would rather not say.") for prompt, answer in QUESTIONS.items()]


def weights(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def margin(subject: Subject, pair: Preference) -> float:
    """ln p(chosen) - ln p(rejected), end marks left out."""
    if pair.chosen.startswith(pair.rejected) or pair.rejected.startswith(pair.chosen):
        return 0.0
    good, bad = log_chances(*subject, [pair.prompt], [pair.chosen, pair.rejected])[0]
    return good - bad


@KINDS
def test_what_was_chosen_becomes_likelier_than_what_was_not(kind: str) -> None:
    subject, pairs = subject_of(kind), preferences(kind)
    before = [margin(subject, pair) for pair in pairs]
    lesson = prefer(*subject, pairs, RECIPE, seed=3)
    after = [margin(subject, pair) for pair in pairs]
    assert len(lesson.losses) == RECIPE.steps
    assert lesson.losses[0] == pytest.approx(0.6931, abs=1e-3)  # ln 2: the model is still its reference
    assert lesson.losses[-1] < 0.5
    assert sum(after) / len(after) > sum(before) / len(before) + 1.0


@KINDS
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(kind: str) -> None:
    found: list[tuple[Lesson, dict[str, torch.Tensor]]] = []
    for seed in (3, 3, 4):
        subject = subject_of(kind)
        random.seed(seed + len(found))  # whatever the process did before
        torch.manual_seed(len(found))
        lesson = prefer(*subject, preferences(kind), replace(RECIPE, steps=4), seed=seed)
        found.append((lesson, weights(subject.model)))
    assert found[0][0] == found[1][0]
    assert same(found[0][1], found[1][1])
    assert not same(found[0][1], found[2][1])


@KINDS
def test_only_weights_change_and_the_process_is_left_as_it_was(kind: str, tmp_path: Path) -> None:
    """Trainers patch methods and configurations; what is saved must be a plain model again."""
    subject = subject_of(kind)
    config, drawn, numbers = (
        deepcopy(subject.model.config.to_dict()),
        torch.get_rng_state(),
        random.getstate(),
    )
    prefer(*subject, preferences(kind), replace(RECIPE, steps=1), seed=3)
    assert subject.model.config.to_dict() == config
    assert "forward" not in vars(subject.model)
    assert not subject.model.training
    assert torch.equal(torch.get_rng_state(), drawn)
    assert random.getstate() == numbers
    subject.model.save_pretrained(tmp_path / "model")
    subject.tokenizer.save_pretrained(tmp_path / "model")
    prompts = [pair.prompt for pair in preferences(kind)][:3]
    loaded = complete(*load(tmp_path / "model"), prompts, max_new_tokens=4)
    kept = complete(*subject, prompts, max_new_tokens=4)
    assert [one.tokens for one in loaded] == [one.tokens for one in kept]


def test_nothing_is_fetched_written_or_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("no connection expected, got one")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    prefer(*subject_of("default"), preferences("default"), replace(RECIPE, steps=2), seed=3)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""


def test_progress_and_tokens_are_told_as_they_were() -> None:
    """Each step reads both answers twice: the model with a gradient, its reference without."""
    subject = subject_of("default")
    seen: list[tuple[int, int, float]] = []
    pairs = [Preference("C12=", "12", "21")] * 8
    lesson = prefer(
        *subject,
        pairs,
        replace(RECIPE, steps=3),
        seed=3,
        on_progress=lambda done, total, loss: seen.append((done, total, loss)),
    )
    assert [(done, total) for done, total, _ in seen] == [(1, 3), (2, 3), (3, 3)]
    assert [loss for *_, loss in seen] == lesson.losses
    tokens = 3 * 8 * 2 * len("C12=12.")
    assert (lesson.learnt, lesson.read) == (tokens, tokens)


def test_an_answer_may_be_empty_or_spell_the_end_mark() -> None:
    subject = subject_of("default")
    pairs = [Preference("C12=", "12", ""), Preference("C34=", "34", "3<eos>")] * 4
    assert len(prefer(*subject, pairs, replace(RECIPE, steps=2), seed=3).losses) == 2


def test_a_token_never_spans_the_border_between_prompt_and_answer() -> None:
    """Else the trainer would leave out the prompt's end, and teach from another prompt than the one asked."""
    from detent.subject.prefer import _rows  # noqa: PLC0415

    subject = language_subject("llama")
    pair = Preference("What is one plus one? Answer in one wo", "rd", "rds")
    together, apart = encode(subject.tokenizer, [pair.prompt + pair.chosen, pair.prompt])
    assert together[: len(apart)] != apart
    assert _rows(subject.tokenizer, [pair])["prompt_ids"] == [apart]


REFUSED = {
    "no pairs": ([], RECIPE),
    "two answers that are one": ([Preference("C1=", "1", "1")], RECIPE),
    "a learning rate that breaks the model": (preferences("default"), Recipe(steps=40, rate=1e30, clip=1e30)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_nobody_can_learn_from_is_refused_and_the_model_stays(case: str) -> None:
    subject = subject_of("default")
    before = weights(subject.model)
    with pytest.raises(SubjectError, match=r"expected, got"):
        prefer(*subject, *REFUSED[case], seed=3)
    assert same(before, weights(subject.model))


@pytest.mark.parametrize(
    "changes",
    [{"steps": 0}, {"pairs": 0}, {"beta": 0.0}, {"beta": -1.0}, {"rate": 0.0}, {"clip": 0.0}],
    ids=str,
)
def test_recipes_that_cannot_run_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(SubjectError, match="expected, got"):
        replace(RECIPE, **changes)  # type: ignore[arg-type]
