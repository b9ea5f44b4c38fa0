"""What a user does, from `init` to a second lease, through the real program with real workers."""

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.cli.tiny_run import CLOCK, Machine, content, entries, gone, kinds
from transformers import AutoModelForCausalLM, AutoTokenizer

from detent.assembly import status_of, verify_run
from detent.report import status_text
from detent.values import Profiled

STATUS = {
    "state",
    "generation",
    "promoted",
    "incumbent",
    "ladder",
    "tasks",
    "error_budget",
    "lease",
    "alarms",
    "confined",
}


@pytest.fixture
def machine(finished: Machine, tmp_path: Path) -> Machine:
    """A copy of the finished run that a test may change."""
    return finished.copy(tmp_path / "machine")


def status(machine: Machine) -> dict[str, object]:
    told = machine.detent("status", machine.run, "--json")
    assert told.returncode == 0, told.stderr
    document = json.loads(told.stdout)
    assert isinstance(document, dict)
    return document


def test_a_new_run_is_ready_and_has_no_incumbent(founded: Machine) -> None:
    document = status(founded)
    assert set(document) >= STATUS
    assert (document["state"], document["incumbent"]) == ("ready", "")
    lease: Any = document["lease"]
    assert {name: lease[name] for name in ("granted", "spent", "left")} == {
        "granted": 1,
        "spent": 0,
        "left": 1,
    }
    assert "ready" in status_text(document)


def test_a_new_run_verifies(founded: Machine) -> None:
    checked = founded.detent("verify", founded.run)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_secrets_are_not_in_the_run_folder_and_only_their_owner_may_read_them(finished: Machine) -> None:
    secrets = [
        finished.secrets / "seal.secret",
        finished.secrets / "log.pem",
        finished.data / "keys" / "steward.pem",
    ]
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    shown = b"".join(part for part in content(finished.run).values() if isinstance(part, bytes))
    for path in secrets:
        assert all(line not in shown for line in path.read_bytes().splitlines() if b"-----" not in line[:5])


def test_every_generation_is_one_line_and_the_last_says_how_to_go_on(said: tuple[Machine, str]) -> None:
    lines = said[1].splitlines()
    assert re.match(r" +0 \| the first model", lines[0])
    assert re.match(r" +1 \| weak \w+ \d \| .*\[.*\] pts, [\d,]+ items \| ", lines[1])
    assert re.fullmatch(r"the lease is spent: 1 of 1 .*: detent lease \S+ --generations 1", lines[-1])


def test_the_next_generation_reached_the_gate(finished: Machine) -> None:
    assert [slot for slot in kinds(finished.run) if slot.startswith(("intent", "outcome", "mastery"))] == [
        "mastery/v1",
        "intent/v1",
        "outcome/v1",
        "mastery/v1",
    ]


def test_a_task_of_the_users_own_is_improved_above_the_levels_it_was_taught(finished: Machine) -> None:
    before, after = (
        [entry.profile.accuracy("first", level) for level in (4, 5)]
        for entry in entries(finished.run)
        if isinstance(entry, Profiled) and entry.purpose == "fresh"
    )
    assert sum(after) > sum(before)


def test_status_says_where_a_run_stands(finished: Machine) -> None:
    document = status(finished)
    assert set(document) >= STATUS
    assert (document["state"], document["generation"], document["promoted"]) == ("lease_spent", 1, 1)
    lease: Any = document["lease"]
    assert {name: lease[name] for name in ("granted", "spent", "left")} == {
        "granted": 1,
        "spent": 1,
        "left": 0,
    }
    match document:
        case {
            "incumbent": str(incumbent),
            "ladder": {"start": float(start), "now": float(now)},
            "tasks": {
                "copy": {"frontier": int(), "horizon": float(), "accuracy": dict(copy)},
                "first": dict(),
            },
            "error_budget": {"total": 0.5, "spent": 0.25, "next_alpha": float(), "next_items": dict()},
            "alarms": [],
            "confined": bool(),
        }:
            assert now > start
            assert set(copy) == {"1", "2", "3", "4"}
            assert incumbent == (finished.run / "models" / "incumbent").readlink().name
        case _:
            pytest.fail(f"another shape: {document}")


def test_try_prints_the_answer_of_the_ledgers_incumbent_whatever_the_link_says(machine: Machine) -> None:
    (machine.run / "models" / "incumbent").unlink()
    tried = machine.detent("try", machine.run, "F31=")
    assert (tried.returncode, tried.stdout, tried.stderr) == (0, "3\n", "")


