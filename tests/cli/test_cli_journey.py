"""What a user does, from `init` to a second lease, through the real program with real workers."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from tests.cli.conftest import Ended
from tests.cli.tiny_run import Machine, content, entries, gone, kinds
from transformers import AutoModelForCausalLM, AutoTokenizer

from detent.report import status_text

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
def folder(finished: Ended, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may change."""
    return Path(shutil.copytree(finished.folder, tmp_path / "run", symlinks=True))


def status(machine: Machine, folder: Path) -> dict[str, object]:
    told = machine.detent("status", folder, "--json")
    assert told.returncode == 0, told.stderr
    document = json.loads(told.stdout)
    assert isinstance(document, dict)
    return document


def test_a_new_run_is_ready_and_has_no_incumbent(machine: Machine, founded: Path) -> None:
    document = status(machine, founded)
    assert set(document) >= STATUS
    assert (document["state"], document["incumbent"]) == ("ready", "")
    assert document["lease"] == {"granted": 1, "spent": 0, "left": 1}
    assert "ready" in status_text(document)


def test_a_new_run_verifies(machine: Machine, founded: Path) -> None:
    checked = machine.detent("verify", founded)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_secrets_are_not_in_the_run_folder_and_only_their_owner_may_read_them(
    machine: Machine, founded: Path
) -> None:
    private = [path for path in machine.data.rglob("*") if path.is_file()]
    assert len(private) >= 3
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    shown = b"".join(part if isinstance(part, bytes) else b"" for part in content(founded).values())
    assert b"PRIVATE KEY" not in shown
    assert (machine.secrets(founded) / "seal.secret").read_bytes().strip() not in shown


def test_every_generation_is_one_line_and_the_last_says_how_to_go_on(finished: Ended) -> None:
    lines = finished.said.splitlines()
    assert re.match(r" +0 \| the first model", lines[0])
    assert re.match(r" +1 \| weak \w+ \d \| .*\[.*\] pts, [\d,]+ items \| ", lines[1])
    assert re.fullmatch(r"the lease is spent: 1 of 1 .*: detent lease \S+ --generations 1", lines[-1])


def test_the_next_generation_reached_the_gate(finished: Ended) -> None:
    assert [slot for slot in kinds(finished.folder) if slot.startswith(("intent", "outcome", "mastery"))] == [
        "mastery/v1",
        "intent/v1",
        "outcome/v1",
        "mastery/v1",
    ]


def test_status_says_where_a_run_stands(machine: Machine, finished: Ended) -> None:
    document = status(machine, finished.folder)
    assert set(document) >= STATUS
    assert (document["state"], document["generation"], document["promoted"]) == ("lease_spent", 1, 1)
    assert document["lease"] == {"granted": 1, "spent": 1, "left": 0}
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
            assert incumbent == (finished.folder / "models" / "incumbent").readlink().name
        case _:
            pytest.fail(f"another shape: {document}")


def test_try_prints_the_answer_of_the_ledgers_incumbent_whatever_the_link_says(
    machine: Machine, folder: Path
) -> None:
    (folder / "models" / "incumbent").unlink()
    tried = machine.detent("try", folder, "F31=")
    assert (tried.returncode, tried.stdout, tried.stderr) == (0, "3\n", "")


def test_hugging_face_loads_the_incumbent(finished: Ended) -> None:
    folder = finished.folder / "models" / "incumbent"
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    asked = tokenizer("F31=", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        likeliest = model(input_ids=asked[:, : len("F31=")]).logits[0, -1].argmax()
    assert tokenizer.decode([int(likeliest)]) == "3"


def test_the_report_is_one_file_that_needs_no_network(finished: Ended) -> None:
    page = (finished.folder / "reports" / "report.html").read_text("utf-8")
    assert "<svg" in page
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//|@import|url\(""", page)


def test_nothing_is_lost_with_the_reports(machine: Machine, folder: Path, finished: Ended) -> None:
    shutil.rmtree(folder / "reports")
    before = status(machine, folder)
    assert machine.detent("verify", folder).returncode == 0
    assert machine.detent("report", folder).returncode == 0
    assert content(folder / "reports") == content(finished.folder / "reports")
    assert before == status(machine, folder) == status(machine, finished.folder)


def test_a_finished_run_verifies(machine: Machine, finished: Ended) -> None:
    checked = machine.detent("verify", finished.folder)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "WRONG" not in checked.stdout


def test_a_run_without_a_lease_says_so_and_turns_nothing(machine: Machine, folder: Path) -> None:
    turns = [slot for slot in kinds(folder) if slot != "session/v1"]
    ran = machine.detent("run", folder)
    assert ran.returncode == 0
    assert "the lease is spent" in ran.stdout
    assert [slot for slot in kinds(folder) if slot != "session/v1"] == turns


def test_another_lease_lets_the_run_go_on(machine: Machine, folder: Path) -> None:
    granted = machine.detent("lease", folder, "--generations", "1")
    assert granted.stdout.startswith("lease 2 granted: 1 generations left")
    assert status(machine, folder)["state"] == "ready"
    ran = machine.detent("run", folder)
    assert ran.returncode == 0, ran.stderr
    document = status(machine, folder)
    assert (document["state"], document["generation"]) == ("lease_spent", 2)
    assert machine.detent("verify", folder).returncode == 0
    assert gone(folder)


def test_every_entry_carries_the_fixed_clock(finished: Ended) -> None:
    """Without it no run could be repeated to the byte."""
    assert {entry.at for entry in entries(finished.folder)} == {"2026-01-31T12:00:00Z"}


def test_init_refuses_a_folder_that_exists(machine: Machine, folder: Path) -> None:
    before = content(folder)
    made = machine.detent("init", folder)
    assert (made.returncode, made.stdout) == (2, "")
    assert re.fullmatch(r"detent: a folder that does not exist yet expected, got .*\n", made.stderr)
    assert content(folder) == before
