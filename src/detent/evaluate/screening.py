"""Screening in the open: which candidate is worth an opening, and from which models training goes on.

    >>> low, high = (Profile(name * 64, {"copy": (Score(right, 64),)}) for name, right in (("a", 8), ("b", 16)))
    >>> best([low, high]) == high, promises(low, high), promises(high, low)
    (True, True, False)

By the ladder of the visible profile alone. It costs no error budget and proves nothing: the same problems were
looked at by those who aim, and what looks best of several looks better than it is. Only the gate promotes.
"""

from collections.abc import Mapping, Sequence

from detent.values import Profile


def best(profiles: Sequence[Profile]) -> Profile:
    """The profile with the highest ladder; of equals the first member's."""
    return max(profiles, key=Profile.ladder)


def promises(before: Profile, after: Profile, anchor: Profile | None = None) -> bool:
    """Whether a look behind the seal, which costs error budget, may be worth it; what is `before` cannot beat it.

    anchor: of the model last promoted as better, where that is not `before`.
    """
    known = [before] if anchor is None else [before, anchor]
    return all(after.subject != one.subject and after.ladder() > one.ladder() for one in known)


def as_good(before: Profile, after: Profile, margin: float, anchor: Profile | None = None) -> bool:
    """Whether a smaller candidate may be worth an opening: on no task below by half of what it may cost, or more.

    A candidate that is in truth so much worse passes about as often as not; see docs/statistics.md.
    """
    known = [before] if anchor is None else [before, anchor]
    return all(
        after.subject != one.subject
        and all(
            after.task_ladder(task) > one.task_ladder(task) - margin / 2
            for task in one.scores
            if task in after.scores
        )
        for one in known
    )


def team_after(
    team: Sequence[str], visible: Mapping[str, Profile], profiles: Sequence[Profile], *, stays: bool = False
) -> tuple[str, ...]:
    """Where training goes on without a promotion: each member moves to its candidate where its ladder rose.

    Args:
        team: digests of the members.
        visible: the newest visible profile of each of them.
        profiles: of the members' candidates, in the team's order.
        stays: nobody goes on from these candidates, however they look.

    Returns:
        Digests of the team's models. A candidate that comes back has another digest and pays error budget again.
    """
    return tuple(
        after.subject if not stays and after.ladder() > visible[member].ladder() else member
        for member, after in zip(team, profiles, strict=True)
    )
