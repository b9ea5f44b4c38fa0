"""A given model is held against the charter's constraints with all that a run would train, before there is a run."""

from pathlib import Path

import pytest
from tests.attacks.attacks_world import CHARTER, found

from detent.errors import CharterError
from detent.subject.load import load
from detent.subject.lora import with_new_adapter
from detent.testing.language import FAMILIES, Family, write_language_model
from detent.values import Lora

LORA = Lora(rank=4, alpha=8.0)


def charter(given: Path, most: int, lora: str = "lora = { rank = 4, alpha = 8.0 }\n") -> str:
    """Of a run with that model, which may have so many parameters."""
    text = CHARTER.replace("batch = 1\n", 'batch = 1\noptimizer = "adamw"\nother_rate = 1e-3\n')
    text = text.replace("[constraints]\n", f"[constraints]\nmax_parameters = {most}\n")
    return f'{text}\n[subject]\nsource = "{given}"\n{lora}'


@pytest.fixture(params=FAMILIES)
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    family: Family = request.param
    return write_language_model(tmp_path / "model", family)


def sizes(given: Path) -> tuple[int, int]:
    """Numbers of the model, and of it with its adapter, as they are trained."""
    base = load(given)
    alone = base.model.num_parameters()
    return alone, with_new_adapter(base, LORA, "1" * 64, seed=1).model.num_parameters()


def test_an_adapter_that_would_not_fit_is_refused_before_there_is_a_run(given: Path, tmp_path: Path) -> None:
    alone, together = sizes(given)
    said = rf"at least {together:,} expected, {alone:,} of its own and {together - alone:,} of the adapter"
    with pytest.raises(CharterError, match=said):
        found(tmp_path / "short", charter(given, together - 1))
    assert not (tmp_path / "short" / "run").exists()
    assert found(tmp_path / "enough", charter(given, together)).folder.subject.is_dir()


def test_a_model_that_is_trained_whole_needs_room_for_itself_alone(tmp_path: Path) -> None:
    given = write_language_model(tmp_path / "model", "qwen3")
    alone, _ = sizes(given)
    with pytest.raises(CharterError, match=rf"at least {alone:,} expected, so many has"):
        found(tmp_path / "short", charter(given, alone - 1, lora=""))
    assert found(tmp_path / "enough", charter(given, alone, lora="")).folder.subject.is_dir()
