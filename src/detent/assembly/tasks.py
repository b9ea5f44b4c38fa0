"""Which code a charter names: of tasks, built in or a user's own, of its own tripwires and proxies. It runs apart."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from detent.charter import Catalogue, Charter, Draft, LimitForm, WireForm
from detent.engine import host_prefix
from detent.errors import CharterError, DetentError, TaskError, TrustError
from detent.evaluate import least_first_limit
from detent.tasks import (
    BUILTINS,
    CHECKERS,
    PROBES,
    Limits,
    Lookout,
    Proxy,
    TaskSource,
    builtin,
    lookout,
    pinned_lookout,
    pinned_plugin,
    pinned_proxy,
    plugin,
    proxy,
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
    return {
        name: plugin(name, draft.tasks[name].source, home, command_prefix=host_prefix())
        if name in draft.tasks
        else builtin(name)
        for name in draft.direction.improve
    }


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
    if name not in charter.tasks:
        return builtin(name)
    own = charter.tasks[name]
    return pinned_plugin(name, own.source, own.sha256, folder, command_prefix=host_prefix(), limits=limits)


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
