"""Changes that rules propose, the most telling first: to the model's shape, and to how the feedback loop is set.

    >>> [change.said for change in shapes(about, diagnosis)][:2]
    ['rotary positions off in every layer', 'rotary positions off ...']

A rule does not know what holds a model back. It names what could, each in one change, and leaves it to the trials to
find out. What was tried on a model of the same shape and settings before, and did not do better than the plan as it
is, comes last.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from detent.errors import UsageError
from detent.values import Diagnosis, Edit, Profile, Reshape, Setting, Tune
from detent.values.shape import (
    Activate,
    AddBlock,
    AddHeads,
    MergeKeyValues,
    RemoveBlock,
    RemoveHeads,
    Rotary,
    Shape,
    SplitKeyValues,
    WidenHidden,
    WidenMlp,
    reshape,
)

CLIFF = 0.5
"""Share right that is lost from one level to the next where lengths beyond the taught ones are not understood."""


@dataclass(frozen=True, slots=True)
class About:
    """What rules know of a model.

    shape: of it. parameters: that an edit leaves it with. most: as the charter says. edits: names of those it allows,
    () for all. before: edits that were tried on this shape already. smaller: whether smaller and as good is better.
    """

    shape: Shape
    parameters: Callable[[Edit], int]
    most: int
    edits: Sequence[str] = ()
    before: Sequence[Edit] = ()
    smaller: bool = False


def shapes(about: About, profile: Profile) -> list[Reshape]:
    """Edits that this model can take and the charter allows, each with a reason. profile: the incumbent's, visible."""
    found = []
    for edit, because in _edits(about.shape, profile, smaller=about.smaller):
        named = str(edit.__struct_config__.tag)
        if (not about.edits or named in about.edits) and _fits(about, edit):
            found.append(Reshape(edit, by="rules", because=because))
    return sorted(found, key=lambda change: change.edit in about.before)


def _fits(about: About, edit: Edit) -> bool:
    try:
        reshape(about.shape, edit)
    except UsageError:
        return False
    return about.parameters(edit) <= about.most


def _edits(shape: Shape, profile: Profile, *, smaller: bool) -> Iterator[tuple[Edit, str]]:
    each = shape.heads // shape.groups
    cliff = _cliff(profile)
    reason = cliff or "positions may count for less, or more, than they do now"
    for layers in _positions(shape):
        yield Rotary(layers), reason
    small = "the model may be too small for what it is asked"
    yield AddBlock(at=shape.layers), f"{small}: one more step of computation"
    yield WidenMlp(by=max(1, shape.intermediate // 2)), f"{small}: more units to remember with"
    yield AddHeads(groups=max(1, shape.groups // 4)), f"{small}: more places looked at, at once"
    yield AddBlock(at=shape.layers // 2), f"{small}: one more step of computation, in the middle"
    yield WidenHidden(by=_multiple(shape.hidden // 4, shape.heads)), f"{small}: more room between its blocks"
    if each > 1:
        yield SplitKeyValues(times=2), "heads may need keys and values of their own"
    for activation in ("gelu", "relu", "silu"):
        yield Activate(activation), "another activation may suit these tasks better"
    if shape.groups > 1:
        yield MergeKeyValues(times=2), "fewer keys and values may do, and generalise better"
    if smaller:
        yield from _removals(shape)


def _removals(shape: Shape) -> Iterator[tuple[Edit, str]]:
    said = "it may be as good without"
    for at in reversed(range(shape.layers)):
        yield RemoveBlock(at), said
    for at in range(shape.groups):
        yield RemoveHeads(at), said


def _positions(shape: Shape) -> Iterator[tuple[bool, ...]]:
    """Off where they are on, in all layers or every other; or on."""
    if not shape.rotary:
        return
    every = [tuple(bool(at % 2) and on for at, on in enumerate(shape.rotary))]
    for layers in ((False,) * shape.layers, *every, (True,) * shape.layers):
        if layers != shape.rotary:
            yield layers


def _multiple(number: int, of: int) -> int:
    return max(1, number // of) * of


def _cliff(profile: Profile) -> str:
    """What is told of a task that is right at one level and wrong at the next: lengths beyond are not understood."""
    drops = [
        (scores[level].rate - scores[level + 1].rate, task, level + 1, scores)
        for task, scores in profile.scores.items()
        for level in range(len(scores) - 1)
    ]
    if not drops:
        return ""
    drop, task, level, scores = max(drops, key=lambda one: one[0])
    if drop < CLIFF:
        return ""
    return (
        f"{task} is {scores[level - 1].rate:.2f} right at level {level} and {scores[level].rate:.2f} at {level + 1}: "
        "positions may hold it back"
    )


def settings(diagnosis: Diagnosis, now: Callable[[str], Setting], before: Iterable[Tune] = ()) -> list[Tune]:
    """Settings that may help with what is weak. now: the value in force of a key. before: what was tried already."""
    found = [Tune(values, by="rules", because=because) for values, because in _settings(diagnosis, now)]
    tried = [change.settings for change in before]
    return sorted(found, key=lambda change: change.settings in tried)


def _settings(
    diagnosis: Diagnosis, now: Callable[[str], Setting]
) -> Iterator[tuple[dict[str, Setting], str]]:
    wrong = [weak for weak in diagnosis.weaknesses if weak.remedy == "purify"]
    confidence, steps = float(now("recipe.confidence")), int(now("recipe.steps"))
    prompts, keep = int(now("recipe.label_prompts")), float(now("recipe.keep_share"))
    if wrong:
        worst = min(wrong, key=lambda weak: weak.label_accuracy or 0.0)
        said = f"of the labels of {worst.task} {worst.label_accuracy or 0.0:.0%} were right"
        yield {"recipe.confidence": round((1 + confidence) / 2, 3)}, f"{said}: keep surer ones"
        yield {"recipe.keep_share": round(keep / 2, 3)}, f"{said}: keep fewer"
        yield {"recipe.samples": 4}, f"{said}: let samples vote"
    yield {"recipe.steps": steps * 2}, "longer training"
    yield {"recipe.label_prompts": prompts * 2}, "more prompts to choose labels from"
    yield {"recipe.matrix_rate": float(now("recipe.matrix_rate")) / 2}, "a lower rate forgets less"
    yield {"recipe.ahead": int(now("recipe.ahead")) + 1}, "labels further below the frontier"
    if not wrong:
        yield {"recipe.confidence": round(confidence * 0.8, 3)}, "labels are right: dare less sure ones"
