"""Every page of the dashboard: it shows what stands on the ledger, as the report does, without any script."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from tests.report.report_reader import read
from tests.web.conftest import ASKED_AT
from tests.web.standing import Room, app_of

from detent.values import Requested
from detent.web import kept


@pytest.fixture(autouse=True)
def at_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "now", lambda: ASKED_AT)


@pytest.fixture
def client(steered: Room, open_question: Room, climbing: Room, trying: Room) -> TestClient:
    return TestClient(app_of(climbing, steered, open_question, trying))


def html(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    read(answer.text)
    return answer.text


def every_path(*rooms: Room) -> Iterator[str]:
    """Every page that there is of these runs, and some of each long list."""
    yield from ("/", "/compare", "/compare?left=steered&right=climbing&left_generation=2")
    for room in rooms:
        at = f"/runs/{room.name}"
        yield from (
            at,
            f"{at}?left=0&right=1&page=2",
            f"{at}/ledger",
            f"{at}/ledger?kind=decision/v1",
            f"{at}/ledger/0",
        )
        for generation, slots in room.story.written.items():
            yield f"{at}/generations/{generation}"
            yield f"{at}/generations/{generation}?kept=all"
            yield from (f"{at}/requests/{e.number}" for e in slots.values() if isinstance(e, Requested))
        yield from (f"{at}/data/{batch.digest}" for batch in room.story.batches)
        watched = [slots["watch/v1"] for slots in room.story.written.values() if "watch/v1" in slots]
        names = {reading.wire for one in watched for reading in one.readings}  # type: ignore[attr-defined]
        yield from (f"{at}/wires/{name}" for name in sorted(names))


def test_every_page_is_whole(
    client: TestClient, steered: Room, open_question: Room, climbing: Room, trying: Room
) -> None:
    paths = list(every_path(steered, open_question, climbing, trying))
    assert len(paths) > 100
    for path in paths:
        html(client, path)
