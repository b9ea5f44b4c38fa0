"""A ledger's files from their bytes: code of its own, so that a mistake of the writer's is not repeated here.

    >>> tree = fsck(folder, key)
    >>> len(tree.entries), tree.faults
    (214, ())

The entry bundles are read one after another, every hash above them is computed again (RFC 6962 section 2.1), and
every file of the folder must be exactly the one that C2SP tlog-tiles v0.1.0 puts there; the checkpoint (C2SP
tlog-checkpoint, in a signed note) must be signed by the log's key and name the size and root found. Nothing here
raises on damage: what does not hold is a fault, a sentence each. Of a server's log only the files that its size
asks for can be seen, since nothing lists the others.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from detent.audit.derived import Bundle, Derived, Entries, Roots, leaf_hash, prefix_roots, rows_over
from detent.audit.sources import HASH_BYTES, WIDTH, Folder, Found, Source, tile_name, unpacked
from detent.errors import DetentError
from detent.signing import VerifyKey

__all__ = ["Head", "Tree", "fsck", "leaf_hash", "prefix_roots"]

KEY_ID_BYTES = 4
MOST_CHECKPOINT = 1_000_000
"""Bytes; with a hundred cosignatures it has some 350,000."""

MOST_FAULTS = 1_000
"""Of a server's files, before no more is read."""

OWN_FILES = frozenset({"checkpoint", "cosigned", ".lock", ".journal", ".new"})
"""The head itself, the newest one that others cosigned, the writer's lock and journal, and the one file that it may
have been writing when it was killed."""

_TILE = re.compile(
    r"tile/(?P<level>entries|[0-9]{1,2})/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?"
)
_SIGNATURE = re.compile(r"— (?P<name>[^+\s]+) (?P<blob>[A-Za-z0-9+/]+={0,2})")
_CHECKPOINT = re.compile(r"(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n")


class Head(NamedTuple):
    """What the checkpoint says."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Tree:
    """What a ledger's files amount to.

    entries: those under the checkpoint, as far as they can be read; they are read again when asked for. roots: the
    root at size i, for every i up to their number. faults: what does not hold. beyond: entries of an append that was
    cut short before it was signed.
    """

    head: Head | None
    entries: Entries
    roots: Roots
    faults: tuple[str, ...]
    beyond: int = 0

    @property
    def root(self) -> bytes:
        """The root over all entries, derived from them."""
        return self.roots[-1]

    def leaf(self, index: int) -> bytes:
        """The leaf hash of one entry."""
        return self.entries.derived.leaf(range(len(self.entries))[index])


def fsck(place: Path | Source, key: VerifyKey | None) -> Tree:
    """Read the ledger in `place`, and say everything that is wrong with it.

    Args:
        place: the folder of a C2SP tlog-tiles log, or another source of one.
        key: that its checkpoints must be signed with; without one, that is a fault.
    """
    source = Folder(place) if isinstance(place, Path) else place
    cosigned = _cosigned(source, key)  # first: a run at work writes its checkpoint before what is cosigned
    head, faults = _head(source, "checkpoint", key)
    if faults and source.names() is None:
        head = None  # nobody signed for a size, so a server could send entries without end: none is read
    tiles = _Tiles.over(source)  # listed first: what a writer adds meanwhile is then beyond, not a stray file
    derived, found, torn = _derived(source, head, tiles)
    size = found if head is None else head.size
    if found < size:
        bundle = tile_name("entries", found // WIDTH)
        faults.append(f"{size} signed entries expected, got {found}: see {bundle}")
    elif head is not None and derived.root(size) != head.root:
        root = derived.root(size).hex()
        faults.append(f"the signed root {head.root.hex()} expected, got {root} from the entries")
    faults += torn + tiles.faults + tiles.strays(size, found) + tiles.missing(min(size, found))
    faults += _cosigned_faults(cosigned, derived)
    return Tree(head, Entries(derived), Roots(derived), tuple(faults), found - derived.size)


def _cosigned(source: Source, key: VerifyKey | None) -> tuple[Head | None, list[str]]:
    """The newest head that others cosigned, where a folder has one; who cosigned it is not looked at here.

    A server is not asked for it: to tlog-tiles there is no such file, and another's log may have anything there.
    """
    if not isinstance(source, Folder) or not source.has("cosigned"):
        return None, []
    return _head(source, "cosigned", key)


def _cosigned_faults(found: tuple[Head | None, list[str]], derived: Derived) -> list[str]:
    """That head must be one of this log's."""
    head, faults = found[0], list(found[1])
    if head is not None and head.size > derived.size:
        faults.append(f"{head.size} entries or more, which others cosigned, expected, got {derived.size}")
    elif head is not None and derived.root(head.size) != head.root:
        faults.append(
            f"the root {head.root.hex()}, which others cosigned at {head.size} entries, expected, got "
            f"{derived.root(head.size).hex()}: both heads are evidence, see `detent verify --split`"
        )
    return [f"cosigned: {fault}" for fault in faults]


