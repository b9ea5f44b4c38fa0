"""A model small enough to train inside a test, and the tokenizer of the default subject."""

from pathlib import Path

import pytest
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from detent.subject.build import Sizes, build_model, build_tokenizer, save

TINY = Sizes(hidden=32, intermediate=48, layers=2, heads=2)


@pytest.fixture
def tiny() -> PreTrainedModel:
    """A fresh model of 23,000 parameters; tests may train it."""
    return build_model(TINY, seed=1)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer()


@pytest.fixture
def folder(tmp_path: Path, tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> Path:
    """The same model as a folder on disk."""
    save(tiny, tokenizer, tmp_path / "model")
    return tmp_path / "model"
