"""What a generation's page shows: its proposal, where its models come from, what it was asked, and what came out."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from markupsafe import Markup
from msgspec import structs

from detent.assembly.places import RunFolder
from detent.engine import DataStore
from detent.errors import DetentError
from detent.evaluate import Row, decode_rows
from detent.report import Story, Turn, tell_turn
from detent.report.shown import (
    ORIGINS,
    InsideRun,
    Table,
    Tried,
    TurnRow,
    count,
    evidence,
    explanation_of,
    inside_run,
    principles,
    rate,
    tests,
    tried,
    turn_row,
)
from detent.report.story import Batch, Descent, Opening
from detent.report.tried import Screenings, screening_of
from detent.values import Answered, Diagnosed, Entry, Example, Preference, Proposed, Requested, Watched
from detent.web.run_values import Step, step
from detent.web.showing import Piece, piece

Kept = Literal["changed", "gained", "lost", "wrong", "all"]
KEPT: dict[Kept, str] = {
    "changed": "where one of the two is right",
    "gained": "right, where the other was wrong",
    "lost": "wrong, where the other was right",
    "wrong": "wrong",
    "all": "all",
}
ROWS = 20
"""Problems or examples on one page."""

MOST_ANCESTORS = 12

ABSENT = (
    "The file is not in the run's folder, or is not what the ledger names; it may have been deleted as the charter "
    "allows. The program's own verification says which."
)
"""Where it should lie is no matter of a reader's."""


class Taught(NamedTuple):
    """A file that a model was taught from. share: of a batch, "" where a judge's word taught it."""

    digest: str
    share: str
    batch: Batch | None
    origin: str
    kept: str


class Made(NamedTuple):
    """A model of the generation. line: the models before it, its parent first; earlier: how many more there are."""

    model: Descent
    taught: tuple[Taught, ...]
    line: tuple[Descent, ...]
    earlier: int


class Asked(NamedTuple):
    """Problems that both models were asked, of a closed opening. kept: which of them. absent: why there are none."""

    piece: Piece[Row] | None
    kept: Kept
    target: str
    targets: tuple[str, ...]
    absent: str


class Gate(NamedTuple):
    """An opening's evidence as it grew, and its counts."""

    opening: Opening
    drawing: Markup
    tests: Table
    principles: Table | None


class Told(NamedTuple):
    """Everything of one generation. step, turn: None while it is in progress."""

    generation: int
    turn: Turn | None
    step: Step | None
    proposal: TurnRow
    made: tuple[Made, ...]
    gate: Gate | None
    inside: InsideRun | None
    tried: Tried | None
    watched: Watched | None
    request: Requested | None
    answer: Answered | None
    neighbours: tuple[int | None, int | None]


def told(story: Story, generation: int) -> Told | None:
    """The generation, closed or in progress; None where there is none."""
    slots = story.written.get(generation)
    if slots is None:
        return None
    turn = tell_turn(slots)  # the story's own may be without how evidence grew
    opening = (
        turn.opening if turn else next((one for one in story.openings if one.generation == generation), None)
    )
    look = explanation_of(slots)
    asked, answered, watched = slots.get("request/v1"), slots.get("answer/v1"), slots.get("watch/v1")
    own = screening_of(story.state, generation)
    return Told(
        generation=generation,
        turn=turn,
        step=step(story, turn) if turn else None,
        proposal=turn_row(turn or _in_progress(generation, slots)),
        made=tuple(_made(story, generation)),
        gate=Gate(opening, evidence(opening), tests(opening), principles(opening)) if opening else None,
        inside=inside_run(story, [look]) if look else None,
        tried=tried(structs.replace(story, screenings=Screenings.of([own]))) if own else None,
        watched=watched if isinstance(watched, Watched) else None,
        request=asked if isinstance(asked, Requested) else None,
        answer=answered if isinstance(answered, Answered) else None,
        neighbours=(
            generation - 1 if generation - 1 in story.written else None,
            generation + 1 if generation + 1 in story.written else None,
        ),
    )


def _in_progress(generation: int, slots: Mapping[str, Entry]) -> Turn:
    """A generation that is not decided, as far as it was proposed; of its decision nothing may be shown."""
    diagnosed, proposed = slots.get("diagnosis/v1"), slots.get("proposal/v1")
    return Turn(
        generation=generation,
        at="",
        decision="discard",
        because="",
        candidate="",
        incumbent="",
        team=(),
        diagnosis=diagnosed.diagnosis if isinstance(diagnosed, Diagnosed) else None,
        proposal=proposed.proposal if isinstance(proposed, Proposed) else None,
    )


