"""A ledger's folder from its bytes: code of its own, so that a mistake of the writer's is not repeated here.

    >>> tree = fsck(folder, key)
    >>> len(tree.entries), tree.faults
    (214, ())

The entry bundles are read, every hash above them is computed again (RFC 6962 section 2.1), and every file of
the folder must be exactly the one that C2SP tlog-tiles v0.1.0 puts there; the checkpoint (C2SP tlog-checkpoint,
in a signed note) must be signed by the log's key and name the size and root found. Nothing here raises on
damage: what does not hold is a fault, a sentence each.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from detent.errors import DetentError
from detent.signing import VerifyKey

WIDTH = 256
HASH_BYTES = 32
KEY_ID_BYTES = 4
OWN_FILES = frozenset({"checkpoint", "cosigned", ".lock", ".journal", ".new"})
"""The head itself, the newest one that others cosigned,
the writer's lock and journal, and the one file it may have been writing when it was killed."""

_TILE = re.compile(
    r"tile/(?P<level>entries|[0-9]{1,2})/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?"
)
_SIGNATURE = re.compile(r"— (?P<name>[^+\s]+) (?P<blob>[A-Za-z0-9+/]+={0,2})")
_WIDTH = re.compile(r"[1-9][0-9]{0,2}")
_CHECKPOINT = re.compile(r"(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n")


class Head(NamedTuple):
    """What the checkpoint says."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Tree:
    """What lies in a ledger's folder.

    entries: those under the checkpoint, as far as they can be read. roots: the root at size i, for every i up to
    their number. faults: what does not hold. beyond: entries of an append that was cut short before it was signed.
    """

    head: Head | None
    entries: tuple[bytes, ...]
    roots: tuple[bytes, ...]
    faults: tuple[str, ...]
    beyond: int = 0

    @property
    def root(self) -> bytes:
        """The root over all entries, derived from them."""
        return self.roots[-1]

    def leaf(self, index: int) -> bytes:
        """The leaf hash of one entry."""
        return leaf_hash(self.entries[index])


def fsck(folder: Path, key: VerifyKey | None) -> Tree:
    """Read the ledger in `folder`, and say everything that is wrong with it.

    Args:
        folder: of a C2SP tlog-tiles log.
        key: that its checkpoints must be signed with; without one, that is a fault.
    """
    head, faults = _head(folder / "checkpoint", key)
    files = _files(folder)
    found, torn = _bundled(folder)  # last: what a writer adds meanwhile is then beyond, not a stray file
    size = len(found) if head is None else head.size
    entries = found[:size]
    roots = tuple(prefix_roots([leaf_hash(entry) for entry in entries]))
    if len(entries) < size:
        bundle = _tile_name("entries", len(entries) // WIDTH)
        faults.append(f"{size} signed entries expected, got {len(entries)}: see {bundle}")
    elif head is not None and roots[-1] != head.root:
        faults.append(f"the signed root {head.root.hex()} expected, got {roots[-1].hex()} from the entries")
    faults += torn + _file_faults(files, found, size) + _cosigned_faults(folder, key, roots)
    return Tree(head, tuple(entries), roots, tuple(faults), len(found) - len(entries))


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\0" + entry).digest()


def prefix_roots(leaves: Sequence[bytes]) -> Iterator[bytes]:
    """The root over the first 0, 1, 2, ... leaf hashes; one complete subtree a bit of the size."""
    subtrees: list[tuple[int, bytes]] = []  # (leaves, root), largest first
    yield hashlib.sha256().digest()
    for leaf in leaves:
        subtrees.append((1, leaf))
        while len(subtrees) > 1 and subtrees[-1][0] == subtrees[-2][0]:
            (count, right), (_, left) = subtrees.pop(), subtrees.pop()
            subtrees.append((2 * count, _node(left, right)))
        root = subtrees[-1][1]
        for _, left in reversed(subtrees[:-1]):
            root = _node(left, root)
        yield root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _cosigned_faults(folder: Path, key: VerifyKey | None, roots: Sequence[bytes]) -> list[str]:
    """The newest head that others cosigned must be one of this log's; who cosigned it is not looked at here."""
    if not (folder / "cosigned").exists():
        return []
    head, faults = _head(folder / "cosigned", key)
    if head is not None and head.size >= len(roots):
        faults.append(f"{head.size} entries or more, which others cosigned, expected, got {len(roots) - 1}")
    elif head is not None and roots[head.size] != head.root:
        faults.append(
            f"the root {head.root.hex()}, which others cosigned at {head.size} entries, expected, got "
            f"{roots[head.size].hex()}: both heads are evidence, see `detent verify --split`"
        )
    return [f"cosigned: {fault}" for fault in faults]


def _head(path: Path, key: VerifyKey | None) -> tuple[Head | None, list[str]]:
    note = (_read(path) or b"").decode("utf-8", "replace")
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
        faults.append(f"a checkpoint of the log {key.name} expected, got one of {head.origin}")
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


