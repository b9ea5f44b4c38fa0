"""`fetch`: a model from a hub into a folder, once, by somebody who looks on; workers never have a network.

    >>> fetch_model("HuggingFaceTB/SmolLM2-135M")           # into the user's data folder, where `init` looks for it

A name and a branch are what people say; what is fetched is one commit, and it is noted which. Only weights as
safetensors, configs and tokenizer files are asked for. Code and pickles stay where they are, and a model that does not
work without them is refused. Beside the folder, and not in its digest, a note says where it came from; `init` writes
that on the ledger.

Needs huggingface_hub, which comes with `pip install 'detent[train]'`.
"""

import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from detent.assembly.beside import LateError, run_beside
from detent.assembly.places import fetched_models
from detent.assembly.storing import storing
from detent.disk import sync_folder, write_file
from detent.engine import is_model_file
from detent.errors import PeerError, SubjectError, TrustError, UsageError
from detent.report import plain
from detent.values.folder import folder_digest, folder_listing
from detent.values.weights import numbers_in

NAMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
COMMIT = re.compile(r"[0-9a-f]{40}")
MOST_BYTES = 64 << 30
"""Of a model, as of those that a run takes."""

TIMEOUT = 30.0
"""Seconds in which the hub must answer what it has."""

SILENCE = 120.0
"""Seconds in which a byte of the files must come. How long all of them take, nobody can say."""

_LOOK = 0.5  # seconds between two looks at what has come

LARGEST_NOTE = 1 << 16


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a folder came from. revision: the commit. digest: of the folder (`detent.values.folder`)."""

    repo: str
    revision: str
    digest: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What `fetch` wrote, or found. size: bytes. left: names of files that were not asked for."""

    folder: Path
    note: Note
    size: int
    left: tuple[str, ...]


