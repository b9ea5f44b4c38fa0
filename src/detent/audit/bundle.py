"""A run in one file: what a stranger needs to check it, as a zip archive, and how such a file is read.

    >>> write_bundle(Path("run.zip"), {"charter.dsse": text, "data/ab...12.jsonl": path}, left_out=[])
    >>> unpack_bundle(Path("run.zip"), folder)           # a run folder, as far as the bundle has one
    ()

Members lie under their names in the run folder, sorted, without times, owners or compression: the same run gives
the same bytes, with whatever version of zlib. `bundle.json` says what was left out, by digest and size.

A bundle is read as if an attacker had made it. Names must be those that a run folder has; a member is an ordinary
file, not compressed and not encrypted; and all of them together have no more bytes than the archive, counted while
they are read. So no header is believed, and no bomb is one.
"""

import io
import json
import re
import shutil
import stat
import struct
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from detent.errors import StorageError, TrustError, UsageError
from detent.signing import canonical

MANIFEST = "bundle.json"
NEEDED = (MANIFEST, "charter.dsse", "ledger/checkpoint")

MOST_DIRECTORY = 32 << 20
"""Bytes of the archive's directory and of whatever else is read at once: room for 250,000 members."""

MOST_MEMBERS = 250_000

LARGEST: tuple[tuple[str, int], ...] = (
    ("models/", 1 << 50),
    ("data/", 1 << 30),
    ("answers/", 1 << 30),
    ("", 32 << 20),
)
"""Most bytes of a member, by how its name begins: all but weights is read into memory when it is verified."""

ROWS = 1 << 30
"""The same of a file of rows, in tasks/."""

LONGEST_NAME = 400
"""Bytes of a member's name; most file systems take 255 for a part of it."""

CHUNK = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip archive can say."""

UTF8 = 0x800
"""The one flag that a member may have: its name is UTF-8. What is encrypted has another."""

_SEGMENT = r"[\w][\w .+-]{0,199}"
_NAMES = re.compile(
    r"bundle\.json|charter\.toml|charter\.dsse|log\.vkey|ledger/checkpoint"
    r"|ledger/tile/(?:entries|[0-9]{1,2})/(?:x[0-9]{3}/){0,5}[0-9]{3}(?:\.p/[0-9]{1,3})?"
    r"|data/[0-9a-f]{64}\.jsonl|answers/[0-9a-f]{64}"
    r"|models/[0-9a-f]{64}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}"
    rf"|tasks/(?:{_SEGMENT}/){{0,8}}{_SEGMENT}\.(?:py|toml|jsonl)"
)
_LEFT_OUT = re.compile(r"data/(?P<data>[0-9a-f]{64})\.jsonl|(?:answers|models)/(?P<other>[0-9a-f]{64})")


class LeftOut(Struct, frozen=True, forbid_unknown_fields=True):
    """What a bundle does not hold, and its maker had. digest: SHA-256 of a file, a model's own of a folder.

    size: bytes, by the maker's word. because: "redacted" when what it holds is not shown, else it was not asked for.
    """

    path: str
    digest: str
    size: int
    because: Literal["redacted", "not asked for"]


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """bundle.json: the form's version, and what was left out, by path."""

    format: Literal["detent/bundle/v1"]
    left_out: tuple[LeftOut, ...]


def is_member(name: str) -> bool:
    """Whether a run folder has such a file, and a bundle may."""
    parts = name.split("/")
    return (
        _NAMES.fullmatch(name) is not None
        and len(name.encode()) <= LONGEST_NAME
        and not any(part.endswith((" ", ".")) for part in parts)
    )


def write_bundle(target: Path, members: Mapping[str, Path | bytes], left_out: Sequence[LeftOut]) -> None:
    """Write the members, each a file's path or its bytes, under their names.

    Raises:
        UsageError: there is something at `target`, or a name or a size is none that a bundle may have.
        StorageError: the disk refuses; nothing is left at `target`.
    """
    strange = [name for name in members if not is_member(name)]
    if strange:
        raise UsageError(
            f"file names in letters, digits and _ . + - expected, got {strange[0]!r}; rename it and amend the charter"
        )
    manifest = Manifest("detent/bundle/v1", tuple(sorted(left_out, key=lambda one: one.path)))
    every: dict[str, Path | bytes] = {**members, MANIFEST: canonical(msgspec.to_builtins(manifest)) + b"\n"}
    try:
        with target.open("xb") as file:
            try:
                _write(file, every)
            except BaseException:
                target.unlink(missing_ok=True)
                raise
    except FileExistsError as error:
        raise UsageError(f"a new file expected, got {target}, which exists; name another") from error
    except OSError as error:
        raise StorageError(f"a bundle at {target} expected, got: {error}; free or mend the disk") from error


