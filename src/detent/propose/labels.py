"""The rule that turns a diagnosis into labels to make: a little above what a task can do, and all it has learnt.

>>> propose(diagnosis, profile, recipe, team).recipes["reverse"].levels
(6, 7, 8)
"""

from collections.abc import Sequence

from detent.charter import Recipe
from detent.values import DataProposal, Diagnosis, Filter, LabelRecipe, Mix, Profile, Rung, Weakness


def propose(diagnosis: Diagnosis, profile: Profile, recipe: Recipe, team: Sequence[str]) -> DataProposal:
    """A data proposal for all tasks that are not at their top.

    Args:
        diagnosis: what is weak.
        profile: the incumbent's visible profile, which says how far ahead labels are worth making.
        recipe: the charter's.
        team: digests of the models that label and are trained.
    """
    recipes = {weak.task: _labels(weak, profile, recipe) for weak in diagnosis.weaknesses}
    return DataProposal(
        team=tuple(team),
        recipes=recipes,
        mix=Mix(newest=recipe.mix.newest, earlier=recipe.mix.earlier, seed=recipe.mix.seed),
        steps=recipe.steps,
        because=diagnosis.reading,
    )


def _labels(weak: Weakness, profile: Profile, recipe: Recipe) -> LabelRecipe:
    top = len(profile.scores[weak.task])
    first = recipe.seed_levels + 1
    frontier = max(first, weak.frontier)
    kept_up = [_review(level, recipe) for level in range(first, min(frontier, top + 1))]
    new = [
        _frontier(level, profile.accuracy(weak.task, level), weak, recipe)
        for level in range(frontier, min(top, frontier + recipe.ahead) + 1)
        if level == frontier or profile.accuracy(weak.task, level) >= recipe.least_accuracy
    ]
    return LabelRecipe(frontier=frontier, rungs=(*kept_up, *new))


def _review(level: int, recipe: Recipe) -> Rung:
    """A level below the frontier: labelled again, since the model has become better at it."""
    return Rung(level, recipe.review_prompts, Filter(recipe.review_confidence, agreement=1.0, keep=0))


def _frontier(level: int, accuracy: float, weak: Weakness, recipe: Recipe) -> Rung:
    """A level the model is still wrong at: keep no more than the visible accuracy says can be right."""
    share = recipe.keep_share * (recipe.purify_share if weak.remedy == "purify" else 1.0)
    likely = (accuracy * recipe.profile_problems + 1) / (recipe.profile_problems + 1)  # never none at all
    keep = min(recipe.label_keep, int(recipe.label_prompts * likely * share))
    return Rung(level, recipe.label_prompts, Filter(recipe.confidence, agreement=1.0, keep=max(1, keep)))
