"""`init` and `lease`: what stewards sign. The only code that opens a steward's key."""

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from detent.assembly import places
from detent.assembly.clock import now
from detent.assembly.places import RunFolder
from detent.assembly.reading import signed_charter
from detent.assembly.tasks import catalogue, closing, draft_sources
from detent.assembly.watermark import Watermarked
from detent.charter import (
    Draft,
    SignedCharter,
    complete,
    default_text,
    draft_text,
    endorse,
    grant,
    parse_draft,
    verified,
    verified_lease,
)
from detent.engine import ModelStore
from detent.errors import StorageError, SubjectError, UsageError
from detent.evaluate import Chain, new_chain
from detent.ledger import Ledger
from detent.loop import Book
from detent.oversight import check_grants
from detent.signing import SigningKey
from detent.tasks import plugin_address, vet
from detent.values import CharterSigned, LeaseGranted, decode_entry


@dataclass(frozen=True, slots=True)
class Founded:
    """What `init` made, for a person to read."""

    name: str
    version: int
    steward: str
    key_path: Path
    key_is_new: bool
    generations: int


def create_run(folder: Path, *, source: str = "digits", key_path: Path | None = None) -> Founded:
    """Make a run folder: vet tasks, fill in and sign the charter, start ledger and seal, sign the first lease.

    The folder is made beside its place and renamed, so that it is there whole or not at all.

    Args:
        folder: must not exist.
        source: `digits`, or the path of a charter's draft.
        key_path: a steward's key; without one, the key in the data folder, made when there is none.

    Raises:
        UsageError: the folder exists, or the source cannot be read.
        CharterError, TaskError, SubjectError: the draft, a task or a model of its author's, is not in order.
        StorageError: the disk refuses.
    """
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"a folder that does not exist yet expected, got {folder}; name another, or run it")
    path = None if source == "digits" else Path(source)
    text = default_text() if path is None else draft_text(path)
    home = Path() if path is None else path.parent
    draft = parse_draft(text, catalogue(), str(path or "digits.toml"))
    _see_subject(draft, home)
    digests = _vetted(draft, home)
    key, used_path, is_new = _steward(key_path)
    chain = _chain()
    tip = chain.tip.hex()
    completed = complete(text, [str(key.verify_key)], tip, chain.length, digests)
    signed = verified(endorse(completed, [key]), catalogue())
    log_key = SigningKey.create(_origin(signed.charter.name, tip))
    log_key.save(places.log_key_path(tip))
    _build(folder, signed, key, log_key, home)
    granted = signed.charter.pace.lease.generations
    return Founded(signed.charter.name, signed.charter.version, key.name, used_path, is_new, granted)


def grant_lease(folder: Path, generations: int, *, key_path: Path | None = None) -> tuple[int, int]:
    """Grant another lease; returns its number and the generations left now.

    Raises:
        BusyError: a run holds the folder.
        CharterError: the charter does not allow as many at once.
        TrustError: the key is not a steward's.
    """
    run = RunFolder(folder)
    signed = signed_charter(run)
    key = SigningKey.load(key_path or places.steward_key_path())
    with Ledger.open(run.ledger, SigningKey.load(places.log_key_path(signed.charter.seal.tip))) as ledger:
        check_grants(map(decode_entry, ledger.entries()), signed)
        book = Book(Watermarked(ledger, places.mark_path(signed.charter.seal.tip)), now)
        _write_lease(book, signed, generations, key)
        return book.state.leases, book.state.lease_left


def _write_lease(book: Book, signed: SignedCharter, generations: int, key: SigningKey) -> None:
    number = book.state.leases + 1
    envelope = grant(signed, number, generations, [key])
    verified_lease(envelope, signed)  # a key that is no steward's signs nothing that counts
    book.write(LeaseGranted(number=number, generations=generations, envelope=envelope))


def _vetted(draft: Draft, home: Path) -> dict[str, str]:
    """Try every task; returns the hashes of the author's own files."""
    with closing(draft_sources(draft, home)) as sources:
        for name, task in sources.items():
            vet(task, draft.direction.improve[name], draft.subject.extra_tokens)
        return {name: sources[name].digest for name in draft.tasks if name in sources}


def _see_subject(draft: Draft, home: Path) -> None:
    folder = home / draft.subject.source
    if not draft.subject.built and not folder.is_dir():
        raise UsageError(
            f"a model folder at {folder} expected, as subject.source says, got none; correct the path, or "
            'write source = "built"'
        )


def _origin(name: str, tip: str) -> str:
    """The log's name: what a signed note allows of the charter's, and what tells it from all others."""
    return f"detent/{re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-') or 'run'}/{tip[:16]}"


def _steward(given: Path | None) -> tuple[SigningKey, Path, bool]:
    path = given or places.steward_key_path()
    if given is not None or path.exists():
        return SigningKey.load(path), path, False
    key = SigningKey.create("steward-1")
    with _storing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key.save(path)
    return key, path, True


def _chain() -> Chain:
    """A new seal, its secret filed under its tip."""
    draft = places.data_folder() / "runs" / f"new-{secrets.token_hex(8)}"
    chain = new_chain(draft / "seal.secret")
    final = places.secrets_folder(chain.tip.hex())
    with _storing(final):
        draft.rename(final)
    return chain


def _build(folder: Path, signed: SignedCharter, key: SigningKey, log_key: SigningKey, home: Path) -> None:
    partial = RunFolder(folder.with_name(f".{folder.name}.{secrets.token_hex(4)}"))
    try:
        with _storing(folder):
            _fill(partial, signed, key, log_key, home)
            partial.root.rename(folder)
    finally:
        shutil.rmtree(partial.root, ignore_errors=True)


def _fill(run: RunFolder, signed: SignedCharter, key: SigningKey, log_key: SigningKey, home: Path) -> None:
    for path in (
        run.models,
        run.data,
        run.answers,
        run.staging,
        run.tasks,
        run.report.parent,
        run.log.parent,
    ):
        path.mkdir(parents=True)
    run.charter.write_bytes(signed.text.encode())
    run.envelope.write_bytes(signed.envelope.encode())
    run.log_key.write_text(f"{log_key.verify_key}\n")
    for task in signed.charter.tasks.values():
        file = plugin_address(task.source).file
        (run.tasks / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(home / file, run.tasks / file)
    if not signed.charter.subject.built:
        _take_subject(home / signed.charter.subject.source, run)
    with Ledger.create(run.ledger, log_key, log_key.name) as ledger:
        book = Book(ledger, now)
        version = signed.charter.version
        book.write(CharterSigned(version=version, digest=signed.digest, envelope=signed.envelope))
        _write_lease(book, signed, signed.charter.pace.lease.generations, key)


def _take_subject(folder: Path, run: RunFolder) -> None:
    """Copy the model folder of the charter. What a run could not take is refused now, before anybody runs it."""
    copy = run.staging / "given"
    shutil.copytree(folder, copy)
    try:
        digest = ModelStore(run.models).admit(copy)
    except SubjectError as error:
        raise SubjectError(f"{folder}, the charter's subject.source: {error}") from error
    (run.models / digest).rename(run.subject)


@contextmanager
def _storing(what: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"a new {what} expected, got: {error}; free or mend the disk") from error