def _write(file: io.BufferedWriter, members: Mapping[str, Path | bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(members.items()):
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system = 3  # whatever system this is: the mode below is Unix's
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
                info.file_size = source.seek(0, io.SEEK_END)  # decides whether sizes are written in 64 bits
                source.seek(0)
                if info.file_size > _most(name):
                    raise UsageError(
                        f"at most {_most(name):,} bytes in {name} expected, got {info.file_size:,}: nobody would read "
                        "such a bundle; redact it"
                    )
                with archive.open(info, "w") as member:
                    shutil.copyfileobj(source, member, CHUNK)


def unpack_bundle(archive: Path, folder: Path) -> tuple[LeftOut, ...]:
    """Unpack a bundle into an empty folder; returns what it says was left out.

    Raises:
        UsageError: there is no such file, or it is no zip archive at all.
        TrustError: it is one that no bundle is; what was unpacked of it is worth nothing.
        StorageError: the disk refuses.
    """
    try:
        size = archive.stat().st_size
        with _Bounded(archive) as file, _hostile(archive), zipfile.ZipFile(file) as found:
            members = found.infolist()
            _check_members(members, size)
            left = size
            for info in members:
                left -= _unpack(found, info, folder / info.filename, left)
    except OSError as error:
        raise StorageError(f"{archive} unpacked into {folder} expected, got: {error}") from error
    return _left_out(folder / MANIFEST, [info.filename for info in members])


class _Bounded(io.FileIO):
    """A file of which nobody reads much at once: an archive's directory is read whole, as large as it says it is."""

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = MOST_DIRECTORY + 1 if size is None or size < 0 else size
        data = super().read(min(wanted, MOST_DIRECTORY + 1)) or b""
        if len(data) > MOST_DIRECTORY:
            raise TrustError(
                f"a directory of at most {MOST_DIRECTORY:,} bytes expected, got more; this is no bundle"
            )
        return data


@contextmanager
def _hostile(archive: Path) -> Iterator[None]:
    """Whatever the library says of an archive that is none is a TrustError here; the disk's errors stay."""
    try:
        yield
    except zipfile.BadZipFile as error:
        if not zipfile.is_zipfile(archive):
            raise UsageError(
                f"a run folder, a bundle or an address expected, got {archive}, which is none of "
                "them; make one with: detent init, or detent bundle"
            ) from error
        raise TrustError(f"a whole zip archive expected in {archive}, got: {error}") from error
    except (struct.error, EOFError, ValueError, RuntimeError, OverflowError, LookupError) as error:
        # RuntimeError includes NotImplementedError: a method or a version that the library does not know.
        raise TrustError(f"a bundle as Detent writes it expected in {archive}, got: {error}") from error


def _check_members(members: Sequence[zipfile.ZipInfo], size: int) -> None:
    """What can be said before anything is read. None of it is relied on for how much is read."""
    if len(members) > MOST_MEMBERS:
        raise TrustError(f"at most {MOST_MEMBERS:,} members expected, got {len(members):,}")
    seen: set[str] = set()
    folders: set[str] = set()
    for info in members:
        if fault := _member_fault(info):
            raise TrustError(f"{fault}, got {info.orig_filename[:200]!r}; this is no bundle")
        plain = unicodedata.normalize("NFC", info.filename).casefold()
        if plain in seen:
            raise TrustError(
                f"each name once, upper and lower case alike, expected, got {info.filename!r} again"
            )
        seen.add(plain)
        parts = plain.split("/")
        folders |= {"/".join(parts[:end]) for end in range(1, len(parts))}
    if both := sorted(seen & folders):
        raise TrustError(f"a file or a folder under one name expected, got both at {both[0]!r}")
    if lacking := [name for name in NEEDED if name not in seen]:
        raise TrustError(f"a bundle with {', '.join(NEEDED)} expected, got one without {', '.join(lacking)}")
    if sum(info.file_size for info in members) > size:
        raise TrustError(f"members of at most {size:,} bytes, the archive's own, expected, got more")


def _member_fault(info: zipfile.ZipInfo) -> str:
    """What a member should be and is not; "" for one that a bundle may have."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.filename != info.orig_filename or not is_member(info.filename):
        return "names of files that a run folder has expected"
    if kind not in (0, stat.S_IFREG):
        return "ordinary files expected, no links and nothing special"
    if info.flag_bits & ~UTF8:
        return "members that are not encrypted, and whole where they begin, expected"
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        return "members that are stored as they are, not compressed, expected"
    most = _most(info.filename)
    return f"at most {most:,} bytes in a member expected" if info.file_size > most else ""


def _most(name: str) -> int:
    if name.startswith("tasks/") and name.endswith(".jsonl"):
        return ROWS
    return next(most for start, most in LARGEST if name.startswith(start))


def _unpack(found: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, most: int) -> int:
    """Write one member, at most so many bytes; returns how many."""
    count = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with found.open(info) as member, target.open("xb") as file:
        while chunk := member.read(CHUNK):
            count += len(chunk)
            if count > most:
                raise TrustError("no more bytes in the members than in the archive expected, got more")
            file.write(chunk)
    if count != info.file_size:
        raise TrustError(f"{info.file_size} bytes of {info.filename} expected, got {count}")
    return count


def _each_once(pairs: list[tuple[str, object]]) -> None:
    """Of a key that comes twice, one reader believes the first and another the last."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError(f"a key twice: {[key for key, _ in pairs][:4]}")


def _left_out(manifest: Path, members: Sequence[str]) -> tuple[LeftOut, ...]:
    """What the manifest says was left out, each of it once, under its digest, and not there after all."""
    try:
        content = manifest.read_bytes()
        # Read as what it should be, since millions of empty lists take far more room than their bytes.
        said = msgspec.json.decode(content, type=Manifest)
        json.loads(content, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise TrustError(f"a list of what was left out expected in {MANIFEST}, got: {error}") from error
    there = {"/".join(name.split("/")[:2]) for name in members}
    seen: set[str] = set()
    for one in said.left_out:
        match = _LEFT_OUT.fullmatch(one.path)
        if match is None or one.digest != (match["data"] or match["other"]) or one.size < 0:
            raise TrustError(
                f"data, answers and models alone, by their digests, as left out expected, got {one.path[:100]!r}"
            )
        if one.path in seen or one.path in there:
            raise TrustError(f"{one.path} left out once, and not there, expected, got it again")
        seen.add(one.path)
    return said.left_out
