"""Which code a charter names: of tasks, built in or a user's own, of its own tripwires and proxies. It runs apart."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from detent.charter import Catalogue, Charter, Draft, DraftOwnTask, LimitForm, WireForm
from detent.engine import host_prefix
from detent.errors import CharterError, DetentError, TaskError, TrustError
from detent.evaluate import least_first_limit
from detent.tasks import (
    BUILTINS,
    CHECKERS,
    GYM,
    LADDERS,
    PROBES,
    UNFIT,
    GymSource,
    Levels,
    Library,
    Limits,
    Lookout,
    Proxy,
    Rng,
    RowSource,
    Shares,
    TaskSource,
    builtin,
    gym_source,
    installed_library,
    lookout,
    pinned_lookout,
    pinned_plugin,
    pinned_proxy,
    pinned_rows,
    plugin,
    proxy,
    row_file,
)
from detent.tripwires import CATALOGUE

PATIENT = Limits(altogether=900.0)
"""How long a stranger's code is waited for by who checks what it made; else ten seconds a problem would be for ever."""

Closed = TypeVar("Closed", TaskSource, Lookout, Proxy)


def catalogue() -> Catalogue:
    """What a charter may name, and how many items the gate needs at least."""
    return Catalogue(
        tasks=tuple(BUILTINS),
        least_limit=least_first_limit,
        tripwires=_forms(),
        probes=tuple(PROBES),
        checkers=tuple(CHECKERS),
        gym={name: len(levels) for name, levels in LADDERS.items()},
        unfit=UNFIT,
    )


def _forms() -> dict[str, WireForm]:
    """The built-in tripwires, as far as a charter may set them."""
    return {
        name: WireForm(
            form.action, {each.name: LimitForm(each.default, each.low, each.high) for each in form.limits}
        )
        for name, form in CATALOGUE.items()
    }


@contextmanager
def closing(sources: Mapping[str, Closed]) -> Iterator[Mapping[str, Closed]]:
    """End the processes of all sources at the end of the block."""
    try:
        yield sources
    finally:
        for source in sources.values():
            source.close()


def draft_sources(draft: Draft, home: Path) -> dict[str, TaskSource]:
    """The tasks a draft improves; files of the author's lie in `home`, as they are now."""
    return {name: _draft_source(draft, name, home) for name in draft.direction.improve}


def _draft_source(draft: Draft, name: str, home: Path) -> TaskSource:
    if name.startswith(GYM):
        return gym_source(name, installed_library(), _levels(draft, name), command_prefix=host_prefix())
    if name not in draft.tasks:
        return builtin(name)
    own = draft.tasks[name]
    if own.of_rows:
        return row_file(name, own.source, home, _shares(own))
    return plugin(name, own.source, home, command_prefix=host_prefix())


def draft_gym(draft: Draft) -> tuple[str, str, dict[str, Levels]] | None:
    """Version, SHA-256 and levels of the library that a charter made of this draft pins; None where no task is of it.

    Raises:
        UsageError: it is not installed.
    """
    levels = {name: _levels(draft, name) for name in draft.direction.improve if name.startswith(GYM)}
    return (*installed_library(), levels) if levels else None


def _levels(draft: Draft, name: str) -> Levels:
    return LADDERS[name.removeprefix(GYM)][: draft.direction.improve[name]]


def _shares(own: DraftOwnTask) -> Shares:
    return Shares(own.sealed, own.shown, own.openings)


def charter_sources(charter: Charter, folder: Path) -> dict[str, TaskSource]:
    """The tasks a charter improves; files of the author's, in `folder`, must be those that were signed."""
    return {name: _charter_source(charter, name, folder) for name in charter.direction.improve}


def readable_sources(charter: Charter, folder: Path) -> dict[str, TaskSource]:
    """The same, without those whose file is missing or is not what was signed."""
    found = {}
    for name in charter.direction.improve:
        with suppress(DetentError):
            found[name] = _charter_source(charter, name, folder, PATIENT)
    return found


