"""`bundle`: everything that a stranger needs to check a run, in one file, as the run stands at one checkpoint.

It may be running meanwhile: the checkpoint is read first, and then only what it covers. Nothing is mended on the way:
what is damaged in the run folder is damaged in the bundle, and `verify` finds it there.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from detent.assembly.enclosing import whole_as_far_as_it_is
from detent.assembly.named import Named, enclosed, named
from detent.assembly.places import RunFolder
from detent.assembly.reading import log_verify_key
from detent.audit import LeftOut, is_member, write_bundle
from detent.engine import DataStore
from detent.errors import TrustError, UsageError
from detent.ledger import LedgerReader, published_files
from detent.values import CharterSigned, Decided, State, bases, decode_entry, fold, sha256_hex

Redacted = Literal["data", "answers"]
REDACTED: tuple[Redacted, ...] = ("data", "answers")
MODELS = ("first", "last", "all", "none")
TRIES = 10
"""Looks at a run at work, until its copies of the charter are those of the ledger that was read."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """What `bundle` wrote. size: bytes. left_out: what the bundle says is not in it."""

    path: Path
    entries: int
    files: int
    size: int
    left_out: tuple[LeftOut, ...]


class _Snapshot(NamedTuple):
    """The ledger at one checkpoint, and the charter's copies that belong to it."""

    checkpoint: str
    entries: list[bytes]
    copies: dict[str, Path | bytes]


def make_bundle(
    folder: Path, target: Path, *, models: str = "first,last", redact: Sequence[str] = ()
) -> Bundled:
    """Write a run into one file, the same bytes for the same run.

    Args:
        folder: the run's.
        target: a file that does not exist yet.
        models: which weights: `first` (generation 0's), `last` (those in force), both with a comma, `all` or `none`.
        redact: of which files only digests and sizes are told: `data`, `answers`.

    Raises:
        UsageError: this is no run folder, `target` exists, or a word is none of these.
        TrustError: the ledger cannot be read, or a file that is to be told by its digest has another.
        StorageError: the disk refuses.
    """
    wanted = _words("models", models.split(","), MODELS)
    hidden = _words("redact", redact, REDACTED)
    run = RunFolder(folder)
    run.check()
    shot = _snapshot(run)
    read = DataStore(run.data, run.answers).read_bytes
    entries = list(whole_as_far_as_it_is(shot.entries, read))
    names, state = named(entries), fold(map(decode_entry, entries))
    members: dict[str, Path | bytes] = {**shot.copies, "ledger/checkpoint": shot.checkpoint.encode()}
    members |= {f"ledger/{name}": data for name, data in published_files(shot.entries)}
    members |= {f"tasks/{file}": run.tasks / file for file in names.files if _plain(run.tasks / file)}
    members |= {
        f"answers/{digest}": run.answers / digest
        for digest in enclosed(shot.entries)
        if _plain(run.answers / digest)
    }
    left_out: list[LeftOut] = []
    for kind, name, path in _contents(run, names):
        if kind in hidden:
            left_out.append(_redacted(name, path))
        else:
            members[name] = path
    chosen = _chosen(wanted, names, state)
    for digest in names.models:
        files = dict(_model(run.models / digest, digest))
        if digest in chosen:
            members |= files
        elif files:
            size = sum(path.stat().st_size for path in files.values())
            left_out.append(LeftOut(f"models/{digest}", digest, size, "not asked for"))
    write_bundle(target, members, left_out)
    return Bundled(target, len(shot.entries), len(members) + 1, target.stat().st_size, tuple(left_out))


def _words(what: str, given: Sequence[str], known: Sequence[str]) -> frozenset[str]:
    for word in given:
        if word not in known:
            raise UsageError(f"{what} of {', '.join(known)} expected, got {word!r}")
    return frozenset(given)


def _snapshot(run: RunFolder) -> _Snapshot:
    """An amendment is on the ledger before its copies lie in the folder: both are read until they fit."""
    for _ in range(TRIES):
        found = _look(run)
        if found.copies.get(run.envelope.name) == _newest_envelope(found.entries):
            return found
    return _look(run)  # damaged: that is not hidden


def _look(run: RunFolder) -> _Snapshot:
    reader = LedgerReader(run.ledger, log_verify_key(run))
    entries = list(reader.entries())
    copies = (path for path in (run.charter, run.envelope, run.log_key) if _plain(path))
    return _Snapshot(reader.checkpoint, entries, {path.name: path.read_bytes() for path in copies})


def _newest_envelope(entries: Sequence[bytes]) -> bytes:
    charters = [entry for data in entries if isinstance(entry := decode_entry(data), CharterSigned)]
    return charters[-1].envelope.encode() if charters else b""


def _contents(run: RunFolder, names: Named) -> Iterator[tuple[Redacted, str, Path]]:
    """Kind, name and path of each file that holds data or answers; what is missing is not in the bundle either."""
    data = [(run.data / f"{digest}.jsonl", "data") for digest in names.data]
    answers = [(run.answers / digest, "answers") for digest in names.answers]
    for path, kind in (*data, *answers):
        if _plain(path):
            yield kind, f"{kind}/{path.name}", path  # type: ignore[misc]


def _redacted(name: str, path: Path) -> LeftOut:
    """A digest in place of contents, which must be the contents' own: nobody can look any more."""
    content = path.read_bytes()
    digest = path.name.partition(".")[0]
    if sha256_hex(content) != digest:
        raise TrustError(
            f"{path} with that SHA-256 expected, got {sha256_hex(content)}; restore it from a copy, or do not redact it"
        )
    return LeftOut(name, digest, len(content), "redacted")


def _chosen(wanted: Collection[str], names: Named, state: State) -> frozenset[str]:
    """Digests of the models that are asked for."""
    if "all" in wanted:
        return frozenset(names.models)
    chosen: set[str] = set()
    first = state.history.get(0, {}).get("decision/v1")
    if "first" in wanted and isinstance(first, Decided):
        chosen |= {first.incumbent, *first.team}
    if "last" in wanted:
        chosen |= {state.incumbent, *state.team}
    if chosen:
        chosen |= bases(state)  # without which an adapter is none
    return frozenset(chosen)


def _model(folder: Path, digest: str) -> Iterator[tuple[str, Path]]:
    """Names and paths of a model's files, of those that a bundle can hold."""
    if folder.is_dir() and not folder.is_symlink():
        for path in sorted(folder.iterdir()):
            name = f"models/{digest}/{path.name}"
            if _plain(path) and is_member(name):
                yield name, path


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
