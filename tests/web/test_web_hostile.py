"""Text from ledgers, models and tasks on the dashboard's pages: it stays text, whatever it is (stored XSS)."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fastapi.testclient import TestClient
from tests.report.report_reader import Document, read
from tests.report.test_report_page import ATTACKS
from tests.web.hostile_room import hostile
from tests.web.standing import Room, app_of

from detent.values import Requested

MORE = {
    **ATTACKS,
    "a link that runs": "javascript:alert(1)",
    "out of an address": "/../..//example.org/?a=1&b=2#",
    "out of a JSON text": '"}</script><script>alert(1)</script>',
    "a line end in a header": "\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>",
    "a log line of another's": "\n127.0.0.1 - GET / 200",
    "a select's end": "</option></select><script>alert(1)</script>",
    "a textarea's end": "</textarea><script>alert(1)</script>",
    "a noscript's end": "</noscript><script>alert(1)</script>",
}


def paths(room: Room) -> Iterator[str]:
    yield from ("/", "/compare", "/compare?left=hostile&left_generation=0&right=hostile", "/runs/hostile")
    yield from (f"/runs/hostile/generations/{generation}" for generation in room.story.written)
    yield "/runs/hostile/generations/1?kept=all"
    yield from (f"/runs/hostile/requests/{one.number}" for one in room.entries if isinstance(one, Requested))
    yield from (f"/runs/hostile/data/{batch.digest}" for batch in room.story.batches)
    yield from ("/runs/hostile/ledger", "/runs/hostile/ledger?page=2", "/runs/hostile/wires/quiet_one")
    yield from (f"/runs/hostile/ledger/{index}" for index in range(0, len(room.entries), 7))


@cache
def documents(attack: str) -> tuple[Document, ...]:
    """Every page of the run whose every text is the attack."""
    with TemporaryDirectory() as folder:
        room = hostile(Path(folder) / "run", attack)
        client = TestClient(app_of(room))
        answers = [client.get(path) for path in paths(room)]
        assert {answer.status_code for answer in answers} == {200}
        assert all("set-cookie" not in answer.headers for answer in answers)
        return tuple(read(answer.text) for answer in answers)


@pytest.mark.parametrize("attack", MORE.values(), ids=MORE.keys())
def test_no_text_changes_the_structure_of_a_page(attack: str) -> None:
    for found, plain in zip(documents(attack), documents("word"), strict=True):
        assert found.shape == plain.shape


@pytest.mark.parametrize("attack", MORE.values(), ids=MORE.keys())
def test_every_character_that_reaches_a_reader_can_be_seen(attack: str) -> None:
    for document in documents(attack):
        for value in document.values():
            assert not [c for c in value if not c.isprintable() and c != "\n"]


@pytest.mark.parametrize("attack", MORE.values(), ids=MORE.keys())
def test_every_link_leads_to_this_server(attack: str) -> None:
    for document in documents(attack):
        for element in document.elements:
            for name in ("href", "src", "action"):
                where = element.attributes.get(name, "/")
                assert where == "data:," or (where[0] in "/?#" and not where.startswith("//"))


def test_the_attacks_reach_the_pages() -> None:
    shown = "\n".join(document.texts() for document in documents("<b>bold</b>"))
    assert shown.count("<b>bold</b>") > 100


def test_a_long_text_is_cut_and_says_so() -> None:
    with TemporaryDirectory() as folder:
        room = hostile(Path(folder) / "run", "w" * 20_000)
        shown = TestClient(app_of(room)).get("/runs/hostile/generations/1?kept=all").text
    assert "more characters" in shown
    outside = re.sub(r"<svg.*?</svg>", "", shown, flags=re.DOTALL)
    assert "w" * 4_001 not in outside
