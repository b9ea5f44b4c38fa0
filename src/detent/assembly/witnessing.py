"""A witness of other people's ledgers: its key is made, and it is served."""

from collections.abc import Sequence
from pathlib import Path

from detent.assembly import places
from detent.assembly.listening import Say, http_server, place_to_listen
from detent.coordinate import Witness, read_log_key
from detent.errors import StorageError, UsageError
from detent.ledger import CosignerKey, CosigningKey
from detent.ledger.cosignatures import TYPES
from detent.signing import Passphrase
from detent.values import sha256_hex


def new_witness_key(name: str, path: Path, algorithm: str, passphrase: str | None = None) -> CosignerKey:
    """Make a witness's key in a new file; returns its public half.

    Raises:
        UsageError: the file exists, there is no such algorithm, or the name is none that a witness can have.
        StorageError: the disk refuses.
    """
    kind = next((each for each in TYPES if each == algorithm), None)
    if kind is None:
        raise UsageError(f"{' or '.join(TYPES)} expected, got {algorithm!r}; choose one of them")
    key = CosigningKey.create(name, kind)
    key.save(path, passphrase)
    return key.verify_key


def serve_witness(
    listen: str, *, state: Path, key_paths: Sequence[Path], logs: Sequence[str], ask: Passphrase, say: Say
) -> None:
    """Cosign for the logs with these verify keys, at `listen` (HOST:PORT), until SIGINT or SIGTERM.

    Raises:
        UsageError: an address, a key or a verify key is none; or what `detent[serve]` installs is missing.
        BusyError: another process has the state.
        TrustError: the state was damaged, set back, or belongs to other keys.
        StorageError: the disk refuses, or the address is taken.
    """
    server, address = http_server(), place_to_listen(listen)
    keys = sorted((CosigningKey.load(path, ask) for path in key_paths), key=lambda key: key.algorithm)
    log_keys = [read_log_key(text.strip()) for text in logs]
    mark = places.witness_mark_path(sha256_hex(str(keys[0].verify_key).encode()))
    try:
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"a folder {mark.parent} expected, got: {error}; mend the disk") from error
    witness = Witness.open(keys, log_keys, state, mark, say)
    try:
        for key in keys:
            say(f"cosigning as {key.verify_key}")
        server.serve(server.witness_service(witness), *address, say)
    finally:
        witness.close()
