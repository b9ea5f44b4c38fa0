"""What is asked of the machine itself: the kind of its processor, and whether workers can be confined on it."""

import platform
import sys
import time
from pathlib import Path

import pytest

from detent.engine import confinement, processor


def test_a_processor_is_named_by_its_architecture_and_is_the_same_each_time() -> None:
    assert processor().startswith(platform.machine())
    assert processor() == processor()
    assert "\n" not in processor()


HANGING = {
    "it says nothing of itself": "exec sleep 600",
    "it starts nothing": '[ "$1" = --help ] || exec sleep 600',
}


@pytest.mark.parametrize("case", HANGING)
def test_a_confinement_that_hangs_is_none_and_says_so_in_time(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\nexec 1>&- 2>&-\n{HANGING[case]}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(sys.modules["detent.engine.confinement"], "_TRIAL_SECONDS", 0.5)
    began = time.monotonic()
    found = confinement.__wrapped__()
    assert not found.confined
    assert "could not be tried" in found.because
    assert time.monotonic() - began < 30
