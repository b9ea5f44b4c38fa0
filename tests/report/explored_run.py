"""A made-up ledger in which changes beside the data were tried: what the report's tests render.

>>> entries = explored()
"""

from collections.abc import Iterator
from typing import Any

from msgspec import structs
from tests.report.synthetic_run import EVENTFUL, Words, ledger

from detent.values import (
    CandidateTrained,
    Change,
    Declined,
    Diagnosed,
    Entry,
    Profile,
    Profiled,
    Proposed,
    Reshape,
    Reshaped,
    Score,
    Source,
    Suggested,
    Tune,
    Withdrawn,
    sha256_hex,
)
from detent.values.shape import AddBlock, Rotary

OFF = Rotary((False, False, False))
GENERATION = 1
"""The one that tries something; it promotes (seed EVENTFUL)."""

RIGHT = {"0.0": 40, "1.0": 52, "2.0": 30, "3.0": 44, "0.1": 46, "1.1": 62, "3.1": 47}
"""Of 96 problems on each level, by trial. Number 4 could not be made."""


def changes(words: str = "positions may count for less") -> tuple[Change, ...]:
    return (
        Reshape(OFF, by="rules", because=words),
        Tune({"recipe.confidence": 0.8, "recipe.steps": 240}, by="search", because=words),
        Reshape(AddBlock(at=3), by="model", because=words),
        Reshape(AddBlock(at=1), by="model", because=words),
    )


def explored(
    words: str = "positions may count for less", names: Words | None = None, *, whole: bool = True
) -> list[Entry]:
    """The ledger of `ledger(2, EVENTFUL)`, whose first generation tried four changes and proposed the first.

    words: every text that a proposer chose. whole: else the ledger ends in the middle of rung 2.
    """
    found: list[Entry] = []
    entries = ledger(2, EVENTFUL, names)
    for entry in entries:
        if entry.generation == GENERATION and isinstance(entry, Proposed):
            if not whole:
                return found[:-1]  # the last trial's profile
            found += _proposed(entry, words)
            continue
        found.append(entry)
        if entry.generation == GENERATION and isinstance(entry, Diagnosed):
            found += _screening(entries, entry.at, words)
    return found


def _proposed(entry: Proposed, words: str) -> Iterator[Entry]:
    team = entry.proposal.team
    yield structs.replace(entry, proposal=structs.replace(entry.proposal, change=changes(words)[0]))
    for member, parent in enumerate(team):
        yield Reshaped(
            at=entry.at,
            generation=GENERATION,
            member=member,
            digest=sha256_hex(f"reshaped {member}".encode()),
            parent=parent,
            edit=OFF,
            seed=member,
            parameters=612_480,
            distance=0.71,
            flops=1e9,
        )


def _screening(entries: list[Entry], at: str, words: str) -> Iterator[Entry]:
    stamp: dict[str, Any] = {"at": at, "generation": GENERATION}
    declined = (Declined(by="model", said=words, because=words),)
    yield Suggested(
        **stamp, changes=changes(words), because=f"no frontier has moved: {words}", declined=declined
    )
    parent = next(entry for entry in entries if isinstance(entry, Profiled)).profile
    for trial, right in RIGHT.items():
        if trial == "0.1":
            yield Withdrawn(**stamp, trial="4.0", because=f"the edit cannot be made: {words}")
        digest = sha256_hex(trial.encode())
        yield CandidateTrained(
            **stamp,
            trial=trial,
            member=0,
            digest=digest,
            parent=parent.subject,
            data=(Source("d" * 64, 1.0),),
            steps=60,
            seed=1,
            optimizer=_optimizer(entries),
            parameters=612_480,
            flops=1e11,
            precision="float32",
            losses=(0.5,),
            change={},
        )
        scores = {task: tuple(Score(right, 96) for _ in row) for task, row in parent.scores.items()}
        profile = Profile(digest, scores)
        yield Profiled(
            **stamp, trial=trial, purpose="visible", member=0, profile=profile, stream="05" * 32, flops=1e9
        )


def _optimizer(entries: list[Entry]) -> Any:
    return next(entry.optimizer for entry in entries if isinstance(entry, CandidateTrained))
