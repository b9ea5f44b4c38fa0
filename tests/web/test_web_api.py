"""The JSON: what it says, how it says no, and that its description is true."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from tests.web.made_run import Made

from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of, log_verify_key
from detent.audit import fsck
from detent.ledger import LedgerReader
from detent.values import (
    Answered,
    Diagnosed,
    Entry,
    Requested,
    Watched,
    entry_document,
)
from detent.values.watching import Reading
from detent.web.app import create_app
from detent.web.house import House
from detent.web.settings import Settings

API = "/api/v1/runs"
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def read(*folders: Path) -> tuple[House, TestClient]:
    house = House(folders)
    while house.look():
        continue
    return house, TestClient(create_app(house, Settings.local()), base_url="http://127.0.0.1")


def asked(made: Made) -> list[Entry]:
    """A generation in progress that waits for a person, with a tripwire that fired."""
    state = House([made.folder])
    while state.look():
        continue
    generation = state.rooms[0].state.generation
    stamp: dict[str, Any] = {"at": "2026-11-01T00:00:00Z", "generation": generation}
    diagnosed = next(one for one in entries_of(RunFolder(made.folder)) if isinstance(one, Diagnosed))
    reading = Reading(wire="canary", status="fired", said=HOSTILE, statistic=1.0, limit=0.5)
    return [
        Diagnosed(**stamp, diagnosis=diagnosed.diagnosis),
        Watched(**stamp, readings=(reading,), actions={"canary": "pause"}),
        Requested(
            **stamp,
            number=1,
            candidate="",
            reasons=(HOSTILE,),
            unchecked=("nobody looked",),
            approvers=1,
            expires="2099-01-01T00:00:00Z",
        ),
    ]


def test_every_run_is_there_at_a_glance_and_who_waits_for_a_person_comes_first(
    fresh: Made, looked_at: Made
) -> None:
    fresh.write(asked(fresh))
    _, client = read(looked_at.folder, fresh.folder)
    runs = client.get(API).json()
    assert [(run["name"], run["request"]) for run in runs] == [("demo-2", 1), ("demo", None)]
    assert [run["state"] for run in runs] == ["waiting", "ready"]
    assert runs[1]["generation"] == 4
    assert 0 < runs[1]["ladder"] < 1


def test_a_run_in_full_says_what_the_command_says(client: TestClient, looked_at: Made) -> None:
    run = client.get(f"{API}/demo").json()
    assert run["charter_version"] == 1
    assert run["status"]["tasks"]
    assert run["checkpoint"] == (looked_at.folder / "ledger" / "checkpoint").read_text()


def test_generations_come_in_pages(client: TestClient) -> None:
    page = client.get(f"{API}/demo/generations?start=1&limit=2").json()
    assert (page["start"], page["total"], len(page["items"])) == (1, 5, 2)
    assert [item["generation"] for item in page["items"]] == [1, 2]
    assert client.get(f"{API}/demo/generations?start=99").json()["items"] == []


def test_a_generation_has_everything_that_it_wrote(client: TestClient, looked_at: Made) -> None:
    found = client.get(f"{API}/demo/generations/2").json()
    written = [one for one in entries_of(RunFolder(looked_at.folder)) if one.generation == 2]
    own = {one.slot: entry_document(one) for one in written if isinstance(one.trial, type(written[0].trial))}
    assert found["closed"]["generation"] == 2
    assert found["entries"].keys() == own.keys() - {slot for slot in own if slot.startswith("trial")}
    assert sorted(found["trials"]) == ["0.0", "1.0", "2.0"]
    assert found["trials"]["1.0"]["candidate/v1/0"]["kind"] == "candidate/v1"


def test_the_generation_in_progress_is_there_and_not_closed(fresh: Made) -> None:
    fresh.write(asked(fresh))
    _, client = read(fresh.folder)
    found = client.get(f"{API}/demo/generations/3").json()
    assert found["closed"] is None
    assert list(found["entries"]) == ["diagnosis/v1", "watch/v1", "request/v1"]


def test_a_question_comes_with_the_page_that_people_read_and_its_answer(fresh: Made) -> None:
    fresh.write(asked(fresh))
    house, client = read(fresh.folder)
    (request,) = client.get(f"{API}/demo/requests").json()["items"]
    assert (request["number"], request["answer"]) == (1, None)
    assert request["reasons"] == [HOSTILE]  # data, whatever it says
    page = client.get(f"{API}/demo/requests/1").json()["page"]
    assert "not checked by anybody" in page
    assert "\x1b" not in page
    answer = Answered(
        at="2026-11-01T00:01:00Z",
        generation=3,
        request=1,
        verdict="deny",
        because="no",
        signers=("ada",),
        seconds=60.0,
        envelope="{}",
    )
    fresh.write([answer])
    house.look()
    assert client.get(f"{API}/demo/requests/1").json()["answer"]["verdict"] == "deny"


def test_entries_are_those_of_the_ledger(client: TestClient, looked_at: Made) -> None:
    page = client.get(f"{API}/demo/entries?start=3&limit=4").json()
    every = entries_of(RunFolder(looked_at.folder))
    assert page["total"] == len(every)
    assert [item["index"] for item in page["items"]] == [3, 4, 5, 6]
    assert [item["entry"] for item in page["items"]] == json.loads(
        json.dumps([entry_document(one) for one in every[3:7]])
    )
    assert client.get(f"{API}/demo/entries?start={len(every) + 5}").json()["items"] == []


def test_proofs_are_those_of_the_ledger(client: TestClient, looked_at: Made) -> None:
    run = RunFolder(looked_at.folder)
    reader = LedgerReader(run.ledger, log_verify_key(run))
    inclusion = client.get(f"{API}/demo/ledger/inclusion/5").json()
    assert inclusion["path"] == [one.hex() for one in reader.inclusion_proof(5)]
    assert (inclusion["root"], inclusion["leaf_hash"]) == (reader.root().hex(), reader.leaf_hash(5).hex())
    consistency = client.get(f"{API}/demo/ledger/consistency?old=7").json()
    assert consistency["path"] == [one.hex() for one in reader.consistency_proof(7)]
    assert client.get(f"{API}/demo/ledger/checkpoint").json() == {"checkpoint": reader.checkpoint}
    assert not fsck(run.ledger, log_verify_key(run)).faults


WRONG = {
    "a run that is not there": (404, f"{API}/nobody"),
    "a generation that is not there": (404, f"{API}/demo/generations/99"),
    "a question that is not there": (404, f"{API}/demo/requests/1"),
    "a number that is none": (422, f"{API}/demo/generations/last"),
    "a negative number": (422, f"{API}/demo/entries?start=-1"),
    "more than is given at once": (422, f"{API}/demo/entries?limit=100000"),
    "an entry beyond the ledger": (400, f"{API}/demo/ledger/inclusion/99999"),
    "an address that is none": (404, "/api/v1/nothing"),
    "a stream of a run that is not there": (400, "/runs/nobody/events"),
}


@pytest.mark.parametrize("case", WRONG)
def test_no_is_said_with_what_was_expected_got_and_what_to_do(case: str, client: TestClient) -> None:
    status, address = WRONG[case]
    answer = client.get(address)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["said"]
    assert error["expected"]
    assert error["got"]


def test_a_run_that_cannot_be_read_is_said_and_the_others_are_answered(fresh: Made, looked_at: Made) -> None:
    (fresh.folder / "log.vkey").write_text("nothing")
    _, client = read(fresh.folder, looked_at.folder)
    broken, sound = client.get(API).json()
    assert (broken["state"], sound["state"]) == ("unreadable", "ready")
    assert "verify key" in broken["fault"]
    answer = client.get(f"{API}/{broken['name']}")
    assert answer.status_code == 503
    assert answer.json()["error"]["do"]
    assert "detent_run_readable" in client.get("/metrics").text


def test_damage_below_what_was_read_is_an_error_and_no_entry(fresh: Made) -> None:
    _, client = read(fresh.folder)
    shutil.rmtree(fresh.folder / "ledger" / "tile" / "entries")
    answer = client.get(f"{API}/demo/entries")
    assert answer.status_code == 500
    assert answer.json()["error"]["kind"] == "TrustError"


def test_the_description_names_every_field_with_its_type(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    reading = {path for path, ways in described["paths"].items() if "get" in ways and "waiting" not in path}
    assert reading == {
        API,
        f"{API}/{{name}}",
        f"{API}/{{name}}/generations",
        f"{API}/{{name}}/generations/{{generation}}",
        f"{API}/{{name}}/requests",
        f"{API}/{{name}}/requests/{{number}}",
        f"{API}/{{name}}/entries",
        f"{API}/{{name}}/ledger/checkpoint",
        f"{API}/{{name}}/ledger/inclusion/{{index}}",
        f"{API}/{{name}}/ledger/consistency",
    }
    run = described["components"]["schemas"]["Run"]["properties"]
    assert run["ladder"]["description"]
    for path in reading:
        for what in described["paths"][path].values():
            assert what["description"]
            assert "schema" in what["responses"]["200"]["content"]["application/json"]


def test_the_page_of_the_description_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/api").text
    assert f"{API}/{{name}}/entries" in page
    assert "<script" not in page
    assert "http" not in page.replace("https://detent", "")
    assert client.get("/docs").status_code == 404


def test_figures_are_what_prometheus_reads(fresh: Made) -> None:
    fresh.write(asked(fresh))
    _, client = read(fresh.folder)
    client.get("/nothing")
    families = list(text_string_to_metric_families(client.get("/metrics").text))
    samples = {
        (one.name, *(value for key, value in sorted(one.labels.items()) if key != "run")): one.value
        for family in families
        for one in family.samples
    }
    assert samples["detent_generations_closed_total",] == 3
    assert samples["detent_requests_waiting",] == 1
    assert samples["detent_run_state", "waiting"] == 1
    assert samples["detent_run_state", "ready"] == 0
    assert samples["detent_error_budget_total",] == 0.05
    assert samples["detent_ledger_entries",] == samples["detent_ledger_entries_read",]
    assert samples["detent_ledger_newest_entry_age_seconds",] >= 0
    assert samples["detent_server_responses_total", "404"] == 1
    assert all(family.documentation for family in families)
    assert all(family.name.startswith("detent_") for family in families)


def test_a_tripwire_that_fired_is_counted_by_its_name_once_its_generation_is_closed(fresh: Made) -> None:
    from tests.report.synthetic_run import ledger  # noqa: PLC0415

    watched = Watched(
        at="2026-11-01T00:00:00Z",
        generation=3,
        readings=(
            Reading(wire="canary", status="fired", said="it sang"),
            Reading(wire="tides", status="quiet", said="nothing"),
        ),
        actions={},
    )
    rest = [one for one in ledger(3, 8) if one.generation == 3]
    fresh.write([rest[0], watched, *rest[1:]])
    _, client = read(fresh.folder)
    lines = client.get("/metrics").text.splitlines()
    assert 'detent_tripwire_fired_total{run="demo",tripwire="canary"} 1.0' in lines
    assert 'detent_tripwire_fired_total{run="demo",tripwire="tides"} 0.0' in lines
    assert lines == [one for one in lines if one.isprintable()]
