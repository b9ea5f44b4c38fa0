"""What models were asked, counted again: a lease is charged for it, so that no less may be written down than it took.

Labels are counted again with their file (`data`), and the gate's answers with theirs (`answers`). Here are profiles,
mastery, and what tripwires ask; their problems are drawn again.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from detent.audit.constitutions import believed_principles, constitution_of
from detent.audit.drawing import Drawing
from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted, missing
from detent.audit.material import believed_tasks, off_ladder, without_code
from detent.audit.screening import measured
from detent.audit.signatures import Charters
from detent.audit.steps import Step
from detent.charter import SignedCharter
from detent.errors import DetentError, TaskError, TrustError
from detent.evaluate import (
    always_looking,
    answering,
    deeper_looking,
    inside_items,
    ladder_rungs,
    plan_mastery,
)
from detent.oversight import guards_of
from detent.tasks import shown
from detent.tripwires.looks import Ground, compute_of, probe_prompts
from detent.values import Explained, Mastered, Profiled, Slice, Watched

STREAM = re.compile("[0-9a-f]{64}")

Rungs = tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
"""(task, ((level, problems), ...)), to be kept by."""


Prompts = Callable[[str, Rungs, str], Sequence[str]]
"""(digest of a charter, rungs, stream in hex) -> what is asked there under it."""


def check_compute(case: Case, charters: Charters) -> Finding:
    """Profiles, mastery and watches say what their answers took at the most, no more and no less."""
    faults, number, prompts = [], 0, _drawing(case, charters)
    lacking: list[str] = []
    for step in case.steps:
        entry = step.entry
        if step.hangs or not isinstance(entry, Profiled | Mastered | Explained | Watched):
            continue
        signed = charters.at(step)
        if why := without_code(case, signed):
            lacking.append(why)
            continue
        number += 1
        try:
            ground = _ground(case, signed)
        except DetentError:
            continue  # without its code nothing is drawn again: `tasks` says so
        try:
            if isinstance(entry, Watched):
                wanted = _of_watch(step, entry, ground)
            elif isinstance(entry, Explained):
                wanted = _of_look(step, entry, ground)
            else:
                wanted = _of_answers(step, entry, signed, prompts)
        except (TrustError, TaskError) as error:
            faults.append(f"{step.place}: {error}")
            continue
        except DetentError:
            continue  # profiles that nothing follows from: `profiles` says so
        if wanted is not None and entry.flops != wanted:
            faults.append(
                f"{step.place}: {wanted:g} floating point operations for what was asked expected, got {entry.flops:g}"
            )
    detail = f"{counted(number, 'entry')} of what models were asked, counted again"
    return Finding("compute", detail, tuple(faults), missing("entry", lacking))


def _drawing(case: Case, charters: Charters) -> Prompts:
    """The members of a team are asked the same, which is drawn once."""
    signed, drawing = {one.digest: one for one in charters.signed}, Drawing()

    @lru_cache(maxsize=4)
    def prompts(charter: str, rungs: Rungs, stream: str) -> tuple[str, ...]:
        asked = {task: dict(levels) for task, levels in rungs}
        items = drawing.items(shown(believed_tasks(case, signed[charter])), asked, bytes.fromhex(stream))
        return tuple(item.problem.prompt for item in items)

    return prompts


def _of_answers(
    step: Step, entry: Profiled | Mastered, signed: SignedCharter, prompts: Prompts
) -> float | None:
    subject = entry.profile.subject if isinstance(entry, Profiled) else entry.subject
    rungs, sizes = _rungs(step, entry, signed), step.before.sizes
    if rungs is None or subject not in sizes or not STREAM.fullmatch(entry.stream):
        return None
    asked = prompts(signed.digest, rungs, entry.stream)
    return answering(sizes[subject], asked, signed.charter.subject.room)


def _rungs(step: Step, entry: Profiled | Mastered, signed: SignedCharter) -> Rungs | None:
    """What had to be asked; None where that cannot be known, which is a fault of its own."""
    recipe, tops = signed.charter.recipe, dict(signed.charter.direction.improve)
    if isinstance(entry, Profiled):
        each = recipe.profile_problems if entry.purpose == "visible" else recipe.fresh_problems
        return _fixed(ladder_rungs(tops, each))
    fresh = step.before.slots.get("profile/v1/fresh")
    if not isinstance(fresh, Profiled):
        return None
    plan = plan_mastery(fresh.profile, step.before.mastered)
    if off_ladder((Slice(task, level) for task, levels in plan.items() for level in levels), signed):
        return None
    return _fixed(plan)


def _fixed(rungs: Mapping[str, Mapping[int, int]]) -> Rungs:
    return tuple((task, tuple(levels.items())) for task, levels in rungs.items())


def _ground(case: Case, signed: SignedCharter) -> Ground:
    """Raises TrustError, CharterError where what problems are drawn by is not what was signed."""
    charter = signed.charter
    return Ground(
        believed_tasks(case, signed),
        dict(charter.direction.improve),
        charter.recipe.seed_levels,
        charter.run.seed,
        charter.subject.room,
        guards_of(charter, constitution_of(case, signed)),
        believed_principles(case, signed),
    )


def _of_watch(step: Step, entry: Watched, ground: Ground) -> float | None:
    before = step.before
    profiles = measured(step, len(before.team))
    if not profiles or 0 not in before.history:
        return None
    try:
        return compute_of(before, profiles, entry.readings, ground)
    except (LookupError, ValueError, ArithmeticError):
        return None  # of models that were never trained, or in no step: `lineage` says so


def _of_look(step: Step, entry: Explained, ground: Ground) -> float | None:
    prompts = probe_prompts(ground.tasks, ground.tops, ground.seed)
    sizes = step.before.sizes
    try:
        if entry.depth == "always":
            return always_looking(entry, sizes, prompts, ground.extra)
        problems = [item.problem.prompt for item in inside_items(ground.tasks, ground.tops, ground.seed)]
        return deeper_looking(entry, sizes, (prompts, problems), ground.extra)
    except LookupError:
        return None  # of models that were never trained: `inside` says so
