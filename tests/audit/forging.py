"""What whoever holds the log's key can do to a run: change what it says, and sign a sound ledger of it again.

>>> forge(run, Decided, 1, because="it deserved it")
>>> verify(run.evidence()).faults        # must not be empty
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import structs
from tests.audit.scripted_run import ScriptedRun

from detent.audit import Finding, verify
from detent.evaluate import Row, decode_rows, encode_rows
from detent.values import (
    DataMade,
    Entry,
    Example,
    Intent,
    IntentWritten,
    OutcomeWritten,
    Target,
    decode_entry,
    sha256_hex,
)

Tamper = Callable[[ScriptedRun], object]


class Forgery(NamedTuple):
    """What is done, the check that must find it, and words it must find for it."""

    tamper: Tamper
    check: str
    says: str


def assert_found(run: ScriptedRun, forgery: Forgery) -> None:
    """Tamper; the named check must say it, and no check may have been broken by it."""
    forgery.tamper(run)
    findings = verify(run.evidence())
    found = finding(findings.faults, forgery.check)
    said = " | ".join(found.faults) if found else f"nothing; elsewhere: {findings.faults}"
    assert forgery.says in said, said
    assert not any("could not be finished" in line for line in findings.lines)


def finding(faults: list[Finding], check: str) -> Finding | None:
    """The failed check of that name."""
    return next((one for one in faults if one.check == check), None)


def places(run: ScriptedRun, kind: type[Entry]) -> list[int]:
    """Where entries of that kind stand."""
    return [index for index, entry in enumerate(run.entries()) if isinstance(entry, kind)]


def forge(run: ScriptedRun, kind: type[Entry], nth: int = 0, /, **fields: Any) -> None:
    """Change fields of the nth entry of that kind."""
    record = run.record()
    place = places(run, kind)[nth]
    changed = structs.replace(decode_entry(record[place]), **fields)
    run.rewrite([*record[:place], changed, *record[place + 1 :]])


def forge_intent(run: ScriptedRun, nth: int = 0, /, **fields: Any) -> None:
    """Change fields of the nth intent."""
    forge(run, IntentWritten, nth, intent=structs.replace(intent_of(run, nth), **fields))


def forge_target(run: ScriptedRun, name: str, change: Callable[[Target], Target | None]) -> None:
    """Change one target of the first intent, or take it away."""
    changed = [change(each) if each.name == name else each for each in intent_of(run).targets]
    forge_intent(run, targets=tuple(target for target in changed if target is not None))


def forge_outcome(run: ScriptedRun, nth: int = 0, /, **fields: Any) -> None:
    """Change fields of the nth outcome."""
    outcome = next(e for i, e in enumerate(run.entries()) if i == places(run, OutcomeWritten)[nth])
    assert isinstance(outcome, OutcomeWritten)
    forge(run, OutcomeWritten, nth, outcome=structs.replace(outcome.outcome, **fields))


def forge_rows(run: ScriptedRun, change: Callable[[list[Row]], list[Row]], nth: int = 0) -> None:
    """Change an answers file, and the outcome that names it."""
    old = run.folder / "answers" / outcome_of(run, nth).answers
    content = encode_rows(change(decode_rows(old.read_bytes())))
    old.unlink()
    (old.parent / sha256_hex(content)).write_bytes(content)
    forge_outcome(run, nth, answers=sha256_hex(content))


def forge_data(run: ScriptedRun, nth: int, change: Callable[[list[Example]], list[Example]]) -> None:
    """Change a data file, its counts, and every entry that names it."""
    old = data_file(run, nth)
    examples = change(msgspec.json.Decoder(Example).decode_lines(old.read_bytes()))
    counts: dict[str, dict[str, int]] = {}
    for example in examples:
        levels = counts.setdefault(example.task, {})
        levels[str(example.level)] = levels.get(str(example.level), 0) + 1
    forge(run, DataMade, nth, counts=counts)
    rename_data(run, nth, msgspec.json.Encoder().encode_lines(examples))


def rename_data(run: ScriptedRun, nth: int, content: bytes) -> None:
    """Put other bytes in a data file's place, and its new digest wherever the old one stood."""
    old = data_file(run, nth)
    old.unlink()
    digest = sha256_hex(content)
    (old.parent / f"{digest}.jsonl").write_bytes(content)
    run.rewrite([data.replace(old.stem.encode(), digest.encode()) for data in run.record()])


def data_file(run: ScriptedRun, nth: int) -> Path:
    """The nth data file."""
    entry = run.entries()[places(run, DataMade)[nth]]
    assert isinstance(entry, DataMade)
    return run.folder / "data" / f"{entry.digest}.jsonl"


def intent_of(run: ScriptedRun, nth: int = 0) -> Intent:
    """The nth intent."""
    entry = run.entries()[places(run, IntentWritten)[nth]]
    assert isinstance(entry, IntentWritten)
    return entry.intent


def outcome_of(run: ScriptedRun, nth: int = 0) -> Any:
    """The nth outcome."""
    entry = run.entries()[places(run, OutcomeWritten)[nth]]
    assert isinstance(entry, OutcomeWritten)
    return entry.outcome


def leave_out(run: ScriptedRun, *gone: int) -> None:
    """A ledger without the entries at these places."""
    run.rewrite([data for index, data in enumerate(run.record()) if index not in gone])


def without(run: ScriptedRun, kind: type[Entry], nth: int = 0) -> None:
    """A ledger without the nth entry of that kind."""
    leave_out(run, places(run, kind)[nth])
