"""An auditor's folder, and a run whose seal is in it: what is made, what is refused, what nobody gets."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from detent.assembly import create_run, new_auditor, places, serve_auditor, verify_run
from detent.assembly.places import RunFolder
from detent.assembly.reading import signed_charter
from detent.assembly.watermark import Watermarked
from detent.charter import default_text
from detent.errors import DetentError, TrustError, UsageError
from detent.ledger import CosigningKey, Ledger
from detent.signing import SigningKey

WITNESS = CosigningKey.create("w.example/w")
WITNESSES = f'[witnesses]\npolicy = """\nwitness w {WITNESS.verify_key} http://127.0.0.1:1\nquorum w\n"""\n'
URL = "http://127.0.0.1:2"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An auditor's."""
    new_auditor(tmp_path / "auditor", "audit.example", URL)
    return tmp_path / "auditor"


def found(tmp_path: Path, folder: Path, name: str = "run") -> Path:
    """A run whose seal the auditor holds."""
    draft = tmp_path / f"{name}.toml"
    draft.write_text(default_text() + WITNESSES + (folder / "auditor.toml").read_text())
    create_run(tmp_path / name, source=str(draft), key_paths=[], passphrase=None)
    return tmp_path / name


def test_a_run_with_an_auditor_has_its_tip_and_no_secret(tmp_path: Path, folder: Path) -> None:
    run = found(tmp_path, folder)
    charter = signed_charter(RunFolder(run)).charter
    assert charter.auditor is not None
    assert (charter.seal.tip, charter.seal.length) == (charter.auditor.tip, charter.auditor.length)
    assert places.log_key_path(charter.seal.tip).is_file()
    assert not places.seal_path(charter.seal.tip).exists()
    assert not [each for each in verify_run(run).faults if each.check != "sessions"]


def test_what_the_auditor_keeps_is_for_their_eyes_only(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    for name in ("seal.secret", "auditor.pem"):
        assert (folder / name).stat().st_mode & 0o077 == 0
    secret = (folder / "seal.secret").read_text().strip()
    assert secret not in (folder / "auditor.toml").read_text()


def test_an_auditors_chain_is_for_one_run(tmp_path: Path, folder: Path) -> None:
    found(tmp_path, folder)
    with pytest.raises(UsageError, match="an auditor's chain that no run has yet expected"):
        found(tmp_path, folder, "second")
    assert not (tmp_path / "second").exists()


def _policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy"
    log = SigningKey.create("example.com/run").verify_key
    path.write_text(f"log {log}\nwitness w {WITNESS.verify_key} http://127.0.0.1:1\nquorum w\n")
    return path


def _set_back(folder: Path) -> None:
    """As from a backup: it has gone on, and comes back as it was."""
    copy = folder.with_name("backup")
    shutil.copytree(folder, copy)
    key = SigningKey.load(folder / "auditor.pem")
    tip = (folder / "auditor.toml").read_text().partition('tip = "')[2][:64]
    with Ledger.open(folder / "releases", key) as log:
        Watermarked(log, places.auditor_mark_path(tip)).append(b"a release")
    shutil.rmtree(folder)
    copy.rename(folder)


def _lose_the_mark(_: Path) -> None:
    (mark,) = (places.data_folder() / "auditors").iterdir()
    mark.unlink()


def _another_key(folder: Path) -> None:
    (folder / "auditor.pem").unlink()
    SigningKey.create("audit.example").save(folder / "auditor.pem")


def _another_secret(folder: Path) -> None:
    (folder / "seal.secret").chmod(0o600)
    (folder / "seal.secret").write_text("00" * 32)


REFUSED: dict[str, tuple[Callable[[Path], object], type[DetentError], str]] = {
    "it was restored from an older copy": (_set_back, TrustError, "links would be given out a second time"),
    "nothing tells whether it is the newest copy": (_lose_the_mark, TrustError, "Bring the mark along"),
    "its key is another": (_another_key, TrustError, "restore the folder from its copy"),
    "its secret is another": (_another_secret, DetentError, "it belongs to another run"),
    "others can read its secret": (
        lambda folder: (folder / "seal.secret").chmod(0o644),
        DetentError,
        "chmod 600",
    ),
    "it is no auditor's": (
        lambda folder: (folder / "auditor.toml").write_text("[auditor]\n"),
        UsageError,
        "the folder of an auditor expected",
    ),
}


@pytest.mark.parametrize(("change", "error", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_an_auditors_folder_is_not_served_when(
    tmp_path: Path, folder: Path, change: Callable[[Path], object], error: type[DetentError], says: str
) -> None:
    change(folder)
    with pytest.raises(error, match=says):
        serve_auditor("127.0.0.1:0", folder=folder, policy=_policy(tmp_path), ask=str, say=lambda _: None)


def test_a_folder_that_exists_is_never_taken(folder: Path) -> None:
    before = sorted(path.read_bytes() for path in folder.iterdir() if path.is_file())
    with pytest.raises(UsageError, match="a folder that does not exist yet expected"):
        new_auditor(folder, "audit.example", URL)
    assert sorted(path.read_bytes() for path in folder.iterdir() if path.is_file()) == before


def test_a_wrong_url_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        new_auditor(tmp_path / "auditor", "audit.example", "ftp://x")
    with pytest.raises(UsageError):
        new_auditor(tmp_path / "auditor", "a name with spaces", URL)
    assert not [path for path in tmp_path.iterdir() if path.name != "data"]
