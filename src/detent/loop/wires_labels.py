"""What the tripwires that watch labels are given: audits, label files, and the prompts of tests."""

from collections.abc import Mapping, Sequence
from typing import Any

from detent.evaluate import (
    decode_rows,
    ladder_rungs,
    profile_items,
)
from detent.loop.parts import Parts
from detent.loop.so_far import Reader, entries_of
from detent.tripwires import (
    alpha_per_observation,
    contamination,
    diversity_collapse,
    label_avalanche,
    proxy_gold_gap,
)
from detent.values import (
    Audited,
    DataMade,
    Entry,
    Example,
    OutcomeWritten,
    Profile,
    Profiled,
    Reading,
    Slice,
    Watched,
)


def _label_avalanche(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    since = _answered(parts, label_avalanche.NAME)
    history = [entry.labels for entry in entries_of(parts, Audited) if entry.generation > since]
    return label_avalanche.watch(history, limits, alpha=alpha_per_observation(parts.charter.recipe.audit))


def _proxy_gold_gap(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    """No filter of this version uses a proxy checker."""
    return proxy_gold_gap.watch(None, limits, alpha=alpha_per_observation(parts.charter.recipe.audit))


def _diversity_collapse(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    made = [entry for entry in entries_of(parts, DataMade) if entry.origin.source == "self"]
    return diversity_collapse.watch([_kept(parts, entry.digest) for entry in made] or None, limits)


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


READERS: Mapping[str, Reader] = {
    label_avalanche.NAME: _label_avalanche,
    proxy_gold_gap.NAME: _proxy_gold_gap,
    diversity_collapse.NAME: _diversity_collapse,
    contamination.NAME: _contamination,
}