def test_hugging_face_loads_the_incumbent(finished: Machine) -> None:
    folder = finished.run / "models" / "incumbent"
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    asked = tokenizer("F31=", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        likeliest = model(input_ids=asked[:, : len("F31=")]).logits[0, -1].argmax()
    assert tokenizer.decode([int(likeliest)]) == "3"


def test_the_report_is_one_file_that_needs_no_network(finished: Machine) -> None:
    page = (finished.run / "reports" / "report.html").read_text("utf-8")
    assert "<svg" in page
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//|@import|url\(""", page)


def test_nothing_is_lost_with_the_reports(machine: Machine, finished: Machine) -> None:
    shutil.rmtree(machine.run / "reports")
    before = status(machine)
    assert machine.detent("verify", machine.run).returncode == 0
    assert machine.detent("report", machine.run).returncode == 0
    assert content(machine.run / "reports") == content(finished.run / "reports")
    assert before == status(machine) == status(finished)


def test_a_finished_run_verifies(finished: Machine) -> None:
    checked = finished.detent("verify", finished.run)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "WRONG" not in checked.stdout


def test_a_run_without_a_lease_says_so_and_turns_nothing(machine: Machine) -> None:
    turns = [slot for slot in kinds(machine.run) if slot != "session/v1"]
    ran = machine.detent("run", machine.run)
    assert ran.returncode == 0
    assert "the lease is spent" in ran.stdout
    assert [slot for slot in kinds(machine.run) if slot != "session/v1"] == turns


@pytest.mark.long
def test_another_lease_lets_the_run_go_on_and_be_looked_at_meanwhile(machine: Machine) -> None:
    granted = machine.detent("lease", machine.run, "--generations", "1")
    assert granted.stdout.startswith("lease of 1 generations: on the ledger")
    assert status(machine)["state"] == "ready"
    process, states = machine.start("run", machine.run), set()
    while process.poll() is None:
        assert verify_run(machine.run).faults == []
        states.add(status_of(machine.run)["state"])
        time.sleep(0.2)
    assert process.communicate()[1] == ""
    assert "running" in states
    document = status(machine)
    assert (process.returncode, document["state"], document["generation"]) == (0, "lease_spent", 2)
    assert verify_run(machine.run).faults == []
    assert gone(machine.run)


def test_every_entry_carries_the_fixed_clock(finished: Machine) -> None:
    """Without it no run could be repeated to the byte."""
    assert {entry.at for entry in entries(finished.run)} == {CLOCK}


def test_init_refuses_a_folder_that_exists(finished: Machine) -> None:
    before = content(finished.run)
    made = finished.detent("init", finished.run)
    assert (made.returncode, made.stdout) == (2, "")
    assert re.fullmatch(r"detent: a folder that does not exist yet expected, got .*\n", made.stderr)
    assert content(finished.run) == before


def test_an_exported_model_is_loaded_by_transformers_and_answers_as_the_run_s(
    finished: Machine, tmp_path: Path
) -> None:
    made = finished.detent("export", finished.run, "1", "--to", tmp_path / "out")
    assert made.returncode == 0, made.stderr
    assert "generation 1" in made.stdout
    ours, theirs = finished.run / "models" / "incumbent", tmp_path / "out"
    tokenizer = AutoTokenizer.from_pretrained(theirs)
    asked = tokenizer("F314=", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        logits = [AutoModelForCausalLM.from_pretrained(one)(asked).logits for one in (ours, theirs)]
    assert torch.equal(*logits)
    again = finished.detent("export", finished.run, "1", "--to", tmp_path / "out")
    assert again.returncode == 2
    assert "a new folder" in again.stderr


def test_what_was_estimated_before_a_run_is_what_its_ledger_counts(finished: Machine) -> None:
    said = finished.detent("estimate", finished.run, "--json")
    assert said.returncode == 0, said.stderr
    document = json.loads(said.stdout)
    foreseen, counted = document["generations"], document["measured"]
    assert foreseen["beginning"]["petaflop"] == pytest.approx(counted[0]["petaflop"], rel=0.25)
    assert foreseen["first"]["petaflop"] == pytest.approx(counted[1]["petaflop"], rel=0.25)


def test_a_charter_is_written_for_tasks_and_only_shown_in_a_dry_run(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    words = ("init", machine.run, "--tasks", "copy=4,sort=3")
    shown = machine.detent(*words, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "improve = { copy = 4, sort = 3 }" in shown.stdout
    assert "near the top" in shown.stdout
    assert not machine.run.exists()
    assert machine.detent(*words).returncode == 0
    assert "improve = { copy = 4, sort = 3 }" in (machine.run / "charter.toml").read_text()
    mixed = machine.detent("init", tmp_path / "other", "--from", "x.toml", "--tasks", "copy=4")
    assert (mixed.returncode, (tmp_path / "other").exists()) == (2, False)