def _charter_source(charter: Charter, name: str, folder: Path, limits: Limits | None = None) -> TaskSource:
    if charter.gym is not None and name.startswith(GYM):
        gym = charter.gym
        return gym_source(
            name, Library(gym.library, gym.sha256), gym.levels[name], command_prefix=host_prefix()
        )
    if name not in charter.tasks:
        return builtin(name)
    own = charter.tasks[name]
    if own.of_rows:
        return pinned_rows(name, own.source, own.sha256, folder, _shares(own))
    return pinned_plugin(name, own.source, own.sha256, folder, command_prefix=host_prefix(), limits=limits)


def see_spelling(source: TaskSource, top: int) -> None:
    """Refuse words to a model that is made here: it has no tokens for them, and no answer of its would ever come.

    Raises:
        CharterError: a prompt of a file, or of a few that are drawn, is not printable ASCII.
    """
    match source:
        case RowSource():
            prompts = source.prompts
        case GymSource():
            asks = [(level, Rng(b"spelling").child(f"{level}").seed) for level in range(1, top + 1)]
            prompts = (problem.prompt for problem in source.problems(asks))
        case _:
            return  # its own rule asks for the same
    for prompt in prompts:
        if not (prompt.isascii() and prompt.isprintable()):
            raise CharterError(
                f"task {source.name}: prompts of one line in printable ASCII expected, as a model made here can "
                f"spell, got {prompt[:60]!r}; name a model folder in subject.source"
            )


def draft_wires(draft: Draft, home: Path) -> dict[str, Lookout]:
    """The author's own tripwires in a draft; their files lie in `home`, as they are now."""
    return {
        name: lookout(name, wire.source, home, command_prefix=host_prefix())
        for name, wire in draft.tripwires.items()
        if wire.own
    }


def charter_wires(charter: Charter, folder: Path) -> dict[str, Lookout]:
    """The author's own tripwires in a charter; their files, in `folder`, must be those that were signed."""
    return {
        name: _charter_wire(charter, name, folder) for name, wire in charter.tripwires.items() if wire.own
    }


def amended_wires(old: Charter, new: Charter, folder: Path) -> dict[str, Lookout]:
    """The author's own tripwires that an amendment brings or changes; their files, in `folder`, are those it names.

    Raises:
        CharterError: one is missing, or a proxy's is, or another: without it the next session could not begin.
    """
    names = [n for n, wire in new.tripwires.items() if wire.own and wire != old.tripwires.get(n)]
    proxies = [name for name, proxy in new.proxies.items() if proxy != old.proxies.get(name)]
    try:
        for name in proxies:
            _charter_proxy(new, name, folder)  # no process yet: only the file is read
        return {name: _charter_wire(new, name, folder) for name in names}
    except (TaskError, TrustError) as error:
        raise CharterError(
            f"tripwires and proxies of your own whose files the run folder has expected, got: {error}; an amendment "
            f"brings no files: put that one into {folder}, or take it out"
        ) from error


def readable_wires(charter: Charter, folder: Path) -> dict[str, Lookout]:
    """The same, without those whose file is missing or is not what was signed."""
    found = {}
    for name, wire in charter.tripwires.items():
        if wire.own:
            with suppress(DetentError):
                found[name] = _charter_wire(charter, name, folder)
    return found


def _charter_wire(charter: Charter, name: str, folder: Path) -> Lookout:
    own = charter.tripwires[name]
    return pinned_lookout(name, own.source, own.sha256, folder, command_prefix=host_prefix())


def draft_proxies(draft: Draft, home: Path) -> dict[str, Proxy]:
    """The proxies in a draft; their files lie in `home`, as they are now."""
    return {
        name: proxy(name, own.source, home, command_prefix=host_prefix())
        for name, own in draft.proxies.items()
    }


def charter_proxies(charter: Charter, folder: Path) -> dict[str, Proxy]:
    """The proxies in a charter; their files, in `folder`, must be those that were signed."""
    return {name: _charter_proxy(charter, name, folder) for name in charter.proxies}


def readable_proxies(charter: Charter, folder: Path) -> dict[str, Proxy]:
    """The same, without those whose file is missing or is not what was signed."""
    found = {}
    for name in charter.proxies:
        with suppress(DetentError):
            found[name] = _charter_proxy(charter, name, folder, PATIENT)
    return found


def _charter_proxy(charter: Charter, name: str, folder: Path, limits: Limits | None = None) -> Proxy:
    own = charter.proxies[name]
    return pinned_proxy(name, own.source, own.sha256, folder, command_prefix=host_prefix(), limits=limits)
