"""Which changes are tried in a turn: by whom, within what the charter allows, and only when it is time.

>>> suggesting.suggested(parts, weak).changes
(Reshape(...), Tune(...))
"""

from collections.abc import Callable, Mapping

from detent.charter import space_of
from detent.engine import parameters_after, shape_of
from detent.errors import EngineError, SubjectError
from detent.loop import serving
from detent.loop.parts import Parts
from detent.propose import (
    BY_PROPOSERS,
    UNHEARD,
    About,
    Source,
    answer_in,
    consulting,
    dealt,
    edits_before,
    known_of,
    proposals_in,
    setting_of,
    settings_before,
    settings_rules,
    shape_rules,
    stuck,
    told,
    turns,
    unheard,
)
from detent.values import (
    Declined,
    Diagnosis,
    Proposer,
    Suggested,
    SuggestedPoints,
    SuggestJob,
    Tune,
)


def suggested(parts: Parts, weak: Diagnosis) -> Suggested:
    """As many changes as there are places beside the plan as it is, each allowed and none twice."""
    charter, state = parts.charter, parts.book.state
    order = turns(state, charter, parts.stream(BY_PROPOSERS))
    places = order[: charter.pace.candidates - 1]
    sources = {name: _SOURCES[name](parts, weak, places.count(name)) for name in charter.explore.proposers}
    changes, declined = dealt(order, sources, charter)
    reading = (
        f"no frontier has moved for {stuck(weak)} generations" if stuck(weak) else "as in every generation"
    )
    return Suggested(changes=tuple(changes), because=reading, declined=tuple(declined))


def _by_rules(parts: Parts, weak: Diagnosis, _: int) -> Source:
    """In turns one of the shape and one of the settings, as far as the charter allows both."""
    charter, state = parts.charter, parts.book.state
    kinds: list[Source] = []
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


def _shapes(parts: Parts) -> Source:
    """Edits of the incumbent's shape; of a given model that is of another kind there are none, and the turn goes on."""
    try:
        about = _about(parts)
    except SubjectError as error:
        yield Declined(by="rules", said="another shape", because=str(error))
        return
    state = parts.book.state
    yield from shape_rules(about, state.visible[state.incumbent])


def _by_search(parts: Parts, _: Diagnosis, count: int) -> Source:
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


def _by_model(parts: Parts, weak: Diagnosis, _: int) -> Source:
    """What the language model behind the charter's server answers, once this is asked for its first change.

    A server that cannot be asked has proposed nothing: the turn goes on without it, and that is on record.
    """
    charter = parts.charter
    try:
        about = _about(parts) if "architecture" in charter.constraints.changes else None
    except SubjectError:
        about = None  # a given model of another kind has no other shape
    known = known_of(charter, parts.book.state, weak, about.shape if about else None)
    job = consulting(known, charter.explore.server)

    def said(ask: serving.Ask) -> None:
        ask(job)

    try:
        rows = serving.said(parts, "proposals", said)
    except UNHEARD as error:
        parts.say(f"no changes of {charter.explore.server} in this generation: {error}")
        yield unheard(error)
        return
    yield from proposals_in(answer_in(rows, job), about)


def _about(parts: Parts) -> About:
    """The incumbent, as far as its shape may be changed."""
    charter, state = parts.charter, parts.book.state
    folder = parts.models.path(state.incumbent)
    return About(
        shape=shape_of(folder),
        parameters=lambda edit: parameters_after(folder, edit),
        most=charter.constraints.max_parameters,
        edits=charter.explore.edits,
        before=[change.edit for change in edits_before(state, charter.explore)],
        smaller=charter.direction.objective != "better",
    )


_SOURCES: Mapping[Proposer, Callable[[Parts, Diagnosis, int], Source]] = {
    "rules": _by_rules,
    "search": _by_search,
    "model": _by_model,
}
