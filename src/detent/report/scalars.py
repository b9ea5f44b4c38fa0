"""A run as curves: numbers by generation and name, for the trackers that people already look at.

    >>> scalars(entries)[3]["ladder"], scalars(entries)[3]["gate/S/log_e"]
    (0.67, 6.9)

Read off the ledger's entries alone, so that a run's whole past can be shown at any time; none of it steers anything.
Names hold letters, digits and `_ - /` only, whatever tasks are called; and no name is the beginning of another before a
slash, since some trackers keep names as files.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import log

from detent.report.tried import screening_of
from detent.values import (
    CandidateTrained,
    DataMade,
    Decided,
    Entry,
    IntentWritten,
    JudgeTrained,
    OutcomeWritten,
    Profile,
    Profiled,
    State,
    SubjectBuilt,
    Tuned,
    Watched,
    fold,
)

DECISIONS = {"promote": 1.0, "carry": 0.0, "discard": -1.0, "rollback": -2.0}
"""What curves show of a decision."""

VERDICTS = {"better": 1.0, "undecided": 0.0, "not_better": -1.0, "void": -2.0}
"""Likewise of a verdict."""

Scalars = Mapping[int, Mapping[str, float]]
"""Values by name, by generation."""


def scalars(entries: Sequence[Entry]) -> dict[int, dict[str, float]]:
    """Every closed generation's numbers.

    ladder, ladder_of/TASK: share right on fresh problems, of the model in force. visible/MEMBER: in the open.
    loss/MEMBER: of the last tenth of a training; loss/dpo/MEMBER, loss/grpo/MEMBER, loss/judge likewise.
    gate/*: log_e, needed, items and passed of each test; gain_low, gain_high, verdict.
    tripwire/WIRE/*: statistic, limit, fired.
    data/TASK: self-made examples that were kept. compute/petaflop. decision. error_budget/spent.
    exploring/*, where changes beside the data were tried: alternatives, best_gain (of the visible ladder over the plan
    as it is, at the last rung), chosen (1 where one was proposed).
    """
    state = fold(entries)
    flops = _flops(entries)
    found: dict[int, dict[str, float]] = {}
    spent = 0.0
    for generation, slots in state.history.items():
        named = dict(_of_turn(slots.values()))
        intent = slots.get("intent/v1")
        if isinstance(intent, IntentWritten):
            spent += intent.intent.alpha
        found[generation] = (
            named
            | _explored(state, generation)
            | {
                "compute/petaflop": flops.get(generation, 0.0) / 1e15,
                "error_budget/spent": spent,
            }
        )
    return _carried(found)


def _explored(state: State, generation: int) -> dict[str, float]:
    screening = screening_of(state, generation)
    if screening is None:
        return {}
    gain = {} if screening.best is None else {"exploring/best_gain": screening.best}
    return gain | {
        "exploring/alternatives": float(len(screening.changes)),
        "exploring/chosen": float(screening.chosen is not None),
    }


def _of_turn(entries: Iterable[Entry]) -> Iterator[tuple[str, float]]:
    needed = 0.0
    for entry in entries:
        match entry:
            case Profiled(purpose="fresh"):
                yield from _ladder(entry.profile)
            case Profiled():
                yield f"visible/{entry.member}", entry.profile.ladder()
            case SubjectBuilt() | CandidateTrained() | Tuned() | JudgeTrained() if entry.losses:
                yield _loss(entry), entry.losses[-1]
            case IntentWritten():
                needed = _needed(entry)
            case OutcomeWritten():
                yield from _gate(entry, needed)
            case Watched():
                yield from _wires(entry)
            case Decided():
                yield "decision", DECISIONS[entry.decision]
            case _:
                yield from _data(entry)


def _data(entry: Entry) -> Iterator[tuple[str, float]]:
    if isinstance(entry, DataMade) and entry.origin.source == "self":
        for task, levels in entry.counts.items():
            yield f"data/{name_of(task)}", float(sum(levels.values()))


def _ladder(profile: Profile) -> Iterator[tuple[str, float]]:
    yield "ladder", profile.ladder()
    for task in profile.scores:
        yield f"ladder_of/{name_of(task)}", profile.task_ladder(task)


def _loss(entry: SubjectBuilt | CandidateTrained | Tuned | JudgeTrained) -> str:
    if isinstance(entry, JudgeTrained):
        return "loss/judge"
    return f"loss/{entry.method}/{entry.member}" if isinstance(entry, Tuned) else f"loss/{entry.member}"


def _needed(entry: IntentWritten) -> float:
    """ln(1/alpha), which each test's evidence must reach."""
    return -log(entry.intent.alpha) if 0 < entry.intent.alpha < 1 else 0.0


def _gate(entry: OutcomeWritten, needed: float) -> Iterator[tuple[str, float]]:
    yield "gate/verdict", VERDICTS[entry.outcome.verdict]
    if entry.outcome.gain is not None:
        yield "gate/gain_low", entry.outcome.gain.low
        yield "gate/gain_high", entry.outcome.gain.high
    for result in entry.outcome.results:
        test = f"gate/{name_of(result.name)}"
        yield f"{test}/log_e", result.log_e
        yield f"{test}/needed", needed
        yield f"{test}/items", float(result.counts.items)
        yield f"{test}/passed", float(result.passed)


def _wires(entry: Watched) -> Iterator[tuple[str, float]]:
    for reading in entry.readings:
        wire = f"tripwire/{name_of(reading.wire)}"
        if reading.statistic is not None:
            yield f"{wire}/statistic", reading.statistic
        if reading.limit is not None:
            yield f"{wire}/limit", reading.limit
        yield f"{wire}/fired", float(reading.fired)


def _flops(entries: Iterable[Entry]) -> dict[int, float]:
    found: dict[int, float] = {}
    for entry in entries:
        found[entry.generation] = found.get(entry.generation, 0.0) + float(getattr(entry, "flops", 0.0))
    return found


def _carried(found: dict[int, dict[str, float]]) -> dict[int, dict[str, float]]:
    """The ladder of the model in force also where none was promoted: a fresh profile of what was not does not count."""
    last: dict[str, float] = {}
    carried: dict[int, dict[str, float]] = {}
    for generation, named in found.items():
        ladder = {
            name: value for name, value in named.items() if name.partition("/")[0] in ("ladder", "ladder_of")
        }
        if named.get("decision") == DECISIONS["promote"]:
            last = ladder
        carried[generation] = {name: value for name, value in named.items() if name not in ladder} | last
    return carried


def name_of(said: str) -> str:
    """A name that every tracker takes: what it may not hold is an underscore; at most 100 signs."""
    return re.sub(r"[^A-Za-z0-9_/-]", "_", said)[:100].strip("/-") or "_"
