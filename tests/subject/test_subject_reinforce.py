"""Group relative policy optimisation: on the default subject, a Llama and a Qwen."""

import random
import socket
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.subject.language_models import QUESTIONS
from tests.subject.test_subject_prefer import KINDS, same, subject_of, weights

from detent.errors import SubjectError
from detent.subject._trl import Lesson
from detent.subject.generate import Completion, complete
from detent.subject.load import Subject, load
from detent.subject.reinforce import Recipe, reinforce

RECIPE = Recipe(steps=15, prompts=4, group=8, rate=3e-3, warm_up=2)
LIMIT = 6


def prompts(kind: str) -> list[str]:
    return [f"C{n}=" for n in range(120, 136)] if kind == "default" else list(QUESTIONS)[:16]


def even(_: Sequence[str], written: Sequence[Completion]) -> list[float]:
    """The share of tokens with an even number: something any model can learn."""
    return [sum(token % 2 == 0 for token in one.tokens) / len(one.tokens) for one in written]


def share(kind: str, subject: Subject) -> float:
    asked = prompts(kind) * 8
    rewards = even(asked, complete(*subject, asked, max_new_tokens=LIMIT, temperature=1.0, seed=5))
    return sum(rewards) / len(rewards)


@KINDS
def test_what_is_rewarded_becomes_more_frequent(kind: str) -> None:
    subject = subject_of(kind)
    before = share(kind, subject)
    recipe = replace(RECIPE, rate=1e-2)
    lesson = reinforce(*subject, prompts(kind), even, recipe, seed=3, max_new_tokens=LIMIT)
    assert len(lesson.losses) == recipe.steps
    assert share(kind, subject) > before + 0.1


@KINDS
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(kind: str) -> None:
    found: list[tuple[Lesson, dict[str, torch.Tensor]]] = []
    for seed in (3, 3, 4):
        subject = subject_of(kind)
        random.seed(seed + len(found))
        torch.manual_seed(len(found))
        lesson = reinforce(
            *subject, prompts(kind), even, replace(RECIPE, steps=3), seed=seed, max_new_tokens=LIMIT
        )
        found.append((lesson, weights(subject.model)))
    assert found[0][0] == found[1][0]
    assert same(found[0][1], found[1][1])
    assert not same(found[0][1], found[2][1])


@KINDS
def test_only_weights_change_and_the_process_is_left_as_it_was(kind: str, tmp_path: Path) -> None:
    subject = subject_of(kind)
    config, drawn, numbers = (
        deepcopy(subject.model.config.to_dict()),
        torch.get_rng_state(),
        random.getstate(),
    )
    name = subject.model.config._name_or_path
    reinforce(*subject, prompts(kind), even, replace(RECIPE, steps=1), seed=3, max_new_tokens=LIMIT)
    assert subject.model.config.to_dict() == config
    assert subject.model.config._name_or_path == name
    assert "forward" not in vars(subject.model)
    assert not subject.model.training
    assert torch.equal(torch.get_rng_state(), drawn)
    assert random.getstate() == numbers
    subject.model.save_pretrained(tmp_path / "model")
    subject.tokenizer.save_pretrained(tmp_path / "model")
    loaded = complete(*load(tmp_path / "model"), prompts(kind), max_new_tokens=4)
    kept = complete(*subject, prompts(kind), max_new_tokens=4)
    assert [one.tokens for one in loaded] == [one.tokens for one in kept]


def test_nothing_is_fetched_written_or_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("no connection expected, got one")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    subject = subject_of("default")
    reinforce(*subject, prompts("default"), even, replace(RECIPE, steps=2), seed=3, max_new_tokens=LIMIT)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""


def test_an_answers_special_tokens_are_seen_by_the_reward_and_groups_come_whole() -> None:
    seen: list[tuple[Sequence[str], Sequence[Completion]]] = []

    def watch(asked: Sequence[str], written: Sequence[Completion]) -> list[float]:
        seen.append((list(asked), list(written)))
        return [float(one.ended) for one in written]

    subject, steps = subject_of("default"), []
    lesson = reinforce(
        *subject,
        prompts("default"),
        watch,
        replace(RECIPE, steps=4),
        seed=3,
        max_new_tokens=LIMIT,
        on_progress=lambda done, total, _: steps.append((done, total)),
    )
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert len(seen) == 4
    for asked, _ in seen:
        assert [asked.count(prompt) for prompt in dict.fromkeys(asked)] == [RECIPE.group] * RECIPE.prompts
    assert any("<pad>" in one.text for _, written in seen for one in written)
    assert len({prompt for asked, _ in seen for prompt in asked}) == 16  # each once before any comes again
    # Each token is learnt from once; read once by the reference, and when it is written.
    assert lesson.learnt < lesson.read < 3 * lesson.learnt


@pytest.mark.long
def test_divergence_is_dear() -> None:
    """With a large beta the model stays nearer to what it was than with a small one."""
    moved = []
    for beta in (0.01, 10.0):
        subject = subject_of("default")
        before = weights(subject.model)
        reinforce(
            *subject, prompts("default"), even, replace(RECIPE, beta=beta), seed=3, max_new_tokens=LIMIT
        )
        after = weights(subject.model)
        moved.append(sum(float((after[name] - before[name]).square().sum()) for name in before))
    assert moved[1] < moved[0]


BROKEN = {
    "a reward that is no number": lambda _, written: [float("nan")] * len(written),
    "a reward without end": lambda _, written: [float("inf")] * len(written),
    "too few rewards": lambda _, written: [1.0] * (len(written) - 1),
}


@pytest.mark.parametrize("case", BROKEN)
def test_rewards_that_mean_nothing_are_refused_and_the_model_stays(case: str) -> None:
    subject = subject_of("default")
    before = weights(subject.model)
    with pytest.raises(SubjectError, match="finite rewards expected, got"):
        reinforce(*subject, prompts("default"), BROKEN[case], RECIPE, seed=3, max_new_tokens=LIMIT)
    assert same(before, weights(subject.model))


def test_fewer_prompts_than_a_step_takes_are_refused() -> None:
    with pytest.raises(SubjectError, match="at least 4 prompts expected, got 3"):
        reinforce(*subject_of("default"), ["C1=", "C2=", "C3="], even, RECIPE, seed=3, max_new_tokens=LIMIT)


@pytest.mark.parametrize(
    "changes",
    [
        {"beta": 0.0},
        {"beta": -0.1},
        {"steps": 0},
        {"group": 1},
        {"prompts": 0},
        {"temperature": 0.0},
        {"rate": 0.0},
    ],
    ids=str,
)
def test_recipes_that_cannot_run_or_hold_the_model_to_nothing_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(SubjectError, match="expected, got"):
        replace(RECIPE, **changes)  # type: ignore[arg-type]
