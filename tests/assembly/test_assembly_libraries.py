"""Where the extra `train` is not installed, what needs a model says so first, and touches nothing."""

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from detent.assembly import answer_prompt, run_loop
from detent.engine import check_libraries, local
from detent.errors import UsageError


def without(*missing: str) -> Callable[[str], ModuleSpec | None]:
    """`find_spec` where these are not installed."""
    return lambda name: None if name in missing else ModuleSpec(name, None)


@pytest.mark.parametrize("missing", local.LIBRARIES)
def test_each_library_that_workers_import_is_missed(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "find_spec", without(missing))
    with pytest.raises(
        UsageError, match=rf"detent\[train\] expected.*{missing}; pip install 'detent\[train\]'"
    ):
        check_libraries()


def test_where_all_are_installed_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "find_spec", without())
    check_libraries()


def test_running_and_asking_a_model_ask_for_them_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "find_spec", without("torch"))
    nowhere = tmp_path / "no run folder"
    with pytest.raises(UsageError, match=r"detent\[train\] expected"):
        run_loop(nowhere, None, watch=lambda _: None, say=lambda _: None)
    with pytest.raises(UsageError, match=r"detent\[train\] expected"):
        answer_prompt(nowhere, "C1=")
    assert not nowhere.exists()
