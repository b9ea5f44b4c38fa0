"""Jobs on adapters: each that trains leaves one of the same base, and all find the base by its digest."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from detent.engine import DataStore, ModelStore, check_adapter, check_alike
from detent.errors import SubjectError, TrustError, UsageError
from detent.subject.checkpoint import Checkpoints
from detent.testing.language import write_language_model
from detent.values import ElicitJob, Example, Lora, Optimizer, Preference, PreferJob, Source, TrainJob
from detent.worker._rewarding import preferred
from detent.worker._shelf import Shelf
from detent.worker._training import briefly_trained, trained

LORA = Lora(rank=2, alpha=4.0)
OPTIMIZER = Optimizer(other_rate=1e-2, batch=4, warmup_steps=0, method="adamw", micro_batch=2, lora=LORA)
EXAMPLES = [Example("sum", 1, "What is one plus two?", "three"), Example("sum", 1, "one plus one?", "two")]


class Place:
    """A run's folders with a base, and a worker's shelf over them."""

    def __init__(self, root: Path) -> None:
        for name in ("models", "data", "answers", "staging"):
            (root / name).mkdir()
        self.root = root
        self.models = ModelStore(root / "models")
        self.data = DataStore(root / "data", root / "answers")
        self.shelf = Shelf(root / "models", root / "data")
        self.base = self.models.admit(write_language_model(root / "given", "qwen3"))

    def train(self, parent: str, optimizer: Optimizer = OPTIMIZER, seed: int = 1) -> str:
        sources = (Source(self.data.put(EXAMPLES), 1.0),)
        job = TrainJob(parent=parent, sources=sources, steps=2, seed=seed, optimizer=optimizer)
        made = trained(
            job, self.shelf, self.root / "staging" / f"made-{seed}", lambda *_: None, Checkpoints(None)
        )
        digest = self.models.admit(self.root / "staging" / made.folder)
        assert made.parameters == self.models.parameters(digest)
        assert made.flops == 6.0 * made.parameters * made.learnt
        assert all(name.endswith("_proj") and value > 0 for name, value in made.change.items())
        return digest

    def path(self, digest: str) -> Path:
        return self.models.path(digest)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


class KilledError(Exception):
    """The worker is gone."""


def test_one_that_was_killed_goes_on_from_its_adapter_alone(place: Place) -> None:
    whole = place.train(place.base)
    sources = (Source(place.data.put(EXAMPLES), 1.0),)
    job = TrainJob(parent=place.base, sources=sources, steps=2, seed=1, optimizer=OPTIMIZER)

    def tell(done: int, _total: int, _note: str = "") -> None:
        if done == 2:
            raise KilledError

    marks = place.root / "marks"
    with pytest.raises(KilledError):
        trained(job, place.shelf, place.root / "staging" / "cut", tell, Checkpoints(marks, 0.0, lambda: 0.0))
    held = {name.split("/")[0] for name in load_file(marks / "1" / "state.safetensors")}
    weights = [name for name in load_file(marks / "1" / "state.safetensors") if name.startswith("weights/")]
    assert held == {"weights", "optimizer", "random"}
    assert weights
    assert all(".lora_" in name for name in weights)

    made = trained(job, place.shelf, place.root / "staging" / "again", lambda *_: None, Checkpoints(marks))
    assert place.models.admit(place.root / "staging" / made.folder) == whole


def test_every_training_leaves_an_adapter_of_the_same_base(place: Place) -> None:
    first = place.train(place.base)
    check_adapter(place.path(place.base), place.path(first), LORA)
    child = place.train(first, seed=2)
    check_alike(place.path(first), place.path(child))
    other = place.train(place.base, seed=3)
    assert len({first, child, other}) == 3

    rows = [Preference("one plus one?", "two", "three")]
    job = PreferJob(parent=child, data=(place.data.put(rows),), steps=1, seed=1, pairs=1, warmup_steps=0)
    made = preferred(
        job, place.shelf, place.root / "staging" / "preferred", lambda *_: None, Checkpoints(None)
    )
    tuned = place.models.admit(place.root / "staging" / made.folder)
    check_alike(place.path(child), place.path(tuned))
    assert made.losses[0] == pytest.approx(0.693147, abs=1e-5)  # the reference is the parent: ln 2


def test_the_same_job_gives_the_same_adapter(place: Place) -> None:
    assert place.train(place.base) == place.train(place.base)


def test_a_little_training_to_see_what_is_held_back_leaves_the_model_as_it_was(place: Place) -> None:
    digest = place.train(place.base)
    kept = place.shelf.subject(digest).model.state_dict()
    before = {name: value.clone() for name, value in kept.items()}
    sources = (Source(place.data.put(EXAMPLES), 1.0),)
    job = ElicitJob(model=digest, sources=sources, steps=1, seed=1, prompts=("one?",), optimizer=OPTIMIZER)
    after = briefly_trained(job, place.shelf, lambda *_: None).model.state_dict()
    assert all(bool((value == before[name]).all()) for name, value in kept.items())
    assert any(bool((value != before[name]).any()) for name, value in after.items())


def test_the_base_is_in_memory_once_for_all_that_are_asked(place: Place) -> None:
    subjects = [place.shelf.subject(place.train(place.base, seed=seed)) for seed in (1, 2)]
    first, second = (
        {value.data_ptr() for name, value in one.model.named_parameters() if ".lora_" not in name}
        for one in subjects
    )
    assert first == second


def test_an_adapter_of_another_shape_than_the_job_says_is_not_trained(place: Place) -> None:
    digest = place.train(place.base)
    with pytest.raises(UsageError, match="is fixed in a run"):
        place.train(digest, Optimizer(method="adamw", lora=Lora(rank=3, alpha=4.0)), seed=2)


def test_an_adapter_is_not_asked_when_its_base_was_changed_or_is_gone(place: Place) -> None:
    digest = place.train(place.base)
    config = place.root / "models" / place.base / "config.json"
    config.write_text(config.read_text() + " ")
    with pytest.raises(TrustError, match=place.base):
        Shelf(place.root / "models", place.root / "data").subject(digest)
    config.parent.rename(place.root / "elsewhere")
    with pytest.raises(SubjectError, match=place.base):
        Shelf(place.root / "models", place.root / "data").subject(digest)
