"""What lies in the run's folders: every model and file the record names, under its digest, and nothing unnamed."""

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import UNSET, UnsetType

from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted, missing
from detent.audit.states import named_states, state_faults, unchecked_states
from detent.audit.steps import outside_turns
from detent.engine import check_adapter, check_alike, check_reshaped
from detent.errors import DetentError
from detent.values import (
    CandidateTrained,
    DataMade,
    Decided,
    JudgeTrained,
    Lora,
    OutcomeWritten,
    Reshaped,
    ServerAsked,
    State,
    SubjectBuilt,
    Trained,
    Tuned,
    bases,
    enclosed_in,
)
from detent.values.adapters import adapter_in
from detent.values.folder import folder_digest
from detent.values.weights import numbers_of

DIGEST = re.compile(r"[0-9a-f]{64}")


def check_models(case: Case) -> Finding:
    """Models that are there are what their digests say; the incumbent and the team are there; the link leads to it."""
    folder, state = case.evidence.models, case.state
    here = named_models(case) & _names(folder)
    lacking = {
        digest: why for digest in named_models(case) - here if (why := case.without(f"models/{digest}"))
    }
    amiss = {digest: _content_faults(folder, digest) for digest in sorted(here)}
    faults = [fault for some in amiss.values() for fault in some]
    faults += [
        f"the model models/{digest} in force expected, got none: restore it from a copy"
        for digest in sorted(_in_force(state) - here - lacking.keys())
    ]
    faults += _size_faults(case, here)
    faults += _kind_faults(case, {digest for digest, some in amiss.items() if not some})
    faults += state_faults(case)
    unchecked = missing("model", list(lacking.values())) + unchecked_states(case)
    if no_link := case.without("models/incumbent"):
        unchecked += (f"where the link models/incumbent leads: {no_link}",)
    else:
        faults += _link_faults(case)
    return Finding(
        "models",
        f"{len(here)} of {counted(len(named_models(case)), 'model')} there, with the digests that name them",
        tuple(faults),
        unchecked,
    )


def _in_force(state: State) -> set[str]:
    """Those without which nothing can be asked, the base of adapters among them."""
    return ({state.incumbent, *state.team} | bases(state)) - {""}


def missing_models(case: Case) -> str:
    """A note on models that are no longer there; older ones may go."""
    gone = named_models(case) - _names(case.evidence.models) - _in_force(case.state)
    gone = {digest for digest in gone if not case.without(f"models/{digest}")}
    return (
        f"{counted(len(gone), 'older model')} no longer there, and no entry says that they were deleted: nothing "
        "about them can be tried again"
        if gone
        else ""
    )


def unnamed_files(case: Case) -> list[str]:
    """Notes on what the record does not name: left by a crash, or of entries that were taken off the ledger."""
    evidence = case.evidence
    named = {
        "models": (evidence.models, named_models(case)),
        "data": (evidence.data, {f"{entry.digest}.jsonl" for _, entry in case.all(DataMade)}),
        "answers": (
            evidence.answers,
            {entry.outcome.answers for _, entry in case.all(OutcomeWritten)}
            | {entry.record for _, entry in case.all(ServerAsked)}
            | _enclosed(case),
        ),
    }
    if evidence.states is not None:
        named["states"] = (evidence.states, set(named_states(case).values()))
    notes = []
    for name, (folder, known) in named.items():
        strays = sorted(stray for stray in _names(folder) if DIGEST.match(stray) and stray not in known)
        if strays:
            notes.append(
                f"{len(strays)} in {name}/ that no entry names, such as {strays[0]}: left by a turn that was cut "
                "short, or of entries that were taken off the ledger's end"
            )
    return notes


def _enclosed(case: Case) -> set[str]:
    """Files in which entries lie that are too large for a ledger."""
    return {stub.sha256 for stub in map(enclosed_in, case.tree.entries) if stub is not None}


def named_models(case: Case) -> set[str]:
    """Every model the record names, the untrained ones that the first were made from included."""
    pairs = [(step.entry.digest, step.entry.parent) for step in case.steps if isinstance(step.entry, Trained)]
    return {digest for pair in pairs for digest in pair if DIGEST.fullmatch(digest)}


def _names(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except OSError:
        return set()


def _content_faults(folder: Path, digest: str) -> list[str]:
    try:
        found = folder_digest(folder / digest)
    except (DetentError, OSError) as error:
        return [f"models/{digest}: {error}"]
    if found == digest:
        return []
    return [f"weights with digest {digest} expected in models/{digest}, got {found}: restore it from a copy"]


def _size_faults(case: Case, here: set[str]) -> Iterator[str]:
    """What a model is said to have, for its charter and its share of compute, its files have."""
    for step, entry in case.trained():
        if entry.digest not in here:
            continue
        try:
            got = numbers_of(case.evidence.models, entry.digest)
        except (DetentError, OSError) as error:
            yield f"{step.place}: models/{entry.digest}: {error}"
            continue
        if got != entry.parameters:
            yield (
                f"{step.place}: {got:,} parameters expected, as models/{entry.digest} has, got {entry.parameters:,}"
            )


def _kind_faults(case: Case, here: set[str]) -> Iterator[str]:
    """A training changes the values of weights and nothing else; where the charter wants an adapter, it makes one."""
    for step, entry in case.trained():
        if not {entry.digest, entry.parent} <= here or entry.digest == entry.parent:
            continue
        parent, child = (case.evidence.models / digest for digest in (entry.parent, entry.digest))
        try:
            if isinstance(entry, Reshaped):
                check_reshaped(parent, child, entry.edit)
            elif (lora := _lora(entry)) is not UNSET and adapter_in(parent) is None:
                check_adapter(parent, child, lora)
            # A given model may be written in another way than workers write theirs.
            elif not isinstance(entry, SubjectBuilt) and step.before.generation > 0:
                check_alike(parent, child)
        except (DetentError, OSError) as error:
            yield f"{step.place}: {error}"


def _lora(entry: Trained) -> Lora | UnsetType:
    match entry:
        case SubjectBuilt(lora=lora):
            return lora
        case CandidateTrained(optimizer=optimizer) | JudgeTrained(optimizer=optimizer):
            return optimizer.lora
        case Tuned() | Reshaped():
            return UNSET


def _link_faults(case: Case) -> list[str]:
    link, incumbent = case.evidence.models / "incumbent", case.state.incumbent
    leads_to = link.readlink().as_posix() if link.is_symlink() else ""
    if leads_to == incumbent and (incumbent or not link.exists()):
        return []
    last = next((step for step in reversed(case.steps) if not outside_turns(step.entry)), None)
    if last is not None and isinstance(last.entry, Decided) and leads_to == last.before.incumbent:
        return []  # the run was cut short between its decision and the link, which the next `run` sets
    return [f"models/incumbent to lead to {incumbent or 'nothing'} expected, got {leads_to or 'no link'}"]