def _made(story: Story, generation: int) -> Iterator[Made]:
    known: dict[str, Descent] = {}
    for model in story.models:
        known.setdefault(model.digest, model)
    batches = {batch.digest: batch for batch in story.batches}
    for model in story.models:
        if model.generation == generation:
            line = list(_line(known, model))
            taught = tuple(
                _taught(digest, share, batches.get(digest)) for digest, share in model.data.items()
            )
            yield Made(model, taught, tuple(line[:MOST_ANCESTORS]), max(0, len(line) - MOST_ANCESTORS))


def _line(known: dict[str, Descent], model: Descent) -> Iterator[Descent]:
    """Its parent, that one's, and so on; a record that leads in a circle ends too."""
    seen = {model.digest}
    while model.parent in known and model.parent not in seen:
        model = known[model.parent]
        seen.add(model.digest)
        yield model


def _taught(digest: str, share: float, batch: Batch | None) -> Taught:
    if batch is None:
        return Taught(digest, rate(share), None, "not on record", "")
    kept = count(sum(batch.kept.values()))
    offered = sum(batch.offered.values())
    return Taught(
        digest,
        rate(share),
        batch,
        ORIGINS.get(batch.origin.source, "self-made"),
        f"{kept} of {count(offered)}" if offered else kept,
    )


def asked(folder: Path, story: Story, generation: int, wanted: tuple[str, str], number: int) -> Asked | None:
    """Problems of the generation's opening; None where the seal was not opened. wanted: which of them, of which test.

    They are on disk only once the opening is closed: what is still sealed cannot be shown.
    """
    kept, target = wanted
    written = story.written.get(generation, {})
    if "intent/v1" not in written:
        return None
    chosen: Kept = next((one for one in KEPT if one == kept), "changed")
    outcome = getattr(written.get("outcome/v1"), "outcome", None)
    if outcome is None:
        return Asked(
            None, chosen, "", (), "The opening is not closed yet: what it asks is sealed until then."
        )
    if not outcome.answers:
        return Asked(None, chosen, "", (), "The opening became void: nothing of it was kept.")
    try:
        rows = _rows(folder, outcome.answers)
    except (DetentError, ValueError):
        return Asked(None, chosen, "", (), ABSENT)
    targets = tuple(dict.fromkeys(row.target for row in rows))
    only = target if target in targets else ""
    found = [row for row in rows if _is_kept(row, chosen) and only in ("", row.target)]
    query = {"kept": chosen, "target": only}
    return Asked(piece(found, number, ROWS, query), chosen, only, targets, "")


def _is_kept(row: Row, kept: Kept) -> bool:
    match kept:
        case "all":
            return True
        case "wrong":
            return not row.candidate_right
        case "gained":
            return row.incumbent_right is False and row.candidate_right
        case "lost":
            return row.incumbent_right is True and not row.candidate_right
        case "changed":
            return row.incumbent_right is not None and row.incumbent_right != row.candidate_right


@lru_cache(maxsize=2)  # a page turned or filtered asks for the same file again
def _rows(folder: Path, digest: str) -> tuple[Row, ...]:
    return tuple(decode_rows(_store(folder).read_bytes(digest)))


@lru_cache(maxsize=2)
def _examples(folder: Path, digest: str, preferred: bool) -> tuple[Example | Preference, ...]:
    store = _store(folder)
    return tuple(store.preferences(digest) if preferred else store.read(digest))


def _store(folder: Path) -> DataStore:
    run = RunFolder(folder)
    return DataStore(run.data, run.answers)


class File(NamedTuple):
    """A data file's examples with where they come from. makers: generations of the models that wrote them."""

    batch: Batch
    origin: str
    piece: Piece[Example | Preference] | None
    preferred: bool
    makers: tuple[tuple[str, int | None], ...]
    absent: str


def file_of(folder: Path, story: Story, digest: str, number: int) -> File | None:
    """The file that the ledger names; None where it names none of that digest."""
    batch = next((one for one in story.batches if one.digest == digest), None)
    if batch is None:
        return None
    made = {model.digest: model.generation for model in story.models}
    makers = tuple((one, made.get(one)) for one in batch.origin.labellers)
    preferred = batch.origin.source == "preferred"
    origin = ORIGINS.get(batch.origin.source, "self-made")
    try:
        found: Sequence[Example | Preference] = _examples(folder, digest, preferred)
    except (DetentError, ValueError):
        return File(batch, origin, None, preferred, makers, ABSENT)
    return File(batch, origin, piece(found, number, ROWS), preferred, makers, "")
