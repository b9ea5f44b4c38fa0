"""`detent ledger`: check a log wherever it lies, and publish it.

>>> check_log("demo").sentences[0]
'signed: a checkpoint of 214 entries, root 5f3c29aa..., by detent/run+...'
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from detent.assembly.fetching import is_address
from detent.assembly.listening import host_and_port
from detent.assembly.publishing import Shelf
from detent.assembly.serving import LogServer
from detent.audit import Folder, Published, Source, Tree, fsck
from detent.errors import UsageError
from detent.signing import VerifyKey

LOG_KEY = "log.vkey"
_MOST_KEY = 1_000


@dataclass(frozen=True, slots=True)
class LogChecked:
    """sentences: what was proved and what was not. faults: what does not hold, a sentence each."""

    sentences: tuple[str, ...]
    faults: tuple[str, ...]


def check_log(place: str, vkey: str = "") -> LogChecked:
    """Derive a log again from its entries and hold every file and the signature against that.

    Args:
        place: a run folder, a log's folder, or the http(s) address of a published log.
        vkey: the log's verify key; without it the one that lies beside the log is used, and that is said.

    Raises:
        UsageError: there is no log there, the address or key is none, or no key can be found.
        StorageError: the server does not answer as it should.
    """
    with _opened(place) as (source, keys):
        key = VerifyKey.parse(vkey) if vkey else _found_key(keys, place)
        tree = fsck(source, key)
        listed = isinstance(source, Folder)
    sentences = [*_proved(tree, key, listed=listed), *_open_questions(tree, listed=listed)]
    if not vkey:
        sentences.append(
            f"not proven: that {key} is the log's key; it was found beside the log: compare it with the one you "
            "know, or give that with --log"
        )
    return LogChecked(tuple(sentences), tree.faults)


def serve_log(folder: Path, listen: str) -> LogServer:
    """A server of the run's or log's files that listens already; its `serve_forever` answers.

    Raises:
        UsageError: there is no run and no log in the folder, or the address is none or taken.
    """
    address = host_and_port(listen)
    if address is None:
        raise UsageError(f"HOST:PORT such as 127.0.0.1:8000 expected, got {listen!r}")
    return LogServer(Shelf.of(folder), address)


@contextmanager
def _opened(place: str) -> Iterator[tuple[Source, list[Source]]]:
    """The log, and the places where its key may lie."""
    if is_address(place):
        with Published.at(place) as published:
            yield published, [published]
        return
    path = Path(place)
    log = path if (path / "checkpoint").exists() or not (path / "ledger").is_dir() else path / "ledger"
    if not log.is_dir() or not ((log / "checkpoint").exists() or (log / "tile").exists()):
        raise UsageError(
            f"a run folder, a log's folder or an address expected, got {place}; see `detent init`"
        )
    yield Folder(log), [Folder(log.resolve().parent)]


def _found_key(places: list[Source], place: str) -> VerifyKey:
    for source in places:
        text = source.read(LOG_KEY, _MOST_KEY)
        if text is not None:
            return VerifyKey.parse(text.decode("utf-8", "replace").split("\n")[0])
    raise UsageError(f"the log's key expected in {LOG_KEY} beside {place}, got none; give it with --log VKEY")


def _proved(tree: Tree, key: VerifyKey, *, listed: bool) -> list[str]:
    """What holds; nothing is said where there is a fault, since a fault says more."""
    if tree.head is None or tree.faults:
        return []
    count, root = tree.head.size, tree.head.root.hex()
    files = "every file of the folder" if listed else f"every file that {count} entries ask for"
    return [
        f"signed: a checkpoint of {count} entries, root {root[:16]}..., by {key}",
        f"derived again: every leaf and node over {count} entries; they lead to the signed root",
        f"compared: {files}, byte by byte",
    ]


def _open_questions(tree: Tree, *, listed: bool) -> list[str]:
    said = []
    if tree.beyond:
        said.append(f"beyond the checkpoint: {tree.beyond} entries of an append that was cut short")
    if not listed:
        said.append("not looked for: files that do not belong there, since a server lists none")
    return [
        *said,
        "not proven: that nobody was shown another log under this key; compare the checkpoint with others' copies",
    ]
