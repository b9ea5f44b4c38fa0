"""Answers that the team revises: which problems it drafts, as which jobs, and which of its revisions are kept.

    >>> asked = tasks_asked(plan, drawn)                              # (rung, prompt), no answers
    >>> jobs = [revise_job(model, asked, feedback, ...) for model in team]
    >>> kept_revisions(asked, revisions, feedback)[0]
    Example(task='copy', level=6, prompt='C123456=', completion='123456', ..., draft='123465')

Kept is what all members end with, each sure of it, where at least one of them had drafted something else. It sees the
models' own words alone. The loop makes them, `verify` holds the file against the rule, `replay` makes them again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from detent.charter import Constitution, Feedback, Principle
from detent.evaluate import revising
from detent.propose.forms import forms_of
from detent.tasks import OPEN, PROBES, TaskSource, is_open, is_principle, source_name
from detent.values import (
    DataProposal,
    Example,
    Item,
    Method,
    Origin,
    ReviseJob,
    Revision,
    Room,
    Slice,
    room_after,
)

Source = Literal["revised", "principled"]
Rungs = Mapping[str, Mapping[int, int]]
"""rungs[task][level] = prompts"""


REVISING: Mapping[Method, Source] = MappingProxyType({"refine": "revised", "constitution": "principled"})
"""The methods that revise, and the origin of what they make."""


class Posed(NamedTuple):
    """A problem to draft; the rung's task is a principle's source where the revision goes by one."""

    rung: Slice
    prompt: str


def refined_rungs(proposal: DataProposal) -> dict[str, dict[int, int]]:
    """Prompts that are drafted and revised, by task and level: those that labels are made on, from the frontier on."""
    found = {
        task: {
            rung.level: int(rung.prompts * share)
            for rung in proposal.recipes[task].rungs
            if rung.level >= proposal.recipes[task].frontier and int(rung.prompts * share)
        }
        for task, share in sorted(proposal.tasks_of("refine").items())
        if task in proposal.recipes
    }
    return {task: levels for task, levels in found.items() if levels}


def principled_rungs(
    proposal: DataProposal, constitution: Constitution, feedback: Feedback, tops: Mapping[str, int]
) -> dict[str, dict[int, int]]:
    """The same by principle, under the name of its source over a task; each principle as often as it weighs."""
    return rungs_by_principle(
        proposal, constitution.principles, proposal.tasks_of("constitution"), feedback.probes, tops
    )


def rungs_by_principle(
    proposal: DataProposal,
    principles: Mapping[str, Principle],
    shares: Mapping[str, float],
    probes: int,
    tops: Mapping[str, int],
) -> dict[str, dict[int, int]]:
    """Of those principles that have a share, `probes` problems each on the average, each as often as it weighs.

    What is to be said when unsure is learnt above the levels that are labelled: below, models learn the answer.
    """
    drawn = {name: one for name, one in principles.items() if name in shares}
    total = sum(one.weight for one in drawn.values())
    found: dict[str, dict[int, int]] = {}
    for name, one in sorted(drawn.items()):
        each = probes * len(drawn) * shares[name] * one.weight / total
        if one.prompts:
            if int(each):
                found[source_name(name, OPEN)] = {1: int(each)}
            continue
        for task, top in sorted(tops.items()):
            recipe = proposal.recipes.get(task)
            labelled = max(recipe.levels, default=0) if recipe else 0
            beyond = labelled if one.probes == "unsure" else 0
            levels = range(beyond + 1, top + 1)
            if levels and (count := int(each / len(tops) / len(levels))):
                found[source_name(name, task)] = dict.fromkeys(levels, count)
    return found


def drawn_from(rungs: Rungs, constitution: Constitution | None) -> dict[str, str]:
    """For each key of `rungs` what its problems are drawn from: a principle's own probes or prompts, or its task.

    A principle whose probes are a file, which measures it, is never taught from that file.
    """
    return {name: name if _own(name, constitution) else name.split("/", 2)[2] for name in rungs}


def _own(name: str, constitution: Constitution | None) -> bool:
    if not is_principle(name) or is_open(name):
        return True
    return constitution is not None and constitution.principles[principle_of(name)].probes in PROBES


def asked_of(items: Sequence[Item]) -> list[Posed]:
    """Without the answers, which stay on this side."""
    return [Posed(item.slice, item.problem.prompt) for item in items]


def revise_job(
    model: str,
    asked: Sequence[Posed],
    feedback: Feedback,
    extra_tokens: Room,
    constitution: Constitution | None = None,
) -> ReviseJob:
    """Let one member draft all prompts, criticise and revise. constitution: whose principles they name, if any."""
    by_principle = bool(asked) and is_principle(asked[0].rung.task)
    forms = forms_of(feedback.forms, by_principle=by_principle)
    told: tuple[str, ...] = ()
    if by_principle and constitution is not None:
        names = [principle_of(one.rung.task) for one in asked]
        words = {name: each.text for name, each in constitution.principles.items()}
        told = tuple(name if feedback.forms == "characters" else words[name] for name in names)
    longest = max((len(one.prompt) for one in asked), default=0)
    return ReviseJob(
        model=model,
        prompts=tuple(one.prompt for one in asked),
        revise=forms.revise,
        critique=forms.critique,
        principles=told,
        rounds=feedback.rounds,
        least_confidence=feedback.revise_confidence,
        # In signs a critique has a mark for each character of a draft, and one for the whole.
        critique_tokens=room_after(longest, extra_tokens) + 2 if feedback.forms == "characters" else WORDS,
        extra_tokens=extra_tokens,
    )


WORDS = 64
"""Tokens of a critique in words."""


def revision_flops(sizes: Sequence[int], job: ReviseJob) -> float:
    """Of members with so many parameters that all do this job, at the most."""
    return sum(revising(size, job) for size in sizes)


def kept_revisions(
    asked: Sequence[Posed],
    revisions: Sequence[Sequence[Revision]],
    feedback: Feedback,
    lasting: Collection[str] = (),
) -> list[Example]:
    """What all members agree on in the end, in the order of a data file.

    revisions: of each member, one a problem. lasting: tasks of rungs that are kept up where nobody changes a draft.
    """
    kept = []
    for place, (rung, prompt) in enumerate(asked):
        mine = [row[place] for row in revisions]
        final, sure = mine[0].final, min(one.confidence for one in mine)
        drafts = [one.draft for one in mine if one.draft != final] or [final] * (rung.task in lasting)
        agreed = all(one.final == final for one in mine)
        if agreed and final and drafts and sure >= feedback.revise_confidence:
            kept.append(Example(rung.task, rung.level, prompt, final, confidence=sure, draft=drafts[0]))
    return sorted(kept, key=lambda example: (example.task, example.level))


def lasting_rungs(names: Iterable[str], constitution: Constitution | None) -> frozenset[str]:
    """Of these rungs' tasks the principles' whose problems are nobody else's: nothing else would teach them.

    Once models keep to such a principle by themselves no draft is changed any more. Were nothing kept then, they would
    be taught it no longer, and forget it: four candidates in a row were refused for that (docs/benchmarks.md).
    """
    found = constitution.principles if constitution is not None else {}
    return frozenset(
        name
        for name in names
        if is_principle(name)
        and (probes := found[principle_of(name)].probes) in PROBES
        and PROBES[probes].own_problems
    )


def revision_origin(method: Method, team: tuple[str, ...], feedback: Feedback) -> Origin:
    """Where the examples come from, for their lineage."""
    voters = f"all of {len(team)} models end with it" if len(team) > 1 else "one model ends with it"
    rule = f"{voters}, least token probability >= {feedback.revise_confidence:g}, drafted otherwise"
    return Origin(REVISING[method], team, rule)


def checkers_of(names: Iterable[str], sources: Mapping[str, TaskSource]) -> dict[str, TaskSource]:
    """Who can say of rows under these names what is right: a task, a principle's probes, or a principle's checker."""
    found = {}
    for name in names:
        own = name if name in sources or not is_principle(name) else source_name(principle_of(name))
        if own in sources:
            found[name] = sources[own]
    return found


def taught_principles(feedback: Feedback, constitution: Constitution | None) -> dict[str, str]:
    """The principles that revising is taught by, each with its built-in probes; of others there are no cases."""
    if "constitution" not in feedback.methods or constitution is None:
        return {}
    return {name: one.probes for name, one in constitution.principles.items() if one.probes in PROBES}


def preferred_principles(feedback: Feedback, constitution: Constitution | None) -> tuple[str, ...]:
    """The principles that a judge prefers by: those it was taught to tell apart; all, where it is told in words."""
    if feedback.compares and constitution is not None:
        return tuple(constitution.principles) if feedback.prefers_by_principle else ()
    return tuple(taught_principles(feedback, constitution))


def principle_of(source: str) -> str:
    """The name of the principle whose source this is."""
    return source.split("/", 2)[1]
