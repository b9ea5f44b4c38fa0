"""Who proposes a generation's changes: rules, a search and a language model share the places by what passed so far.

    >>> shares({"rules": (3, 7), "search": (1, 9)}, ("rules", "search"), 3, stream)
    ('rules', 'search', 'rules')

Thompson sampling (Thompson 1933; Chapelle and Li 2011): for each place a rate is drawn for everybody from
Beta(1 + passed, 1 + failed), and who drew the highest gets it, so that whoever may be the best is asked as often as
that is likely. Everything is drawn from a public stream, so that anyone can draw it again.

Nobody is starved for good: when somebody has had less than a tenth of all places on the record, the first place is
theirs in every other screening, on average. So a proposer that failed ten times while it had nothing to go by is found
again. What is on the record is the caller's choice: that of the newest generations only, where proposers change.
"""

from collections.abc import Mapping, Sequence

from detent.errors import UsageError
from detent.tasks import Rng
from detent.values.changes import Proposer

LEAST_SHARE = 10
"""Less than one place of so many, and a proposer is starved."""

EVERY = 2
"""One screening of so many begins with whoever is starved most."""

Record = Mapping[Proposer, tuple[int, int]]
"""(passed, failed) of each proposer's proposals; who is not named has none."""


def shares(record: Record, able: Sequence[Proposer], places: int, stream: bytes) -> tuple[Proposer, ...]:
    """Who proposes for each place.

    Args:
        record: what became of proposals so far.
        able: who can propose at all, each once. Their order counts where two draw the same.
        places: how many changes are wanted.
        stream: the seed of a public stream.

    Raises:
        UsageError: negative numbers, somebody twice, or places that nobody can fill.
    """
    _check(record, able, places)
    rng = Rng(stream)
    found: list[Proposer] = []
    if places and rng.child("floor").randrange(EVERY) == 0:
        found += _starved(record, able)
    for place in range(len(found), places):
        drawing = rng.child(f"place/{place}")
        rates = [
            beta(1 + record.get(who, (0, 0))[0], 1 + record.get(who, (0, 0))[1], drawing) for who in able
        ]
        found.append(able[rates.index(max(rates))])
    return tuple(found)


def beta(a: int, b: int, rng: Rng) -> float:
    """A number drawn from Beta(a, b), whole numbers of at least 1: the a-th smallest of a + b - 1 uniform ones.

    Exact: order statistics of uniform numbers have that distribution (Johnson, Kotz and Balakrishnan 1995, s. 25.1).
    """
    return sorted(rng.random() for _ in range(a + b - 1))[a - 1]


def _starved(record: Record, able: Sequence[Proposer]) -> list[Proposer]:
    """Who has had the fewest places, where they are less than their least share; nobody, or one."""
    had = {who: sum(record.get(who, (0, 0))) for who in able}
    fewest = min(able, key=lambda who: had[who])  # of equals the first
    return [fewest] if had[fewest] * LEAST_SHARE < sum(had.values()) else []


def _check(record: Record, able: Sequence[Proposer], places: int) -> None:
    if places < 0 or (places and not able) or len(set(able)) < len(able):
        raise UsageError(
            f"0 or more places and proposers for them, each once, expected, got {places} for {list(able)}; name who "
            "can propose"
        )
    if amiss := {who: counts for who, counts in record.items() if min(counts) < 0}:
        raise UsageError(
            f"0 or more proposals that passed and failed expected, got {amiss}; count them again"
        )
