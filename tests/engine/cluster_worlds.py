"""Clusters to try things on: their folders, their store, and an engine over them."""

from pathlib import Path
from typing import NamedTuple

import pytest

from detent.engine import ModelStore
from detent.engine.cluster import ClusterEngine
from detent.engine.crew import ClusterTerms, Crew
from detent.testing.engines import World
from detent.testing.models import write_model


class Site(NamedTuple):
    """Where a run and its store lie."""

    root: Path
    model: str

    @property
    def store(self) -> Path:
        return self.root / "shared"

    def terms(self, **given: object) -> ClusterTerms:
        return ClusterTerms(**({"store": f"file://{self.store}", "width": 2} | given))  # type: ignore[arg-type]

    def engine(self, crew: Crew, terms: ClusterTerms | None = None, **given: object) -> ClusterEngine:
        return ClusterEngine(
            crew,
            terms or self.terms(),
            models=self.root / "models",
            data=self.root / "data",
            staging=self.root / "staging",
            **({"threads": 1, "stall_seconds": 0.5} | given),  # type: ignore[arg-type]
        )

    def world(self, engine: ClusterEngine) -> World:
        return World(engine, self.model)


def made(root: Path, monkeypatch: pytest.MonkeyPatch | None = None) -> Site:
    """A site with a model, a store, and a cache of its own for what runs in this process."""
    for name in ("models", "data", "shared"):
        (root / name).mkdir()
    if monkeypatch is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    return Site(root, ModelStore(root / "models").admit(write_model(root / "new")))
