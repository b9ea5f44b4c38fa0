"""Stewards' keys: made, shown, and opened for signing."""

from collections.abc import Sequence
from pathlib import Path

from detent.assembly import places
from detent.errors import StorageError
from detent.signing import Passphrase, SigningKey, VerifyKey


def new_key(name: str, path: Path | None = None, passphrase: str | None = None) -> tuple[VerifyKey, Path]:
    """Make a key in a new file, by default in the user's data folder; returns its public half and the file.

    Raises:
        UsageError: the file exists, or the name is none that a key can have.
        StorageError: the disk refuses.
    """
    target = path or places.data_folder() / "keys" / f"{name}.pem"
    key = SigningKey.create(name)
    if path is None:
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"a folder {target.parent} expected, got: {error}; mend the disk") from error
    key.save(target, passphrase)
    return key.verify_key, target


def verify_key_in(path: Path | None, ask: Passphrase) -> VerifyKey:
    """The public half of a key in a file, or of the steward's key in the user's data folder."""
    return SigningKey.load(path or places.steward_key_path(), ask).verify_key


def load_keys(paths: Sequence[Path], ask: Passphrase) -> list[SigningKey]:
    """The stewards' keys in these files, or the one in the user's data folder when none is named."""
    return [SigningKey.load(path, ask) for path in paths or [places.steward_key_path()]]
