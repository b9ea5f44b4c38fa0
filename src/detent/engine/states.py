"""What optimizers remember, on disk beside the models, named by what it is.

    >>> states = StateStore(run / "states", models)
    >>> digest = states.admit(staging / result.state, of=model)       # becomes states/<digest>

It is written by a worker and read by one. On this side it is two files of the right form, of no more numbers than the
optimizers of that model can remember; what is in them is the workers' to check.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from detent.disk import INCOMING, discard, storing
from detent.engine._copying import DIGEST, copied, digest_name, placed
from detent.engine.store import ModelStore
from detent.errors import SubjectError, TrustError
from detent.values.folder import folder_digest
from detent.values.moments import FILES, NOTE, TENSORS
from detent.values.weights import numbers_in, tensors_in

MOMENTS = 2
"""Numbers that AdamW remembers of a weight's each; Muon one."""

_FLOAT = 4  # bytes
_ROOM = 16 << 20  # bytes, for the header and counts of steps


class _Model(msgspec.Struct, frozen=True):
    model: str


class StateStore:
    """The folders `states/<digest>`. When `admit` has returned, a state survives a crash and never changes."""

    def __init__(self, folder: Path, models: ModelStore) -> None:
        """Open the store in `folder`, which `admit` makes when it is missing. models: that its states are of."""
        self._folder = folder
        self._models = models
        self._verified: set[str] = set()

    def admit(self, staged: Path, *, of: str) -> str:
        """Take in the state that a worker left in `staged`, of the model `of`; returns its digest. `staged` is removed.

        Raises:
            SubjectError: it is no state, one of another model, or larger than one of that model can be.
            StorageError: the disk refuses; the store is as it was.
        """
        with storing(self._folder):
            self._folder.mkdir(exist_ok=True)
        weights = sorted(
            self._models.path(of).glob("*.safetensors")
        )  # an adapter's own: its base is not trained
        numbers = MOMENTS * sum(map(numbers_in, weights))
        incoming = self._folder / (INCOMING + "state")
        discard(incoming)
        try:
            copied(staged, incoming, numbers * _FLOAT + _ROOM, _check_names)
            _check(incoming, of, numbers)
            digest = folder_digest(incoming)
            placed(incoming, self._folder, digest)
        finally:
            discard(incoming)
        discard(staged)
        self._verified.add(digest)
        return digest

    def path(self, digest: str) -> Path:
        """The folder of a state, its content checked once a process.

        Raises:
            SubjectError: there is none.
            TrustError: its files are not those that the digest was computed from.
        """
        folder = self._folder / digest_name(digest)
        if digest in self._verified:
            return folder
        if not folder.is_dir():
            raise SubjectError(f"the state {digest} expected, got no folder {folder}; restore it from a copy")
        if (found := folder_digest(folder)) != digest:
            # Stops the world: what is on the ledger about the next model is not about these numbers.
            raise TrustError(
                f"a state with digest {digest} expected, got {found} in {folder}; restore the folder from a copy"
            )
        self._verified.add(digest)
        return folder

    def digests(self) -> list[str]:
        """Every state in the store, by name; no content is looked at."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if DIGEST.fullmatch(path.name))

    def remove(self, digest: str) -> None:
        """Take a state out of the store; raises StorageError when the disk refuses."""
        self._verified.discard(digest)
        folder = self._folder / digest_name(digest)
        with storing(folder):
            discard(folder)


def _check_names(names: Sequence[str], folder: Path) -> None:
    if set(names) != FILES:
        raise SubjectError(
            f"{TENSORS} and {NOTE} expected in {folder}, got {', '.join(names[:5]) or 'nothing'!r}; run again"
        )


def _check(folder: Path, model: str, most_numbers: int) -> None:
    try:
        note = msgspec.json.decode((folder / NOTE).read_bytes(), type=_Model)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SubjectError(f"a state's note expected in {folder / NOTE}, got: {error}; run again") from error
    if note.model != model:
        raise SubjectError(
            f"a state of the model {model} expected, got one of {note.model[:80]!r}; run again"
        )
    tensors = tensors_in(folder / TENSORS)
    if strange := [name for name, tensor in tensors.items() if tensor.dtype != "F32"]:
        raise SubjectError(
            f"numbers of 32 bits expected in {folder / TENSORS}, got others in {strange[0][:80]!r}; run again"
        )
    if (numbers := sum(tensor.numbers for tensor in tensors.values())) > most_numbers + len(tensors):
        raise SubjectError(
            f"at most {most_numbers:,} numbers expected in {folder / TENSORS}, got {numbers:,}; run again"
        )