def _head(source: Source, name: str, key: VerifyKey | None) -> tuple[Head | None, list[str]]:
    data = source.read(name, MOST_CHECKPOINT) or b""
    note = data.decode("utf-8", "replace") if len(data) <= MOST_CHECKPOINT else ""
    body, _, signatures = note.rpartition("\n\n")
    match = _CHECKPOINT.fullmatch(body + "\n")
    if match is None:
        return None, [f"a checkpoint of origin, size and root expected, got {note[:80]!r}"]
    head = Head(match["origin"], int(match["size"]), base64.b64decode(match["root"]))
    return head, _signature_faults(head, (body + "\n").encode(), signatures, key)


def _signature_faults(head: Head, body: bytes, signatures: str, key: VerifyKey | None) -> list[str]:
    """The log's key must have signed; its signatures must all verify; those of others are passed over."""
    if key is None:
        return ["the log's verify key expected, got none: who signed the checkpoint cannot be told"]
    ours = 0
    try:
        for line in signatures.removesuffix("\n").split("\n"):
            ours += _signed(line, body, key)
    except (DetentError, binascii.Error) as error:
        return [f"checkpoint: {error}"]
    faults = [] if ours else [f"a checkpoint signed by {key.name} expected, got none of its signatures"]
    if head.origin != key.name:
        faults.append(f"a checkpoint of the log {key.name} expected, got one of {head.origin[:200]}")
    return faults


def _signed(line: str, body: bytes, key: VerifyKey) -> bool:
    """Whether the line is this key's signature. Raises TrustError when it claims to be and is not."""
    match = _SIGNATURE.fullmatch(line)
    if match is None or match["name"] != key.name:
        return False
    blob = base64.b64decode(match["blob"], validate=True)
    if blob[:KEY_ID_BYTES] != key.id:
        return False
    key.verify(blob[KEY_ID_BYTES:], body)
    return True


