"""Looking at a run without changing it: status, report, the ledger's entries."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from detent.assembly import places
from detent.assembly.places import RunFolder
from detent.assembly.tasks import catalogue
from detent.charter import SignedCharter, verified
from detent.errors import StorageError, TrustError, UsageError
from detent.evaluate import alpha, items_to_expect
from detent.ledger import LedgerReader, writer_of
from detent.report import Budget, render, standing, status_document, tell
from detent.signing import SigningKey, VerifyKey
from detent.values import Entry, decode_entry, fold

GAINS = (0.05, 0.10)
"""Gains for which status says how many items the next opening will need."""


def signed_charter(run: RunFolder) -> SignedCharter:
    """The charter of a run, its signatures checked.

    Raises:
        UsageError: this is no run folder.
        TrustError: charter.toml is not what was signed, or too few stewards signed.
    """
    run.check()
    # Bytes, since text mode would read other line ends than were signed. What is no UTF-8 is no envelope.
    signed = verified(run.envelope.read_bytes().decode(errors="replace"), catalogue(), str(run.envelope))
    if not run.charter.is_file() or run.charter.read_bytes() != signed.text.encode():
        raise TrustError(
            f"{run.charter} as it was signed expected, got another text; restore it from charter.dsse"
        )
    return signed


def log_key(signed: SignedCharter) -> SigningKey:
    """The key of the run's ledger, from the user's data folder."""
    return SigningKey.load(places.log_key_path(signed.charter.seal.tip))


def log_verify_key(run: RunFolder) -> VerifyKey:
    """The key that the ledger's checkpoints are signed with."""
    try:
        return VerifyKey.parse(run.log_key.read_bytes().decode(errors="replace").strip())
    except (OSError, UsageError) as error:
        raise TrustError(
            f"the log's verify key expected at {run.log_key}, got: {error}; restore it from a copy"
        ) from error


def entries_of(run: RunFolder) -> list[Entry]:
    """Every entry of the ledger, decoded; the ledger may be growing meanwhile."""
    reader = LedgerReader(run.ledger, log_verify_key(run))
    return [decode_entry(data) for data in reader.entries()]


def status_of(folder: Path) -> dict[str, Any]:
    """What `detent status --json` prints."""
    run = RunFolder(folder)
    signed = signed_charter(run)
    state = fold(entries_of(run))
    total = signed.charter.constraints.error_budget
    level = alpha(state.openings + 1, total)
    items = {f"{gain * 100:.0f}": items_to_expect(gain, level).median for gain in GAINS}
    running = is_running(run)
    return status_document(state, standing(state, running=running), Budget(total, level, items))


def is_running(run: RunFolder) -> bool:
    """Whether a living process holds the ledger."""
    return writer_of(run.ledger) != ""


def write_report(folder: Path) -> Path:
    """Write reports/report.html; returns its path."""
    run = RunFolder(folder)
    signed = signed_charter(run)
    page = render_report(signed, entries_of(run))
    return save_report(run, page)


def render_report(signed: SignedCharter, entries: list[Entry]) -> str:
    """The report as HTML."""
    charter = signed.charter
    return render(tell(entries, charter.name, charter.purpose, dict(charter.direction.improve)))


def save_report(run: RunFolder, page: str) -> Path:
    """Replace the report as a whole."""
    draft = run.report.with_suffix(f".{os.getpid()}")  # `report` and `run` may write at the same time
    try:
        run.report.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(page, encoding="utf-8")
        draft.replace(run.report)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StorageError(
            f"a report at {run.report} expected, got: {error}; free or mend the disk"
        ) from error
    return run.report
