"""`export`: a generation's model as other people's programs take it: a Hugging Face folder with a card from the ledger.

    >>> export_model(folder, 3, Path("out"))

The model's files are copied as they are, by their digest, which is held against the copy too. Beside them, under names
that no model file has: README.md (the card), SHA256SUMS, and the generation's decision with the proof that it is on the
ledger. The folder is there whole, or not at all.
"""

import json
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detent.assembly.places import RunFolder
from detent.assembly.proving import prove
from detent.assembly.reading import ledger_at, log_verify_key
from detent.assembly.storing import storing
from detent.assembly.tasks import catalogue
from detent.charter import SignedCharter, verified
from detent.disk import sync_folder, write_file
from detent.engine import ModelStore
from detent.errors import TrustError, UsageError
from detent.report import About, model_card, tell
from detent.values import CharterSigned, Decided, Entry, ModelFetched, State, line
from detent.values.folder import folder_digest, folder_listing

CARD, SUMS, PROOF, DECISION = "README.md", "SHA256SUMS", "decision.tlog-proof", "decision.entry"
"""What lies beside the model's own files. None of these is a name that a model's file can have (`ModelStore`)."""


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """What `export` wrote. size: bytes of the model's own files."""

    folder: Path
    digest: str
    promoted: bool
    size: int


def export_model(folder: Path, generation: int, target: Path, *, unpromoted: bool = False) -> ExportedModel:
    """Write the model that a generation put in force, or only made, into a folder of its own.

    Args:
        folder: of the run, which may be at work.
        generation: which closed one; of a promotion the model that it put in force.
        target: must not exist.
        unpromoted: whether a model may be exported that was never in force; its card says so.

    Raises:
        UsageError: the generation is not closed, made no model, or never promoted it; or `target` exists.
        TrustError: ledger, charter or the model's files cannot be believed.
        SubjectError: the model's folder is gone.
        StorageError: the disk refuses.
    """
    run = RunFolder(folder)
    run.check()
    if target.exists() or target.is_symlink() or not target.absolute().parent.is_dir():
        raise UsageError(f"a new folder in one that exists expected, got {target}; name another with --to")
    at = ledger_at(run)
    decided = _decision(at.state, generation, folder)
    promoted = decided.decision == "promote"
    if not promoted and not unpromoted:
        raise UsageError(
            f"a generation that was promoted expected, got {generation}, which was not ({decided.decision}); to export "
            "its model all the same, with a card that says so, add --never-promoted"
        )
    signed = _charter_then(at.entries, decided)
    model = ModelStore(run.models).path(decided.candidate)
    about = About(
        digest=decided.candidate,
        generation=generation,
        promoted=promoted,
        withdrawn=_withdrawn(at.state, generation) if promoted else "",
        files=tuple(folder_listing(model)),
        architecture=_architecture(model),
        base=signed.charter.subject.source,
        charter=(signed.charter.version, signed.digest),
        log_key=str(log_verify_key(run)),
        size=at.size,
        root=at.root(at.size).hex(),
        hub=_hub(at.entries),
    )
    charter = signed.charter
    story = tell(at.entries, charter.name, charter.purpose, dict(charter.direction.improve))
    _write(run, model, target, about, model_card(story, at.entries, charter, about))
    return ExportedModel(target, about.digest, promoted, sum(size for _, size, _ in about.files))


def _decision(state: State, generation: int, folder: Path) -> Decided:
    """The decision about the generation's own model."""
    decided = state.history[generation].get("decision/v1") if generation in state.history else None
    if not isinstance(decided, Decided) or not decided.candidate:
        raise UsageError(
            f"a closed generation that made a model expected, got {generation}; see: detent status {folder}"
        )
    return decided


def _charter_then(entries: Sequence[Entry], decided: Decided) -> SignedCharter:
    """The charter in force when it was decided, its signatures checked."""
    before = entries[: entries.index(decided)]
    newest = next(entry for entry in reversed(before) if isinstance(entry, CharterSigned))
    return verified(newest.envelope, catalogue(), f"the charter of version {newest.version} on the ledger")


def _withdrawn(state: State, generation: int) -> str:
    """What took a promoted model back out of the run's line, "" for nothing."""
    if generation in line(state.history, state.generation - 1):
        return ""
    for later in range(generation + 1, state.generation):
        found = state.history[later].get("decision/v1")
        if isinstance(found, Decided) and found.to is not None and found.to < generation:
            return f"Generation {later} put generation {found.to} back in force, as stewards ordered: {found.because}"
    return "A rollback undid it."


def _hub(entries: Sequence[Entry]) -> tuple[str, str] | None:
    """The repository and commit that the run's given model came from, as `init` wrote it down."""
    found = next((entry for entry in entries if isinstance(entry, ModelFetched)), None)
    return (found.repo, found.revision) if found else None


def _architecture(model: Path) -> str:
    """The class that config.json names; its word, and nobody else's."""
    try:
        named = json.loads((model / "config.json").read_bytes())["architectures"][0]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return "not stated"
    return named if isinstance(named, str) else "not stated"


def _write(run: RunFolder, model: Path, target: Path, about: About, card: str) -> None:
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    sums = "".join(f"{digest}  {name}\n" for name, _, digest in about.files)
    try:
        with storing(target):
            partial.mkdir()
            for name, _, _ in about.files:
                shutil.copyfile(model / name, partial / name, follow_symlinks=False)
        if (found := folder_digest(partial)) != about.digest:
            raise TrustError(
                f"a copy with digest {about.digest} expected, got {found}; something changes {model} or the copy: "
                "check the disk, then export again"
            )
        prove(run.root, f"decision:{about.generation}", partial / PROOF, entry=partial / DECISION)
        with storing(target):
            write_file(partial / SUMS, sums.encode())
            write_file(partial / CARD, card.encode())
            partial.rename(target)
            sync_folder(target.absolute().parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
