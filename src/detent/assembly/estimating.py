"""`estimate`: what a charter will cost on this machine, before anything starts.

>>> list(estimate_lines(estimate_of(Path("my-run"))))
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from detent.assembly.places import RunFolder
from detent.assembly.reading import ledger_at, signed_charter
from detent.assembly.tasks import catalogue, charter_sources, closing, draft_sources
from detent.charter import Draft, default_text, draft_text, parse_draft
from detent.errors import UsageError
from detent.sizing import (
    Estimate,
    Machine,
    Plan,
    Shape,
    Speed,
    adapter_for,
    built_shape,
    computes_on_gpu,
    draft_text_for,
    estimate,
    machine_found,
    measured,
    measured_speed,
    shape_of,
    stated_speed,
    tasks_in,
    with_means,
)
from detent.tasks import Rng, TaskSource

ON_A_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""What a model on a hub is called: ORG/MODEL."""

SAMPLE = 8
"""Problems of a level from which the lengths of its prompts and answers are taken."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A charter's draft that was written for a model and tasks. home: where the files lie that it names."""

    text: str
    home: Path
    estimate: Estimate


def draft_for(subject: str, tasks: str, home: Path) -> Drafted:
    """Write a charter for a model, tasks and this machine, and say what it will cost.

    Args:
        subject: a Hugging Face folder, seen from `home`; "built" for a model that generation 0 makes itself.
        tasks: `copy=9,reverse`: names with the top levels of their ladders.
        home: the folder that paths are seen from.

    Raises:
        UsageError: the folder is not there, or tasks are written otherwise.
        CharterError: there is no such task.
        SubjectError: the folder does not say how large the model is.
    """
    if subject != "built" and not (home / subject).is_dir():
        fetch = (
            f"fetch it first, with: detent fetch {subject} --to FOLDER"
            if ON_A_HUB.fullmatch(subject)
            else "correct the path"
        )
        raise UsageError(f"a model folder at {home / subject} expected, got none; {fetch}")
    built = parse_draft(default_text(), catalogue()).subject
    shape = built_shape(built) if subject == "built" else shape_of(home / subject)
    name = "a small model made here" if subject == "built" else Path(subject).name
    text = draft_text_for(name, subject, tasks_in(tasks), shape, machine_found())
    file = "the new charter"
    rough = estimate_draft(parse_draft(text, catalogue(), file), home)
    text = with_means(text, rough)
    return Drafted(text, home, estimate_draft(parse_draft(text, catalogue(), file), home))


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
    machine, entries = machine_found(), ledger_at(run).entries
    plan = Plan(charter, shape, lengths, adapter_for(charter.subject))
    speed = measured_speed(entries) or _stated(plan, machine)
    return estimate(plan, machine, speed, measured(entries))


def estimate_source(source: str) -> Estimate:
    """Of what `init --from` takes: `digits`, or a draft's path. Raises as `estimate_of`."""
    if source == "digits":
        return estimate_draft(parse_draft(default_text(), catalogue()), Path())
    return estimate_of(Path(source))


def estimate_draft(draft: Draft, home: Path) -> Estimate:
    """Of a draft whose files lie in `home`. Raises as `estimate_of`."""
    machine = machine_found()
    with closing(draft_sources(draft, home)) as tasks:
        lengths = lengths_of(tasks, draft.direction.improve)
    plan = Plan(draft, shape_for(draft, home), lengths, adapter_for(draft.subject))
    return estimate(plan, machine, _stated(plan, machine))


def _stated(plan: Plan, machine: Machine) -> Speed | None:
    """Of what workers compute on; None where nobody knows it, as of a GPU that is not here."""
    on_gpu = computes_on_gpu(plan, machine)
    if on_gpu and not machine.gpus:
        return None
    used = machine if on_gpu else Machine(machine.cpus, machine.memory)
    return stated_speed(used, plan.draft.run.threads)


def shape_for(draft: Draft, home: Path) -> Shape:
    """Of the model that generation 0 begins with."""
    return built_shape(draft.subject) if draft.subject.built else shape_of(home / draft.subject.source)


def lengths_of(
    tasks: Mapping[str, TaskSource], tops: Mapping[str, int]
) -> dict[str, tuple[tuple[float, float], ...]]:
    """Mean characters of prompt and answer, by task and level; a token a character, as the ledger counts."""
    return {
        name: tuple(_lengths(tasks[name], level) for level in range(1, top + 1)) for name, top in tops.items()
    }


def _lengths(task: TaskSource, level: int) -> tuple[float, float]:
    stream = Rng(b"the lengths of problems".ljust(32)).child(str(level))
    drawn = task.problems([(level, stream.child(str(number)).seed) for number in range(SAMPLE)])
    return (
        sum(len(one.prompt) for one in drawn) / SAMPLE,
        sum(len(one.answer) for one in drawn) / SAMPLE,
    )