def fetch_model(repo: str, target: Path | None = None, revision: str = "main") -> Fetched:
    """Fetch one commit of a model.

    Args:
        repo: ORG/MODEL.
        target: a folder that does not exist yet; without one, the commit's own in the user's data folder, and one that
            is there already is not fetched again.
        revision: a branch, a tag or a commit.

    Raises:
        UsageError: a name is none, `target` exists, huggingface_hub is not installed or told to stay offline.
        SubjectError: the repository holds no such model, or one that needs code.
        TrustError: what came is not what the hub announced.
        PeerError: the hub does not answer, or does not have it.
        StorageError: the disk refuses.
    """
    if not NAMED.fullmatch(repo) or not REVISION.fullmatch(revision) or ".." in repo + revision:
        raise UsageError(
            f"ORG/MODEL and a revision's name expected, got {repo!r} and {revision!r}; correct them"
        )
    if target is not None:
        _see_new(target)
    elif COMMIT.fullmatch(revision) and (here := _here(repo, revision)) is not None:
        return here
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise UsageError(
            "a network expected, got HF_HUB_OFFLINE; a folder that is here already needs no fetching: "
            "detent init DIR --subject FOLDER|ORG/MODEL --tasks ..."
        )
    hub = _library()
    commit, announced = _announced(hub, repo, revision)
    if target is None:
        if (here := _here(repo, commit)) is not None:
            return here
        target = fetched_models(repo) / commit
    wanted = {name: size for name, size in announced.items() if is_model_file(name)}
    _check_wanted(wanted, announced, repo)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    with storing(target):
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _download(repo, commit, sorted(wanted), partial)
        _check_came(partial, wanted)
        note = Note(repo, commit, folder_digest(partial))
        with storing(target):
            write_file(note_path(target), json.dumps(msgspec.to_builtins(note), indent=2).encode() + b"\n")
            partial.rename(target)  # last: a folder without its note would be nobody's
            sync_folder(target.absolute().parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Fetched(target, note, sum(wanted.values()), tuple(sorted(announced.keys() - wanted.keys())))


def _see_new(target: Path) -> None:
    if target.exists() or target.is_symlink() or not target.absolute().parent.is_dir():
        raise UsageError(f"a new folder in one that exists expected, got {target}; name another with --to")


def _here(repo: str, commit: str) -> Fetched | None:
    """A commit that lies in the data folder, and is what was fetched; one without a note was never whole there."""
    folder = fetched_models(repo) / commit
    if not folder.is_dir():
        return None
    note = note_of(folder)
    if note is None or (note.repo, note.revision) != (repo, commit):
        raise TrustError(f"what `detent fetch` put there expected in {folder}, got something else; remove it")
    return Fetched(folder, note, sum(size for _, size, _ in folder_listing(folder)), ())


def note_path(folder: Path) -> Path:
    """Beside the folder: what a model is must not depend on where it came from."""
    return folder.with_name(f"{folder.name}.fetched.json")


def note_of(folder: Path) -> Note | None:
    """Where a folder came from, as `fetch` noted it; None where it noted nothing.

    Raises:
        TrustError: the folder is not what was fetched, or the note is none.
    """
    path = note_path(folder)
    if not path.is_file():
        return None
    try:
        note = msgspec.json.decode(path.read_bytes()[:LARGEST_NOTE], type=Note)
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        raise TrustError(
            f"a note of `detent fetch` expected at {path}, got none ({error}); remove it"
        ) from error
    if not (NAMED.fullmatch(note.repo) and COMMIT.fullmatch(note.revision)):
        raise TrustError(f"ORG/MODEL and a commit expected in {path}, got {note.repo[:80]!r}; remove it")
    if (found := folder_digest(folder)) != note.digest:
        raise TrustError(
            f"the folder {folder} as it was fetched, digest {note.digest}, expected, got {found}; fetch it again, or "
            f"remove {path.name} if it is a model of your own"
        )
    return note


def _library() -> Any:
    try:
        return import_module("huggingface_hub")
    except ImportError as error:
        raise UsageError(
            f"the package huggingface_hub expected, got none ({error}); install it with: pip install 'detent[train]'"
        ) from error


def _announced(hub: Any, repo: str, revision: str) -> tuple[str, dict[str, int]]:
    """The commit that a revision means, and its files with their sizes in bytes."""
    try:
        info = hub.HfApi(endpoint=_endpoint()).model_info(
            repo, revision=revision, files_metadata=True, timeout=TIMEOUT
        )
        commit, files = info.sha, {one.rfilename: int(one.size or 0) for one in info.siblings or ()}
    except Exception as error:  # the library's, its transport's and its parsers' errors share no root
        raise PeerError(
            f"the model {repo} at {revision} expected from the hub, got {type(error).__name__}: {str(error)[:200]}; "
            "check name, revision and network"
        ) from error
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise PeerError(
            f"a commit of 40 hex digits expected from the hub, got {str(commit)[:60]!r}; try again"
        )
    return commit, files


def _check_wanted(wanted: dict[str, int], announced: dict[str, int], repo: str) -> None:
    if "config.json" not in wanted or not any(name.endswith(".safetensors") for name in wanted):
        raise SubjectError(
            f"config.json and weights as .safetensors expected in {repo}, got {', '.join(sorted(announced)[:8])!r}; "
            "pickled weights and code are not fetched: choose a model that has safetensors"
        )
    if (size := sum(wanted.values())) > MOST_BYTES:
        raise SubjectError(
            f"a model of at most {MOST_BYTES:,} bytes expected, got {size:,}; choose a smaller one"
        )


def _download(repo: str, commit: str, names: list[str], folder: Path) -> None:
    """In a process of its own: where a hub says nothing, the library tries again for many minutes, each time longer."""
    asked = {"repo": repo, "commit": commit, "names": names, "folder": str(folder)}
    command = [sys.executable, "-P", "-m", "detent.assembly.downloading", json.dumps(asked)]
    what = f"the files of {repo} at {commit[:12]} expected from the hub"
    try:
        done = run_beside(command, is_late=_Silence(folder))
    except LateError as error:
        raise PeerError(f"{what}, got nothing more for {SILENCE:g} s; try again") from error
    if done.status != 0:
        raise PeerError(f"{what}, got {plain(done.said)[:200]}; try again")
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the library's own notes


class _Silence:
    """Says when nothing has come into a folder for too long."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: object = None
        self._looked = self._since = time.monotonic()

    def __call__(self) -> bool:
        now = time.monotonic()
        if now - self._looked >= _LOOK:
            self._looked = now
            found = sorted(self._stamps())
            if found != self._seen:
                self._seen, self._since = found, now
        return now - self._since >= SILENCE

    def _stamps(self) -> Iterator[tuple[str, int, int]]:
        for path in self._folder.rglob("*"):
            with suppress(OSError):  # renamed meanwhile
                about = path.lstat()
                yield str(path), about.st_size, about.st_mtime_ns


def _check_came(folder: Path, wanted: dict[str, int]) -> None:
    """What is there is what was announced, by name and size; weights have headers; nothing asks for code."""
    came = {name: size for name, size, _ in folder_listing(folder)}
    if came != wanted:
        odd = min(set(came.items()) ^ set(wanted.items()))
        raise TrustError(f"the files that the hub announced expected, got another {odd[0]!r}; fetch again")
    for path in sorted(folder.glob("*.safetensors")):
        numbers_in(path)
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (ValueError, RecursionError) as error:
        raise SubjectError(f"JSON expected in config.json, got something else: {error}") from error
    if not isinstance(config, dict) or "auto_map" in config:
        raise SubjectError(
            "a model of a kind that transformers has expected, got one that brings code of its own (auto_map); "
            "no code is fetched or run: choose another"
        )


def _endpoint() -> str | None:
    """Another hub than the public one, as the library has it."""
    return os.environ.get("HF_ENDPOINT") or None


def main(words: list[str]) -> int:
    """`python -m detent.assembly.downloading ASKED`: files into a folder; the last line of errors says why not."""
    asked = json.loads(words[0])
    try:
        _library().snapshot_download(
            asked["repo"],
            revision=asked["commit"],
            local_dir=asked["folder"],
            allow_patterns=asked["names"],
            endpoint=_endpoint(),
            etag_timeout=TIMEOUT,
        )
    except Exception as error:  # noqa: BLE001  as above
        sys.stderr.write(f"\n{type(error).__name__}: {' '.join(str(error).split())}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
