"""`verify`: hand a run over as evidence, as far as it can be read: its folder, a bundle, or what a host shows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from detent.assembly.places import RunFolder
from detent.assembly.principles import readable_constitutions, readable_principles
from detent.assembly.reading import is_running
from detent.assembly.sources import opened
from detent.assembly.tasks import catalogue, closing, readable_proxies, readable_sources, readable_wires
from detent.assembly.watermark import kept_heads
from detent.audit import Evidence, Findings, fsck, plain_file, verify
from detent.charter import Charter, claimed, verified
from detent.engine import confinement
from detent.errors import DetentError, TrustError
from detent.signing import VerifyKey
from detent.tasks import Library, Proxy, TaskSource, gym_source
from detent.values import CharterSigned, decode_entry

Heads = Sequence[tuple[str, int, str]]
"""(Who keeps it, size, root in hex) of each."""

MOST_TEXT = 1 << 20
"""Bytes of a charter, its envelope or a key."""


def verify_source(source: str) -> Findings:
    """Check a run without believing anything of it: a run folder, a bundle, or an address (http, https).

    Raises:
        UsageError: it is none of these, or nobody answers.
        TrustError: bundle or host are hostile, or damaged.
        StorageError: there is no room to unpack it.
    """
    with opened(source) as found, evidence_of(found.run, found.left_out) as evidence:
        return verify(evidence)


def verify_run(folder: Path) -> Findings:
    """Check a run folder without believing anything in it; it may be running meanwhile.

    Raises:
        UsageError: this is no run folder.
    """
    run = RunFolder(folder)
    run.check()
    ran, found = is_running(run), _verified(run)
    for _ in range(AGAIN):
        # A run that has ended meanwhile may have decided its last generation while it was read.
        runs = is_running(run)
        if not found.faults or not (ran or runs):
            break
        # The ledger is read first and the link to the incumbent last: between them a generation may have been decided.
        ran, found = runs, _verified(run)
    return found


AGAIN = 2
"""More times that a running run is read before a fault is believed; one that is there stays."""


def _verified(run: RunFolder) -> Findings:
    with evidence_of(run) as evidence:
        return verify(evidence)


@contextmanager
def evidence_of(run: RunFolder, left_out: Mapping[str, str] = MappingProxyType({})) -> Iterator[Evidence]:
    """What there is to be verified, for the length of the block. left_out: as `Evidence` has it."""
    envelope, log_key = _text(run.envelope), _log_key(run)
    charter = _charter(envelope)
    every = _every_charter(run, charter, log_key)
    heads, unread = _heads(charter)
    with (
        closing(_tasks(run, every)) as sources,
        closing(_proxies(run, every)) as proxies,
        _principles(run, every, sources) as principles,
    ):
        yield Evidence(
            ledger=run.ledger,
            log_key=log_key,
            charter=_text(run.charter),
            envelope=envelope,
            models=run.models,
            data=run.data,
            answers=run.answers,
            tasks={**sources, **principles},
            wires=_wires(run, charter),
            proxies=proxies,
            constitutions=readable_constitutions(every, run.tasks),
            heads=heads,
            unread_heads=unread,
            catalogue=catalogue(),
            left_out={**_not_run(every), **left_out},
            # Nobody but the run goes on from them: they are neither bundled nor published.
            states=None if left_out else run.states,
        )


def _charter(envelope: str) -> Charter | None:
    try:
        return verified(envelope, catalogue()).charter
    except DetentError:
        return None  # the charter's own check says why


def _heads(charter: Charter | None) -> tuple[Heads, list[str]]:
    """Heads that are kept outside of the folder, and why there are none that can be read."""
    if charter is None:
        return (), []
    try:
        return kept_heads(charter), []
    except TrustError as error:
        return (), [str(error)]


def _every_charter(run: RunFolder, newest: Charter | None, log_key: VerifyKey | None) -> list[Charter]:
    """The folder's charter and all that the ledger has; which of them can be believed is checked elsewhere."""
    found = [] if newest is None else [newest]
    for data in fsck(run.ledger, log_key).entries:
        with suppress(DetentError, RecursionError):
            entry = decode_entry(data)
            if isinstance(entry, CharterSigned):
                found.append(claimed(entry.envelope, catalogue()).charter)
    return found


def _tasks(run: RunFolder, charters: Sequence[Charter]) -> dict[str, TaskSource]:
    """Their own names and digests say which they are: a name may have had other code before an amendment."""
    found: dict[str, TaskSource] = {}
    for charter in charters:
        for name, source in readable_sources(charter, run.tasks).items():
            # A folder under verification may be a stranger's: its code is not run where it could reach anything.
            if _is_code(charter, name) and not confinement().confined:
                source.close()
            else:
                found.setdefault(f"{name} {source.digest}", source)
    return found


def _is_code(charter: Charter, name: str) -> bool:
    return name in charter.tasks and not charter.tasks[name].of_rows


@contextmanager
def _principles(
    run: RunFolder, charters: Sequence[Charter], tasks: Mapping[str, TaskSource]
) -> Iterator[dict[str, TaskSource]]:
    """What asks principles, as tasks; they stand over the ladders of tasks that are at hand."""
    ladders = {source.name: source for source in tasks.values()}  # no amendment changes a task's code
    found = {
        f"{source.name} {source.digest}": source
        for charter in charters
        for source in readable_principles(charter, run.tasks, ladders)
    }
    with closing(found):
        yield found


def _proxies(run: RunFolder, charters: Sequence[Charter]) -> dict[str, Proxy]:
    """As tasks; none where a stranger's code could reach anything."""
    if not confinement().confined:
        return {}
    return {
        f"{name} {proxy.digest}": proxy
        for charter in charters
        for name, proxy in readable_proxies(charter, run.tasks).items()
    }


def _not_run(charters: Sequence[Charter]) -> dict[str, str]:
    """Why the code of tasks and proxies is not at hand, by its path: a stranger's, where it could reach anything."""
    lacking = _without_library(charters)
    found = confinement()
    if found.confined:
        return lacking
    every = [task.source for charter in charters for task in charter.tasks.values() if not task.of_rows]
    every += [proxy.source for charter in charters for proxy in charter.proxies.values()]
    because = f"a stranger's code is not run unconfined: {found.because}"
    return lacking | {f"tasks/{source.rpartition(':')[0]}": because for source in every}


def _without_library(charters: Sequence[Charter]) -> dict[str, str]:
    """Why the problems of `gym:` tasks cannot be drawn here, by the task: the pinned library is not installed."""
    found = {}
    for gym in [charter.gym for charter in charters if charter.gym is not None]:
        for name, levels in gym.levels.items():
            try:
                gym_source(
                    name, Library(gym.library, gym.sha256), levels
                )  # its process starts with a first question
            except DetentError as error:
                found[f"tasks/{name}"] = str(error)
    return found


def _wires(run: RunFolder, charter: Charter | None) -> dict[str, str]:
    """Digests alone: what a tripwire said is not asked again."""
    if charter is None:
        return {}
    return {name: lookout.digest for name, lookout in readable_wires(charter, run.tasks).items()}


def _log_key(run: RunFolder) -> VerifyKey | None:
    try:
        return VerifyKey.parse(_text(run.log_key).strip())
    except DetentError:
        return None


def _text(path: Path) -> str:
    try:
        # Bytes, since text mode would read other line ends than were signed; and nothing but a file of such a size.
        return (plain_file(path, MOST_TEXT) or b"").decode()
    except UnicodeDecodeError:
        return ""
