"""`init`: a run folder from a charter's draft, signed by its stewards."""

import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detent.assembly import places
from detent.assembly.clock import now
from detent.assembly.downloading import note_of
from detent.assembly.given import given_models
from detent.assembly.outsiders import vet_outsiders
from detent.assembly.places import RunFolder
from detent.assembly.principles import (
    Read,
    draft_constitution,
    principle_sources,
    vet_principles,
)
from detent.assembly.samplers import told_servers
from detent.assembly.storing import storing
from detent.assembly.taking import take_model
from detent.assembly.tasks import (
    catalogue,
    closing,
    draft_gym,
    draft_proxies,
    draft_sources,
    draft_wires,
    see_spelling,
)
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
from detent.disk import sync_folder
from detent.errors import TrustError, UsageError
from detent.evaluate import Chain, new_chain, see_rows
from detent.ledger import CosigningKey, Ledger, Signers
from detent.loop import Book
from detent.oversight import rules_of
from detent.signing import Passphrase, SigningKey
from detent.tasks import RowSource, code_address, see_questions_once, vet, vet_proxy
from detent.tripwires import CATALOGUE, own
from detent.values import CharterSigned, LeaseGranted, ModelFetched, ModelGiven


@dataclass(frozen=True, slots=True)
class Founded:
    """What `init` made, for a person to read. recovery_path: of the recovery key, None where none was made.

    servers: what each will be asked, in a sentence.
    """

    name: str
    version: int
    stewards: tuple[str, ...]
    key_paths: tuple[Path, ...]
    key_is_new: bool
    recovery_path: Path | None
    generations: int
    hours: float
    servers: tuple[str, ...] = ()


def create_run(
    folder: Path,
    *,
    source: str = "digits",
    drafted: tuple[str, Path] | None = None,
    key_paths: Sequence[Path] = (),
    passphrase: Passphrase | None = None,
) -> Founded:
    """Make a run folder: vet the user's code, fill in and sign the charter, start ledger and seal, sign a first lease.

    The folder is made beside its place and renamed, so that it is there whole or not at all. With a quorum of one,
    a recovery key is made too: it can replace a steward's key that is lost, and do nothing else.

    Args:
        folder: must not exist.
        source: `digits`, or the path of a charter's draft.
        drafted: a draft's text and the folder of the files that it names, in the place of `source`.
        key_paths: of stewards' keys; without one, the key in the data folder, made when there is none.
        passphrase: asked for keys that are encrypted.

    Raises:
        UsageError: the folder exists, or the source cannot be read.
        CharterError, TaskError, SubjectError: the draft, a task, tripwire or model of its author's, is not in order.
        TrustError: fewer keys than the quorum asks, or keys that the draft does not list.
        StorageError: the disk refuses.
    """
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"a folder that does not exist yet expected, got {folder}; name another, or run it")
    text, home, file = (*drafted, "the new charter") if drafted else _source(source)
    draft = parse_draft(text, catalogue(), file)
    given_models(draft, home)
    vet_outsiders(draft)
    digests, wire_digests, proxy_digests = (
        _vetted(draft, home),
        _vetted_wires(draft, home),
        _vetted_proxies(draft, home),
    )
    principles = _vetted_principles(draft, home)
    keys, used, is_new = _stewards(key_paths, passphrase)
    tip, length = _seal(draft)
    recovery = _recovery(draft, tip)
    log = _log_keys(draft, tip)
    completed = complete(
        text,
        [str(key.verify_key) for key in keys],
        tip,
        length,
        digests,
        recovery=str(recovery[0].verify_key) if recovery else "",
        wire_digests=wire_digests,
        proxy_digests=proxy_digests,
        constitution=principles.pins if principles else None,
        ml_dsa=str(log.second.verify_key) if log.second else "",
        gym=draft_gym(draft),
    )
    signed = verified(endorse(completed, keys), catalogue())
    _build(folder, signed, keys, log, home, principles=principles)
    terms = signed.charter.pace.lease
    return Founded(
        name=signed.charter.name,
        version=signed.charter.version,
        stewards=tuple(key.name for key in keys),
        key_paths=used,
        key_is_new=is_new,
        recovery_path=recovery[1] if recovery else None,
        generations=terms.generations,
        hours=terms.hours,
        servers=tuple(told_servers(signed.charter)),
    )


