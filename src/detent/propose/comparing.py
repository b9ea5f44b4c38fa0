"""Which problems a method asks, of tasks and of principles: to be revised, to be judged, and for an audit.

    >>> sorted(compared_rungs(proposal, "dpo", charter, constitution))
    ['P/alphabet/copy', 'P/malformed/copy', 'P/unsure/copy', 'copy']

Principles are those that models are taught by: a judge has learnt to tell of a draft whether it keeps to them
(`propose.corrections`), and of no others. One that is asked in words is told them, all of the constitution's; of one
without built-in probes the problems, and the audit's marks, are the task's, unless it has prompts without answers: of
these a checker marks, or nobody. The loop, `verify` and `replay` draw by the same functions.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from detent.charter import Charter, Constitution
from detent.propose.preferences import tuning_rungs
from detent.propose.revisions import (
    Rungs,
    drawn_from,
    preferred_principles,
    principle_of,
    principled_rungs,
    refined_rungs,
    rungs_by_principle,
)
from detent.tasks import TaskSource, is_open, is_principle, source_name
from detent.values import DataProposal, Item, Method, Tuning


def compared_rungs(
    proposal: DataProposal, method: Tuning, charter: Charter, constitution: Constitution | None
) -> dict[str, dict[int, int]]:
    """How many prompts a method asks, by task or principle's source, and level."""
    principles = _by_principle(proposal, method, charter, constitution)
    return tuning_rungs(proposal, method, charter.feedback.pairs) | principles


def audited_rungs(
    proposal: DataProposal, method: Tuning, charter: Charter, constitution: Constitution | None
) -> dict[str, dict[int, int]]:
    """The same of its audit: of every task in which it is used as many, and of every principle, or a few more."""
    flips, principles = charter.feedback.flips, _by_principle(proposal, method, charter, constitution)
    principles = {name: levels for name, levels in principles.items() if _markable(name, constitution)}
    places = Counter[str]()
    for name, levels in principles.items():
        places[principle_of(name)] += len(levels)
    return tuning_rungs(proposal, method, flips, whole=True) | {
        name: dict.fromkeys(levels, -(-flips // places[principle_of(name)]))
        for name, levels in principles.items()
    }


def _markable(name: str, constitution: Constitution | None) -> bool:
    """Whether anything can say that answers to these problems keep to the principle: of open prompts a checker."""
    return not is_open(name) or (
        constitution is not None and constitution.principles[principle_of(name)].checker != ""
    )


def _by_principle(
    proposal: DataProposal, method: Tuning, charter: Charter, constitution: Constitution | None
) -> dict[str, dict[int, int]]:
    feedback = charter.feedback
    if method != "dpo" or constitution is None or not feedback.prefers_by_principle:
        return {}
    used, named = proposal.tasks_of(method), preferred_principles(feedback, constitution)
    shares = {name: used[source_name(name)] for name in named if source_name(name) in used}
    return rungs_by_principle(
        proposal, constitution.principles, shares, feedback.probes, charter.direction.improve
    )


def revised_rungs(
    proposal: DataProposal, method: Method, charter: Charter, constitution: Constitution | None
) -> dict[str, dict[int, int]]:
    """How many prompts are drafted and revised by a method, by task or principle's source, and level."""
    if method == "refine" or constitution is None:
        return refined_rungs(proposal)
    return principled_rungs(proposal, constitution, charter.feedback, charter.direction.improve)


def sources_for(
    rungs: Rungs, constitution: Constitution | None, known: Mapping[str, TaskSource]
) -> dict[str, TaskSource]:
    """What the problems of `rungs` are drawn from, and marked by. known: tasks and principles by their names."""
    return {name: known[source] for name, source in drawn_from(rungs, constitution).items()}


def apart(items: Sequence[Item]) -> list[Item]:
    """The same without problems of principles whose prompt was drawn before.

    So that no prompt is compared by a principle and by something else, which might prefer the opposite.
    """
    seen, kept = set[str](), list[Item]()
    for item in items:
        if not is_principle(item.slice.task) or item.problem.prompt not in seen:
            kept.append(item)
        seen.add(item.problem.prompt)
    return kept


def counted_as(name: str) -> str:
    """Under what an audit counts: a task's own name, and P/NAME of a principle, over whichever task."""
    return source_name(principle_of(name)) if is_principle(name) else name
