"""Who proposes for each place of a turn, and what is taken of what they propose: by the loop, and again by `verify`.

    >>> changes, declined = dealt(turns(state, charter, stream), sources, charter)

The same order and the same proposals give the same changes. A source is asked no further than it has to be, so that a
language model is not paid for where nothing of it is wanted.
"""

from collections.abc import Iterator, Mapping, Sequence

from detent.charter import Charter, space_of
from detent.errors import CharterError
from detent.propose.bandit import shares
from detent.propose.planning import check_change, setting_of
from detent.propose.tally import passes
from detent.values import Change, Declined, Proposer, State, Tune
from detent.values.text import one_line

BY_PROPOSERS = "places of proposers"
"""Label of the stream by which places are dealt to them."""

MOST_SAID = 160
"""Characters of what was declined, in the proposer's words or ours, that are kept."""

MOST_WHY = 400
"""Of why it was."""

Source = Iterator[Change | Declined]
"""What somebody proposes, the most promising first, and what of it is no change that can be made."""


def turns(state: State, charter: Charter, stream: bytes) -> tuple[Proposer, ...]:
    """Whose turn it is at each place, by what passed before; a place more than once where others have nothing for it.

    stream: the seed of the public stream `BY_PROPOSERS`.
    """
    places, able = charter.pace.candidates - 1, charter.explore.proposers
    by = shares(passes(state, charter.explore), able, places, stream)
    # What one proposer has no change for, the others have.
    return (*by, *(able * places))


def dealt(
    order: Sequence[Proposer], sources: Mapping[Proposer, Source], charter: Charter
) -> tuple[list[Change], list[Declined]]:
    """As many changes as there are places, each allowed and none twice; and what was declined on the way."""
    taken: list[Change] = []
    declined: list[Declined] = []
    for name in order:
        if len(taken) < charter.pace.candidates - 1:
            _take(sources[name], taken, declined, charter)
    return taken, declined


def declined(by: Proposer, said: str, because: str) -> Declined:
    """What was not taken, in a line and not at length: it may be anybody's words."""
    return Declined(by, one_line(said, MOST_SAID), one_line(because, MOST_WHY))


def _take(source: Source, taken: list[Change], refused: list[Declined], charter: Charter) -> None:
    """The proposer's next change that may be tried."""
    for change in source:
        if isinstance(change, Declined):
            refused.append(change)
            continue
        if any(_same(change, one) for one in taken) or _as_it_is(change, charter):
            continue
        try:
            check_change(change, charter)
        except CharterError as error:
            # Rules name what could help; that a charter does not allow some of it is no news.
            if change.by != "rules":
                refused.append(declined(change.by, change.said, str(error)))
            continue
        taken.append(change)
        return


def _as_it_is(change: Change, charter: Charter) -> bool:
    """Whether it sets what is set already."""
    keys = {one.key for one in space_of(charter)}
    return isinstance(change, Tune) and all(
        key in keys and setting_of(charter, key) == value for key, value in change.settings.items()
    )


def _same(one: Change, other: Change) -> bool:
    """What is tried is the same, whoever proposed it and why."""
    if isinstance(one, Tune) or isinstance(other, Tune):
        return isinstance(one, Tune) and isinstance(other, Tune) and one.settings == other.settings
    return one.edit == other.edit
