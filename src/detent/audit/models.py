"""What lies in the run's folders: every model and file the record names, under its digest, and nothing unnamed."""

import re
from pathlib import Path

from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted
from detent.errors import DetentError
from detent.values import CandidateTrained, DataMade, Decided, OutcomeWritten, SubjectBuilt
from detent.values.folder import folder_digest

DIGEST = re.compile(r"[0-9a-f]{64}")


def check_models(case: Case) -> Finding:
    """Models that are there are what their digests say; the incumbent and the team are there; the link leads to it."""
    folder, state = case.evidence.models, case.state
    here = named_models(case) & _names(folder)
    faults = [fault for digest in sorted(here) for fault in _content_faults(folder, digest)]
    faults += [
        f"the model models/{digest} in force expected, got none: restore it from a copy"
        for digest in sorted({state.incumbent, *state.team} - {""} - here)
    ]
    faults += _link_faults(case)
    return Finding(
        "models",
        f"{len(here)} of {counted(len(named_models(case)), 'model')} there, with the digests that name them",
        tuple(faults),
    )


def missing_models(case: Case) -> str:
    """A note on models that are no longer there; older ones may go."""
    gone = named_models(case) - _names(case.evidence.models) - {case.state.incumbent, *case.state.team}
    return (
        f"{len(gone)} older models are no longer there: nothing about them can be tried again" if gone else ""
    )


def unnamed_files(case: Case) -> list[str]:
    """Notes on what the record does not name: left by a crash, or of entries that were taken off the ledger."""
    evidence = case.evidence
    named = {
        "models": (evidence.models, named_models(case)),
        "data": (evidence.data, {f"{entry.digest}.jsonl" for _, entry in case.all(DataMade)}),
        "answers": (evidence.answers, {entry.outcome.answers for _, entry in case.all(OutcomeWritten)}),
    }
    notes = []
    for name, (folder, known) in named.items():
        strays = sorted(stray for stray in _names(folder) if DIGEST.match(stray) and stray not in known)
        if strays:
            notes.append(
                f"{len(strays)} in {name}/ that no entry names, such as {strays[0]}: left by a turn that was cut "
                "short, or of entries that were taken off the ledger's end"
            )
    return notes


def named_models(case: Case) -> set[str]:
    """Every model the record names, the untrained ones that the first were made from included."""
    pairs = [(entry.digest, entry.parent) for _, entry in case.all(SubjectBuilt)]
    pairs += [(entry.digest, entry.parent) for _, entry in case.all(CandidateTrained)]
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


def _link_faults(case: Case) -> list[str]:
    link, incumbent = case.evidence.models / "incumbent", case.state.incumbent
    leads_to = link.readlink().as_posix() if link.is_symlink() else ""
    if leads_to == incumbent and (incumbent or not link.exists()):
        return []
    last = case.steps[-1].entry if case.steps else None
    if isinstance(last, Decided) and leads_to == _incumbent_before(case):
        return []  # the run was cut short between its decision and the link, which the next `run` sets
    return [f"models/incumbent to lead to {incumbent or 'nothing'} expected, got {leads_to or 'no link'}"]


def _incumbent_before(case: Case) -> str:
    return case.steps[-1].before.incumbent
