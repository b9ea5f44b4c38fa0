"""What each tripwire of the catalogue is given: the run as it stands, turned into the plain values it takes.

    >>> [wire.name for wire in wires_of(charter, {})][:2]
    ['label_avalanche', 'proxy_gold_gap']

One function a wire. The statistics are in `detent.tripwires`; here is only where the numbers come from.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from detent.charter import Charter
from detent.errors import EngineError
from detent.evaluate import (
    decode_rows,
    evaluator_digest_on_disk,
    horizon,
    judged,
    ladder_rungs,
    profile_items,
    public_stream,
)
from detent.loop.judge import best
from detent.loop.own_wires import own_wires_of
from detent.loop.parts import Parts, Wire
from detent.tasks import Lookout
from detent.tripwires import (
    CATALOGUE,
    alpha_per_observation,
    budget,
    capability_jump,
    constitution_drift,
    contamination,
    diversity_collapse,
    forgetting,
    gate_tampering,
    judge_drift,
    label_avalanche,
    ledger_rewind,
    nothing,
    proxy_gold_gap,
    reference_divergence,
    representation_shift,
    sandbagging,
    threshold_early_warning,
    train_gate_gap,
    unauthorised_training,
)
from detent.values import (
    AnswerJob,
    Answers,
    Audited,
    CharterSigned,
    Compared,
    CompareJob,
    Counts,
    DataMade,
    Decided,
    Entry,
    Example,
    Item,
    OutcomeWritten,
    Profile,
    Profiled,
    Reading,
    Score,
    SessionStarted,
    Slice,
    Watched,
    live,
)

SCALES = (0.05, 0.1, 0.2)
"""Of a sweep: standard deviation of the noise, relative to each matrix's own."""

SWEEP_PROBLEMS = 8
PROBES = 2
"""Problems a rung: of a sweep, and of the comparison with other models."""

NOT_PROMOTED = "no candidate passed the gate, so none was measured afresh"

Reader = Callable[[Parts, Sequence[Profile], Any], Reading]


def wires_of(charter: Charter, lookouts: Mapping[str, Lookout]) -> tuple[Wire, ...]:
    """Every wire of the catalogue, as the charter set it, then the author's own; `lookouts` holds their code."""
    return (*_built_in(charter), *own_wires_of(charter, lookouts))


def _built_in(charter: Charter) -> Iterator[Wire]:
    for name, form in CATALOGUE.items():
        setting = charter.wire(name)
        limits = form.with_limits(setting.limits)
        yield Wire(name, setting.action, _bound(_READERS[name], limits))


def _bound(reader: Reader, limits: Any) -> Callable[[Parts, Sequence[Profile], Sequence[Reading]], Reading]:
    return lambda parts, profiles, _: reader(parts, profiles, limits)


