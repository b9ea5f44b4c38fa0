"""`gc`: files that the charter's [retention] lets go are deleted, and the ledger says which.

>>> plan = plan_gc(folder, {"models": "promoted"})     # looks, and changes nothing
>>> collect(folder, {"models": "promoted"}, "room for the next lease")

The entry is written first. Cut short after it, what it names may still be there: the next `gc` deletes it.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from detent.assembly.named import DIGEST
from detent.assembly.office import Office, open_office
from detent.assembly.places import RunFolder
from detent.assembly.reading import ledger_at
from detent.assembly.tasks import catalogue
from detent.charter import Retention
from detent.engine import discard
from detent.errors import CharterError, StorageError, UsageError
from detent.oversight import believe, may_go
from detent.values import Collected, Files, IntentWritten, State, left_states, lost, recorded

KINDS = ("models", "data", "answers")

MOST_LISTED = 800
"""Digests of one entry; it may have 65,535 bytes."""

LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """What `gc` deletes, or would.

    rule: what is kept, by kind. gone: what goes, still there. unrecorded: of it, what no entry says was deleted.
    sizes: bytes that go, by kind. openings: those that can no longer be re-run. generations: those that no rollback
        puts back in force.
    """

    rule: Retention
    gone: Files
    unrecorded: Files
    sizes: Mapping[str, int]
    openings: tuple[int, ...]
    generations: tuple[int, ...]


def plan_gc(folder: Path, keep: Mapping[str, str]) -> Plan:
    """What `collect` would delete now. Raises as `collect`, but for BusyError; nothing is changed."""
    run = RunFolder(folder)
    run.check()
    at = ledger_at(run)
    signed = believe(at.entries, catalogue(), at.root)
    return _plan(run, at.state, signed.charter.retention, keep)


def collect(folder: Path, keep: Mapping[str, str], because: str) -> Plan:
    """Delete what the charter lets go, or less; returns what was deleted.

    Args:
        folder: the run's.
        keep: rules as the charter's [retention] has them, by kind, that keep more than it; a kind that is not named is
            kept as the charter says.
        because: why, for the record: one line, up to 1000 characters.

    Raises:
        UsageError: this is no run folder, a rule or the reason is none, or the run is halted, or waits for a rollback.
        CharterError: a rule keeps less than the charter's.
        BusyError: another process has the run open.
        StorageError: something could not be deleted; what was stands on the ledger, and the same command goes on.
    """
    if not because.isprintable() or not 1 <= len(because) <= LONGEST_REASON:
        raise UsageError(
            f"a reason of one line, 1 to {LONGEST_REASON} characters, expected, got {because[:60]!r}"
        )
    with open_office(folder) as office:
        office.take_stops()
        state = office.book.state
        plan = _plan(office.run, state, office.signed.charter.retention, keep)
        _record(office, plan.unrecorded, because)
        for path in (path for kind in KINDS for path in _paths(office.run, state, plan.gone, kind)):
            discard(path)
            if os.path.lexists(path):
                raise StorageError(
                    f"{path} to be deleted expected, got: it is still there; see to its permissions and run gc again"
                )
    return plan


def _plan(run: RunFolder, state: State, rule: Retention, keep: Mapping[str, str]) -> Plan:
    for place in (run.models, run.data, run.answers, run.states):
        if place.is_symlink():
            raise UsageError(
                f"a folder of the run's own expected at {place}, got a link: nothing is deleted elsewhere; put the "
                "folder itself there"
            )
    if state.returning is not None or (state.hold is not None and state.hold.kind == "halted"):
        raise UsageError(
            f"a run that is not halted, and waits for no rollback, expected, got one that does: see: "
            f"detent status {run.root}"
        )
    wanted = _rule(rule, keep)
    allowed, asked = may_go(state, rule), may_go(state, wanted)
    if more := len(asked - allowed):
        raise CharterError(
            f"[retention] models = {rule.models!r}, data = {rule.data!r}, answers = {rule.answers!r} at the least "
            f"expected, got a rule that lets {more} more files go; amend the charter, or keep more"
        )
    every, once = recorded(state), Files(state.collected, state.collected, state.collected)
    left_over = every - (every - once)  # recorded as deleted, and perhaps not: a crash came between
    gone = _there(run, asked | left_over)
    taken = state.collected | gone.models | gone.data
    return Plan(
        rule=wanted,
        gone=gone,
        unrecorded=gone - once,
        sizes={kind: sum(map(_size, _paths(run, state, gone, kind))) for kind in KINDS},
        openings=tuple(_openings(state, taken)),
        generations=tuple(lost(state, taken)),
    )


def _rule(charters: Retention, keep: Mapping[str, str]) -> Retention:
    """The charter's rule with those that were given."""
    try:
        return Retention.model_validate(charters.model_dump() | dict(keep))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"KIND=RULE of models (all, promoted, last N), data (all, in_force) or answers (all, last N) expected, got "
            f"{'='.join(map(str, (*first['loc'], first['input'])))}"
        ) from error


def _record(office: Office, files: Files, because: str) -> None:
    """Write down what is about to be deleted, in as many entries as it takes."""
    every = [(kind, digest) for kind in KINDS for digest in sorted(getattr(files, kind))]
    for start in range(0, len(every), MOST_LISTED):
        some = every[start : start + MOST_LISTED]
        models, data, answers = (tuple(digest for one, digest in some if one == kind) for kind in KINDS)
        office.book.write(Collected(models=models, data=data, answers=answers, because=because))


def _there(run: RunFolder, files: Files) -> Files:
    """Those of which something is still there; what is no digest is nobody's file, whatever the ledger says."""
    found = {
        kind: frozenset(
            digest
            for digest in getattr(files, kind)
            if DIGEST.fullmatch(digest) and os.path.lexists(_path(run, kind, digest))
        )
        for kind in KINDS
    }
    return Files(**found)


def _paths(run: RunFolder, state: State, files: Files, kind: str) -> Iterator[Path]:
    """What is deleted of a kind: with a model goes, and goes first, what its optimizers remember."""
    left = left_states((*state.history.values(), state.slots)) if kind == "models" else {}
    for digest in sorted(getattr(files, kind)):
        remembered = left.get(digest, "")
        if DIGEST.fullmatch(remembered) and os.path.lexists(run.states / remembered):
            yield run.states / remembered
        yield _path(run, kind, digest)


def _path(run: RunFolder, kind: str, digest: str) -> Path:
    if kind == "data":
        return run.data / f"{digest}.jsonl"
    return (run.models if kind == "models" else run.answers) / digest


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; links are not followed."""
    files = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
    return sum(one.lstat().st_size for one in files if not one.is_dir())


def _openings(state: State, gone: frozenset[str]) -> Iterator[int]:
    """Openings of which a model is not there to answer again."""
    for slots in (*state.history.values(), state.slots):
        opened = slots.get("intent/v1")
        if isinstance(opened, IntentWritten) and gone.intersection(opened.intent.models):
            yield opened.intent.k
