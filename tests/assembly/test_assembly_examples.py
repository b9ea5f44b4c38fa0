"""Every charter under examples/ that needs no model can be begun with as it stands."""

from pathlib import Path

import pytest

from detent.assembly import create_run, verify_run
from detent.assembly.places import RunFolder
from detent.assembly.reading import signed_charter

EXAMPLES = Path(__file__).parents[2] / "examples"
MADE_FIRST = {"staged/charter.toml", "gym/charter.toml", "served/charter.toml"}
"""Those whose subject is made or fetched first: tests/examples tries them with one."""

CHARTERS = sorted(
    {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("charter.toml")} - MADE_FIRST
)


@pytest.mark.parametrize("charter", CHARTERS)
def test_init_takes_it_and_the_run_verifies(
    charter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    create_run(tmp_path / "run", source=str(EXAMPLES / charter))
    assert not verify_run(tmp_path / "run").faults


def test_one_of_them_uses_every_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    create_run(tmp_path / "run", source=str(EXAMPLES / "methods" / "charter.toml"))
    methods = signed_charter(RunFolder(tmp_path / "run")).charter.feedback.methods
    assert set(methods) == {"self_label", "judge", "refine", "constitution", "dpo", "grpo"}