def _derived(source: Source, head: Head | None, tiles: "_Tiles") -> tuple[Derived, int, list[str]]:
    """The tree under the checkpoint; how many entries there are with those beyond it; and a bundle that is torn.

    Read are the bundles from the first on, up to the first that cannot be read.
    """
    signed = 0 if head is None else head.size
    derived = Derived(source, signed)
    levels = _Levels(tiles)
    found, torn = 0, list[str]()
    while not torn and found % WIDTH == 0 and not tiles.enough:
        file = source.bundle(found // WIDTH, signed)
        if file is None:
            break
        entries, whole = unpacked(file.data)
        if not whole or len(entries) != file.width:
            torn = [f"{file.width} whole entries expected in {file.name}, got {len(entries)}"]
        # Of a server's log only what is signed is compared: what tiles it has beyond that, nobody can know.
        most = WIDTH if tiles.listed else min(WIDTH, signed - found)
        bundle = Bundle.of(entries[:most])
        levels.take(found // WIDTH, bundle, file)
        within = len(bundle.entries) if head is None else min(len(bundle.entries), max(0, signed - found))
        if within:
            derived.take(bundle if within == len(bundle.entries) else Bundle.of(bundle.entries[:within]))
        found += len(bundle.entries)
        if not bundle.entries:
            break
    levels.finish()
    return derived, found, torn


@dataclass(slots=True)
class _Tiles:
    """The files that are there, by what they should hold; each is compared once its bytes have been derived.

    listed: whether `names` are all files; else they are unknown, and those that are needed are asked for.
    """

    source: Source
    listed: bool
    names: frozenset[str]
    waiting: dict[tuple[str, int], list[tuple[int, str]]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @classmethod
    def over(cls, source: Source) -> "_Tiles":
        names = source.names()
        tiles = cls(source, names is not None, names or frozenset())
        for name in sorted(tiles.names - OWN_FILES):
            place = _place(name)
            if place is None:
                tiles.others.append(name)
            else:
                tiles.waiting.setdefault(place[:2], []).append((place[2], name))
        return tiles

    @property
    def enough(self) -> bool:
        """Whether so much of a server's log is wrong that nobody asks it for more; there may be no end of it."""
        return not self.listed and len(self.faults) >= MOST_FAULTS

    def derive(self, level: str, index: int, hashes: Sequence[bytes]) -> None:
        """What stands in this tile."""
        if not self.listed:
            self._ask(level, index, b"".join(hashes))
        for width, name in self._waiting(level, index, len(hashes)):
            self._compare(name, b"".join(hashes[:width]))

    def derive_bundle(self, index: int, entries: Sequence[bytes], read: Found) -> None:
        """The entries of one bundle; `read` is the file that they were read from, and needs no comparison."""
        for width, name in self._waiting("entries", index, len(entries)):
            if name != read.name:
                packed = (len(entry).to_bytes(2, "big") + entry for entry in entries[:width])
                self._compare(name, b"".join(packed))

    def _waiting(self, level: str, index: int, most: int) -> Iterator[tuple[int, str]]:
        """The versions of a file that its bytes can be held against; wider ones go on waiting, for nothing."""
        versions = self.waiting.pop((level, index), [])
        if wider := [version for version in versions if version[0] > most]:
            self.waiting[level, index] = wider
        yield from (version for version in versions if version[0] <= most)

    def _compare(self, name: str, wanted: bytes) -> None:
        # Still there: a writer at work removes partial tiles once the full one is.
        if self.source.read(name, len(wanted)) != wanted and self.source.has(name):
            self.faults.append(f"{name}: the {len(wanted)} bytes that the entries give expected, got others")

    def _ask(self, level: str, index: int, wanted: bytes) -> None:
        """Of a server: the file that the signed size asks for, else the full one, which begins with it."""
        width = len(wanted) // HASH_BYTES
        name = tile_name(level, index, width)
        data = self.source.read(name, len(wanted))
        if data is None and width < WIDTH:
            full = self.source.read(tile_name(level, index), WIDTH * HASH_BYTES)
            data = full[: len(wanted)] if full is not None else None
        if data is None:
            self.faults.append(f"the file {name} expected, got none")
        elif data != wanted:
            self.faults.append(f"{name}: the {len(wanted)} bytes that the entries give expected, got others")

    def strays(self, size: int, found: int) -> list[str]:
        """Files that belong to nothing. Where entries cannot be read, nothing is said about the tiles over them."""
        left = [name for group in self.waiting.values() for _, name in group] if found >= size else []
        left += [name for name in self.others if found >= size or not _TILE.fullmatch(name)]
        return [f"no file {name} expected in a tree of {size} entries, got one" for name in sorted(left)]

    def missing(self, size: int) -> list[str]:
        """Files that a tree of `size` entries must have."""
        if not self.listed:
            return []
        needed = (name for name in _required(size) if not {name, name.partition(".p/")[0]} & self.names)
        return [f"the file {name} expected, got none" for name in needed]


@dataclass(slots=True)
class _Levels:
    """The tiles above the bundles, as they fill up: at each level the hashes of the one that is not full yet."""

    tiles: _Tiles
    open: list[list[bytes]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)

    def take(self, index: int, bundle: Bundle, read: Found) -> None:
        self.tiles.derive_bundle(index, bundle.entries, read)
        self.tiles.derive("0", index, bundle.rows[0])
        if len(bundle.entries) == WIDTH:
            self._add(0, bundle.rows[-1][0])

    def _add(self, place: int, one: bytes) -> None:
        """A hash of level `place` + 1."""
        if place == len(self.open):
            self.open.append([])
            self.done.append(0)
        self.open[place].append(one)
        if len(self.open[place]) == WIDTH:
            rows = rows_over(self.open[place])
            self.tiles.derive(str(place + 1), self.done[place], rows[0])
            self.open[place], self.done[place] = [], self.done[place] + 1
            self._add(place + 1, rows[-1][0])

    def finish(self) -> None:
        for place, hashes in enumerate(self.open):
            if hashes:
                self.tiles.derive(str(place + 1), self.done[place], hashes)


def _place(name: str) -> tuple[str, int, int] | None:
    """Level, index and width of a tile or bundle of that name; None when no proper one has it."""
    match = _TILE.fullmatch(name)
    if match is None:
        return None
    index = int(match["index"].replace("x", "").replace("/", ""))
    width = int(match["width"]) if match["width"] else WIDTH
    proper = 0 < width < WIDTH or match["width"] is None
    return (
        (match["level"], index, width) if proper and name == tile_name(match["level"], index, width) else None
    )


def _required(size: int) -> Iterator[str]:
    """The files that a tree of `size` entries has at least; a full tile stands for its partial ones."""
    for level, count in (("entries", size), *((str(level), size >> 8 * level) for level in range(8))):
        for index in range(count // WIDTH):
            yield tile_name(level, index)
        if count % WIDTH:
            yield tile_name(level, count // WIDTH, count % WIDTH)
