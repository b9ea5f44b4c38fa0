"""What the tripwires that watch a model are given: profiles, comparisons with other models, sweeps."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from detent.errors import EngineError
from detent.evaluate import (
    best,
    horizon,
    judged,
)
from detent.loop.parts import Parts
from detent.loop.so_far import Reader, entries_of, fresh_of
from detent.oversight import guards_of
from detent.tripwires import (
    capability_jump,
    constitution_drift,
    forgetting,
    judge_drift,
    looks,
    nothing,
    reference_divergence,
    representation_shift,
    sandbagging,
    threshold_early_warning,
    train_gate_gap,
    unmeasured,
)
from detent.values import (
    AnswerJob,
    Answers,
    Counts,
    Decided,
    ElicitJob,
    Entry,
    Explained,
    Interpreted,
    Item,
    JudgeTested,
    Profile,
    Profiled,
    Reading,
    Result,
    Score,
    Source,
)
from detent.values.inside import Section

NOT_PROMOTED = "no candidate passed the gate, so none was measured afresh"


def _forgetting(parts: Parts, profiles: Sequence[Profile], limits: Any) -> Reading:
    """On fresh problems where the candidate passed the gate; else on visible ones, which nothing was trained on."""
    profile = fresh_of(parts) or best(profiles)
    mastered = {
        task: _added(profile.scores[task][level - 1] for level in sorted(levels))
        for task, levels in parts.book.state.mastered.items()
        if levels and task in profile.scores
    }
    return forgetting.watch(mastered, limits)


def _capability_jump(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    state, after = parts.book.state, fresh_of(parts)
    if after is None:
        return nothing(capability_jump.NAME, NOT_PROMOTED)
    # What a rise may be grows with the generations that led to it, and with none that was denied or undone.
    carried = [g for g, slots in state.past.items() if g > state.incumbent_generation and _carried(slots)]
    limits = type(limits)(max_gain=min(limits.max_gain, parts.charter.pace.max_gain_per_generation))
    return capability_jump.watch(state.fresh, after, limits, generations=1 + len(carried))


def _carried(slots: Mapping[str, Entry]) -> bool:
    decided = slots.get("decision/v1")
    return isinstance(decided, Decided) and decided.decision == "carry"


def _threshold_early_warning(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    state, direction = parts.book.state, parts.charter.direction
    fresh = {
        entry.generation: entry.profile for entry in entries_of(parts, Profiled) if entry.purpose == "fresh"
    }
    history = {
        task: {generation: horizon(profile, task) for generation, profile in fresh.items()}
        for task in parts.tops
    }
    return threshold_early_warning.watch(
        history,
        [(threshold.task, threshold.horizon) for threshold in direction.threshold],
        limits,
        lag=parts.charter.pace.evaluation_lag,
        left=state.lease_left(parts.book.now),
    )


def _train_gate_gap(parts: Parts, profiles: Sequence[Profile], limits: Any) -> Reading:
    fresh = fresh_of(parts)
    if fresh is None:
        return nothing(train_gate_gap.NAME, NOT_PROMOTED)
    visible = next((one for one in profiles if one.subject == fresh.subject), None)
    return train_gate_gap.watch(visible, fresh, limits)


def _constitution_drift(parts: Parts, profiles: Sequence[Profile], limits: Any) -> Reading:
    """Generation 0's model and the best candidate, on the same probes of every guarded principle."""
    guards = guards_of(parts.charter, parts.constitution)
    if not guards:
        return constitution_drift.watch(None, None, limits)
    asked = looks.principles_of(guards, parts.principles, parts.charter.run.seed)
    items = [item for some in asked.values() for item in some]
    models = (parts.book.state.first, best(profiles).subject)
    results = parts.ask_all([_asked(parts, model, items) for model in models])
    first, now = (_by_principle(asked, _marks(parts, items, result)) for result in results)
    return constitution_drift.watch(first, now, limits)


def _by_principle(asked: Mapping[str, Sequence[Item]], marks: Sequence[bool]) -> dict[str, Score]:
    """How many of each principle's probes were answered as it asks. marks: in the order of all of them."""
    left = iter(marks)
    return {name: Score(sum(next(left) for _ in items), len(items)) for name, items in asked.items()}


