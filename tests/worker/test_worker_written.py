"""Answers are kept at little cost, and a disk that refuses costs no job."""

from pathlib import Path

import pytest

from detent.subject.generate import Completion
from detent.worker._written import Written

ONE = Completion("7", (7, 1), ended=True, least_probability=0.1 + 0.2)
DRAWN = bytes(range(256))


def always(folder: Path) -> Written:
    return Written(folder, seconds=0.0, clock=lambda: 0.0)


def test_what_is_kept_comes_back_to_the_last_bit_and_only_for_what_was_asked(tmp_path: Path) -> None:
    always(tmp_path / "kept").answers(["C7="]).step([ONE, ONE], DRAWN)
    assert always(tmp_path / "kept").answers(["C7="]).restore() == ([ONE, ONE], DRAWN)
    assert always(tmp_path / "kept").answers(["C8="]).restore() == ([], b"")
    always(tmp_path / "kept").chances(["C7=", 1]).step([(-0.1, -2.5)], b"")
    assert always(tmp_path / "kept").chances(["C7=", 1]).restore() == ([(-0.1, -2.5)], b"")


def test_without_a_folder_nothing_is_kept() -> None:
    kept = Written(None, seconds=0.0).answers([])
    kept.step([ONE], b"")
    assert kept.restore() == ([], b"")


def test_a_disk_that_refuses_is_told_of_and_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kept").write_text("a file, where a folder is to be")
    always(tmp_path / "kept").answers([]).step([ONE], b"")
    assert "answers could not be kept" in capsys.readouterr().err


def test_keeping_takes_a_twentieth_of_the_time_at_the_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch takes a second and a write ten: in 10,000 batches no more than 500 s are spent writing."""
    now = spent = 0.0
    kept = Written(tmp_path / "kept", clock=lambda: now).answers([])

    def slow(*_: object) -> int:
        nonlocal now, spent
        now += 10.0
        spent += 10.0
        return 0

    monkeypatch.setattr(Path, "write_bytes", slow)
    monkeypatch.setattr(Path, "replace", lambda *_: None)
    for _ in range(10_000):
        now += 1.0
        kept.step([ONE], b"")
    assert 0.0 < spent <= 0.05 * now
