"""Every page of the dashboard: it shows what stands on the ledger, as the report does, without any script."""

import re
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import pytest
from fastapi.testclient import TestClient
from msgspec import structs
from tests.report.report_reader import read
from tests.report.synthetic_run import TOP, ledger
from tests.web.conftest import ASKED_AT
from tests.web.standing import Room, app_of, made_up

from detent.report import foreseen
from detent.report.figures import ladder
from detent.report.rendering import style
from detent.values import IntentWritten, LeaseGranted, Requested
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


def test_what_waits_for_a_person_comes_first_then_what_is_held(client: TestClient) -> None:
    shown = html(client, "/")
    places = [shown.index(f'href="/runs/{name}"') for name in ("asking", "climbing", "steered")]
    assert places == sorted(places)
    assert shown.index("Waits for a person") < shown.index("Answer request 1") < shown.index(">Held<")


def test_the_report_and_the_dashboard_show_the_same_figure(client: TestClient, climbing: Room) -> None:
    shown = html(client, "/runs/climbing")
    assert str(ladder(foreseen(climbing.story, climbing.signed.charter)).drawing) in shown


def test_a_run_says_who_decided_and_why(client: TestClient) -> None:
    shown = html(client, "/runs/steered")
    assert "approved by ada, bob" in shown
    assert "denied by cy" in shown
    assert "nobody answered in time, which means no" in shown
    assert "stewards ordered it" in shown
    assert "<q>so be it</q>" in shown


def test_a_run_shows_the_charters_thresholds_and_the_early_warnings_forecast(client: TestClient) -> None:
    assert "copy 4: 2 approvers asked" in html(client, "/runs/steered")
    shown = html(client, "/runs/climbing")
    assert 'class="line s0 ahead"' in shown
    assert "9, forecast" in shown


def test_two_generations_that_a_form_names_are_beside_each_other(client: TestClient) -> None:
    shown = html(client, "/runs/climbing?left=2&right=5")
    assert re.findall(r"<strong>(Generation \d)</strong>", shown) == ["Generation 2", "Generation 5"]
    assert re.findall(
        r"<strong>(Generation \d)</strong>", html(client, "/runs/climbing?left=99&right=x")
    ) == [
        "Generation 8",
        "Generation 8",
    ]


def test_sealed_problems_are_shown_with_both_answers_once_the_opening_is_closed(client: TestClient) -> None:
    shown = html(client, "/runs/steered/generations/1?kept=all")
    every = int(re.search(r"(\d+) found", shown)[1])  # type: ignore[index]
    changed = html(client, "/runs/steered/generations/1")
    assert 0 < int(re.search(r"(\d+) found", changed)[1]) < every  # type: ignore[index]
    assert "mark right" in changed
    assert "mark wrong" in changed
    assert "?kept=all&amp;page=2" in shown


def test_an_opening_that_is_not_closed_shows_no_problem(steered: Room) -> None:
    entries = list(steered.entries)
    intent = next(i for i, entry in enumerate(entries) if isinstance(entry, IntentWritten))
    room = Room("open", steered.folder, entries[: intent + 1], steered.charter, steered.top)
    shown = html(TestClient(app_of(room)), "/runs/open/generations/1?kept=all")
    assert "sealed until then" in shown
    assert "problems.piece" not in shown
    assert 'class="problems"' not in shown


def test_lineage_leads_down_to_single_examples_with_their_origin(client: TestClient) -> None:
    shown = html(client, "/runs/steered/generations/1")
    link = re.search(r'href="(/runs/steered/data/[0-9a-f]{64})"', shown)
    assert link
    found = [
        html(client, path)
        for path in dict.fromkeys(re.findall(r'href="(/runs/steered/data/[0-9a-f]{64})"', shown))
    ]
    assert any("true answers" in page for page in found)
    assert any("self-made. Written by" in page and "generation 0" in page for page in found)
    assert all('<th scope="row" class="number">1</th>' in page for page in found)


def test_a_question_has_its_evidence_its_form_and_the_forms_limit(client: TestClient) -> None:
    shown = html(client, "/runs/asking/requests/1")
    form = re.search(r'<form id="answer".*?</form>', shown, re.DOTALL)
    assert form
    for part in (
        'data-run="asking"',
        'data-request="1"',
        'name="because" required',
        'value="approve"',
        'value="deny"',
    ):
        assert part in form[0]
    assert "the script that signs comes from this server" in shown
    assert "detent approve DIR 1" in shown
    assert "Not checked by anybody" in shown
    assert "Evidence at the gate" in shown


