"""Runs that attacks are tried on; each is made once, and every attack gets a copy."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.attacks.attacks_world import ASKING, ASKS, CHARTER, CLOCK, ECHO, Scene, found, grown_from

Stage = Callable[[str], Scene]


def grown(root: Path) -> Scene:
    """Generations 0 and 1 are closed."""
    return grown_from(found(root))


def frozen(root: Path) -> Scene:
    """The same, and generation 2 was cut short when its opening began."""
    scene = grown(root)
    with scene.here():
        scene.killed_in_an_opening()
    return scene


def asked(root: Path) -> Scene:
    """Generation 2 was approved; in generation 3 the approver is asked again."""
    scene = found(root, CHARTER + ASKING, {"asks.py": ASKS})
    with scene.here():
        scene.turn(2)
        scene.answered()
        assert scene.turn(2).stop == "asked"
    return scene


def plugged(root: Path) -> Scene:
    """With a task of the user's own; generation 1 was cut short when its opening began."""
    charter = CHARTER.replace("copy", "echo") + '\n[tasks.echo]\nsource = "echo.py:Echo"\n'
    scene = found(root, charter, {"echo.py": ECHO})
    with scene.here():
        scene.turn(0)
        scene.killed_in_an_opening()
    return scene


BASES = {make.__name__: make for make in (grown, frozen, asked, plugged)}


@pytest.fixture(scope="session", autouse=True)
def _quickly() -> Iterator[None]:
    """The clock stands still, and nobody pulls the plug: no disk has to be waited for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_CLOCK", CLOCK)
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Scene]:
    made: dict[str, Scene] = {}

    def base(name: str) -> Scene:
        if name not in made:
            made[name] = BASES[name](tmp_path_factory.mktemp(name))
        return made[name]

    return base


@pytest.fixture
def stage(bases: Stage, tmp_path: Path) -> Iterator[Stage]:
    """A copy of the base of that name, with its user's data folder in force."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_DATA", str(tmp_path / "scene" / "data"))
        yield lambda name: bases(name).copy(tmp_path / "scene")
