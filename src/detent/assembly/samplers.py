"""The sampler of a charter's server: where it keeps what was answered, and the key that it is given.

The key comes from the environment variable that the charter names, and goes down the sampler's pipe: it is in no
command line, no environment of any process that is started, no file and no message.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from detent.assembly.places import RunFolder
from detent.assembly.reading import enveloped_charter
from detent.charter import Charter, Draft, Server
from detent.engine import ServerSampler, check_server_libraries
from detent.errors import DetentError, UsageError
from detent.values import ServerAsked, decode_entry


def sampler_of(run: RunFolder, charter: Charter, name: str, entries: Iterable[bytes]) -> ServerSampler:
    """The sampler of that server; it is started when it is first asked.

    entries: of the ledger, which say what was spent.

    Raises:
        UsageError: the key is not there, or the extra is not installed.
    """
    check_server_libraries()
    server = charter.servers[name]
    read, written = spent_on(name, entries)
    return ServerSampler(
        server.connection(name, key_of(name, server), read, written),
        kept=run.served / name,
        log=run.log.with_name(f"server-{name}.log"),
    )


def key_of(name: str, server: Server) -> str:
    """The key of a server; "" where the charter names no variable for one.

    Raises:
        UsageError: the variable is not set, or holds what is no key.
    """
    if not server.key_env:
        return ""
    key = os.environ.get(server.key_env, "").strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            f"a key in the environment variable {server.key_env} expected, as servers.{name}.key_env says, got "
            f"{'something that is none' if key else 'none'}; export {server.key_env}=..."
        )
    return key


def told_servers(draft: Draft) -> Iterator[str]:
    """What each server of a charter will be asked, for how much, and whether its key is here: a sentence each.

    A key that is missing stops `run`, and not `init`: who signs a charter need not be who runs it.
    """
    feedback = draft.feedback
    for name in sorted(draft.asked_servers):
        server = draft.servers[name]
        what = []
        if name == feedback.judge_server:
            what.append("verdicts on pairs of answers, its exam")
        if name == feedback.teacher_server:
            what.append("answers of its own")
        if name == draft.explore.model_server:
            what.append("changes to try")
        bound = f" and {server.budget.money:g} of money" if server.budget.money else ""
        yield (
            f"server {name}: {server.model} at {urlsplit(server.url).netloc} will be asked for {' and '.join(what)}, "
            f"within {server.budget.tokens:,} tokens{bound}; {_key_said(name, server)}"
        )


def _key_said(name: str, server: Server) -> str:
    if not server.key_env:
        return "it wants no key"
    try:
        key_of(name, server)
    except UsageError:
        return f"its key is NOT here: export {server.key_env}=... before detent run"
    return f"its key is in {server.key_env}"


def environment_without_keys(folder: Path) -> dict[str, str]:
    """This process's environment for another program: without the servers' keys, and where this user's keys lie.

    folder: of the run; where it has no charter that can be read, no server has been asked by it either.
    """
    try:
        servers = enveloped_charter(RunFolder(folder)).charter.servers.values()
        secret = {server.key_env for server in servers}
    except (DetentError, OSError):
        secret = set()
    return {name: value for name, value in os.environ.items() if name not in secret | {"DETENT_DATA"}}


def spent_on(name: str, entries: Iterable[bytes]) -> tuple[int, int]:
    """Tokens read and written that the ledger says a server was paid for."""
    asked = [entry for entry in map(decode_entry, entries) if isinstance(entry, ServerAsked)]
    reports = [report for entry in asked if entry.server == name for report in entry.reports]
    return sum(one.read for one in reports), sum(one.written for one in reports)
