"""How much of each method is used where: by what it made right and what it made wrong so far.

    >>> uses(feedback, ("copy", "sort"), {"refine": {"sort": Flips(helped=3, harmed=12, asked=100)}})["refine"]["sort"]
    Use(share=0.0, because='switched off: of 100 audited answers it made 3 right and 12 wrong')

A method begins with its full share, and goes on with what it is worth: helped less harmed, of all that it changed. One
that harms more than it helps is switched off, for that task and for good: nothing more is seen of it, so that only an
amendment, which people sign, can find out whether it would do better by now.
"""

from collections.abc import Iterable, Mapping

from detent.charter import Constitution, Feedback
from detent.propose.revisions import preferred_principles
from detent.tasks import source_name
from detent.values import Flips, Use

LEAST = 10
"""Changed answers before a method is worth less than at first: fewer say little."""

NONE = Flips(0, 0, 0)

ORDER = ("refine", "constitution", "dpo", "grpo")
"""The methods that are audited so; "constitution" by principles in the place of tasks, "dpo" by both."""


def uses(
    feedback: Feedback,
    tasks: Iterable[str],
    flips: Mapping[str, Mapping[str, Flips]],
    constitution: Constitution | None = None,
) -> dict[str, dict[str, Use]]:
    """[method][task or principle] of the charter's methods.

    Beside tasks a principle is called P/NAME, as at the gate, so that no task can be taken for it.

    Args:
        feedback: the charter's.
        tasks: that are improved.
        flips: [method][task or principle], all that was audited so far.
        constitution: whose principles answers are revised by; None where the charter names none.
    """
    principles = tuple(constitution.principles) if constitution is not None else ()
    every = tuple(tasks)
    found: dict[str, dict[str, Use]] = {
        method: {
            name: _use(flips.get(method, {}).get(name, NONE))
            for name in (principles if method == "constitution" else every)
        }
        for method in ORDER
        if method in feedback.methods
    }
    if feedback.prefers_by_principle:
        named = map(source_name, preferred_principles(feedback, constitution))
        found["dpo"] |= _beside(named, every, flips.get("dpo", {}))
    return found


def _beside(names: Iterable[str], tasks: Iterable[str], seen: Mapping[str, Flips]) -> dict[str, Use]:
    """Of principles that are taught from one file with tasks; which of the two did harm cannot be told apart.

    So where tasks together were harmed more than helped no principle is preferred by any more, whatever it gained: a
    model that answers nothing breaks none.
    """
    total = NONE
    for task in tasks:
        total = total.with_more(seen.get(task, NONE))
    together = _use(total)
    return {
        name: Use(0.0, f"{together.because}, in all tasks")
        if not together.share
        else _use(seen.get(name, NONE))
        for name in names
    }


def _use(seen: Flips) -> Use:
    changed = seen.helped + seen.harmed
    if changed < LEAST:
        return Use(1.0, "little seen of it yet")
    told = f"of {seen.asked} audited answers it made {seen.helped} right and {seen.harmed} wrong"
    if seen.harmed > seen.helped:
        return Use(0.0, f"switched off: {told}")
    return Use((seen.helped - seen.harmed) / changed, told)
