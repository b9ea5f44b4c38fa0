"""The scripts that measure language models run here on tiny ones, and say so where they cannot measure."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.benchmarks.scripts import ROOT, script

place, gpu, throughput = script("bench_place"), script("gpu"), script("throughput")


def ran(name: str, *options: str) -> str:
    """What a script printed; in a process of its own, since it settles threads and precision for all that follows."""
    command = [sys.executable, str(ROOT / "benchmarks" / name), *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def cells(printed: str) -> dict[str, list[str]]:
    """The rows of a table by their first cell."""
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows[2:]}


@pytest.mark.long
def test_what_is_measured_on_a_gpu_runs_on_a_processor_too() -> None:
    printed = ran("gpu.py", "--tiny", "--device", "cpu", "--threads", "1")
    found = cells(printed)
    assert list(found) == ["SFT", "labelling", "evaluation", "DPO"]
    learnt = {name: int(row[2].replace(",", "")) for name, row in found.items()}
    assert learnt["SFT"] > 0 < learnt["DPO"]
    assert learnt["labelling"] == learnt["evaluation"] == 0
    assert all(row[4] == "unknown" for row in found.values())  # no card, no peak
    assert "nothing else" in printed


@pytest.mark.long
def test_what_it_brings_to_carry_on_is_measured_on_the_same_batches() -> None:
    small = {"seeds": 1, "first": 3, "next": 2, "problems": 4, "asked": 1}
    words = (word for name, value in small.items() for word in (f"--{name}", str(value)))
    found = cells(ran("carrying.py", *words))
    assert list(found) == [
        "first training",
        *(f"{data}, {way}" for data in ("the same", "two levels more") for way in ("anew", "carried")),
    ]
    for data in (
        "the same",
        "two levels more",
    ):  # the first loss is of the same weights and batch, the last is not
        anew, carried = found[f"{data}, anew"], found[f"{data}, carried"]
        assert anew[0] == carried[0]
        assert anew[1] != carried[1]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_measured_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    assert gpu.main() == 1
    assert "nothing was measured" in capsys.readouterr().err


@pytest.mark.long
def test_jobs_and_plain_generate_write_the_same_answers() -> None:
    """It ends with an error where they do not."""
    tiny = {"prompts": 12, "rounds": 1, "rows": 5, "threads": 1, "hidden": 32, "layers": 1, "steps": 2}
    printed = ran("throughput.py", "--device", "cpu", *(f"--{name}={value}" for name, value in tiny.items()))
    assert list(cells(printed)) == ["labelling", "evaluation", "generate", "generate, sorted by length"]


def test_shares_of_a_runs_time_are_those_of_its_stopwatch(tmp_path: Path) -> None:
    timing = tmp_path / "timing.jsonl"
    timing.write_text('{"training": 8.0, "overseeing": 1.0, "total": 40.0}\n')
    assert cells(throughput.shares_of(timing)) == {"40": ["97.5%", "1.0"]}


def test_prompts_are_of_many_lengths_and_hold_their_answers() -> None:
    prompts = place.word_prompts(50, seed=3)
    assert len({len(prompt.split()) for prompt in prompts}) > 15
    assert all(prompt.endswith(place.answer_to(prompt)) for prompt in prompts)
