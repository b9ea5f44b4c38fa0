"""What is asked of the machine before a run: a tool that hangs must not hold anybody."""

import time
from pathlib import Path

import pytest

from detent.sizing import machine


def test_a_gpu_tool_that_hangs_is_left_alone_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(machine, "ASKED_SECONDS", 0.5)
    monkeypatch.setattr(machine, "NVIDIA", tmp_path)
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "information").write_text("Model:  A GPU\n")
    began = time.monotonic()
    assert [gpu.name for gpu in machine._gpus()] == ["A GPU"]
    assert time.monotonic() - began < 30
