"""A run whose every text is an attack: names of tasks, sentences of models and people, problems, answers, examples.

>>> room = hostile(folder, "<script>alert(1)</script>")
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from tests.report.inside_looks import look
from tests.report.synthetic_run import Words, ledger
from tests.web.standing import Room, made_up

from detent.engine import DataStore
from detent.evaluate import Row, encode_rows
from detent.signing import canonical
from detent.values import (
    Answered,
    DataMade,
    Decided,
    Entry,
    Example,
    Explained,
    Ordered,
    OutcomeWritten,
    Reading,
    Requested,
    Slice,
    Watched,
    decode_entry,
    entry_document,
)

SEED = 2  # two generations, both of them opened


def hostile(folder: Path, attack: str) -> Room:
    """Two closed generations; a person was asked about the first, and paused the run after the second."""
    tasks = tuple(f"{attack}{number}" for number in (1, 2, 3))
    words = Words(tasks, attack, attack, attack, attack, attack, attack, {attack: attack})
    top = dict.fromkeys(tasks, 15)
    room = made_up(
        folder, "hostile", list(_with_people(ledger(2, SEED, words, confined=False), attack)), top, attack
    )
    _with_files(room, attack)
    charter = room.charter.charter.model_copy(update={"name": attack, "purpose": attack})
    object.__setattr__(room.charter, "charter", charter)
    return room


def _with_people(entries: list[Entry], attack: str) -> Iterator[Entry]:
    for entry in entries:
        if isinstance(entry, Decided) and entry.generation == 1:
            common: dict[str, Any] = {"at": entry.at, "generation": 1}
            found = look(
                text=attack[:400]
            )  # what is longer nobody is believed to have found: engine.unbelievable
            yield Explained(
                candidate=entry.candidate or "c" * 64,
                incumbent="a" * 64,
                first="b" * 64,
                basis="a" * 64,
                depth="always",
                changed=found,
                since=found,
                **common,
            )
            yield _watched(attack, entry.at)
            yield Requested(
                number=1,
                candidate=entry.candidate,
                reasons=(attack, attack),
                unchecked=(attack,),
                approvers=1,
                expires="2026-01-02T00:00:00Z",
                **common,
            )
            yield Answered(
                request=1,
                verdict="approve",
                because=attack,
                signers=(attack,),
                seconds=9.0,
                envelope=attack,
                **common,
            )
        yield entry
    yield Ordered(
        at=entries[-1].at,
        generation=3,
        order="pause",
        to=None,
        because=attack,
        signers=(attack,),
        envelope=attack,
    )


def _watched(attack: str, at: str) -> Watched:
    readings = (
        Reading(attack, "fired", attack, 1.0, 0.5, attack, (attack,)),
        Reading("quiet_one", "quiet", attack, 0.25, 0.5, attack),
    )
    return Watched(at=at, generation=1, readings=readings, actions={attack: "record"})


def _with_files(room: Room, attack: str) -> None:
    """Its data and answers, in files whose digests the ledger names."""
    store = DataStore(room.folder / "data", room.folder / "answers")
    examples = store.put([Example(f"{attack}1", 3, attack, attack, 0.9, 0.8, 0.7, attack)] * 2)
    rows = [
        Row(attack, index, Slice(f"{attack}1", 3), attack, attack, attack, right, attack, not right)
        for index, right in enumerate((True, False))
    ]
    answers = store.put_bytes(encode_rows(rows))
    text = msgspec.json.encode([entry_document(entry) for entry in room.entries]).decode()
    for entry in room.entries:
        if isinstance(entry, DataMade) and entry.generation == 1:
            text = text.replace(entry.digest, examples)
        if isinstance(entry, OutcomeWritten) and entry.generation == 1:
            text = text.replace(entry.outcome.answers, answers)
    room.read_on([decode_entry(canonical(document)) for document in msgspec.json.decode(text)])
