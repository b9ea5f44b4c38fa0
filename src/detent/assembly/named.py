"""Which files a run's record names: what a bundle holds, and what is asked of a host.

>>> named(entries).data
('9f2c...e1',)
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from detent.assembly.tasks import catalogue
from detent.charter import Charter, claimed
from detent.errors import DetentError
from detent.tasks import code_address
from detent.values import (
    CandidateTrained,
    CharterSigned,
    DataMade,
    Entry,
    Inspected,
    JudgeTrained,
    OutcomeWritten,
    ServerAsked,
    SubjectBuilt,
    Tuned,
    decode_entry,
    enclosed_in,
)

DIGEST = re.compile(r"[0-9a-f]{64}")


class Named(NamedTuple):
    """Digests of data files, answers files and models, and the names of a charter's files, each once, in order."""

    data: tuple[str, ...]
    answers: tuple[str, ...]
    models: tuple[str, ...]
    files: tuple[str, ...]


def enclosed(entries: Iterable[bytes]) -> tuple[str, ...]:
    """Digests of the files in which some of these entries, as they stand on the ledger, lie."""
    return _digests(stub.sha256 for stub in map(enclosed_in, entries) if stub is not None)


def named(entries: Iterable[bytes]) -> Named:
    """What whole entries name; those that cannot be read name nothing, and what is no digest is no name."""
    data, answers, models, files = [], [], [], []
    for entry in _readable(entries):
        match entry:
            case DataMade(digest=digest):
                data.append(digest)
            case OutcomeWritten(outcome=outcome):
                answers.append(outcome.answers)
            case ServerAsked(record=record):
                answers.append(record)
            case Inspected(log=log):
                answers.append(log)
            case (
                SubjectBuilt(digest=digest, parent=parent)
                | CandidateTrained(digest=digest, parent=parent)
                | JudgeTrained(digest=digest, parent=parent)
                | Tuned(digest=digest, parent=parent)
            ):
                models += [parent, digest]
            case CharterSigned(envelope=envelope):
                with suppress(DetentError, RecursionError):
                    files += _files(claimed(envelope, catalogue()).charter)
            case _:
                pass
    return Named(_digests(data), _digests(answers), _digests(models), tuple(dict.fromkeys(files)))


def _readable(entries: Iterable[bytes]) -> Iterable[Entry]:
    for data in entries:
        with suppress(DetentError, RecursionError):
            yield decode_entry(data)


def _digests(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(digest for digest in found if DIGEST.fullmatch(digest)))


def _files(charter: Charter) -> list[str]:
    """The constitution's files, and those of tasks, tripwires and proxies of the author's own."""
    return [
        *(charter.constitution.pinned if charter.constitution is not None else ()),
        *(task.file for task in charter.tasks.values()),
        *(code_address("tripwire", wire.source).file for wire in charter.tripwires.values() if wire.own),
        *(code_address("proxy", proxy.source).file for proxy in charter.proxies.values()),
    ]
