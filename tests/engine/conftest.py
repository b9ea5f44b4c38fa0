from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.stand_ins import StandInEngine

from detent.engine import ModelStore
from detent.testing.engines import World
from detent.testing.models import write_model


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A `StandInEngine` that gives a silent worker half a second, and a model for it."""
    for name in ("models", "data"):
        (tmp_path / name).mkdir()
    digest = ModelStore(tmp_path / "models").admit(write_model(tmp_path / "new"))
    engine = StandInEngine(
        models=tmp_path / "models",
        data=tmp_path / "data",
        staging=tmp_path / "staging",
        log=tmp_path / "logs" / "worker.log",
        threads=1,
        stall_seconds=0.5,
    )
    yield World(engine, digest)
    engine.close()
