"""A ledger with one file of it changed: whoever reads it gets the signed entries, or hears that it cannot.

Two readers that share no code: `LedgerReader`, and `fsck`.
"""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.fuzz.mutating import Target

from detent.audit import fsck
from detent.audit.sources import Folder, Found
from detent.errors import TrustError
from detent.ledger import Ledger, LedgerReader
from detent.ledger._files import Files
from detent.signing import SigningKey

KEY = SigningKey.from_seed("example.com/run", bytes(range(32)))
ENTRIES = [f"entry {number}".encode() * (number % 3) for number in range(259)]
BUNDLES = {0: ("tile/entries/000", 256), 1: ("tile/entries/001.p/3", 3)}
CHECKPOINT = "checkpoint"


def _written() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "ledger"
        with Ledger.create(folder, KEY, KEY.name) as ledger:
            ledger.extend(ENTRIES)
        return {name: Folder(folder).read(name, 100_000) or b"" for name in Folder(folder).names()}


FILES = {name: data for name, data in _written().items() if not name.startswith(".")}


class InMemory(Files):
    """For the ledger's own readers."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(Path("memory"))
        self.files = files

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def names(self, folder: str) -> list[str]:
        return sorted(
            {name[len(folder) + 1 :].split("/")[0] for name in self.files if name.startswith(f"{folder}/")}
        )


class Published:
    """For `fsck`. bundles: name and width of each, by index."""

    def __init__(self, files: dict[str, bytes], bundles: Mapping[int, tuple[str, int]]) -> None:
        self.files, self.bundles = files, bundles

    def names(self) -> frozenset[str]:
        return frozenset(self.files)

    def has(self, name: str) -> bool:
        return name in self.files

    def read(self, name: str, most: int) -> bytes | None:
        data = self.files.get(name)
        return data if data is None or len(data) <= most else None

    def bundle(self, index: int, signed: int) -> Found | None:  # noqa: ARG002  as it lies there
        if index not in self.bundles:
            return None
        name, width = self.bundles[index]
        return Found(name, width, self.files[name])


def read(name: str, data: bytes) -> None:
    files = InMemory({**FILES, name: data})
    reader = LedgerReader(Path("memory"), KEY.verify_key, lambda _: files)
    assert list(reader.entries()) == ENTRIES, "entries that were never signed"
    assert (reader.leaf_hash(258), reader.root(100)) == SIGNED, "hashes that were never signed"


SOUND = LedgerReader(Path("memory"), KEY.verify_key, lambda _: InMemory(FILES))
SIGNED = (SOUND.leaf_hash(258), SOUND.root(100))


def check(name: str, data: bytes) -> None:
    """It raises on nothing, and what it finds no fault with is what was written."""
    tree = fsck(Published({**FILES, name: data}, BUNDLES), KEY.verify_key)
    if not tree.faults:
        assert list(tree.entries) == ENTRIES, "entries that were never signed"
        assert data == FILES[name] or name == CHECKPOINT, "another file"


def _target(
    name: str, parse: Callable[[str, bytes], None], refuses: tuple[type[Exception], ...], cost: int
) -> Target:
    return Target(partial(parse, name), [FILES[name]], refuses, cost)


TARGETS = {
    **{f"reader of {name}": _target(name, read, (TrustError,), 2) for name in sorted(FILES)},
    **{f"fsck of {name}": _target(name, check, (), 10) for name in sorted(FILES)},
}
