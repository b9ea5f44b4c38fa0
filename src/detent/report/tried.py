"""What was tried beside the data: each generation's changes, rung by rung, and what came of them.

    >>> screening_of(state, 2).chosen.change.said
    'rotary positions off in every layer'

Made from the ledger's entries alone, as everything here. Number 0 is the plan as it is, which all others are held
against: on the same problems and with the same luck, so that only differences within one rung mean anything. A
proposer's reason is its own words, and so is a change that was declined: data, which `plain` makes fit to be shown.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import islice
from typing import Any, Literal, overload

import msgspec
from msgspec import Struct

from detent.charter import Charter
from detent.propose import change_at, measured, setting_of, trial_name
from detent.report import _words as words
from detent.values import Change, Decided, Declined, Entry, Proposed, Reshaped, State, Suggested, Withdrawn
from detent.values.lasting import Lasting
from detent.values.space import SPACE

Outcome = Literal[
    "the plan", "under way", "withdrawn", "stopped", "not chosen", "proposed", "not promoted", "promoted"
]
"""the plan: number 0.  under way: its turn is still being screened.  withdrawn: it could not be made or trained.
stopped: after a rung, others went on.  not chosen: tried to the last rung, in vain.  proposed: it is the
turn's change, and nothing is decided.  not promoted, promoted: it was, and that is what came of it."""

_KEYS = frozenset(one.key for one in SPACE)

_NAME = re.compile(r"[0-9]{1,3}\.([0-7])")
"""Of a trial, as `trial_name` makes it; a charter has eight rungs at the most."""

MOST_SHOWN = 5
"""Changes that `status` shows of the past."""


class Alternative(Struct, frozen=True):
    """One change in one generation. number: 0 is the plan as it is, whose change is None.

    ladders: of its trials in the open, by rung. because: why it was withdrawn, or what was decided about it.
    """

    number: int
    change: Change | None
    ladders: tuple[float, ...]
    outcome: Outcome
    because: str = ""


class Screening(Struct, frozen=True):
    """What one generation tried. because: why then. declined: suggestions that the charter does not allow."""

    generation: int
    because: str
    alternatives: tuple[Alternative, ...]
    declined: tuple[Declined, ...] = ()

    @property
    def plan(self) -> Alternative:
        """The plan as it is."""
        return self.alternatives[0]

    @property
    def changes(self) -> tuple[Alternative, ...]:
        """All others."""
        return self.alternatives[1:]

    @property
    def rungs(self) -> int:
        """How many were reached."""
        return max(len(one.ladders) for one in self.alternatives)

    @property
    def chosen(self) -> Alternative | None:
        """The turn's change; None where there is none, or none yet."""
        return next(
            (one for one in self.changes if one.outcome in ("proposed", "not promoted", "promoted")), None
        )

    def gains(self, one: Alternative) -> tuple[float, ...]:
        """Of its ladder over the plan's, at each rung where both were measured."""
        return tuple(mine - plain for mine, plain in zip(one.ladders, self.plan.ladders, strict=False))

    @property
    def best(self) -> float | None:
        """The largest gain at the last rung that was reached; None where nothing was compared there."""
        gains = [self.gains(one) for one in self.changes]
        return max((found[-1] for found in gains if found and len(found) == self.rungs), default=None)


class Screenings(Sequence[Screening]):
    """Many, in little room: each is packed, and unpacked when somebody looks at it."""

    def __init__(self, packed: Lasting[bytes] | None = None, tried: int = 0, promoted: int = 0) -> None:
        """tried, promoted: changes in all of them together."""
        self._packed: Lasting[bytes] = Lasting() if packed is None else packed
        self.tried, self.promoted = tried, promoted

    @classmethod
    def of(cls, every: Iterable[Screening]) -> "Screenings":
        """Those, in order."""
        return reduce(cls.then, every, cls())

    def then(self, screening: Screening) -> "Screenings":
        """These, and one more."""
        promoted = sum(one.outcome == "promoted" for one in screening.changes)
        packed = self._packed.then(zlib.compress(_encode(screening), 1))
        return Screenings(packed, self.tried + len(screening.changes), self.promoted + promoted)

    @overload
    def __getitem__(self, at: int) -> Screening: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Screening]: ...

    def __getitem__(self, at: int | slice) -> Screening | Sequence[Screening]:
        if isinstance(at, slice):
            return tuple(self[one] for one in range(*at.indices(len(self))))
        try:
            return _decode(zlib.decompress(self._packed[at + len(self) if at < 0 else at]))
        except KeyError as error:
            raise IndexError(at) from error

    def __len__(self) -> int:
        return len(self._packed)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Screening).decode


