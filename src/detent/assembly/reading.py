"""Looking at a run without changing it: status, report, the ledger's entries."""

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from detent.assembly import places
from detent.assembly.clock import now
from detent.assembly.enclosing import whole
from detent.assembly.places import RunFolder
from detent.assembly.principles import draft_constitution, principle_margins
from detent.assembly.tasks import catalogue
from detent.charter import Draft, SignedCharter, claimed, draft_text, parse_charter, parse_draft, verified
from detent.engine import DataStore, move_aside, own_folder, replace_file
from detent.errors import StorageError, TrustError, UsageError
from detent.evaluate import alpha, items_to_expect
from detent.ledger import CosigningKey, LedgerReader, writer_of
from detent.oversight import why_stop
from detent.report import (
    AUDITED,
    Screenings,
    adapter_document,
    exploring_document,
    foreseen,
    method_document,
    principle_document,
    render,
    screenings,
    servers_document,
    standing,
    status_document,
    tell,
)
from detent.report import Budget as ErrorBudget
from detent.signing import SigningKey, VerifyKey
from detent.values import Entry, State, decode_entry, fold
from detent.values.serving import Budget

JOURNAL = "spent.jsonl"
"""Beside a server's kept answers: what its sampler paid, line by line."""

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


def enveloped_charter(run: RunFolder) -> SignedCharter:
    """The charter in the folder's envelope, with no signature looked at: to find the run's secrets by its seal."""
    run.check()
    return claimed(run.envelope.read_bytes().decode(errors="replace"), catalogue(), str(run.envelope))


def log_key(signed: SignedCharter) -> SigningKey:
    """The key of the run's ledger, from the user's data folder."""
    return SigningKey.load(places.log_key_path(signed.charter.seal.tip))


def second_key(signed: SignedCharter) -> CosigningKey | None:
    """The key of the ledger's second signature; None where the charter asks for none.

    Raises:
        TrustError: it is missing, or not the charter's.
    """
    seal = signed.charter.seal
    if not seal.ml_dsa:
        return None
    path = places.second_key_path(seal.tip)
    try:
        key = CosigningKey.load(path)
    except UsageError as error:
        raise TrustError(
            f"the key of {seal.ml_dsa[:80]} expected, got: {error}; restore it from a copy"
        ) from error
    if str(key.verify_key) != seal.ml_dsa:
        raise TrustError(
            f"the key of {seal.ml_dsa[:80]} expected in {path}, got another; restore it from a copy"
        )
    return key


def log_verify_key(run: RunFolder) -> VerifyKey:
    """The key that the ledger's checkpoints are signed with."""
    try:
        return VerifyKey.parse(run.log_key.read_bytes().decode(errors="replace").strip())
    except (OSError, UsageError) as error:
        raise TrustError(
            f"the log's verify key expected at {run.log_key}, got: {error}; restore it from a copy"
        ) from error


@dataclass(frozen=True, slots=True)
class LedgerAt:
    """The ledger at one signed checkpoint, decoded and folded. root: Merkle root of its first so many entries."""

    entries: list[Entry]
    state: State
    size: int
    root: Callable[[int], bytes]


def ledger_at(run: RunFolder) -> LedgerAt:
    """The ledger as it is now; it may be growing meanwhile."""
    reader = LedgerReader(run.ledger, log_verify_key(run))
    every = whole(reader.entries(), DataStore(run.data, run.answers).read_bytes)
    entries = [decode_entry(data) for data in every]
    return LedgerAt(entries, fold(entries), reader.size, reader.root)


def entries_of(run: RunFolder) -> list[Entry]:
    """Every entry of the ledger, decoded; the ledger may be growing meanwhile."""
    return ledger_at(run).entries


def status_of(folder: Path) -> dict[str, Any]:
    """What `detent status --json` prints."""
    run = RunFolder(folder)
    signed = signed_charter(run)
    ledger = ledger_at(run)
    tried = Screenings.of(screenings(ledger.state))
    return status_from(
        run, signed, Told(ledger.state, adapter_document(ledger.entries), ledger.entries, tried)
    )


class Told(NamedTuple):
    """What status needs of a ledger.

    adapter: as `adapter_document` has it. served: entries, among them all that say that a server was asked. tried:
    every screening.
    """

    state: State
    adapter: dict[str, Any] | None
    served: Iterable[Entry]
    tried: Screenings