def _source(source: str) -> tuple[str, Path, str]:
    """A draft's text, where the files it names lie, and what messages call it."""
    if source == "digits":
        return default_text(), Path(), "digits.toml"
    path = Path(source)
    return draft_text(path), path.parent, source


def _log_keys(draft: Draft, tip: str) -> Signers:
    """The keys that sign the ledger, filed beside the seal's secret: one, or two where the charter asks for it."""
    origin = _origin(draft.name, tip)
    log = Signers(
        SigningKey.create(origin),
        CosigningKey.create(origin, "ml-dsa-44") if draft.run.post_quantum else None,
    )
    log.key.save(places.log_key_path(tip))
    if log.second is not None:
        log.second.save(places.second_key_path(tip))
    return log


def _recovery(draft: Draft, tip: str) -> tuple[SigningKey, Path] | None:
    """With a quorum of one the loss of one key would be the loss of the run; a larger quorum amends for itself."""
    if draft.stewards.quorum > 1 or draft.stewards.recovery:
        return None
    key = SigningKey.create(f"recovery-{tip[:8]}")
    path = places.recovery_key_path(tip)
    with storing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key.save(path)
    return key, path


def _vetted(draft: Draft, home: Path) -> dict[str, str]:
    """Try every task; returns the hashes of the author's own files."""
    with closing(draft_sources(draft, home)) as sources:
        see_questions_once(sources.values())
        for name, task in sources.items():
            top = draft.direction.improve[name]
            if isinstance(task, RowSource):
                see_rows(task, top, rules_of(draft, None), draft.constraints.error_budget)
            vet(task, top, draft.subject.room)
            if draft.subject.built:
                see_spelling(task, top)
        return {name: sources[name].digest for name in draft.tasks if name in sources}


def _vetted_wires(draft: Draft, home: Path) -> dict[str, str]:
    """Try the author's own tripwires, and return the hashes of their files."""
    with closing(draft_wires(draft, home)) as lookouts:
        for lookout in lookouts.values():
            own.vet(lookout, draft.direction.improve, CATALOGUE)
        return {name: lookout.digest for name, lookout in lookouts.items()}


def _vetted_proxies(draft: Draft, home: Path) -> dict[str, str]:
    """Let every proxy look at a true answer and at a wrong one of each task; returns the hashes of their files."""
    with closing(draft_proxies(draft, home)) as proxies, closing(draft_sources(draft, home)) as sources:
        for proxy in proxies.values():
            for task in sources.values():
                vet_proxy(proxy, task)
        return {name: proxy.digest for name, proxy in proxies.items()}


def _vetted_principles(draft: Draft, home: Path) -> Read | None:
    """Read the constitution and try every guarded principle; None where the draft names no constitution."""
    read = draft_constitution(draft, home)
    with (
        closing(draft_sources(draft, home)) as tasks,
        closing(principle_sources(read, tasks)) as sources,
    ):
        vet_principles(draft, read, sources)
    return read


def _origin(name: str, tip: str) -> str:
    """The log's name: what a signed note allows of the charter's, and what tells it from all others."""
    return f"detent/{re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-') or 'run'}/{tip[:16]}"


def _stewards(
    given: Sequence[Path], passphrase: Passphrase | None
) -> tuple[list[SigningKey], tuple[Path, ...], bool]:
    path = places.steward_key_path()
    if given or path.exists():
        used = tuple(given) or (path,)
        return [SigningKey.load(each, passphrase) for each in used], used, False
    key = SigningKey.create("steward-1")
    with storing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key.save(path)
    return [key], (path,), True


def _seal(draft: Draft) -> tuple[str, int]:
    """Tip and length of the seal's chain: of a new one; or of the auditor's, who holds it for one run.

    Raises:
        UsageError: another run has that auditor's chain.
    """
    if draft.auditor is None:
        chain = _chain()
        return chain.tip.hex(), chain.length
    folder = places.secrets_folder(draft.auditor.tip)
    with storing(folder):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError as error:
            raise UsageError(
                f"an auditor's chain that no run has yet expected, got {draft.auditor.tip}, whose keys are in "
                f"{folder}; each run has one of its own: ask for another"
            ) from error
        sync_folder(folder.parent)
    return draft.auditor.tip, draft.auditor.length


