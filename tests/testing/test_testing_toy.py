"""Toy models behave, in what tripwires look at, as models do."""

from pathlib import Path

import pytest
from msgspec import UNSET

from detent.engine import FakeEngine, ModelStore
from detent.errors import SubjectError, UsageError
from detent.tasks import builtin
from detent.testing.toy import ToyWorld
from detent.testing.toy_shapes import SHAPE
from detent.values import AnswerJob, Answers, Interpreted, InterpretJob
from detent.values.inside import Layers, Words

PROMPTS = tuple(f"C{10 ** (level - 1) + number}=" for level in (1, 3, 5, 6, 7, 9) for number in range(8))


class Toys:
    """An engine and models by their horizon."""

    def __init__(self, folder: Path) -> None:
        for part in ("models", "data", "staging"):
            (folder / part).mkdir()
        self.folder = folder
        self.world = ToyWorld(folder, {"copy": builtin("copy")})
        self.engine = FakeEngine(self.world.answer)

    def model(self, horizon: float, seed: int = 0) -> str:
        folder = (
            self.folder
            / "staging"
            / self.world._save({"copy": horizon}, seed, {**SHAPE, "no_rope_layers": [0, 0]})
        )
        return ModelStore(self.folder / "models").admit(folder)

    def compared(self, a: str, b: str, prompts: tuple[str, ...] = PROMPTS) -> tuple[Layers, Words]:
        with self.engine.opening() as ask:
            found = ask(InterpretJob(models=(a, b), prompts=prompts), lambda _: None)
        assert isinstance(found, Interpreted)
        assert found.layers is not UNSET
        assert found.words is not UNSET
        return found.layers, found.words

    def right(self, model: str, noise: float = 0.0, seed: int = 0) -> int:
        job = AnswerJob(model=model, prompts=PROMPTS, noise=noise, seed=seed)
        answers = self.engine.run(job, lambda _: None)
        assert isinstance(answers, Answers)
        return sum(f"C{said}=" == prompt for said, prompt in zip(answers.completions, PROMPTS, strict=True))


@pytest.fixture
def toys(tmp_path: Path) -> Toys:
    return Toys(tmp_path)


def test_noise_costs_and_more_noise_costs_more(toys: Toys) -> None:
    model = toys.model(7.0)
    found = [toys.right(model, noise) for noise in (0.0, 0.1, 0.3, 30.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[2] > found[3]
    assert toys.right(model) == found[0]


def test_a_model_and_itself_are_the_same(toys: Toys) -> None:
    model = toys.model(6.0)
    layers, words = toys.compared(model, model)
    assert (words.divergence, words.flips, layers.similarity[1][1]) == (0.0, 0.0, 1.0)


def test_models_further_apart_compare_as_such(toys: Toys) -> None:
    near, far = (toys.compared(toys.model(6.0), toys.model(horizon)) for horizon in (6.6, 8.0))
    assert 0 < near[1].divergence < far[1].divergence
    assert near[1].flips < far[1].flips < 1
    assert 1 > near[0].similarity[1][1] > far[0].similarity[1][1] > 0


def test_models_that_have_nothing_in_common_are_a_finite_distance_apart(toys: Toys) -> None:
    assert 0 < toys.compared(toys.model(0.0), toys.model(99.0))[1].divergence < 20


def test_what_cannot_be_compared_is_refused(toys: Toys) -> None:
    model = toys.model(6.0)
    with pytest.raises(UsageError, match="prompts and sections to compare two models by expected"):
        toys.compared(model, model, ())
    with pytest.raises(SubjectError, match="toy model expected"):
        toys.compared(model, "0" * 64)
