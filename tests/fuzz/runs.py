"""What a stranger hands over as a run: a bundle, entries; and what a beacon's server answers."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.charter.charter_texts import DRAFT
from tests.coordinate.test_coordinate_beacon import (
    QUICKNET,
    QUICKNET_1000,
    QUICKNET_HASH,
    QUICKNET_INFO,
)
from tests.fuzz.mutating import Target

from detent.audit import unpack_bundle, write_bundle
from detent.coordinate import Chain
from detent.coordinate.beacon import _round
from detent.errors import StorageError, TrustError, UsageError
from detent.signing import canonical
from detent.values import Decided, Enclosed, decode_entry, enclosed_in, entry_document

DECIDED = Decided(
    at="2026-01-31T12:00:00Z",
    generation=1,
    decision="carry",
    incumbent="a" * 64,
    candidate="b" * 64,
    team=("b" * 64,),
    because="undecided",
)
STUB = Enclosed(at="2026-01-31T12:00:00Z", generation=1, sha256="0" * 64, size=70_000)


def run_bundles(data: bytes) -> None:
    """Whatever is taken lies below the folder, and is no larger than the archive."""
    with TemporaryDirectory() as place:
        archive, folder = Path(place) / "run.zip", Path(place) / "in" / "run"
        folder.mkdir(parents=True)
        archive.write_bytes(data)
        try:
            unpack_bundle(archive, folder)
        finally:
            made = [path for path in Path(place).rglob("*") if path.is_file() and path != archive]
            assert all(folder in path.parents and not path.is_symlink() for path in made)
            assert sum(path.stat().st_size for path in made) <= len(data)


def entries(data: bytes) -> None:
    """What is an entry has one canonical form that reads back as it; or none, where a number is too large for one."""
    enclosed_in(data)
    entry = decode_entry(data)
    assert decode_entry(canonical(entry_document(entry))) == entry


def beacon_infos(data: bytes) -> None:
    assert Chain.parse(data, QUICKNET_HASH) == QUICKNET


def beacon_rounds(data: bytes) -> None:
    assert _round(data, QUICKNET, 1000).randomness.hex() == QUICKNET_1000["randomness"]


def bundle() -> bytes:
    """A small one, with something left out."""
    with TemporaryDirectory() as place:
        archive = Path(place) / "run.zip"
        members: dict[str, Path | bytes] = {
            "charter.toml": DRAFT.encode(),
            "charter.dsse": b"{}",
            "log.vkey": b"x\n",
            "ledger/checkpoint": b"x\n",
            "ledger/tile/0/000.p/1": bytes(32),
        }
        write_bundle(archive, members, ())
        return archive.read_bytes()


TARGETS = {
    "run-bundles": Target(run_bundles, [bundle()], (UsageError, TrustError, StorageError), cost=5),
    "entries": Target(
        entries, [canonical(entry_document(each)) for each in (DECIDED, STUB)], (TrustError, UsageError)
    ),
    "beacon-infos": Target(beacon_infos, [json.dumps(QUICKNET_INFO).encode()], (TrustError,)),
    "beacon-rounds": Target(beacon_rounds, [json.dumps(QUICKNET_1000).encode()], (TrustError,), cost=5),
}
