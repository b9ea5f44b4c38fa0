"""The whole ledger, derived again from its entry bundles alone; the code shares nothing with the writer's."""

import base64
import hashlib
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from detent.signing import VerifyKey

_NAME = re.compile(
    r"tile/(?P<level>entries|[0-9]+)/(?P<groups>(x[0-9]{3}/)*[0-9]{3})(\.p/(?P<width>[0-9]+))?"
)


def assert_ledger_sound(folder: Path, key: VerifyKey) -> list[bytes]:
    """Everything the checkpoint covers is right, and nothing else lies there. Returns the entries."""
    entries = assert_covered_sound(folder, key)
    pieces = _pieces(entries)
    for name in _files(folder):
        assert _expected(name, pieces) is not None, f"{name} belongs to no entry"
    return entries


def assert_covered_sound(folder: Path, key: VerifyKey) -> list[bytes]:
    """What the checkpoint covers is right, as a reader sees it even while a writer works or lies dead."""
    size, root = _checkpoint(folder, key)
    entries = [entry for index in range(-(-size // 256)) for entry in _bundle(folder, index, size)]
    pieces = _pieces(entries)
    assert _mth(pieces["0"]) == root, "the entries do not lead to the signed root"
    names = _files(folder)
    for name in _required(pieces):
        assert name in names or name.partition(".p/")[0] in names, f"{name} is missing"
    for name in names:
        expected = _expected(name, pieces)
        assert expected is None or (folder / name).read_bytes() == expected, f"{name} is not what entries say"
    return entries


def _checkpoint(folder: Path, key: VerifyKey) -> tuple[int, bytes]:
    body, _, signature = (folder / "checkpoint").read_text(encoding="utf-8").rpartition("\n\n")
    dash, name, blob = signature.rstrip("\n").split(" ")
    assert (dash, name) == ("—", key.name)
    raw = base64.b64decode(blob)
    assert raw[:4] == key.id
    Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], f"{body}\n".encode())
    _, size, root = body.split("\n")
    return int(size), base64.b64decode(root)


def _bundle(folder: Path, index: int, size: int) -> list[bytes]:
    width = min(256, size - 256 * index)
    full = folder / "tile/entries" / _number(index)
    partial = full.with_name(f"{full.name}.p") / str(width)
    data = (partial if partial.exists() else full).read_bytes()
    entries = []
    while data:
        length = int.from_bytes(data[:2], "big")
        assert len(data) >= 2 + length, f"bundle {index} is cut off"
        entries.append(data[2 : 2 + length])
        data = data[2 + length :]
    return entries[:width]


def _pieces(entries: list[bytes]) -> dict[str, list[bytes]]:
    """What stands in the files of each level, piece by piece."""
    hashes, level = [hashlib.sha256(b"\0" + entry).digest() for entry in entries], 0
    pieces = {"entries": [len(entry).to_bytes(2, "big") + entry for entry in entries], "0": hashes}
    while len(hashes) >= 256:
        hashes, level = [_mth(hashes[i : i + 256]) for i in range(0, len(hashes) - 255, 256)], level + 1
        pieces[str(level)] = hashes
    return pieces


def _required(pieces: dict[str, list[bytes]]) -> list[str]:
    names = []
    for level, all_pieces in pieces.items():
        full, width = divmod(len(all_pieces), 256)
        names += [f"tile/{level}/{_number(index)}" for index in range(full)]
        names += [f"tile/{level}/{_number(full)}.p/{width}"] if width else []
    return names


def _expected(name: str, pieces: dict[str, list[bytes]]) -> bytes | None:
    """The bytes of the file of that name; None when these entries give it none."""
    match = _NAME.fullmatch(name)
    if match is None or match["level"] not in pieces:
        return None
    start = 256 * int(match["groups"].replace("x", "").replace("/", ""))
    width = int(match["width"] or 256)
    tile = pieces[match["level"]][start : start + width]
    return b"".join(tile) if 0 < len(tile) == width else None


def _files(folder: Path) -> set[str]:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return names - {"checkpoint", ".lock", ".journal"}


def _mth(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word, over leaf hashes."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return hashlib.sha256(b"\1" + _mth(hashes[:k]) + _mth(hashes[k:])).digest()


def _number(index: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
