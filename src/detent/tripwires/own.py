"""A tripwire of the charter's author: one function, given the numbers of a generation, in a process of its own.

    def watch(numbers: dict) -> str | None:
        gained = numbers["ladder"]["candidate"]
        return None if gained is None or gained > 0.5 else "the candidate is right less than half of the time"

None: quiet. A sentence: fired. `Numbers` says what it is given: totals, never a prompt or an answer. What cannot be
measured, since the function raises, hangs, dies or returns something else, counts as fired.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from detent.errors import TaskError
from detent.tasks import Lookout
from detent.values import Reading, Score
from detent.values.watching import Status

QUIET = "it found nothing to say"

_EXAMPLE_ASKED = 64


class LadderNumbers(Struct, frozen=True):
    """Ladder scores on fresh problems: the mean accuracy over levels and tasks, in [0, 1].

    incumbent: of the model in force. candidate: None when it was not measured afresh, since it did not pass the gate.
    earlier: (generation, score) of every model that was in force, the oldest first; the last is the incumbent.
    """

    incumbent: float | None
    candidate: float | None
    earlier: tuple[tuple[int, float], ...]


class TaskNumbers(Struct, frozen=True):
    """One task. visible, fresh: [right, asked] of the candidate at levels 1, 2, ... of its ladder.

    fresh: None when it was not measured afresh. horizon: the level at which about half of the visible problems are
    answered right. audit: [right, asked] of this generation's labels; None when none was checked.
    """

    visible: tuple[Score, ...]
    fresh: tuple[Score, ...] | None
    horizon: float
    audit: Score | None


class ReadingNumbers(Struct, frozen=True):
    """What a built-in tripwire read in this generation; its unit and limit are those of docs/tripwires.md."""

    status: Status
    statistic: float | None
    limit: float | None


class Numbers(Struct, frozen=True):
    """What the function is given, as a dict of JSON values. `candidate` is the best of the team on visible problems.

    promoted: whether the candidate passed the gate; it is the incumbent next, unless people say no.
    flops: floating point operations of all training, labelling and answering since generation 0.
    readings: of the built-in tripwires, by name.
    """

    generation: int
    promoted: bool
    ladder: LadderNumbers
    tasks: dict[str, TaskNumbers]
    flops: float
    readings: dict[str, ReadingNumbers]


def watch(lookout: Lookout, numbers: Numbers) -> Reading:
    """The reading of the author's function.

    Raises:
        TaskError, EngineError: it could not be made, which counts as fired.
    """
    given = msgspec.to_builtins(numbers)
    sentence = lookout.look(given, f"a look at generation {numbers.generation}")
    return Reading(lookout.name, "quiet" if sentence is None else "fired", sentence or QUIET)


def vet(lookout: Lookout, tops: Mapping[str, int], wires: Iterable[str]) -> None:
    """Let it look at examples before anyone signs: a candidate that passed the gate, and one that did not.

    tops: the tasks and the top levels of their ladders. wires: names of the built-in tripwires.

    Raises:
        TaskError: it raises, hangs, dies, or returns what is neither None nor one line of text.
    """
    for numbers, told in zip(_examples(tops, tuple(wires)), ("passed", "did not pass"), strict=True):
        try:
            watch(lookout, numbers)
        except TaskError as error:
            raise TaskError(
                f"{error}; that was an example, of a candidate that {told} the gate: mend the function"
            ) from error


def reading_numbers(readings: Iterable[Reading]) -> dict[str, ReadingNumbers]:
    """What an author's function is told of readings."""
    return {
        reading.wire: ReadingNumbers(reading.status, reading.statistic, reading.limit) for reading in readings
    }


def _examples(tops: Mapping[str, int], wires: tuple[str, ...]) -> Iterator[Numbers]:
    yield _example(tops, wires, passed=True)
    yield _example(tops, wires, passed=False)


def _example(tops: Mapping[str, int], wires: tuple[str, ...], *, passed: bool) -> Numbers:
    half = Score(_EXAMPLE_ASKED // 2, _EXAMPLE_ASKED)
    return Numbers(
        generation=1,
        promoted=passed,
        ladder=LadderNumbers(0.25, 0.5 if passed else None, ((0, 0.25),)),
        tasks={
            task: TaskNumbers(
                (half,) * top, (half,) * top if passed else None, top / 2, half if passed else None
            )
            for task, top in tops.items()
        },
        flops=1e12,
        readings=reading_numbers(
            Reading(wire, "quiet", QUIET, 0.0, 1.0) if passed else Reading(wire, "nothing", QUIET)
            for wire in wires
        ),
    )
