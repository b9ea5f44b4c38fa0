"""Profiles once more: the same problems from the record's streams, answered again and counted by rung.

Their answers are not on record, only totals are. So a difference names a rung, and by how many answers it is off at
the least.
"""

from collections.abc import Iterator, Mapping, Sequence

from detent.audit.differences import Difference, Remade, judged, not_made
from detent.audit.findings import counted
from detent.audit.turns import Turn, completions
from detent.engine import Ask
from detent.evaluate import (
    fresh_stream,
    ladder_rungs,
    plan_mastery,
    profile_items,
    public_stream,
    score_profile,
)
from detent.tasks import shown
from detent.values import Mastered, Profile, Profiled, Score

Scores = Mapping[str, Mapping[int, Score]]


def visible_again(turn: Turn) -> Iterator[Remade]:
    """All models of the generation in the open, side by side as they were."""
    found = [
        entry for entry in turn.entries.values() if isinstance(entry, Profiled) and entry.purpose == "visible"
    ]
    if not found:
        return
    models = [entry.profile.subject for entry in found]
    if gone := turn.gone(models):
        yield not_made("visible", gone)
        return
    charter = turn.signed.charter
    rungs = ladder_rungs(dict(charter.direction.improve), charter.recipe.profile_problems)
    stream = public_stream(charter.run.seed, "visible", turn.generation)
    items = profile_items(shown(turn.tasks), rungs, stream)
    results = turn.engine.run_all([turn.job(model, items) for model in models], turn.means.watch)
    differing: list[Difference] = []
    for entry, result in zip(found, results, strict=True):
        again = score_profile(turn.tasks, items, completions(result))
        differing += differing_by_rung(f"member {entry.member}", entry.profile, again)
    asked = len(items) * len(models)
    detail = f"{counted(len(models), 'model')}, {counted(len(items), 'problem')} each"
    steps = turn.places(*(entry.slot for entry in found))
    yield judged("visible", detail, differing, asked=asked, rule=turn.rule, steps=steps)


def fresh_again(turn: Turn, entry: Profiled, ask: Ask) -> Iterator[Remade]:
    """The model that was put in force, on the problems that the ledger's root gave."""
    charter = turn.signed.charter
    rungs = ladder_rungs(dict(charter.direction.improve), charter.recipe.fresh_problems)
    yield _measured(turn, "fresh", entry.slot, entry.profile.subject, rungs, _by_level(entry.profile), ask)


def mastery_again(turn: Turn, entry: Mastered, fresh: Profile, ask: Ask) -> Iterator[Remade]:
    """The same model on the rungs below its frontier."""
    mastered = turn.steps[entry.slot].before.mastered
    rungs = plan_mastery(fresh, mastered)
    recorded = {task: {int(level): s for level, s in rows.items()} for task, rows in entry.levels.items()}
    yield _measured(turn, "mastery", entry.slot, entry.subject, rungs, recorded, ask)


def _measured(  # noqa: PLR0917
    turn: Turn,
    check: str,
    slot: str,
    model: str,
    rungs: Mapping[str, Mapping[int, int]],
    recorded: Scores,
    ask: Ask,
) -> Remade:
    if gone := turn.gone([model]):
        return not_made(check, gone)
    step = turn.steps[slot]
    items = profile_items(shown(turn.tasks), rungs, fresh_stream(turn.case.tree.roots[step.index], model))
    again = score_profile(turn.tasks, items, turn.said(ask, model, items))
    detail = f"{counted(len(items), 'problem')} of the model that was put in force"
    differing = _differing(f"models/{model[:12]}", recorded, again)
    return judged(check, detail, differing, asked=len(items), rule=turn.rule, steps=[step.index])


def differing_by_rung(whose: str, recorded: Profile, again: Scores) -> list[Difference]:
    """The rungs on which a profile is another than was recorded."""
    return _differing(whose, _by_level(recorded), again)


def _by_level(profile: Profile) -> Scores:
    return {task: dict(enumerate(scores, 1)) for task, scores in profile.scores.items()}


def _differing(whose: str, recorded: Scores, again: Scores) -> list[Difference]:
    return [
        Difference(
            f"{whose}, {task} {level}: {was.right} right of {was.asked} recorded, {now.right} of {now.asked} again",
            max(1, abs(was.right - now.right)),
        )
        for task, level in _rungs(recorded, again)
        for was, now in [(_score(recorded, task, level), _score(again, task, level))]
        if was != now
    ]


def _rungs(*many: Scores) -> Sequence[tuple[str, int]]:
    return sorted({(task, level) for scores in many for task, levels in scores.items() for level in levels})


def _score(scores: Scores, task: str, level: int) -> Score:
    return scores.get(task, {}).get(level, Score(0, 0))