def status_from(run: RunFolder, signed: SignedCharter, told: Told) -> dict[str, Any]:
    """The same of a run that was read already; its folder says who is at work and what servers were paid."""
    state = told.state
    at = max(now(), state.latest_at)
    total = signed.charter.constraints.error_budget
    level = alpha(state.openings + 1, total)
    items = {f"{gain * 100:.0f}": items_to_expect(gain, level).median for gain in GAINS}
    stop = why_stop(state, signed.charter, at, enough=False)
    stands = standing(stop, running=is_running(run))
    document = status_document(state, stands, ErrorBudget(total, level, items), at)
    budgets = budgets_of(signed)
    if (exploring := exploring_document(state, signed.charter, told.tried)) is not None:
        document |= {"exploring": exploring}
    if told.adapter is not None:
        document |= {"adapter": told.adapter}
    if asked := servers_document(told.served, budgets, _paid(run, budgets)):
        document |= {"servers": asked}
    if audited := [method for method in AUDITED if method in signed.charter.feedback.methods]:
        document |= {"methods": method_document(state, audited)}
    margins = principle_margins(signed.charter, run.tasks)
    return document if margins is None else document | {"principles": principle_document(state, margins)}


def _paid(run: RunFolder, names: Iterable[str]) -> dict[str, int]:
    """Tokens, read and written, by the journal of each server's sampler; a line that is cut short counts for none."""
    found = dict.fromkeys(names, 0)
    for name in found:
        path = run.served / name / JOURNAL
        with suppress(OSError):
            for line in path.read_bytes().splitlines() if path.is_file() else ():
                with suppress(msgspec.DecodeError):
                    found[name] += sum(msgspec.json.decode(line, type=dict[str, int]).values())
    return found


def is_running(run: RunFolder) -> bool:
    """Whether a living process holds the ledger."""
    return writer_of(run.ledger) != ""


def charter_of(folder: Path) -> SignedCharter:
    """The charter in force, its signatures checked."""
    return signed_charter(RunFolder(folder))


def check_draft(path: Path) -> Draft:
    """A draft with its constitution, or a complete charter, in order.

    Raises:
        UsageError: there is no such file.
        CharterError: everything that is wrong with it, a line each.
    """
    text = draft_text(path)
    if re.search(r"^\s*\[seal\]", text, re.MULTILINE):
        return parse_charter(text, catalogue(), str(path))
    draft = parse_draft(text, catalogue(), str(path))
    draft_constitution(draft, path.parent)
    return draft


def write_report(folder: Path, say: Callable[[str], None]) -> Path:
    """Write reports/report.html; returns its path. say: told, in a line, of what lay in its way."""
    run = RunFolder(folder)
    signed = signed_charter(run)
    page = render_report(signed, entries_of(run))
    return save_report(run, page, say)


def render_report(signed: SignedCharter, entries: list[Entry]) -> str:
    """The report as HTML."""
    charter = signed.charter
    story = tell(entries, charter.name, charter.purpose, dict(charter.direction.improve))
    return render(structs.replace(foreseen(story, charter), budgets=budgets_of(signed)))


def budgets_of(signed: SignedCharter) -> dict[str, Budget]:
    """What the charter in force allows each of its servers."""
    return {name: server.limits for name, server in signed.charter.servers.items()}


def save_report(run: RunFolder, page: str, say: Callable[[str], None]) -> Path:
    """Replace the report as a whole; what lies in its way and is no file, or no folder of it, is moved aside."""
    draft = run.report.with_suffix(f".{os.getpid()}")  # `report` and `run` may write at the same time
    try:
        see_to(run.report.parent, say)
        if run.report.is_dir():
            say(moved_aside(run.report, move_aside(run.report)))
        replace_file(run.report, draft, page.encode())
    except OSError as error:
        raise StorageError(
            f"a report at {run.report} expected, got: {error}; free or mend the disk"
        ) from error
    return run.report


def see_to(folder: Path, say: Callable[[str], None]) -> None:
    """Have a folder of the run's own there; what lies in its way is moved aside, and said.

    Raises:
        OSError, StorageError: the disk refuses.
    """
    if (aside := own_folder(folder)) is not None:
        say(moved_aside(folder, aside))


def moved_aside(path: Path, aside: Path) -> str:
    """What is said when something lay where the run writes."""
    return f"{path} was in the way of the run's own; what lay there is now {aside}"
