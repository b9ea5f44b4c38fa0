"""The ledger itself, and whether what stands on it can follow one another: bytes, kinds, order, times."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import takewhile

from detent.audit.evidence import Case
from detent.audit.files import plain_file
from detent.audit.findings import Finding, counted
from detent.audit.fsck import MOST_CHECKPOINT
from detent.audit.steps import Step, outside_turns
from detent.errors import DetentError
from detent.ledger import CosignerKey, Note, verified_cosignatures
from detent.signing import canonical
from detent.values import entry_document

TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def check_ledger(case: Case) -> Finding:
    """Every hash and file of the log, and its signature; see `fsck`. The heads that others keep of it can be read."""
    tree = case.tree
    name = tree.head.origin if tree.head else "nobody"
    root = f"root {tree.root.hex()[:8]}... signed by {name}"
    detail = f"{counted(len(tree.entries), 'entry')}, {root}: every tile and hash derived again"
    return Finding("ledger", detail, (*(*tree.faults, *case.evidence.unread_heads), *_second_signature(case)))


def _second_signature(case: Case) -> list[str]:
    """The checkpoint also has the ML-DSA-44 signature that the charter names, where it names one."""
    vkey = case.charters.newest.charter.seal.ml_dsa if case.charters is not None else ""
    if not vkey:
        return []
    try:
        note = Note.parse(plain_file(case.evidence.ledger / "checkpoint", MOST_CHECKPOINT) or b"")
        signed = verified_cosignatures(note, [CosignerKey.parse(vkey)])
    except DetentError as error:
        return [f"checkpoint: {error}"]
    return [] if signed else [f"a second signature by {vkey[:80]} expected, got none"]


def check_entries(case: Case) -> Finding:
    """Each entry is of a known kind, and written in the one form that says what it says (RFC 8785)."""
    kinds = {step.entry.kind for step in case.steps}
    faults = [*case.unread, *(fault for step in case.steps for fault in _form_faults(step))]
    return Finding(
        "entries",
        f"{counted(len(case.steps), 'entry')} of {counted(len(kinds), 'kind')}, in canonical form",
        tuple(faults),
    )


def check_order(case: Case) -> Finding:
    """The fold takes every entry, under its own generation, at a time that is not before the last one's."""
    faults = list(_refusals(case.steps))
    faults += [fault for step in case.steps for fault in _stamp_faults(step)]
    faults += _time_faults(case.steps)
    first, last = (case.steps[place].entry.at if case.steps else "never" for place in (0, -1))
    detail = f"{counted(case.state.generation, 'closed generation')}, entry after entry, {first} to {last}"
    return Finding("order", detail, tuple(faults))


def _refusals(steps: Sequence[Step]) -> Iterator[str]:
    """What the fold does not take; entries that hang on one that it did not take are counted with that one."""
    refused = [step for step in steps if step.refused]
    for place, step in enumerate(refused):
        if step.hangs:
            continue
        hanging = sum(1 for _ in takewhile(lambda later: later.hangs, refused[place + 1 :]))
        more = f"; {counted(hanging, 'entry')} after it cannot stand without it" if hanging else ""
        yield f"{step.place}: {step.refused}{more}"


def _form_faults(step: Step) -> Iterator[str]:
    try:
        proper = canonical(entry_document(step.entry))
    except DetentError as error:
        yield f"{step.place}: {error}"
        return
    if proper != step.data:
        at = next((i for i, (a, b) in enumerate(zip(proper, step.data, strict=False)) if a != b), len(proper))
        yield (
            f"{step.place}: {step.entry.kind} in canonical form expected, "
            f"got {step.data[max(0, at - 20) : at + 20]!r} at byte {at}"
        )


def _stamp_faults(step: Step) -> Iterator[str]:
    """The fold looks at generations within a turn; this also at what stands between turns."""
    if step.doubtful:
        return
    entry, generation = step.entry, step.before.generation
    if outside_turns(entry) and entry.generation != generation:
        yield f"{step.place}: {entry.kind} of generation {generation} expected, got {entry.generation}"
    if not outside_turns(entry) and step.before.session is None:
        yield f"{step.place}: a session before {entry.kind} expected, got none: nobody says what code ran"


def _time_faults(steps: tuple[Step, ...]) -> Iterator[str]:
    before = ""
    for step in steps:
        at = step.entry.at
        if not is_time(at):
            yield f"{step.place}: a time such as 2026-01-31T12:00:00Z expected, got {at[:40]!r}"
        elif at < before:
            yield f"{step.place}: a time not before {before} expected, got {at}: time never goes back"
        else:
            before = at


def is_time(text: str) -> bool:
    """Whether it is a time as entries carry them."""
    if not TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
