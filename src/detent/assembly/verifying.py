"""`verify`: hand a run folder over as evidence, as far as it can be read."""

from pathlib import Path

from detent.assembly.places import RunFolder
from detent.assembly.tasks import catalogue, closing, readable_sources
from detent.audit import Evidence, Findings, verify
from detent.charter import verified
from detent.engine import confinement
from detent.errors import DetentError
from detent.signing import VerifyKey
from detent.tasks import TaskSource


def verify_run(folder: Path) -> Findings:
    """Check a run folder without believing anything in it; it may be running meanwhile.

    Raises:
        UsageError: this is no run folder.
    """
    run = RunFolder(folder)
    run.check()
    envelope = _text(run.envelope)
    with closing(_tasks(run, envelope)) as sources:
        return verify(
            Evidence(
                ledger=run.ledger,
                log_key=_log_key(run),
                charter=_text(run.charter),
                envelope=envelope,
                models=run.models,
                data=run.data,
                answers=run.answers,
                tasks=sources,
                catalogue=catalogue(),
            )
        )


def _tasks(run: RunFolder, envelope: str) -> dict[str, TaskSource]:
    try:
        charter = verified(envelope, catalogue()).charter
    except DetentError:
        return {}  # the charter's own check says why
    sources = readable_sources(charter, run.tasks)
    if not confinement().confined:
        # A folder under verification may be a stranger's: its code is not run where it could reach anything.
        for name in set(charter.tasks) & set(sources):
            sources.pop(name).close()
    return sources


def _log_key(run: RunFolder) -> VerifyKey | None:
    try:
        return VerifyKey.parse(_text(run.log_key).strip())
    except DetentError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()  # text mode would read other line ends than were signed
    except (OSError, UnicodeDecodeError):
        return ""
