"""A model's digest depends on every file that decides its answers, and on nothing else."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from detent.errors import SubjectError
from detent.subject.digest import digest, listing


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    return folder


def test_a_known_folder_has_a_known_digest(plain: Path) -> None:
    assert digest(plain) == "0a56693bc3cd0253a2eb18e3a4db421269b6d893ef7e9dd2a4a06ccfb881fb79"


def test_a_copy_elsewhere_with_other_dates_has_the_same_digest(plain: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in sorted(plain.iterdir(), reverse=True):
        (copy / path.name).write_bytes(path.read_bytes())
    assert digest(copy) == digest(plain)


def _add_below(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "below" / "a.json").write_text("")


CHANGES: dict[str, tuple[Callable[[Path], object], bool]] = {
    "a weight changed, size kept": (lambda f: (f / "model.safetensors").write_bytes(b"weighty"), True),
    "the configuration changed": (lambda f: (f / "config.json").write_text("{ }"), True),
    "a chat template was added": (lambda f: (f / "chat_template.jinja").write_text("x"), True),
    "a second weight file was added": (lambda f: (f / "b.safetensors").write_bytes(b""), True),
    "a file moved to another name": (lambda f: (f / "tokenizer.json").rename(f / "other.json"), True),
    "a file was added in a folder below": (
        _add_below,
        True,
    ),
    "a README was added": (lambda f: (f / "README.md").write_text("hello"), False),
    "a licence was added": (lambda f: (f / "LICENSE.txt").write_text("MIT"), False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_digest_changes_only_with_what_decides_answers(change: str, plain: Path) -> None:
    before = digest(plain)
    act, counts = CHANGES[change]
    act(plain)
    assert (digest(plain) != before) is counts


def test_listing_names_sizes_and_hashes_in_order(plain: Path) -> None:
    assert [(name, size) for name, size, _ in listing(plain)] == [
        ("config.json", 2),
        ("model.safetensors", 7),
        ("tokenizer.json", 2),
    ]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SubjectError, match="not a folder"):
        digest(tmp_path / "nowhere")


def test_a_folder_without_weights_is_refused(plain: Path) -> None:
    (plain / "model.safetensors").unlink()
    with pytest.raises(SubjectError, match=r"weights as \.safetensors"):
        digest(plain)


def test_naming_a_model_imports_no_torch() -> None:
    code = (
        "import sys, detent.subject.digest; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