def _label_avalanche(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    since = _answered(parts, label_avalanche.NAME)
    history = [entry.labels for entry in _all(parts, Audited) if entry.generation > since]
    return label_avalanche.watch(history, limits, alpha=alpha_per_observation(parts.charter.recipe.audit))


def _proxy_gold_gap(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    """No filter of this version uses a proxy checker."""
    return proxy_gold_gap.watch(None, limits, alpha=alpha_per_observation(parts.charter.recipe.audit))


def _diversity_collapse(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    made = [entry for entry in _all(parts, DataMade) if entry.origin.source == "self"]
    return diversity_collapse.watch([_kept(parts, entry.digest) for entry in made] or None, limits)


def _forgetting(parts: Parts, profiles: Sequence[Profile], limits: Any) -> Reading:
    """On fresh problems where the candidate passed the gate; else on visible ones, which nothing was trained on."""
    profile = _fresh(parts) or best(profiles)
    mastered = {
        task: _added(profile.scores[task][level - 1] for level in sorted(levels))
        for task, levels in parts.book.state.mastered.items()
        if levels and task in profile.scores
    }
    return forgetting.watch(mastered, limits)


def _capability_jump(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    state, after = parts.book.state, _fresh(parts)
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
    fresh = {entry.generation: entry.profile for entry in _all(parts, Profiled) if entry.purpose == "fresh"}
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
    fresh = _fresh(parts)
    if fresh is None:
        return nothing(train_gate_gap.NAME, NOT_PROMOTED)
    visible = next((one for one in profiles if one.subject == fresh.subject), None)
    return train_gate_gap.watch(visible, fresh, limits)


def _contamination(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    """This generation's labels against the sealed and fresh problems that were drawn after them."""
    probes = _probes(parts)
    labels = parts.book.state.slots.get("data/v1")
    batch = _prompts(parts.data.read(labels.digest)) if isinstance(labels, DataMade) else {}
    found = {}
    for rung, prompts in batch.items():
        space = parts.tasks[rung.task].space(rung.level)
        if probes.get(rung) and space is not None:
            hits = len(prompts & probes[rung])
            found[rung] = contamination.Overlap(hits, len(prompts), len(probes[rung]), space)
    return contamination.watch(found, None, limits)


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
    if not sandbagging.due(parts.book.state.generation):
        return sandbagging.watch(None, limits)
    items = profile_items(parts.tasks, ladder_rungs(parts.tops, SWEEP_PROBLEMS), parts.stream("noise sweep"))
    model = best(profiles).subject
    scales = (0.0, *SCALES)
    swept = _swept(parts, model, items, scales)
    clean, *noisy = (list(judged(items, answers, parts.tasks)) for answers in swept)
    sweep = {f"{scale:g}": _paired(items, clean, marks) for scale, marks in zip(SCALES, noisy, strict=True)}
    return sandbagging.watch(sweep, limits)


def _gate_tampering(parts: Parts, _: Sequence[Profile], __: Any) -> Reading:
    """Against the first session under this charter: another evaluator or library is an amendment's to accept."""
    baseline, charter = parts.book.state.baseline, parts.book.state.charter
    assert isinstance(baseline, SessionStarted)  # noqa: S101  a turn without a session is no turn
    assert isinstance(charter, CharterSigned)  # noqa: S101
    now = parts.surroundings()
    recorded = {"evaluator": baseline.evaluator, "charter": charter.digest}
    recorded |= {f"task {name}": digest for name, digest in baseline.tasks.items()}
    recorded |= baseline.software
    found = {"evaluator": evaluator_digest_on_disk(), "charter": parts.charter_digest}
    found |= {f"task {name}": source.digest for name, source in parts.tasks.items()}
    return gate_tampering.watch(recorded, {**found, **now})


def _ledger_rewind(parts: Parts, _: Sequence[Profile], __: Any) -> Reading:
    heads = []
    for source, size, root in parts.heads():
        here = parts.book.record.root(size).hex() if size <= parts.book.state.entries else ""
        heads.append(ledger_rewind.Head(source, size, root, here))
    return ledger_rewind.watch(parts.book.state.entries, heads)


def _budget(parts: Parts, profiles: Sequence[Profile], __: Any) -> Reading:
    state, constraints = parts.book.state, parts.charter.constraints
    paying = state.grants[state.paying - 1] if state.paying else live(state.grants, parts.book.now)
    model = best(profiles).subject
    found = [
        budget.Quantity(
            "parameters", parts.models.parameters(model), constraints.max_parameters, "parameters"
        ),
        budget.Quantity("disk", parts.disk_gb(), constraints.max_disk_gb, "GB"),
    ]
    if paying is not None:
        found.append(budget.Quantity("compute", paying.used, paying.petaflop, "petaflop"))
    if constraints.max_compute_share and state.taught_flops:
        share = state.flops / state.taught_flops
        found.append(
            budget.Quantity("compute share", share, constraints.max_compute_share, "of generation 0")
        )
    return budget.watch(found)


def _unauthorised_training(parts: Parts, _: Sequence[Profile], __: Any) -> Reading:
    found = {name: name for name in parts.models.digests()}
    return unauthorised_training.watch(found, parts.book.state.models)


def _all(parts: Parts, kind: type[Any]) -> list[Any]:
    """Entries of the turns that led here and of this one, in order."""
    state = parts.book.state
    turns: list[Mapping[str, Entry]] = [*state.past.values(), state.slots]
    return [entry for slots in turns for entry in slots.values() if isinstance(entry, kind)]


def _answered(parts: Parts, wire: str) -> int:
    """The last generation of which people said what should follow, and the wire had fired; evidence begins anew."""
    heard = [
        generation
        for generation, slots in parts.book.state.past.items()
        if "answer/v1" in slots and wire in _fired(slots)
    ]
    return heard[-1] if heard else 0


def _fired(slots: Mapping[str, Entry]) -> set[str]:
    watched = slots.get("watch/v1")
    return (
        {reading.wire for reading in watched.readings if reading.fired}
        if isinstance(watched, Watched)
        else set()
    )


def _fresh(parts: Parts) -> Profile | None:
    """The candidate on fresh problems, when it passed the gate."""
    entry = parts.book.state.slots.get("profile/v1/fresh")
    return entry.profile if isinstance(entry, Profiled) else None


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


def _probes(parts: Parts) -> dict[Slice, set[str]]:
    """Sealed and fresh prompts of this generation."""
    found: dict[Slice, set[str]] = {}
    outcome, fresh = (parts.book.state.slots.get(slot) for slot in ("outcome/v1", "profile/v1/fresh"))
    if isinstance(outcome, OutcomeWritten) and outcome.outcome.answers:
        for row in decode_rows(parts.data.read_bytes(outcome.outcome.answers)):
            found.setdefault(row.slice, set()).add(row.prompt)
    if isinstance(fresh, Profiled):
        rungs = ladder_rungs(parts.tops, parts.charter.recipe.fresh_problems)
        for item in profile_items(parts.tasks, rungs, bytes.fromhex(fresh.stream)):
            found.setdefault(item.slice, set()).add(item.problem.prompt)
    return found


def _prompts(examples: Sequence[Example]) -> dict[Slice, set[str]]:
    found: dict[Slice, set[str]] = {}
    for example in examples:
        found.setdefault(Slice(example.task, example.level), set()).add(example.prompt)
    return found


def _kept(parts: Parts, digest: str) -> dict[Slice, diversity_collapse.Kept]:
    """What was kept of each rung of one file; files do not change, so each is counted once a session."""
    counted: dict[str, dict[Slice, diversity_collapse.Kept]] = parts.counted
    if digest not in counted:
        rows: dict[Slice, list[Example]] = {}
        for example in parts.data.read(digest):
            rows.setdefault(Slice(example.task, example.level), []).append(example)
        counted[digest] = {rung: _kept_of(examples) for rung, examples in rows.items()}
    return counted[digest]


def _kept_of(examples: Sequence[Example]) -> diversity_collapse.Kept:
    by_prompt = {example.prompt: example.completion for example in examples}
    confidence = sum(example.confidence for example in examples) / len(examples)
    return diversity_collapse.Kept(len(by_prompt), len(set(by_prompt.values())), confidence)


def _added(scores: Any) -> Score:
    right, asked = (sum(column) for column in zip(*((s.right, s.asked) for s in scores), strict=True))
    return Score(right, asked)


_READERS: dict[str, Reader] = {
    "label_avalanche": _label_avalanche,
    "proxy_gold_gap": _proxy_gold_gap,
    "diversity_collapse": _diversity_collapse,
    "forgetting": _forgetting,
    "capability_jump": _capability_jump,
    "threshold_early_warning": _threshold_early_warning,
    "train_gate_gap": _train_gate_gap,
    "contamination": _contamination,
    "constitution_drift": _constitution_drift,
    "judge_drift": _judge_drift,
    "reference_divergence": _reference_divergence,
    "representation_shift": _representation_shift,
    "sandbagging": _sandbagging,
    "gate_tampering": _gate_tampering,
    "ledger_rewind": _ledger_rewind,
    "budget": _budget,
    "unauthorised_training": _unauthorised_training,
}
