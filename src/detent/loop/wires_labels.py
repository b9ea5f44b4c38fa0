"""What the tripwires that watch labels are given: audits, label files, and the prompts of tests."""

from collections.abc import Mapping, Sequence
from typing import Any

from detent.evaluate import (
    decode_rows,
    ladder_rungs,
    profile_items,
)
from detent.loop.parts import Parts
from detent.loop.so_far import Reader, entries_of, probe_items
from detent.tasks import shown
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
    Score,
    Slice,
    Watched,
    allowed,
)

CANARY_SPACE = 1e9
"""Problems of a rung from which on a frozen probe in training data is no accident: chance puts one there in fewer than
one generation of a hundred thousand."""


def _label_avalanche(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    since = _answered(parts, label_avalanche.NAME)
    history = [entry.labels for entry in entries_of(parts, Audited) if entry.generation > since]
    return label_avalanche.watch(history, limits, alpha=alpha_per_observation(parts.charter.recipe.audit))


def _proxy_gold_gap(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    """What every proxy of the charter accepted, and what the judge praised, each with a process of its own a task."""
    alpha, proxied = alpha_per_observation(parts.charter.recipe.audit), bool(parts.charter.proxies)
    labels = parts.book.state.slots.get("data/v1")
    if not proxied and not (isinstance(labels, DataMade) and labels.origin.judge):
        return proxy_gold_gap.watch(None, limits, alpha=alpha)
    since = _answered(parts, proxy_gold_gap.NAME)
    audits = [entry for entry in entries_of(parts, Audited) if entry.generation > since]
    rows = [{**(_proxied(one.labels) if proxied else {}), **_praised(one)} for one in audits]
    return proxy_gold_gap.watch(rows, limits, alpha=alpha)


def _proxied(labels: Mapping[str, Score]) -> dict[str, proxy_gold_gap.ProxyAudit]:
    """Only labels that every proxy accepted are kept, and only kept ones are audited."""
    return {
        task: proxy_gold_gap.ProxyAudit(score.asked, score.asked, score.right, score.asked - score.right)
        for task, score in labels.items()
    }


def _praised(audit: Audited) -> dict[str, proxy_gold_gap.ProxyAudit]:
    """What is kept is the judge's choice only in part: those that it does not find right it did not accept."""
    return {
        f"{task}, as judged": proxy_gold_gap.ProxyAudit(
            audit.labels[task].asked, praised.asked, audit.labels[task].right, praised.asked - praised.right
        )
        for task, praised in audit.praised.items()
    }


def _diversity_collapse(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    made = [entry for entry in entries_of(parts, DataMade) if entry.origin.source == "self"]
    return diversity_collapse.watch([_kept(parts, entry.digest) for entry in made] or None, limits)


def _contamination(parts: Parts, _: Sequence[Profile], limits: Any) -> Reading:
    """This generation's labels against its sealed, fresh and visible problems, and against the frozen probes."""
    probes = _tests(parts)
    labels = parts.book.state.slots.get("data/v1")
    batch = _prompts(parts.data.read(labels.digest)) if isinstance(labels, DataMade) else {}
    found = {}
    for rung, prompts in batch.items():
        space = parts.tasks[rung.task].space(rung.level)
        if probes.get(rung) and space is not None:
            hits = len(prompts & probes[rung])
            found[rung] = contamination.Overlap(hits, len(prompts), len(probes[rung]), space)
    return contamination.watch(found, None, limits, canaries=_canaries(parts, batch))


def _canaries(parts: Parts, batch: Mapping[Slice, set[str]]) -> tuple[str, ...] | None:
    """The frozen probes that stand in a batch; only of rungs so large that chance puts none there. None without any."""
    items = [item for item in probe_items(parts) if _space(parts, item.slice) >= CANARY_SPACE]
    if not items:
        return None
    there = [item for item in items if item.problem.prompt in batch.get(item.slice, ())]
    return tuple(f"{item.slice.task} {item.slice.level} {item.problem.prompt}" for item in there)


def _space(parts: Parts, rung: Slice) -> float:
    return parts.tasks[rung.task].space(rung.level) or 0.0


def _answered(parts: Parts, wire: str) -> int:
    """The last generation of which people saw that the wire had fired, and approved; evidence begins anew.

    Not after a denial: nobody said that what was seen may be.
    """
    heard = [
        generation
        for generation, slots in parts.book.state.past.items()
        if _approved(slots) and wire in _fired(slots)
    ]
    return heard[-1] if heard else 0


def _approved(slots: Mapping[str, Entry]) -> bool:
    """In time: what came too late allowed nothing."""
    return "answer/v1" in slots and allowed(slots, slots["decision/v1"].at)


def _fired(slots: Mapping[str, Entry]) -> set[str]:
    """The wires that fired and that people were asked about; of one that only records nobody is."""
    watched = slots.get("watch/v1")
    if not isinstance(watched, Watched):
        return set()
    return {r.wire for r in watched.readings if r.fired and watched.actions.get(r.wire) != "record"}


def _tests(parts: Parts) -> dict[Slice, set[str]]:
    """Sealed, fresh and visible prompts of this generation."""
    found: dict[Slice, set[str]] = {}
    outcome, fresh = (parts.book.state.slots.get(slot) for slot in ("outcome/v1", "profile/v1/fresh"))
    if isinstance(outcome, OutcomeWritten) and outcome.outcome.answers:
        for row in decode_rows(parts.data.read_bytes(outcome.outcome.answers)):
            found.setdefault(row.slice, set()).add(row.prompt)
    recipe = parts.charter.recipe
    streams = {parts.stream("visible"): recipe.profile_problems}
    if isinstance(fresh, Profiled):
        streams[bytes.fromhex(fresh.stream)] = recipe.fresh_problems
    for stream, each in streams.items():
        for item in profile_items(shown(parts.tasks), ladder_rungs(parts.tops, each), stream):
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
