"""A worker whose charter asks for a GPU, on a machine that has none."""

from pathlib import Path

import pytest
import torch

from detent.engine import LocalEngine
from detent.errors import EngineError
from detent.values import BuildJob

TINY = BuildJob(seed=1, layers=1, hidden=32, intermediate=32, heads=2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_worker_that_finds_no_gpu_says_what_was_expected_and_what_to_do(tmp_path: Path) -> None:
    models, data, staging = (tmp_path / name for name in ("models", "data", "staging"))
    for folder in (models, data, staging):
        folder.mkdir()
    log = tmp_path / "worker.log"
    engine = LocalEngine(models=models, data=data, staging=staging, log=log, threads=1, device="cuda")
    try:
        with pytest.raises(
            EngineError, match=r"a GPU that PyTorch can use expected, as the charter's run\.device"
        ):
            engine.run(TINY, lambda _: None)
    finally:
        engine.close()
