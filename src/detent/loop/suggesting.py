"""Which changes are tried in a turn: by whom, within what the charter allows, and only when it is time.

>>> suggesting.suggested(parts, weak).changes
(Reshape(...), Tune(...))
"""

from collections.abc import Callable, Iterator, Mapping

from detent.charter import Charter, space_of
from detent.engine import parameters_after, shape_of
from detent.errors import CharterError, EngineError, SubjectError
from detent.loop.parts import Parts
from detent.propose import (
    About,
    check_change,
    edits_before,
    passes,
    setting_of,
    settings_before,
    settings_rules,
    shape_rules,
    shares,
    stuck,
    told,
)
from detent.values import (
    Change,
    Declined,
    Diagnosis,
    Proposer,
    Suggested,
    SuggestedPoints,
    SuggestJob,
    Tune,
)

BY_PROPOSERS = "places of proposers"
"""Label of the stream by which places are dealt to them."""


def suggested(parts: Parts, weak: Diagnosis) -> Suggested:
    """As many changes as there are places beside the plan as it is, each allowed and none twice."""
    charter, state = parts.charter, parts.book.state
    places = charter.pace.candidates - 1
    able = charter.explore.proposers
    by = shares(passes(state, charter.explore), able, places, parts.stream(BY_PROPOSERS))
    sources = {name: _SOURCES[name](parts, weak, by.count(name)) for name in able}
    taken: list[Change] = []
    declined: list[Declined] = []
    # What one proposer has no change for, the others have: the rules, which are cheapest to ask, first.
    for name in (*by, *(able * places)):
        if len(taken) < places:
            _take(sources[name], taken, declined, charter)
    reading = (
        f"no frontier has moved for {stuck(weak)} generations" if stuck(weak) else "as in every generation"
    )
    return Suggested(changes=tuple(taken), because=reading, declined=tuple(declined))


def _take(
    source: Iterator[Change | Declined], taken: list[Change], declined: list[Declined], charter: Charter
) -> None:
    """The proposer's next change that may be tried."""
    for change in source:
        if isinstance(change, Declined):
            declined.append(change)
            continue
        if any(_same(change, one) for one in taken) or _as_it_is(change, charter):
            continue
        try:
            check_change(change, charter)
        except CharterError as error:
            # Rules name what could help; that a charter does not allow some of it is no news.
            if change.by != "rules":
                declined.append(Declined(by=change.by, said=change.said, because=str(error)))
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


def _by_rules(parts: Parts, weak: Diagnosis, _: int) -> Iterator[Change | Declined]:
    """In turns one of the shape and one of the settings, as far as the charter allows both."""
    charter, state = parts.charter, parts.book.state
    kinds: list[Iterator[Change | Declined]] = []
    if "architecture" in charter.constraints.changes:
        kinds.append(_shapes(parts))
    if "feedback" in charter.constraints.changes:
        before = settings_before(state, charter.explore)
        kinds.append(iter(settings_rules(weak, lambda key: setting_of(charter, key), before)))
    while kinds:
        for kind in list(kinds):
            change = next(kind, None)
            if change is None:
                kinds.remove(kind)
            else:
                yield change


def _shapes(parts: Parts) -> Iterator[Change | Declined]:
    """Edits of the incumbent's shape; of a given model that is of another kind there are none, and the turn goes on."""
    charter, state = parts.charter, parts.book.state
    folder = parts.models.path(state.incumbent)
    try:
        shape = shape_of(folder)
    except SubjectError as error:
        yield Declined(by="rules", said="another shape", because=str(error))
        return
    about = About(
        shape=shape,
        parameters=lambda edit: parameters_after(folder, edit),
        most=charter.constraints.max_parameters,
        edits=charter.explore.edits,
        before=[change.edit for change in edits_before(state, charter.explore)],
        smaller=charter.direction.objective != "better",
    )
    yield from shape_rules(about, state.visible[state.incumbent])


def _by_search(parts: Parts, _: Diagnosis, count: int) -> Iterator[Change | Declined]:
    """Settings that a search finds promising by what it was told of all that were tried."""
    charter = parts.charter
    space = space_of(charter)
    if not (count and space) or "feedback" not in charter.constraints.changes:
        return
    known = told(parts.book.state, charter.explore)
    job = SuggestJob(space=space, told=known, count=count, seed=parts.number("search"))
    result = parts.ask(job)
    if not isinstance(result, SuggestedPoints):
        raise EngineError(f"settings expected from a suggest job, got {type(result).__name__}; run again")
    for point in result.points:
        yield Tune(
            point, by="search", because=f"a search over settings, told of {len(known)} that were tried"
        )


def _by_model(parts: Parts, weak: Diagnosis, count: int) -> Iterator[Change | Declined]:  # noqa: ARG001
    yield from ()


_SOURCES: Mapping[Proposer, Callable[[Parts, Diagnosis, int], Iterator[Change | Declined]]] = {
    "rules": _by_rules,
    "search": _by_search,
    "model": _by_model,
}