def _chain() -> Chain:
    """A new seal, its secret filed under its tip."""
    draft = places.data_folder() / "runs" / f"new-{secrets.token_hex(8)}"
    chain = new_chain(draft / "seal.secret")
    final = places.secrets_folder(chain.tip.hex())
    with storing(final):
        draft.rename(final)
        sync_folder(final.parent)  # a charter with this tip must never be there without its secret
    return chain


def _build(
    folder: Path,
    signed: SignedCharter,
    keys: Sequence[SigningKey],
    log: Signers,
    home: Path,
    *,
    principles: Read | None,
) -> None:
    partial = RunFolder(folder.with_name(f".{folder.name}.{secrets.token_hex(4)}"))
    try:
        with storing(folder):
            _fill(partial, signed, keys, log, home, principles=principles)
            partial.root.rename(folder)
    finally:
        shutil.rmtree(partial.root, ignore_errors=True)


def _fill(
    run: RunFolder,
    signed: SignedCharter,
    keys: Sequence[SigningKey],
    log: Signers,
    home: Path,
    *,
    principles: Read | None,
) -> None:
    for path in (
        run.models,
        run.data,
        run.answers,
        run.staging,
        run.tasks,
        run.inbox,
        run.report.parent,
        run.log.parent,
    ):
        path.mkdir(parents=True)
    run.charter.write_bytes(signed.text.encode())
    run.envelope.write_bytes(signed.envelope.encode())
    run.log_key.write_text(f"{log.key.verify_key}\n")
    tasks = [task.file for task in signed.charter.tasks.values()]
    wires = [code_address("tripwire", wire.source) for wire in signed.charter.tripwires.values() if wire.own]
    proxies = [code_address("proxy", proxy.source) for proxy in signed.charter.proxies.values()]
    for file in {*tasks, *(address.file for address in (*wires, *proxies))}:
        (run.tasks / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(home / file, run.tasks / file)
    if principles is not None:
        principles.put_into(run.tasks)
    given: list[ModelGiven] = []
    fetched = []
    for key, folder in given_models(signed.charter, home):
        own = key == "subject.source"
        chat = signed.charter.subject.chat if own else "auto"
        note = note_of(folder)
        digest = take_model(key, folder, run, signed.charter)
        given.append(ModelGiven(given_as="subject" if own else "judge", digest=digest))
        if note is not None:
            if chat != "never" and digest != note.digest:
                raise TrustError(
                    f"a copy of {folder} as it was fetched, digest {note.digest}, expected, got {digest}; something "
                    "changes the folder: try again"
                )
            fetched.append(note)
    with Ledger.create(run.ledger, log.key, log.key.name, second=log.second) as ledger:
        book = Book(ledger, now)
        version = signed.charter.version
        book.write(CharterSigned(version=version, digest=signed.digest, envelope=signed.envelope))
        for entry in given:
            book.write(entry)
        for note in fetched:
            book.write(ModelFetched(repo=note.repo, revision=note.revision, digest=note.digest))
        book.write(_first_lease(signed, keys, book))  # in sight of all that is given


def _first_lease(signed: SignedCharter, keys: Sequence[SigningKey], book: Book) -> LeaseGranted:
    """The largest grant of the charter, by the stewards who signed it, in sight of the charter's own entry."""
    terms = signed.charter.pace.lease
    size = book.state.entries
    envelope = grant(
        signed,
        1,
        terms.generations,
        hours=terms.hours,
        petaflop=terms.petaflop,
        at=book.now,
        size=size,
        root=book.record.root(size).hex(),
        keys=keys,
    )
    lease = verified_lease(envelope, signed)
    return LeaseGranted(
        number=1,
        generations=lease.generations,
        expires=lease.expires,
        petaflop=lease.petaflop,
        envelope=envelope,
    )
