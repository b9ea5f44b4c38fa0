"""What the tripwires that watch a model are given: profiles, comparisons with other models, sweeps."""

from collections.abc import Mapping, Sequence
from typing import Any

from detent.errors import EngineError
from detent.evaluate import (
    horizon,
    judged,
    ladder_rungs,
    profile_items,
    public_stream,
)
from detent.loop.judge import best
from detent.loop.parts import Parts
from detent.loop.so_far import Reader, entries_of, fresh_of
from detent.tripwires import (
    capability_jump,
    constitution_drift,
    forgetting,
    judge_drift,
    nothing,
    reference_divergence,
    representation_shift,
    sandbagging,
    threshold_early_warning,
    train_gate_gap,
)
from detent.values import (
    AnswerJob,
    Answers,
    Compared,
    CompareJob,
    Counts,
    Decided,
    Entry,
    Item,
    Profile,
    Profiled,
    Reading,
    Score,
)

SWEEP_EVERY = 4
"""Generations from one noise sweep to the next; it answers four times as much as all other wires together."""

SCALES = (0.05, 0.1, 0.2)
"""Of a sweep: standard deviation of the noise, relative to each matrix's own."""

SWEEP_PROBLEMS = 8
PROBES = 2
"""Problems a rung: of a sweep, and of the comparison with other models."""

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


def _constitution_drift(_: Parts, __: Sequence[Profile], limits: Any) -> Reading:
    """No charter of this version has a constitution."""
    return constitution_drift.watch(None, None, limits)


def _judge_drift(_: Parts, __: Sequence[Profile], limits: Any) -> Reading:
    """No charter of this version has an AI judge."""
    return judge_drift.watch(None, limits)


def _reference_divergence(parts: Parts, profiles: Sequence[Profile], limits: Any) -> Reading:
    compared = _compared(parts, _reference(parts), best(profiles).subject)
    return reference_divergence.watch(compared.divergence, tokens=compared.tokens, limits=limits)


def _representation_shift(parts: Parts, profiles: Sequence[Profile], limits: Any) -> Reading:
    compared = _compared(parts, parts.book.state.incumbent, best(profiles).subject)
    return representation_shift.watch(compared.similarity, limits)


def _sandbagging(parts: Parts, profiles: Sequence[Profile], limits: Any) -> Reading:
    if parts.book.state.generation % SWEEP_EVERY:
        return sandbagging.watch(None, limits)
    items = profile_items(parts.tasks, ladder_rungs(parts.tops, SWEEP_PROBLEMS), parts.stream("noise sweep"))
    model = best(profiles).subject
    scales = (0.0, *SCALES)
    swept = _swept(parts, model, items, scales)
    clean, *noisy = (list(judged(items, answers, parts.tasks)) for answers in swept)
    sweep = {f"{scale:g}": _paired(items, clean, marks) for scale, marks in zip(SCALES, noisy, strict=True)}
    return sandbagging.watch(sweep, limits)


def _reference(parts: Parts) -> str:
    """Generation 0's model: what the model was before it took part in its own training."""
    first = parts.book.state.history[0]["decision/v1"]
    assert isinstance(first, Decided)  # noqa: S101  the slot's own kind
    return first.incumbent


def _compared(parts: Parts, reference: str, model: str) -> Compared:
    """Two models on the same probes, which are those of generation 0 for ever."""
    stream = public_stream(parts.charter.run.seed, "probes", 0)
    items = profile_items(parts.tasks, ladder_rungs(parts.tops, PROBES), stream)
    prompts = tuple(item.problem.prompt for item in items)
    extra = parts.charter.subject.extra_tokens
    result = parts.ask(CompareJob(models=(reference, model), prompts=prompts, extra_tokens=extra))
    if not isinstance(result, Compared):
        raise EngineError(f"a comparison expected, got {type(result).__name__}; run again")
    return result


def _swept(parts: Parts, model: str, items: Sequence[Item], scales: Sequence[float]) -> list[Sequence[str]]:
    prompts = tuple(item.problem.prompt for item in items)
    seed, extra = parts.number("noise sweep"), parts.charter.subject.extra_tokens
    jobs = [
        AnswerJob(model=model, prompts=prompts, extra_tokens=extra, noise=scale, seed=seed)
        for scale in scales
    ]
    answers: list[Sequence[str]] = []
    for result in parts.ask_all(jobs):
        if not isinstance(result, Answers):
            raise EngineError(f"answers expected, got {type(result).__name__}; run again")
        answers.append(result.completions)
    return answers


def _paired(items: Sequence[Item], clean: Sequence[bool], noisy: Sequence[bool]) -> dict[str, Counts]:
    """By task: how often only the noisy model was right, only the clean one, or both alike."""
    found: dict[str, list[int]] = {}
    for item, before, after in zip(items, clean, noisy, strict=True):
        row = found.setdefault(item.slice.task, [0, 0, 0])
        row[0 if after > before else 1 if after < before else 2] += 1
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