def screenings(state: State) -> tuple[Screening, ...]:
    """Of every turn that tried changes, the one in progress too, oldest first."""
    found = (screening_of(state, generation) for generation in (*state.history, state.generation))
    return tuple(one for one in found if one is not None)


def screening_of(state: State, generation: int) -> Screening | None:
    """Of one turn; None where it tried nothing."""
    if generation in state.history:
        return screened(generation, state.history[generation], state.tried.get(generation, {}))
    return screened(generation, state.slots, state.trials)


def screened(
    generation: int, slots: Mapping[str, Entry], trials: Mapping[str, Mapping[str, Entry]]
) -> Screening | None:
    """The same from what a turn and its trials wrote."""
    suggested = slots.get("suggested/v1")
    if not isinstance(suggested, Suggested):
        return None
    rungs = [measured(trials, len(suggested.changes), rung) for rung in range(rungs_begun(trials))]
    alternatives = []
    for number in range(len(suggested.changes) + 1):
        ladders = tuple(profiles[number].ladder() for profiles in rungs if number in profiles)
        change = change_at(suggested, number)
        outcome, because = _outcome(slots, trials, number, change, len(ladders))
        alternatives.append(Alternative(number, change, ladders, outcome, because))
    return Screening(generation, suggested.because, tuple(alternatives), suggested.declined)


def _outcome(
    slots: Mapping[str, Entry],
    trials: Mapping[str, Mapping[str, Entry]],
    number: int,
    change: Change | None,
    reached: int,
) -> tuple[Outcome, str]:
    if change is None:
        return "the plan", ""
    names = [trial_name(number, rung) for rung in range(rungs_begun(trials))]
    for name in names:
        if isinstance(withdrawn := trials.get(name, {}).get("withdrawn/v1"), Withdrawn):
            return "withdrawn", withdrawn.because
    if (found := _decided(slots, change)) is not None:
        return found
    if reached and reached < len(names) and names[reached] not in trials:
        return "stopped", f"others were further ahead at rung {reached}"
    ended = slots.keys() & {"proposal/v1", "decision/v1"}
    return ("not chosen" if ended else "under way"), ""


def _decided(slots: Mapping[str, Entry], change: Change) -> tuple[Outcome, str] | None:
    """What came of the turn's own change; None of all others."""
    proposed, decided = slots.get("proposal/v1"), slots.get("decision/v1")
    if not isinstance(proposed, Proposed) or proposed.proposal.change != change:
        return None
    if not isinstance(decided, Decided):
        return "proposed", ""
    return ("promoted" if decided.decision == "promote" else "not promoted"), decided.because


def rungs_begun(trials: Iterable[str]) -> int:
    """How many rungs the turn's trials have reached. Names that no run gives a trial count for nothing."""
    found = (_NAME.fullmatch(name) for name in trials)
    return max((1 + int(one[1]) for one in found if one), default=0)


def change_text(change: Change) -> str:
    """A change in a line: its kind, and what it is."""
    return f"{change.kind}: {words.plain(change.said)}"


def outcome_text(one: Alternative) -> str:
    """What came of it, and why where that was said."""
    return f"{one.outcome}: {words.plain(one.because)}" if one.because else one.outcome


def gains_text(screening: Screening, one: Alternative) -> str:
    """Its gain in points at each rung, such as `+3.1, +7.9`; `-` where it was never measured."""
    return ", ".join(map(words.points, screening.gains(one))) or "-"


