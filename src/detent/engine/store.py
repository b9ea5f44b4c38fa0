"""Models and data on disk, named by what they are: nothing is stored half, and nothing is read unchecked.

models = ModelStore(run / "models")
digest = models.admit(staging / result.folder)      # what a worker left becomes models/<digest>
models.set_incumbent(digest)                        # models/incumbent -> <digest>

data = DataStore(run / "data", run / "answers")
digest = data.put(examples)                         # data/<digest>.jsonl
"""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from detent.disk import INCOMING, discard, move_aside, storing, sync_folder, write_file
from detent.engine._copying import DIGEST, copied, digest_name, placed
from detent.errors import StorageError, SubjectError, TrustError
from detent.values import Example, Preference, sha256_hex
from detent.values.adapters import ADAPTER_CONFIG, ADAPTER_FILES, adapter_in
from detent.values.folder import folder_digest
from detent.values.weights import numbers_of

ALLOWED = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.(safetensors|json)|merges\.txt|vocab\.txt|chat_template\.jinja|tokenizer\.model"
)
"""File names of a model folder. Anything else, above all what could run code, is refused."""


MOST_FILES = 256
_WEIGHTS = {".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".npz", ".npy", ".onnx", ".h5", ".pkl"}


class ModelStore:
    """The folders `models/<digest>`. When `admit` has returned, the model survives a crash and never changes."""

    def __init__(self, folder: Path, *, most_bytes: int = 64 << 30) -> None:
        """Open the store in an existing `folder`; a model may have `most_bytes` in all."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._verified: set[str] = set()

    def admit(self, staged: Path) -> str:
        """Take the model that a worker left in `staged` into the store; returns its digest. `staged` is removed.

        Raises:
            SubjectError: something that is not a plain model file lies in it, or it is too large, or not whole.
            StorageError: the disk refuses; the store is as it was.
        """
        incoming = self._folder / (INCOMING + "model")
        discard(incoming)
        try:
            copy_model(staged, incoming, self._most_bytes)
            self._check_base(incoming)
            digest = folder_digest(incoming)
            placed(incoming, self._folder, digest)
        finally:
            discard(incoming)
        discard(staged)
        self._verified.add(digest)
        return digest

    def path(self, digest: str) -> Path:
        """The folder of a model, its content checked once a process, and its base's where it is an adapter.

        Raises:
            SubjectError: there is none, or no base of it.
            TrustError: its files are not those that the digest was computed from.
        """
        folder = self._folder / digest_name(digest)
        if digest not in self._verified:
            if not folder.is_dir():
                raise SubjectError(
                    f"the model {digest} expected, got no folder {folder}; restore it from a copy"
                )
            found = folder_digest(folder)
            if found != digest:
                # Stops the world: what is on the ledger about this model is not about these weights.
                raise TrustError(
                    f"weights with digest {digest} expected, got {found} in {folder}; restore the folder from a copy"
                )
            self._check_base(folder)
            self._verified.add(digest)
        return folder

    def check(self, digest: str) -> None:
        """Believe a model's files anew, and its base's, whatever was seen of them before. Raises as `path`."""
        self._verified -= {digest, self.base(digest) or digest}
        self.path(digest)

    def base(self, digest: str) -> str | None:
        """The digest of the model that an adapter belongs to; None of a whole model, and of what is not there.

        Raises:
            SubjectError: what lies there is neither.
        """
        found = adapter_in(self._folder / digest_name(digest))
        return None if found is None else found.base

    def parameters(self, digest: str) -> int:
        """How many numbers its weights have, by the headers of its safetensors files; an adapter has its base's too.

        A tensor that two names share is stored once and counts once.

        Raises:
            SubjectError, TrustError: as `path`; SubjectError also: a header is none, or lies about its bytes.
        """
        self.path(digest)
        return numbers_of(self._folder, digest)

    def digests(self) -> list[str]:
        """Every model in the store, by name; no content is looked at."""
        return sorted(path.name for path in self._folder.iterdir() if DIGEST.fullmatch(path.name))

    def contents(self) -> dict[str, str]:
        """What the store's weights are now, by name: the digest of each folder's content, or what is wrong with it.

        Nothing is taken from memory, since files may have been changed after they were checked; and a name proves
        nothing. Folders without weights are left out, and so is the link to the model in force.
        """
        link = self._folder / "incumbent"
        found = [path for path in sorted(self._folder.iterdir()) if path != link or not path.is_symlink()]
        return {path.name: _content(path) for path in found if path.is_symlink() or _has_weights(path)}

    def remove(self, digest: str) -> None:
        """Take a model out of the store.

        Raises:
            StorageError: the disk refuses.
        """
        self._verified.discard(digest)
        folder = self._folder / digest_name(digest)
        with storing(folder):
            discard(folder)

    def set_incumbent(self, digest: str) -> Path | None:
        """Let `models/incumbent` lead to this model, from one moment to the next.

        What lies there and is no link is moved aside: somebody's copy of a model must not stop a run. Returns where
        it lies now, None when there was none.

        Raises:
            SubjectError, TrustError: as `path`.
            StorageError: the link cannot be written; it leads where it did.
        """
        self.path(digest)
        link, incoming = self._folder / "incumbent", self._folder / (INCOMING + "incumbent")
        with storing(link):
            if link.is_symlink() and link.readlink() == Path(digest):
                return None
            aside = None if link.is_symlink() or not link.exists() else move_aside(link)
            try:
                discard(incoming)
                incoming.symlink_to(digest)
                incoming.replace(link)
                sync_folder(self._folder)
            finally:
                discard(incoming)
        return aside

    def _check_base(self, folder: Path) -> None:
        """A model's base is there, and no adapter itself. Raises as `path`."""
        found = adapter_in(folder)
        if found is None:
            return
        if adapter_in(self._folder / found.base) is not None:
            raise SubjectError(
                f"an adapter of a whole model expected, got one of the adapter {found.base}; merge it"
            )
        self.path(found.base)


def copy_model(staged: Path, incoming: Path, most_bytes: int) -> None:
    """Copy what a worker left in `staged` to the new folder `incoming`, through no link.

    Raises:
        SubjectError: something that is not a plain model file lies in it, or it is too large.
        StorageError: the disk refuses.
    """
    copied(staged, incoming, most_bytes, _check_names)


def is_model_file(name: str) -> bool:
    """Whether a model's folder may hold a file of that name."""
    return ALLOWED.fullmatch(name) is not None


class DataStore:
    """Training data as `<digest>.jsonl` in one folder, and other files in another, which workers cannot read.

    The second holds what lists true answers, such as the answers of an opening.
    """

    def __init__(self, folder: Path, answers: Path) -> None:
        """Open the store in two existing folders: for training data, and for what workers must not see."""
        self._folder = folder
        self._answers = answers

    def put(self, examples: Sequence[Example] | Sequence[Preference]) -> str:
        """Write one line of JSON a row, in order; returns the SHA-256 of the file.

        Raises:
            StorageError: the disk refuses; nothing is left.
        """
        content = b"".join(msgspec.json.encode(example) + b"\n" for example in examples)
        return _put(self._folder, content, ".jsonl")

    def path(self, digest: str) -> Path:
        """The file with that content, checked.

        Raises:
            StorageError: there is none.
            TrustError: its content is another.
        """
        _read(self._folder, digest, ".jsonl")
        return self._folder / f"{digest}.jsonl"

    def read(self, digest: str) -> list[Example]:
        """The examples of a data file, in order. Raises as `path`."""
        lines = _read(self._folder, digest, ".jsonl").splitlines()
        return [msgspec.json.decode(line, type=Example) for line in lines]

    def preferences(self, digest: str) -> list[Preference]:
        """The rows of a file of preferences, in order. Raises as `path`."""
        lines = _read(self._folder, digest, ".jsonl").splitlines()
        return [msgspec.json.decode(line, type=Preference) for line in lines]

    def put_bytes(self, content: bytes) -> str:
        """Keep a file out of the workers' sight; returns its SHA-256. Raises as `put`."""
        return _put(self._answers, content, "")

    def read_bytes(self, digest: str) -> bytes:
        """What `put_bytes` kept. Raises as `path`."""
        return _read(self._answers, digest, "")


def _put(folder: Path, content: bytes, suffix: str) -> str:
    digest = sha256_hex(content)
    target = folder / (digest + suffix)
    if not target.is_file() or target.read_bytes() != content:
        write_file(target, content)
    return digest


def _read(folder: Path, digest: str, suffix: str) -> bytes:
    target = folder / (digest_name(digest) + suffix)
    try:
        content = target.read_bytes()
    except OSError as error:
        raise StorageError(f"{target} expected, got {error.strerror}; restore it from a copy") from error
    if sha256_hex(content) != digest:
        # Stops the world: lineage on the ledger would name data that is not what was used.
        raise TrustError(
            f"{target} with that SHA-256 expected, got {sha256_hex(content)}; restore it from a copy"
        )
    return content


def _has_weights(path: Path) -> bool:
    """Whether it is a model's folder by name, or there is anything in it that looks like weights."""
    every = [path, *path.rglob("*")] if path.is_dir() else [path]
    return bool(DIGEST.fullmatch(path.name)) or any(one.suffix in _WEIGHTS for one in every)


def _content(path: Path) -> str:
    if path.is_symlink():
        return "a link: what it leads to may change"
    try:
        digest = folder_digest(path)
    except (SubjectError, OSError) as error:
        return f"no model folder: {error}"
    renamed = DIGEST.fullmatch(path.name) and path.name != digest
    return f"{digest} under another's name" if renamed else digest


def _check_names(names: Sequence[str], folder: Path) -> None:
    foreign = [name for name in names if not is_model_file(name)]
    if foreign:
        raise SubjectError(
            f"safetensors, JSON and tokenizer files only expected in {folder}, got {', '.join(foreign[:5])!r}; "
            "convert weights to .safetensors and remove these"
        )
    if ADAPTER_CONFIG in names and set(names) == ADAPTER_FILES:
        return
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise SubjectError(
            f"config.json and weights as .safetensors expected in {folder}, got {', '.join(names[:5]) or 'nothing'}; "
            "save with save_pretrained"
        )
    if len(names) > MOST_FILES:
        raise SubjectError(
            f"at most {MOST_FILES} files expected in {folder}, got {len(names)}; use larger shards"
        )
