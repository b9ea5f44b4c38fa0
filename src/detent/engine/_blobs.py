"""Weights and data on their way between machines: files named by the SHA-256 of what they say, in one shared folder.

    >>> store = BlobStore("file:///shared/detent")
    >>> store.put_model(models / digest, digest)          # on this machine
    >>> store.fetch_model(digest, cache / "models")       # on a node; checked before it gets its name

A model is one file more, that lists its others: its digest is that list's SHA-256 (`detent.values.folder`). So nothing
is believed for where it lies, and what two models share is there once. Any file system that fsspec knows will do.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from detent.disk import INCOMING, discard, storing
from detent.engine.store import MOST_FILES, is_model_file
from detent.errors import DetentError, StorageError, SubjectError, TrustError, UsageError
from detent.values import sha256_hex
from detent.values.adapters import adapter_in
from detent.values.folder import DOMAIN, folder_digest, folder_listing

_DIGEST = re.compile(r"[0-9a-f]{64}")
_FOLDER = "blobs"
MOST_BYTES = 64 << 30
"""Of a model in all."""

_LARGEST_LIST = 1 << 17  # bytes; of MOST_FILES names


class SpoiltError(Exception):
    """The store holds other bytes than a name says. digest: that name. Whose fault that is, the overseer decides."""

    def __init__(self, digest: str, sentence: str) -> None:
        """Say which."""
        super().__init__(sentence)
        self.digest = digest


class _File(NamedTuple):
    name: str
    size: int
    digest: str


class BlobStore:
    """A folder of files named by content. It is never made: where it is missing, a node has not mounted it."""

    def __init__(self, url: str, *, most_bytes: int = MOST_BYTES) -> None:
        """Name the folder; nothing is looked at yet. A model that is fetched may have `most_bytes` in all.

        Raises:
            UsageError: fsspec, or what it needs for such an address, is not installed.
        """
        self.url = url
        self._most_bytes = most_bytes
        self._put: set[str] = (
            set()
        )  # whose content was seen to be what they are called: not to be read each time
        self._fetched: set[Path] = set()  # the same
        try:
            self._files, root = import_module("fsspec.core").url_to_fs(url)
        except ImportError as error:
            raise UsageError(
                f"a library for the store {url} expected, got none ({error}); pip install 'detent[ray]', and for "
                "another address than file:// the package that the message names"
            ) from error
        except ValueError as error:
            raise UsageError(
                f"the address of a shared folder expected, got {url!r} ({error}); see docs/clusters.md"
            ) from error
        self._root = str(root).rstrip("/")

    def put_bytes(self, content: bytes) -> str:
        """Put what is small; returns its SHA-256.

        Raises:
            StorageError: the store cannot be reached, or refuses.
        """
        digest = sha256_hex(content)
        if not self._has(digest, len(content)):
            with self._reaching(digest):
                draft = self._draft(digest)
                self._files.pipe_file(draft, content)
                self._files.mv(draft, self._path(digest))
        return digest

    def put_model(self, folder: Path, digest: str = "") -> str:
        """Put a model's files and their list; returns the model's digest.

        digest: what it must be.

        Raises:
            SubjectError: it holds something else than plain files of a model.
            TrustError: its digest is another.
            StorageError: as `put_bytes`.
        """
        if digest in self._put and self._has(digest):
            return digest
        listing = folder_listing(folder)
        named = sha256_hex(_list_of(listing))
        if digest and named != digest:
            # Stops the world: what is on the ledger about this model is not about these weights.
            raise TrustError(
                f"weights with digest {digest} expected, got {named} in {folder}; restore the folder from a copy"
            )
        if foreign := [name for name, _, _ in listing if not is_model_file(name)]:
            raise SubjectError(f"files of a model only expected in {folder}, got {foreign[0]!r}; remove it")
        for name, size, content in listing:
            self._put_file(folder / name, size, content)
        self.put_bytes(_list_of(listing))
        self._put.add(named)
        return named

    def put_data(self, path: Path, digest: str) -> None:
        """Put a data file. Raises as `put_model`."""
        if digest in self._put and self._has(digest):
            return
        with storing(path), path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
        if found != digest:
            raise TrustError(f"{path} with SHA-256 {digest} expected, got {found}; restore it from a copy")
        self._put_file(path, size, digest)
        self._put.add(digest)

    def _put_file(self, path: Path, size: int, digest: str) -> None:
        if self._has(digest, size):
            return
        with self._reaching(digest):
            draft = self._draft(digest)
            self._files.put_file(str(path), draft)
            self._files.mv(draft, self._path(digest))

    def fetch(self, digest: str, target: Path, most_bytes: int | None = None) -> int:
        """Copy what has that SHA-256 to a new file, which is not there where it could not be believed; its size.

        Raises:
            SpoiltError: the store holds something else under that name.
            StorageError: the store cannot be reached, or has nothing under it.
        """
        path = self._path(digest)
        with self._reaching(digest):
            size = int(self._files.info(path)["size"])
            if most_bytes is not None and size > most_bytes:
                raise SpoiltError(
                    digest, f"at most {most_bytes} bytes expected in {path}, got {size}; remove it"
                )
            self._files.get_file(path, str(target))
        with storing(target), target.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:
            discard(target)
            raise SpoiltError(
                digest,
                f"a file with that SHA-256 expected in {self.url} under {_FOLDER}/{digest}, got one with {found}; find "
                "out who writes there, remove the file, and run again: it is put there anew",
            )
        return size

    def look_at(self, digest: str) -> None:
        """Return when what the store has under a digest is that. Raises as `fetch`."""
        with TemporaryDirectory(prefix="detent-") as folder:
            self.fetch(digest, Path(folder) / digest)

    def fetch_model(self, digest: str, models: Path) -> Path:
        """See that `models/<digest>` is there, whole; returns it. Several processes may do so at once.

        Raises:
            SpoiltError, StorageError: as `fetch`.
        """
        return self._placed(
            models / digest, lambda incoming: self.fetch_folder(digest, incoming), folder_digest
        )

    def fetch_data(self, digest: str, data: Path) -> Path:
        """See that `data/<digest>.jsonl` is there, whole; returns it. Raises as `fetch_model`."""
        return self._placed(
            data / f"{digest}.jsonl",
            lambda incoming: self.fetch(digest, incoming),
            lambda path: sha256_hex(path.read_bytes()),
        )

    def fetch_folder(self, digest: str, folder: Path) -> None:
        """Write a model's files into a new `folder`.

        Raises:
            SpoiltError: as `fetch`; also: what has that digest is no list of a model's files.
            StorageError: as `fetch`.
        """
        with storing(folder):
            folder.mkdir(parents=True)
        note = folder / (INCOMING + "list")
        self.fetch(digest, note, _LARGEST_LIST)
        files = _files_of(note.read_bytes(), digest)
        discard(note)
        left = self._most_bytes
        for one in files:
            left -= self.fetch(one.digest, folder / one.name, min(left, one.size))
        if folder_digest(folder) != digest:
            raise SpoiltError(digest, f"a list of the sizes of {digest} expected, got others; remove it")

    def _placed(self, final: Path, fetch: Any, digest_of: Any) -> Path:
        digest = final.name.removesuffix(".jsonl")
        if final.exists():
            if final in self._fetched or digest_of(final) == digest:
                self._fetched.add(final)
                return final
            discard(final)  # a copy that was damaged here
        incoming = final.with_name(f"{INCOMING}{digest}-{secrets.token_hex(4)}")
        try:
            fetch(incoming)
            with storing(final):
                try:
                    incoming.rename(final)
                except OSError:
                    if not final.is_dir():  # else another process was first
                        raise
        finally:
            discard(incoming)
        self._fetched.add(final)
        return final

    def _has(self, digest: str, size: int | None = None) -> bool:
        """Whether a file of that name is there, and of that size; who fetches it looks at what it says."""
        with self._reaching(digest):
            self._files.invalidate_cache(f"{self._root}/{_FOLDER}")
            if not self._files.exists(self._path(digest)):
                return False
            return size is None or int(self._files.info(self._path(digest))["size"]) == size

    def _draft(self, digest: str) -> str:
        if not self._files.exists(self._root):
            raise StorageError(
                f"a folder that every node sees expected at {self.url}, got none; make it, or mount it"
            )
        self._files.makedirs(f"{self._root}/{_FOLDER}", exist_ok=True)
        return f"{self._root}/{_FOLDER}/{INCOMING}{digest}-{secrets.token_hex(4)}"

    def _path(self, digest: str) -> str:
        if not _DIGEST.fullmatch(digest):
            raise TrustError(f"a digest of 64 lower-case hex digits expected, got {digest[:80]!r}")
        return f"{self._root}/{_FOLDER}/{digest}"

    @contextmanager
    def _reaching(self, digest: str) -> Iterator[None]:
        try:
            yield
        except (DetentError, SpoiltError):
            raise
        except FileNotFoundError as error:
            raise StorageError(
                f"{digest} expected in the store {self.url}, got nothing; is the folder there, and was it emptied "
                "while a run used it? Run again"
            ) from error
        except Exception as error:  # each file system has errors of its own
            raise StorageError(
                f"a store that can be reached expected at {self.url}, got {type(error).__name__}: {error}; mend it, "
                "then run again"
            ) from error


def with_bases(digests: Sequence[str], models: Path) -> list[str]:
    """Those models that are in a folder, each adapter after its base; who is asked for another says so himself."""
    found: dict[str, None] = {}
    for digest in digests:
        if not _DIGEST.fullmatch(digest) or not (models / digest).is_dir():
            continue
        adapter = adapter_in(models / digest)
        if adapter is not None and (models / adapter.base).is_dir():
            found[adapter.base] = None
        found[digest] = None
    return list(found)


def _list_of(listing: list[tuple[str, int, str]]) -> bytes:
    """What a model's digest is the SHA-256 of, as `folder_digest` has it."""
    return DOMAIN + json.dumps(listing, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _files_of(content: bytes, digest: str) -> list[_File]:
    try:
        if not content.startswith(DOMAIN):
            raise ValueError("another beginning")  # noqa: TRY301  one message for all of it
        files = [_File(*each) for each in json.loads(content.removeprefix(DOMAIN))]
        if len(files) > MOST_FILES or not all(
            is_model_file(one.name) and one.size >= 0 and _DIGEST.fullmatch(one.digest) for one in files
        ):
            raise ValueError("names that no model's files have")  # noqa: TRY301  the same
    except (ValueError, TypeError, RecursionError) as error:
        raise SpoiltError(
            digest, f"a list of a model's files expected under {digest}, got {error}"
        ) from error
    return files
