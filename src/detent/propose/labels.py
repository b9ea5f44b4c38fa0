"""The rule that turns a diagnosis into labels to make: a little above what a task can do, and all it has learnt.

    >>> propose(diagnosis, profiles, recipe).recipes["reverse"].levels
    (6, 7, 8)

New labels are made on the highest levels at which the weakest member of the team is still right often enough,
and a few below. The window is found from above, since a level that is mastered looks unmastered by chance in
every few profiles: found from below, labels went back to where the model was good, and it unlearnt the rest.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from detent.charter import Constitution, Feedback, Recipe
from detent.propose.uses import uses
from detent.values import DataProposal, Diagnosis, Filter, Flips, LabelRecipe, Mix, Profile, Rung, Weakness

PATIENCE = 2
"""Generations a frontier may stand still before labels are made at it however low the accuracy there."""


def propose(
    diagnosis: Diagnosis,
    profiles: Sequence[Profile],
    recipe: Recipe,
    feedback: Feedback | None = None,
    *,
    flips: Mapping[str, Mapping[str, Flips]] = MappingProxyType({}),
    constitution: Constitution | None = None,
) -> DataProposal:
    """A data proposal for all tasks.

    Args:
        diagnosis: what is weak.
        profiles: the visible profile of each member of the team, which labels and is trained.
        recipe: the charter's.
        feedback: likewise; its defaults when None.
        flips: what methods made right and wrong so far, [method][task].
        constitution: the charter's, where it names one.
    """
    feedback = feedback or Feedback()
    floor = feedback.judge_floor if feedback.filtered else 0.0
    tasks = [weak.task for weak in diagnosis.weaknesses]
    return DataProposal(
        team=tuple(profile.subject for profile in profiles),
        recipes={weak.task: _labels(weak, profiles, recipe, floor) for weak in diagnosis.weaknesses},
        mix=Mix(newest=recipe.mix.newest, earlier=recipe.mix.earlier, seed=recipe.mix.seed),
        steps=recipe.steps,
        because=diagnosis.reading,
        uses=uses(feedback, tasks, flips, constitution),
    )


def _labels(weak: Weakness, profiles: Sequence[Profile], recipe: Recipe, floor: float) -> LabelRecipe:
    first, top = recipe.seed_levels + 1, len(profiles[0].scores[weak.task])
    accuracy = {
        level: min(profile.accuracy(weak.task, level) for profile in profiles)
        for level in range(first, top + 1)
    }
    needed = recipe.purify_accuracy if weak.remedy == "purify" else recipe.least_accuracy
    highest = max((level for level, rate in accuracy.items() if rate >= needed), default=first)
    if weak.remedy == "climb" and weak.stuck >= PATIENCE:
        highest = max(
            highest, min(weak.frontier, top)
        )  # right labels, and still no way on: dare the next level
    frontier = max(first, highest - recipe.ahead)
    kept_up = [_review(level, recipe, floor) for level in range(first, min(frontier, top + 1))]
    new = [_new(level, accuracy[level], recipe) for level in range(frontier, min(highest, top) + 1)]
    return LabelRecipe(
        frontier=frontier,
        rungs=(*kept_up, *new),
        samples=recipe.samples,
        temperature=recipe.temperature,
    )


def _review(level: int, recipe: Recipe, floor: float) -> Rung:
    """A level below: labelled again, since the model has become better at it."""
    rule = Filter(recipe.review_confidence, agreement=1.0, keep=0, judged=floor)
    return Rung(level, recipe.review_prompts, rule)


def _new(level: int, accuracy: float, recipe: Recipe) -> Rung:
    """A level the model is still wrong at: keep no more than the visible accuracy says can be right."""
    likely = (accuracy * recipe.profile_problems + 1) / (recipe.profile_problems + 1)  # never none at all
    keep = min(recipe.label_keep, int(recipe.label_prompts * likely * recipe.keep_share))
    return Rung(level, recipe.label_prompts, Filter(recipe.confidence, agreement=1.0, keep=max(1, keep)))
