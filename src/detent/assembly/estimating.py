"""`estimate`: what a charter will cost on this machine, before anything starts.

>>> list(estimate_lines(estimate_of(Path("my-run"))))
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from detent.assembly.given import given_folder
from detent.assembly.places import RunFolder
from detent.assembly.reading import ledger_at, signed_charter
from detent.assembly.tasks import catalogue, charter_sources, closing, draft_sources
from detent.charter import Draft, default_text, draft_text, parse_draft
from detent.sizing import (
    Estimate,
    Plan,
    Shape,
    adapter_of,
    built_shape,
    draft_text_for,
    estimate,
    fitted,
    machine_found,
    measured,
    measured_speed,
    shape_of,
    stated_speed,
    tasks_in,
    used_machine,
    with_means,
    with_room,
)
from detent.tasks import GYM, Problem, Rng, TaskSource
from detent.values import Entry

SAMPLE = 8
"""Problems of a level from which the lengths of its prompts and answers are taken."""

Lengths = dict[str, tuple[tuple[float, float], ...]]
Drawn = Mapping[str, Sequence[Sequence[Problem]]]
"""Problems by task and level."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A charter's draft that was written for a model and tasks. home: where the files lie that it names."""

    text: str
    home: Path
    estimate: Estimate


def draft_for(subject: str, tasks: str, home: Path) -> Drafted:
    """Write a charter for a model, tasks and this machine, and say what it will cost.

    Args:
        subject: a Hugging Face folder, seen from `home`, or ORG/MODEL that was fetched; "built" for a model that
            generation 0 makes itself.
        tasks: `copy=9,reverse`: names with the top levels of their ladders.
        home: the folder that paths are seen from.

    Raises:
        UsageError: the model is not here, or tasks are written otherwise.
        CharterError: there is no such task.
        SubjectError: the folder does not say how large the model is.
    """
    known = catalogue()
    built = parse_draft(default_text(), known).subject
    folder = None if subject == "built" else given_folder(subject, home)
    shape = built_shape(built) if folder is None else shape_of(folder)
    name = "a small model made here" if folder is None else _called(subject)
    tops = tasks_in(tasks, {GYM + name: top for name, top in known.gym.items()})
    text = draft_text_for(name, subject, tops, shape, machine_found())
    file = "the new charter"
    with closing(draft_sources(parse_draft(text, known, file), home)) as sources:
        drawn = _drawn(sources, tops)
    lengths = lengths_in(drawn)

    def estimated(text: str) -> Estimate:
        return _estimated(parse_draft(text, known, file), shape, lengths)

    if folder is not None:
        answers = [len(one.answer) for levels in drawn.values() for some in levels for one in some]
        text = fitted(with_room(text, max(answers)), lambda text: estimated(text).fits is not False)
    text = with_means(text, estimated(text))
    return Drafted(text, home, estimated(text))


def _called(subject: str) -> str:
    """A model's name without where it lies, or which commit of it is meant."""
    return Path(subject).name.partition("@")[0]


def estimate_of(source: Path) -> Estimate:
    """Of a charter's draft, or of a run, which also tells what its closed generations took.

    Raises:
        UsageError, CharterError, TrustError: it is neither.
        SubjectError: the model's folder does not say how large the model is.
        TaskError: a task's code went wrong.
    """
    if source.is_file():
        return estimate_draft(parse_draft(draft_text(source), catalogue(), str(source)), source.parent)
    run = RunFolder(source)
    charter = signed_charter(run).charter
    with closing(charter_sources(charter, run.tasks)) as tasks:
        lengths = lengths_of(tasks, charter.direction.improve)
    shape = built_shape(charter.subject) if charter.subject.built else shape_of(run.subject)
    entries = ledger_at(run).entries
    return _estimated(charter, shape, lengths, entries)


def estimate_source(source: str) -> Estimate:
    """Of what `init --from` takes: `digits`, or a draft's path. Raises as `estimate_of`."""
    if source == "digits":
        return estimate_draft(parse_draft(default_text(), catalogue()), Path())
    return estimate_of(Path(source))


def estimate_draft(draft: Draft, home: Path) -> Estimate:
    """Of a draft whose files lie in `home`. Raises as `estimate_of`."""
    shape = shape_for(draft, home)
    with closing(draft_sources(draft, home)) as tasks:
        lengths = lengths_of(tasks, draft.direction.improve)
    return _estimated(draft, shape, lengths)


def _estimated(draft: Draft, shape: Shape, lengths: Lengths, entries: Sequence[Entry] = ()) -> Estimate:
    """On this machine. entries: of a run's ledger, where there is one."""
    adapter, threads = adapter_of(draft.subject), draft.run.threads
    machine = used_machine(machine_found(), draft.run.device, built=draft.subject.built)
    speed = measured_speed(entries) or stated_speed(machine, threads, adapter=adapter is not None)
    return estimate(Plan(draft, shape, lengths, adapter), machine, speed, measured(entries))


def shape_for(draft: Draft, home: Path) -> Shape:
    """Of the model that generation 0 begins with."""
    subject = draft.subject
    return built_shape(subject) if subject.built else shape_of(given_folder(subject.source, home))


def lengths_of(tasks: Mapping[str, TaskSource], tops: Mapping[str, int]) -> Lengths:
    """Mean characters of prompt and answer, by task and level; a token a character, as the ledger counts."""
    return lengths_in(_drawn(tasks, tops))


def lengths_in(drawn: Drawn) -> Lengths:
    """The same of problems that were drawn."""
    return {
        name: tuple(
            (
                sum(len(one.prompt) for one in some) / len(some),
                sum(len(one.answer) for one in some) / len(some),
            )
            for some in levels
        )
        for name, levels in drawn.items()
    }


def _drawn(tasks: Mapping[str, TaskSource], tops: Mapping[str, int]) -> Drawn:
    """A few problems of each level."""
    found = {}
    for name, top in tops.items():
        asks = [
            (level, Rng(b"the lengths of problems".ljust(32)).child(str(level)).child(str(number)).seed)
            for level in range(1, top + 1)
            for number in range(SAMPLE)
        ]
        problems = tasks[name].problems(asks)
        found[name] = tuple(
            tuple(problems[start : start + SAMPLE]) for start in range(0, len(problems), SAMPLE)
        )
    return found