def test_an_answered_question_has_no_form(client: TestClient) -> None:
    assert 'id="answer"' not in html(client, "/runs/steered/requests/1")
    assert "Denied" in html(client, "/runs/steered/requests/2")


def test_every_page_has_the_form_that_stops_a_run(client: TestClient) -> None:
    for path in ("/", "/compare", "/runs/steered", "/runs/steered/ledger", "/runs/steered/generations/1"):
        form = re.search(r'<form id="stop".*?</form>', html(client, path), re.DOTALL)
        assert form
        assert 'value="pause"' in form[0]
        assert 'value="halt"' in form[0]
        assert 'name="because"' in form[0]


def test_ledger_entries_are_newest_first_and_of_the_kind_that_is_asked_for(
    client: TestClient, steered: Room
) -> None:
    every = html(client, "/runs/steered/ledger")
    assert f'ledger/{len(steered.entries) - 1}"' in every
    decisions = html(client, "/runs/steered/ledger?kind=decision/v1")
    body = decisions[decisions.index("<tbody>") : decisions.index("</tbody>")]
    assert body.count("decision/v1") == body.count("<tr>") == 9
    unknown = html(client, "/runs/steered/ledger?kind=<b>")
    assert unknown.count("<tr>") == every.count("<tr>")


def test_an_entry_says_how_to_get_its_proof(client: TestClient) -> None:
    shown = html(client, "/runs/steered/ledger/3")
    assert "detent prove DIR 3" in shown
    assert "&#34;kind&#34;: &#34;data/v1&#34;" in shown


NOT_THERE = {
    "a run that is not served": "/runs/other",
    "a path out of the folder for a run": "/runs/..%2f..%2fetc",
    "a generation that never was": "/runs/steered/generations/99",
    "a generation that is no number": "/runs/steered/generations/1e3",
    "a generation in other digits": "/runs/steered/generations/\u0661",
    "a number with ten thousand digits": "/runs/steered/generations/" + "9" * 10_000,
    "a request that nobody made": "/runs/steered/requests/99",
    "an entry beyond the end": "/runs/steered/ledger/99999999999999999999",
    "a data file that no entry names": "/runs/steered/data/" + "0" * 64,
    "a path for a data file": "/runs/steered/data/..%2fcharter.toml",
    "a file beside the static ones": "/static/..%2fpages.py",
    "a tripwire that was never read": "/runs/steered/wires/none",
}


@pytest.mark.parametrize("path", NOT_THERE.values(), ids=NOT_THERE.keys())
def test_what_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_missing_answers_file_is_said_without_where_it_should_lie(
    client: TestClient, climbing: Room
) -> None:
    shown = html(client, "/runs/climbing/generations/1")
    assert "not in the run&#39;s folder" in shown
    assert str(climbing.folder) not in shown


def test_the_style_sheet_is_the_reports_with_more_and_is_fetched_once(client: TestClient) -> None:
    answer = client.get("/static/style.css")
    assert answer.text.startswith(style())
    again = client.get("/static/style.css", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_nothing_on_a_page_needs_a_style_or_script_that_the_policy_forbids(
    client: TestClient, steered: Room
) -> None:
    for path in every_path(steered):
        for element in read(client.get(path).text).elements:
            assert "style" not in element.attributes
            assert not [name for name in element.attributes if name.startswith("on")]
            assert element.name != "style"
            if element.name == "script":
                assert element.attributes["src"].startswith("/static/")
                assert not element.text.strip()


@pytest.mark.parametrize("generations", [60, pytest.param(1000, marks=pytest.mark.long)])
def test_a_run_of_a_thousand_generations_is_one_small_page(generations: int, tmp_path: Path) -> None:
    entries = [
        structs.replace(entry, petaflop=1e6) if isinstance(entry, LeaseGranted) else entry
        for entry in ledger(generations, 1)
    ]
    room = made_up(tmp_path / "long", "long", entries, TOP)
    client = TestClient(app_of(room))
    html(client, "/runs/long")  # the first reader waits for what is made once
    paths = ["", "?page=17", f"/generations/{generations // 2}", "/ledger?page=3", "/ledger?kind=decision/v1"]
    for path in paths:
        began = perf_counter()
        shown = client.get(f"/runs/long{path}").text
        assert perf_counter() - began < 1
        assert len(shown.encode()) < 300_000