def shape_lines(slots: Mapping[str, Entry], sizes: Mapping[str, int]) -> Iterator[str]:
    """Of each member that was reshaped in a turn: its size before and after, and how far it says another thing.

    sizes: parameters by digest.
    """
    for entry in slots.values():
        if isinstance(entry, Reshaped):
            before = sizes.get(entry.parent)
            was = f"{words.count(before)} parameters" if before is not None else "an unknown size"
            yield (
                f"member {entry.member + 1}: {was}, reshaped {words.count(entry.parameters)}; untrained, its "
                f"logits were within {entry.distance:.2g} of its parent's, as a share of the largest"
            )


def exploring_document(
    state: State, charter: Charter, found: "Screenings | None" = None
) -> dict[str, Any] | None:
    """For `status --json`: what is tried now, what is set otherwise than in the charter, the newest changes.

    charter: as people signed it. found: every screening, where they are known. None of a run whose charter has
    nothing tried, and that never tried anything.
    """
    found = Screenings.of(screenings(state)) if found is None else found
    if not found and not state.settings and charter.pace.candidates == 1:
        return None
    closed = (one for one in reversed(found) if one.generation in state.history)
    newest = (_change(one, change) for one in closed for change in reversed(one.changes))
    now = found[-1:] if found and found[-1].generation not in state.history else ()
    return {
        "settings": {
            key: {"now": value, "charter": setting_of(charter, key) if key in _KEYS else None}
            for key, value in sorted(state.settings.items())
        },
        "now": [_change(screening, one) for screening in now for one in screening.changes],
        "newest": list(islice(newest, MOST_SHOWN)),
        "tried": found.tried,
        "promoted": found.promoted,
    }


def _change(screening: Screening, one: Alternative) -> dict[str, Any]:
    change = one.change
    assert change is not None  # noqa: S101  changes have one, the plan alone has none
    return {
        "generation": screening.generation,
        "number": one.number,
        "kind": change.kind,
        "change": change.said,
        "by": change.by,
        "because": change.because,
        "gains": list(screening.gains(one)),
        "outcome": one.outcome,
        "why": one.because,
    }


def exploring_lines(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The same for a person, as (name, text)."""
    head = [("changes", f"{document['tried']} tried beside the data, {document['promoted']} promoted")]
    now = [("  tried now", _change_line(one)) for one in document["now"]]
    newest = [(f"  generation {one['generation']}", _change_line(one)) for one in document["newest"]]
    settings = [
        ("  in force", f"{key} = {values['now']}, {values['charter']} in the charter")
        for key, values in document["settings"].items()
    ]
    return [*head, *settings, *now, *newest]


def _change_line(one: Mapping[str, Any]) -> str:
    gains = ", ".join(map(words.points, one["gains"]))
    measured_text = f" ({gains} points)" if gains else ""
    return f"{one['change']}, by {one['by']}: {one['outcome']}{measured_text}"


def tried_lines(state: State, generation: int) -> tuple[str, ...]:
    """Of a turn that proposed a change: what it is, by whom and why in their words, its trials, its model's size."""
    screening = screening_of(state, generation)
    chosen = screening.chosen if screening else None
    if screening is None or chosen is None or chosen.change is None:
        return ()
    change, slots = chosen.change, state.history.get(generation, state.slots)
    kept = "keeps" if change.keeps else "does NOT keep"
    return (
        f"{change_text(change)} (number {chosen.number} of {len(screening.changes)} tried)",
        f"it {kept} what the model says as long as nobody trains it",
        f"proposed by {change.by}, in its words: {change.because or 'nothing was said'}",
        *_trial_lines(screening, chosen),
        *shape_lines(slots, state.sizes),
    )


def _trial_lines(screening: Screening, one: Alternative) -> Iterator[str]:
    for rung, (mine, plan) in enumerate(zip(one.ladders, screening.plan.ladders, strict=False), start=1):
        yield (
            f"rung {rung}: ladder {words.rate(mine)} against {words.rate(plan)} of the plan as it is "
            f"({words.points(mine - plan)} points), on problems in the open"
        )
