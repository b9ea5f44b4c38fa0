"""`export`: a generation's model as other people's programs take it: a Hugging Face folder with a card from the ledger.

    >>> export_model(folder, 3, Path("out"))

The model's files are copied as they are, by their digest, which is held against the copy too. An adapter gets a
tokenizer and a base that programs find; or, on request, both are merged. Beside them, under names that no model file
has: README.md (the card), SHA256SUMS, and the generation's decision with the proof that it is on the ledger. The folder
is there whole, or not at all.
"""

import json
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from detent.assembly.dressing import Dressed, as_it_is, beside_base, merged
from detent.assembly.places import RunFolder
from detent.assembly.proving import prove
from detent.assembly.reading import LedgerAt, ledger_at, log_verify_key
from detent.assembly.storing import storing
from detent.assembly.tasks import catalogue
from detent.charter import Charter, SignedCharter, verified
from detent.disk import sync_folder, write_file
from detent.engine import ModelStore
from detent.errors import UsageError
from detent.report import About, Form, model_card, tell
from detent.values import CharterSigned, Decided, Entry, ModelFetched, State, SubjectBuilt, line
from detent.values.adapters import adapter_in
from detent.values.folder import folder_listing

CARD, SUMS, PROOF, DECISION = "README.md", "SHA256SUMS", "decision.tlog-proof", "decision.entry"
"""What lies beside the model's own files. None of these is a name that a model's file can have (`ModelStore`)."""

Wanted = Literal["as trained", "adapter", "merged"]


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """What `export` wrote. size: bytes of the model's files, and of its base's where that lies beside it."""

    folder: Path
    digest: str
    promoted: bool
    size: int
    form: Form = "whole"


def export_model(
    folder: Path, generation: int, target: Path, *, unpromoted: bool = False, form: Wanted = "as trained"
) -> ExportedModel:
    """Write the model that a generation put in force, or only made, into a folder of its own.

    Args:
        folder: of the run, which may be at work.
        generation: which closed one; of a promotion the model that it put in force.
        target: must not exist.
        unpromoted: whether a model may be exported that was never in force; its card says so.
        form: "as trained" writes what the run trained, "adapter" the same where that is an adapter; "merged" a whole
            model in any case.

    Raises:
        UsageError: the generation is not closed, made no model, or never promoted it; or `target` exists; or an adapter
            is asked for and there is none, or merging without the libraries that it takes.
        TrustError: ledger, charter or the model's files cannot be believed.
        SubjectError: the model's folder is gone, or its base's.
        EngineError: the worker that merges died.
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
    with _dressed(run, decided.candidate, signed.charter, at.entries, target=target, form=form) as dressed:
        about = _about(run, at, decided, signed, dressed)
        charter = signed.charter
        story = tell(at.entries, charter.name, charter.purpose, dict(charter.direction.improve))
        size = _write(run, target, about, dressed, model_card(story, at.entries, charter, about))
    return ExportedModel(target, about.digest, promoted, size, about.form)


@contextmanager
def _dressed(
    run: RunFolder, digest: str, charter: Charter, entries: Sequence[Entry], *, target: Path, form: Wanted
) -> Iterator[Dressed]:
    """What is to lie in the folder."""
    store = ModelStore(run.models)
    model = store.path(digest)
    adapter = adapter_in(model)
    if adapter is None:
        if form == "adapter":
            raise UsageError(
                "a run of adapters expected with --adapter, got one whose models are trained whole; leave the option "
                "out"
            )
        yield as_it_is(model, digest)
    elif form == "merged":
        threads = charter.run.threads
        with merged(store, digest, adapter, models=run.models, threads=threads, near=target) as made:
            yield made
    else:
        yield beside_base(store, digest, adapter, _hub(entries, adapter.base, charter))


def _about(run: RunFolder, at: LedgerAt, decided: Decided, signed: SignedCharter, dressed: Dressed) -> About:
    promoted, generation = decided.decision == "promote", decided.generation
    base = dressed.adapted.base if dressed.adapted else ""
    return About(
        digest=decided.candidate,
        generation=generation,
        promoted=promoted,
        withdrawn=_withdrawn(at.state, generation) if promoted else "",
        files=tuple(folder_listing(run.models / decided.candidate)),
        architecture=_architecture(dressed.config),
        base=signed.charter.subject.source,
        charter=(signed.charter.version, signed.digest),
        log_key=str(log_verify_key(run)),
        size=at.size,
        root=at.root(at.size).hex(),
        hub=_hub(at.entries, base, signed.charter),
        adapted=dressed.adapted,
    )


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


def _hub(entries: Sequence[Entry], base: str, charter: Charter) -> tuple[str, str] | None:
    """The repository and commit that the run's given model came from, as `init` wrote it down.

    base: its digest, "" where it is not known. A copy without its chat template has another digest, and those weights.
    """
    first = {one.parent for one in entries if isinstance(one, SubjectBuilt) and one.generation == 0}
    wanted = {base} if base else first
    for one in entries:
        if isinstance(one, ModelFetched) and (one.digest in wanted or charter.subject.chat == "never"):
            return one.repo, one.revision
    return None


def _architecture(model: Path) -> str:
    """The class that config.json names; its word, and nobody else's."""
    try:
        named = json.loads((model / "config.json").read_bytes())["architectures"][0]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return "not stated"
    return named if isinstance(named, str) else "not stated"


def _write(run: RunFolder, target: Path, about: About, dressed: Dressed, card: str) -> int:
    """Returns the bytes of the model's files."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with storing(target):
            partial.mkdir()
        dressed.fill(partial)
        listed = folder_listing(partial)
        sums = "".join(f"{digest}  {name}\n" for name, _, digest in listed)
        prove(run.root, f"decision:{about.generation}", partial / PROOF, entry=partial / DECISION)
        with storing(target):
            write_file(partial / SUMS, sums.encode())
            write_file(partial / CARD, card.encode())
            partial.rename(target)
            sync_folder(target.absolute().parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sum(size for _, size, _ in listed)
