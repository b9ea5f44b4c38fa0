"""Small runs of benchmarks/tripwire_simulation.py; the seed is fixed, so each gives the same counts every time."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def simulation() -> Any:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("tripwire_simulation")
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_quiet_generations_are_left_alone(simulation: Any) -> None:
    assert sum(simulation.quiet(200).values()) <= 2


def test_the_forecast_covers_the_next_horizon(simulation: Any) -> None:
    covered, early = simulation.forecasts(40)
    assert 0.92 <= covered <= 0.99
    assert all(share >= 0.9 for share, _ in early.values())