def _bundled(folder: Path) -> tuple[list[bytes], list[str]]:
    """Every entry in the bundles from the first on, up to the first that cannot be read."""
    entries: list[bytes] = []
    while True:
        path = _widest(folder, len(entries) // WIDTH)
        if path is None:
            return entries, []
        found, whole = _unpacked(_read(path) or b"")
        entries += found[:WIDTH]
        width = int(path.name) if path.parent.name.endswith(".p") else WIDTH
        if not whole or len(found) != width:
            name = path.relative_to(folder).as_posix()
            return entries, [f"{width} whole entries expected in {name}, got {len(found)}"]
        if width < WIDTH:
            return entries, []


def _widest(folder: Path, index: int) -> Path | None:
    """The file of a bundle: the full one, else the widest partial one."""
    full = folder / _tile_name("entries", index)
    if full.is_file():
        return full
    partial = full.with_name(full.name + ".p")
    widths = [int(path.name) for path in partial.glob("*") if _WIDTH.fullmatch(path.name) and path.is_file()]
    return partial / str(max(widths)) if widths else None


def _unpacked(data: bytes) -> tuple[list[bytes], bool]:
    """The entries, each after its length in 16 bits; and whether the last one ends where the data does."""
    entries, at = [], 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            break
        entries.append(data[at + 2 : end])
        at = end
    return entries, at == len(data)


class _Pieces(NamedTuple):
    """What the files of one level are cut from: `data` holds piece i at [ends[i], ends[i + 1])."""

    data: bytes
    ends: Sequence[int]

    @property
    def total(self) -> int:
        return len(self.ends) - 1

    def cut(self, start: int, width: int) -> bytes:
        return self.data[self.ends[start] : self.ends[start + width]]


def _files(folder: Path) -> dict[str, Path]:
    """Everything in the folder that is not itself a folder, by its name from there."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or not path.is_dir()
    }


def _read(path: Path) -> bytes | None:
    """The bytes of an ordinary file; None when it is none, or cannot be read."""
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None
    except OSError:
        return None


def _file_faults(files: dict[str, Path], entries: Sequence[bytes], size: int) -> list[str]:
    """Files that are missing, that differ from what the entries give, or that belong to nothing.

    Where entries cannot be read, nothing is said about the tiles over them.
    """
    levels = _levels(entries)
    readable = len(entries) >= size
    faults = []
    for name, path in files.items():
        wanted = _content(name, levels)
        if wanted is None and name not in OWN_FILES and (readable or not _TILE.fullmatch(name)):
            faults.append(f"no file {name} expected in a tree of {size} entries, got one")
        elif wanted is not None and _read(path) != wanted and _there(path):
            faults.append(f"{name}: the {len(wanted)} bytes that the entries give expected, got others")
    missing = (
        name
        for name in _required(min(size, len(entries)))
        if not {name, name.partition(".p/")[0]} & files.keys()
    )
    return faults + [f"the file {name} expected, got none" for name in missing]


def _there(path: Path) -> bool:
    """Still: a writer at work removes partial tiles once the full one is there."""
    return path.is_symlink() or path.exists()


def _levels(entries: Sequence[bytes]) -> dict[str, _Pieces]:
    """By the level's name in paths: what its tiles hold, piece after piece."""
    packed = [len(entry).to_bytes(2, "big") + entry for entry in entries]
    levels = {"entries": _Pieces(b"".join(packed), list(accumulate(map(len, packed), initial=0)))}
    hashes = [leaf_hash(entry) for entry in entries]
    level = 0
    while hashes:
        levels[str(level)] = _Pieces(b"".join(hashes), range(0, HASH_BYTES * (len(hashes) + 1), HASH_BYTES))
        whole = range(0, len(hashes) - WIDTH + 1, WIDTH)
        hashes = [list(prefix_roots(hashes[start : start + WIDTH]))[-1] for start in whole]
        level += 1
    return levels


def _content(name: str, levels: dict[str, _Pieces]) -> bytes | None:
    """The bytes of the file of that name, partial or full; None when these entries give it none."""
    match = _TILE.fullmatch(name)
    if match is None or match["level"] not in levels:
        return None
    pieces = levels[match["level"]]
    index = int(match["index"].replace("x", "").replace("/", ""))
    width = int(match["width"]) if match["width"] else WIDTH
    proper = 0 < width < WIDTH or match["width"] is None
    if not proper or name != _tile_name(match["level"], index, width) or WIDTH * index + width > pieces.total:
        return None
    return pieces.cut(WIDTH * index, width)


def _required(size: int) -> Iterator[str]:
    """The files that a tree of `size` entries has at least; a full tile stands for its partial ones."""
    for level, count in (("entries", size), *((str(level), size >> 8 * level) for level in range(8))):
        for index in range(count // WIDTH):
            yield _tile_name(level, index)
        if count % WIDTH:
            yield _tile_name(level, count // WIDTH, count % WIDTH)


def _tile_name(level: str, index: int, width: int = WIDTH) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{path}" + ("" if width == WIDTH else f".p/{width}")
