"""Leases as they are spent: which one covers a moment, and what is left of it.

>>> grant = Grant(number=1, generations=2, expires="2026-01-02T00:00:00Z", petaflop=0.2)
>>> live([grant], "2026-01-01T00:00:00Z").left, live([grant], "2026-01-03T00:00:00Z")
(2, None)
"""

from collections.abc import Sequence

from msgspec import Struct, structs


class Grant(Struct, frozen=True):
    """One lease: what was granted, when, and what is used of it. petaflop, used: 1e15 floating point operations."""

    number: int
    generations: int
    expires: str
    petaflop: float
    spent: int = 0
    used: float = 0.0
    granted: str = ""

    @property
    def left(self) -> int:
        """Generations."""
        return self.generations - self.spent

    def covers(self, at: str) -> bool:
        """Whether a generation may begin under it at that time (RFC 3339); such texts sort as times do."""
        return self.left > 0 and self.used < self.petaflop and at < self.expires


def live(grants: Sequence[Grant], at: str) -> Grant | None:
    """The lease that a generation begun at that time is paid from: the oldest one that covers it."""
    return next((grant for grant in grants if grant.covers(at)), None)


def spent_once(grants: Sequence[Grant], paying: int, at: str) -> tuple[Grant, ...] | None:
    """The leases after a generation that began under lease number `paying` was closed.

    Nothing is decided after that lease has expired, unless another one covers the moment. None when none does.
    """
    begun = grants[paying - 1] if 0 < paying <= len(grants) else None
    pays = begun if begun is not None and at < begun.expires else live(grants, at)
    return None if pays is None else _with(grants, structs.replace(pays, spent=pays.spent + 1))


def given_up(grants: Sequence[Grant], paying: int) -> tuple[Grant, ...]:
    """The leases after people ended a generation that began under lease number `paying`, which pays for it."""
    pays = grants[paying - 1]
    return _with(grants, structs.replace(pays, spent=pays.spent + 1))


def charged(grants: Sequence[Grant], paying: int, flops: float) -> tuple[Grant, ...]:
    """The leases after so many floating point operations for a generation that began under lease `paying`."""
    pays = grants[paying - 1]
    return _with(grants, structs.replace(pays, used=pays.used + flops / 1e15))


def ended(grants: Sequence[Grant], at: str) -> tuple[Grant, ...]:
    """The leases after the charter they were granted under was replaced at that time."""
    return tuple(structs.replace(grant, expires=min(grant.expires, at)) for grant in grants)


def _with(grants: Sequence[Grant], changed: Grant) -> tuple[Grant, ...]:
    return tuple(changed if grant.number == changed.number else grant for grant in grants)
