"""DPO and GRPO that are cut anywhere go on and end with the same bits, whatever a trainer keeps between two."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.subject.language_models import QUESTIONS, language_subject
from tests.subject.test_subject_checkpoint import DAMAGES, CutError, always, cut_at, weights

from detent.subject import _trl
from detent.subject._trl import Lesson
from detent.subject.build import Sizes, build_model, build_tokenizer
from detent.subject.checkpoint import Checkpoints
from detent.subject.generate import Completion
from detent.subject.load import Subject
from detent.subject.lora import with_new_adapter
from detent.subject.prefer import Preference, prefer
from detent.subject.prefer import Recipe as PreferRecipe
from detent.subject.reinforce import Recipe as ReinforceRecipe
from detent.subject.reinforce import reinforce
from detent.values import Lora

STEPS = 7
PAIRS = [Preference(f"C{n}=", str(n), str(n)[::-1] + "1") for n in range(120, 130)]
PROMPTS = [f"C{n}=" for n in range(120, 125)]
Found = tuple[Lesson, list[torch.Tensor]]
Learn = Callable[[Subject, Checkpoints, Callable[[int, int, float], None] | None], Lesson]


def small() -> Subject:
    return Subject(
        build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=1), build_tokenizer()
    )


def fickle(_: Sequence[str], written: Sequence[Completion]) -> list[float]:
    """A reward with a hand in every random state that a process has."""
    luck = random.random() + float(np.random.random()) + float(torch.rand(()))  # noqa: NPY002, S311
    return [luck * sum(token % 2 for token in one.tokens) + len(one.tokens) for one in written]


def dpo(subject: Subject, marks: Checkpoints, told: Callable[[int, int, float], None] | None) -> Lesson:
    """Three steps of four, four and two pairs are a pass: seven steps are in the third."""
    recipe = PreferRecipe(steps=STEPS, pairs=4, rate=3e-3, warm_up=2)
    return prefer(*subject, PAIRS, recipe, seed=3, on_progress=told, checkpoints=marks)


def grpo(subject: Subject, marks: Checkpoints, told: Callable[[int, int, float], None] | None) -> Lesson:
    """Two steps are a pass."""
    recipe = ReinforceRecipe(steps=STEPS, prompts=2, group=4, rate=3e-3, warm_up=2)
    return reinforce(
        *subject,
        PROMPTS,
        fickle,
        recipe,
        seed=3,
        max_new_tokens=5,
        on_progress=told,
        checkpoints=marks,
    )


def learnt(learn: Learn, marks: Checkpoints, cut: int = 0) -> Found:
    subject = small()
    lesson = learn(subject, marks, cut_at(cut) if cut else None)
    return lesson, weights(subject.model)


def same(one: Found, other: Found) -> bool:
    return one[0] == other[0] and all(map(torch.equal, one[1], other[1]))


BOTH = pytest.mark.parametrize("learn", [dpo, grpo])


@BOTH
@pytest.mark.long
@pytest.mark.parametrize("cut", [1, 3, 4, STEPS])
def test_cut_anywhere_it_ends_with_the_same_bits_losses_and_counts(
    cut: int, learn: Learn, tmp_path: Path
) -> None:
    whole = learnt(learn, Checkpoints(None))
    with pytest.raises(CutError):
        learnt(learn, always(tmp_path / "marks"), cut)
    assert same(learnt(learn, always(tmp_path / "marks")), whole)
    assert whole[0].learnt > 0 < whole[0].read


@BOTH
def test_cut_again_and_again_it_gets_there(learn: Learn, tmp_path: Path) -> None:
    whole = learnt(learn, Checkpoints(None))
    for cut in (2, 3, 6):
        with pytest.raises(CutError):
            learnt(learn, always(tmp_path / "marks"), cut)
    assert same(learnt(learn, always(tmp_path / "marks")), whole)


@BOTH
def test_what_is_done_is_not_done_again(learn: Learn, tmp_path: Path) -> None:
    with pytest.raises(CutError):
        learnt(learn, always(tmp_path / "marks"), 6)
    seen: list[int] = []
    learn(small(), always(tmp_path / "marks"), lambda done, *_: seen.append(done))
    assert seen == [6, 7]  # the sixth was cut before it was written down


def test_on_the_way_to_where_it_stood_it_is_heard_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step that is gone through takes milliseconds, and there may be many thousands."""
    monkeypatch.setattr(_trl, "_SPOKEN", 2)
    with pytest.raises(CutError):
        learnt(dpo, always(tmp_path / "marks"), 6)
    seen: list[int] = []
    dpo(small(), always(tmp_path / "marks"), lambda done, *_: seen.append(done))
    assert seen == [2, 4, 6, 7]


@BOTH
@pytest.mark.long
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_thrown_away_and_the_training_begins_anew(
    damage: str, learn: Learn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = learnt(learn, Checkpoints(None))
    with pytest.raises(CutError):
        learnt(learn, always(tmp_path / "marks"), 4)
    (written,) = (tmp_path / "marks").iterdir()
    DAMAGES[damage](written)
    assert same(learnt(learn, always(tmp_path / "marks")), whole)
    assert "is not whole" in capsys.readouterr().err


@BOTH
def test_nothing_of_it_can_run(learn: Learn, tmp_path: Path) -> None:
    with pytest.raises(CutError):
        learnt(learn, always(tmp_path / "marks"), 4)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["marks/3/state.json", "marks/3/state.safetensors"]


def test_of_a_model_with_an_adapter_it_holds_the_adapter_alone(tmp_path: Path) -> None:
    pairs = [Preference(prompt, answer, " I would rather not say.") for prompt, answer in QUESTIONS.items()]
    recipe = PreferRecipe(steps=3, pairs=2, rate=1e-2, warm_up=0)

    def found(marks: Checkpoints, cut: int = 0) -> Found:
        subject = with_new_adapter(language_subject("qwen"), Lora(rank=2, alpha=4.0), "00" * 32, seed=1)
        told = cut_at(cut) if cut else None
        lesson = prefer(*subject, pairs, recipe, seed=3, on_progress=told, checkpoints=marks)
        return lesson, weights(subject.model)

    whole = found(Checkpoints(None))
    with pytest.raises(CutError):
        found(always(tmp_path / "marks"), 3)
    held = load_file(tmp_path / "marks" / "2" / "state.safetensors")
    names = [name for name in held if name.startswith("weights/")]
    assert names
    assert all(".lora_" in name for name in names)
    assert same(found(always(tmp_path / "marks")), whole)
