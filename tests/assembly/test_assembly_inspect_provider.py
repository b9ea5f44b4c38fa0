"""The provider that Inspect AI asks gives an answer the charter's room; Inspect itself is a stand-in of its shape."""

import asyncio
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.attacks.attacks_world import CHARTER, Scene, found

from detent.engine import FakeEngine
from detent.values import AnswerJob, Answers, AtMost, Job, Result, Room
from detent.values.room import room_for


class StandIn:
    """`ModelAPI`: knows its name."""

    def __init__(self, model_name: str, *_: object) -> None:
        self.model_name = model_name


def inspect_ai() -> dict[str, ModuleType]:
    """As much of the library as the provider imports."""
    package, model = ModuleType("inspect_ai"), ModuleType("inspect_ai.model")
    said = SimpleNamespace(from_content=lambda _, text: text)
    contents: dict[str, Any] = {
        "ModelAPI": StandIn,
        "ModelOutput": said,
        "GenerateConfig": SimpleNamespace,
        "modelapi": lambda **_: lambda made: made,
    }
    vars(model).update(contents)
    return {"inspect_ai": package, "inspect_ai.model": model}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, module in inspect_ai().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "detent.assembly.inspect_provider", raising=False)
    yield importlib.import_module("detent.assembly.inspect_provider")
    sys.modules.pop("detent.assembly.inspect_provider", None)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = found(tmp_path_factory.mktemp("run"), f"{CHARTER}\n[subject]\nanswer_tokens = 40\n")
    with scene.here():
        scene.turn()
    return scene


def asked(provider: Any, scene: Scene, monkeypatch: pytest.MonkeyPatch, most: int | None) -> Room:
    """The room of the job that one question becomes."""
    jobs: list[AnswerJob] = []

    def answer(job: Job) -> Result:
        assert isinstance(job, AnswerJob)
        jobs.append(job)
        return Answers(completions=("12",))

    monkeypatch.setattr(provider, "worker_engine", lambda *_: FakeEngine(answer))
    api = provider.DetentAPI(scene.state().incumbent, run=scene.run)
    message, config = SimpleNamespace(text="C12="), SimpleNamespace(max_tokens=most)
    assert asyncio.run(api.generate([message], [], None, config)) == "12"
    asyncio.run(api.aclose())
    return jobs[0].extra_tokens


@pytest.mark.parametrize(("most", "room"), [(None, 40), (8, 40), (64, 64)])
def test_an_answer_has_the_charters_room_or_what_inspect_asks_for_where_that_is_more(
    most: int | None, room: int, provider: Any, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETENT_DATA", str(Path(scene.root) / "data"))
    assert asked(provider, scene, monkeypatch, most) == AtMost(room)


@pytest.mark.parametrize(
    ("room", "wanted", "wider"),
    [(4, 0, 4), (4, 30, 20), (AtMost(8), 0, AtMost(8)), (AtMost(8), 9, AtMost(9))],
)
def test_more_room_is_counted_as_the_room_is(room: Room, wanted: int, wider: Room) -> None:
    assert room_for(10, room, wanted) == wider