def _judge_drift(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    """The judge on its anchors, in every generation in which it had a say; one that compares has other anchors."""
    compares = parts.charter.feedback.compares
    history = [
        _added(entry.anchors.values())
        for entry in entries_of(parts, JudgeTested)
        if (entry.compares is not UNSET) == compares
    ]
    return judge_drift.watch(history or None, limits)


def _reference_divergence(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    found = _explained(parts).since_first
    if found.words is UNSET:
        return unmeasured(reference_divergence.NAME, _why(found, "words"))
    return reference_divergence.watch(found.words.divergence, tokens=found.words.tokens, limits=limits)


def _representation_shift(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    found = _explained(parts).changed
    if found.layers is UNSET:
        return unmeasured(representation_shift.NAME, _why(found, "layers"))
    table, pairs = found.layers.similarity, found.layers.matched
    alike = {after: table[before][after] for before, after in pairs}
    return representation_shift.watch(alike, limits, of=len(table[0]))


def _explained(parts: Parts) -> Explained:
    """What changed inside, as it stands on the ledger."""
    entry = parts.book.state.slots.get("explained/v1")
    if not isinstance(entry, Explained):
        raise EngineError("a look inside before the tripwires expected, got none; run again")
    return entry


def _why(found: Interpreted, section: Section) -> str:
    return found.absent.get(section, "it was not made")


def _sandbagging(parts: Parts, profiles: Sequence[Profile], limits: Any) -> Reading:
    if not sandbagging.due(parts.book.state.past):
        return sandbagging.watch(None, limits)
    model = best(profiles).subject
    return sandbagging.watch(_noise_sweep(parts, model), limits, elicited=_elicited(parts, model))


def _noise_sweep(parts: Parts, model: str) -> dict[str, dict[str, Counts]]:
    items = looks.ladder_of(parts.tasks, parts.tops, parts.charter.run.seed, parts.book.state.generation)
    seed = parts.number("noise sweep")
    jobs = [_asked(parts, model, items, noise=scale, seed=seed) for scale in (0.0, *looks.SCALES)]
    clean, *noisy = (_marks(parts, items, result) for result in parts.ask_all(jobs))
    return {
        f"{scale:g}": _paired(items, clean, marks) for scale, marks in zip(looks.SCALES, noisy, strict=True)
    }


def _elicited(parts: Parts, model: str) -> dict[str, Counts]:
    """The model, and a copy after a few steps on the true answers of the seed levels, on new problems of those."""
    charter, generation = parts.charter, parts.book.state.generation
    levels = charter.recipe.seed_levels
    items = looks.seed_levels_of(parts.tasks, parts.tops, levels, charter.run.seed, generation)
    asked = _asked(parts, model, items)
    taught = ElicitJob(
        model=model,
        sources=tuple(
            Source(made.digest, 1.0) for made in parts.book.state.data if made.origin.source == "seed"
        ),
        steps=looks.ELICIT_STEPS,
        seed=parts.number("elicitation"),
        prompts=asked.prompts,
        optimizer=parts.optimizer,
        extra_tokens=asked.extra_tokens,
    )
    before, after = (_marks(parts, items, parts.ask(job)) for job in (asked, taught))
    return _paired(items, before, after)


def _asked(parts: Parts, model: str, items: Sequence[Item], noise: float = 0.0, seed: int = 0) -> AnswerJob:
    prompts, extra = tuple(item.problem.prompt for item in items), parts.charter.subject.room
    return AnswerJob(model=model, prompts=prompts, extra_tokens=extra, noise=noise, seed=seed)


def _marks(parts: Parts, items: Sequence[Item], result: Result) -> list[bool]:
    if not isinstance(result, Answers):
        raise EngineError(f"answers expected, got {type(result).__name__}; run again")
    return judged(items, result.completions, parts.asked)


def _paired(items: Sequence[Item], before: Sequence[bool], after: Sequence[bool]) -> dict[str, Counts]:
    """By task: how often only the second was right, only the first, or both alike."""
    found: dict[str, list[int]] = {}
    for item, was, now in zip(items, before, after, strict=True):
        row = found.setdefault(item.slice.task, [0, 0, 0])
        row[0 if now > was else 1 if now < was else 2] += 1
    return {task: Counts(*row) for task, row in found.items()}


def _added(scores: Any) -> Score:
    right, asked = (sum(column) for column in zip(*((s.right, s.asked) for s in scores), strict=True))
    return Score(right, asked)


READERS: Mapping[str, Reader] = {
    forgetting.NAME: _forgetting,
    capability_jump.NAME: _capability_jump,
    threshold_early_warning.NAME: _threshold_early_warning,
    train_gate_gap.NAME: _train_gate_gap,
    constitution_drift.NAME: _constitution_drift,
    judge_drift.NAME: _judge_drift,
    reference_divergence.NAME: _reference_divergence,
    representation_shift.NAME: _representation_shift,
    sandbagging.NAME: _sandbagging,
}
