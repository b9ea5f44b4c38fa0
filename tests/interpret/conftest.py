"""Two models small enough to compare inside a test: one, and one that differs from it."""

import pytest

from detent.subject.build import Sizes, build_model, build_tokenizer
from detent.subject.load import Subject

SIZES = Sizes(hidden=32, intermediate=48, layers=2, heads=2)


@pytest.fixture
def a() -> Subject:
    return Subject(build_model(SIZES, seed=1), build_tokenizer())


@pytest.fixture
def b() -> Subject:
    return Subject(build_model(SIZES, seed=2), build_tokenizer())
