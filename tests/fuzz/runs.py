"""What a stranger hands over as a run: a bundle, entries; and what a beacon's server answers."""

import json
from contextlib import suppress
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
from detent.engine import shape_of
from detent.errors import StorageError, SubjectError, TrustError, UsageError
from detent.signing import canonical
from detent.values import (
    Decided,
    Declined,
    Enclosed,
    Reshape,
    Reshaped,
    Suggested,
    Tune,
    decode_entry,
    enclosed_in,
    entry_document,
)
from detent.values.shape import AddBlock, RemoveHeads, Rotary, SplitKeyValues, WidenMlp, reshape

DECIDED = Decided(
    at="2026-01-31T12:00:00Z",
    generation=1,
    decision="carry",
    incumbent="a" * 64,
    candidate="b" * 64,
    team=("b" * 64,),
    because="undecided",
)
TRIED = Suggested(
    at="2026-01-31T12:00:00Z",
    generation=1,
    changes=(
        Tune({"recipe.steps": 60, "recipe.confidence": 0.8, "recipe.optimizer": "adamw"}, "search"),
        Reshape(Rotary((False, True)), "rules", "positions may hold it back"),
    ),
    because="stuck",
    declined=(Declined(by="model", said="a block more at 9", because="there are 2"),),
)
MADE = Reshaped(
    at="2026-01-31T12:00:00Z",
    generation=1,
    trial="2.1",
    digest="a" * 64,
    parent="b" * 64,
    edit=AddBlock(at=1),
    seed=7,
    parameters=100,
    distance=1e-7,
    flops=1e9,
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


CONFIGURATION = {
    "model_type": "smollm3",
    "num_hidden_layers": 2,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "hidden_act": "silu",
    "no_rope_layers": [1, 0],
    "layer_types": ["full_attention", "full_attention"],
}


def configurations(data: bytes) -> None:
    """A configuration is of a model that can be reshaped, and then every edit is made or refused; or of none."""
    with TemporaryDirectory() as place:
        (Path(place) / "config.json").write_bytes(data)
        shape = shape_of(Path(place))
    assert min(shape.layers, shape.heads, shape.groups, shape.width) >= 1
    for edit in (AddBlock(0), WidenMlp(1), RemoveHeads(0), SplitKeyValues(2)):
        with suppress(UsageError):
            reshape(shape, edit)


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
        entries,
        [canonical(entry_document(each)) for each in (DECIDED, STUB, TRIED, MADE)],
        (TrustError, UsageError),
    ),
    "configurations": Target(configurations, [json.dumps(CONFIGURATION).encode()], (SubjectError,)),
    "beacon-infos": Target(beacon_infos, [json.dumps(QUICKNET_INFO).encode()], (TrustError,)),
    "beacon-rounds": Target(beacon_rounds, [json.dumps(QUICKNET_1000).encode()], (TrustError,), cost=5),
}
