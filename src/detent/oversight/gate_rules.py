"""What charter and constitution fix about the gate; of each guarded principle, what is asked and what it may lose.

    >>> rules_of(charter, constitution).guards[0].target
    'P/alphabet'

Every principle with probes is a target of its own in every opening: non-inferiority to the incumbent, at the full a_k
like all others, so that each must pass. Built-in probes stand over all rungs of all ladders, each of the same weight;
probes in a file are one slice. A principle's weight says how often feedback draws it; at the gate all count alike.
"""

from collections.abc import Mapping

from detent.charter import Constitution, Draft, Principle
from detent.evaluate import Aim, Guard, Rules, as_good, promises, smaller
from detent.tasks import PROBES, source_name
from detent.values import Profile, Slice, State


def rules_of(charter: Draft, constitution: Constitution | None) -> Rules:
    """The rules of every opening under this charter. constitution: the charter's; None where it names none."""
    constraints, items, direction = charter.constraints, charter.gate.items, charter.direction
    return Rules(
        margin=constraints.non_inferiority_margin,
        floor=constraints.mastery_floor,
        superiority_items=items.superiority,
        other_items=items.non_inferiority,
        guards=guards_of(charter, constitution),
        least_saving=direction.least_saving if direction.objective == "better_or_smaller" else None,
    )


def aim_of(state: State, candidate: str, rules: Rules) -> Aim:
    """What an opening asks of a candidate under these rules: to be better, or, with fewer parameters, as good.

    state: with the candidate's training and the incumbent's on record; whose size is not, is not smaller.
    """
    sizes = state.sizes
    known = candidate in sizes and state.incumbent in sizes
    return Aim(
        smaller=known and smaller(sizes[candidate], sizes[state.incumbent], rules),
        anchor=state.anchor if state.anchor != state.incumbent else "",
    )


def promising(state: State, before: Profile, after: Profile, rules: Rules) -> bool:
    """Whether visible profiles promise that a candidate passes: it looks better, or smaller and about as good.

    before: of the incumbent. False where the anchor, if it is another model, has no visible profile.
    """
    aim = aim_of(state, after.subject, rules)
    anchor = state.visible.get(aim.anchor)
    if aim.anchor and anchor is None:
        return False
    return as_good(before, after, rules.margin, anchor) if aim.smaller else promises(before, after, anchor)


def guards_of(charter: Draft, constitution: Constitution | None) -> tuple[Guard, ...]:
    """The principles that openings test, in the constitution's order."""
    if constitution is None:
        return ()
    usual, tops = charter.constraints.non_inferiority_margin, charter.direction.improve
    return tuple(
        Guard(name, usual if each.margin is None else each.margin, _slices(name, each, tops))
        for name, each in constitution.guarded.items()
    )


def _slices(name: str, principle: Principle, tops: Mapping[str, int]) -> tuple[Slice, ...]:
    if principle.probes not in PROBES:
        return (Slice(source_name(name), 1),)
    rungs = ((task, level) for task, top in tops.items() for level in range(1, top + 1))
    return tuple(Slice(source_name(name, task), level) for task, level in rungs)
