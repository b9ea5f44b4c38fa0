"""`verify`: hand a run folder over as evidence, as far as it can be read."""

from pathlib import Path

from detent.assembly.places import RunFolder
from detent.assembly.tasks import catalogue, closing, readable_proxies, readable_sources, readable_wires
from detent.assembly.watermark import kept_heads
from detent.audit import Evidence, Findings, verify
from detent.charter import Charter, verified
from detent.engine import confinement
from detent.errors import DetentError
from detent.signing import VerifyKey
from detent.tasks import Proxy, TaskSource


def verify_run(folder: Path) -> Findings:
    """Check a run folder without believing anything in it; it may be running meanwhile.

    Raises:
        UsageError: this is no run folder.
        TrustError: the mark in the user's data folder is there, and cannot be read.
    """
    run = RunFolder(folder)
    run.check()
    envelope = _text(run.envelope)
    charter = _charter(envelope)
    with closing(_tasks(run, charter)) as sources, closing(_proxies(run, charter)) as proxies:
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
                wires=_wires(run, charter),
                proxies=proxies,
                heads=kept_heads(charter) if charter is not None else (),
                catalogue=catalogue(),
            )
        )


def _charter(envelope: str) -> Charter | None:
    try:
        return verified(envelope, catalogue()).charter
    except DetentError:
        return None  # the charter's own check says why


def _tasks(run: RunFolder, charter: Charter | None) -> dict[str, TaskSource]:
    if charter is None:
        return {}
    sources = readable_sources(charter, run.tasks)
    if not confinement().confined:
        # A folder under verification may be a stranger's: its code is not run where it could reach anything.
        for name in set(charter.tasks) & set(sources):
            sources.pop(name).close()
    return sources


def _proxies(run: RunFolder, charter: Charter | None) -> dict[str, Proxy]:
    """None where a stranger's code could reach anything."""
    return readable_proxies(charter, run.tasks) if charter is not None and confinement().confined else {}


def _wires(run: RunFolder, charter: Charter | None) -> dict[str, str]:
    """Digests alone: what a tripwire said is not asked again."""
    if charter is None:
        return {}
    return {name: lookout.digest for name, lookout in readable_wires(charter, run.tasks).items()}


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
