"""Paths, tiles and bundles as C2SP tlog-tiles writes them, and the tile arithmetic of growing trees."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detent.errors import TrustError, UsageError
from detent.ledger._edge import Edge
from detent.ledger._merkle import complete_root, leaf_hash, tree_root
from detent.ledger.tiles import (
    LARGEST_ENTRY,
    WIDTH,
    bundle_path,
    levels,
    pack_entry,
    pack_hashes,
    partial_width,
    tile_path,
    unpack_entries,
    unpack_hashes,
)

PATHS = {
    tile_path(0, 0): "tile/0/000",
    tile_path(0, 999): "tile/0/999",
    tile_path(0, 1000): "tile/0/x001/000",
    tile_path(3, 1234067): "tile/3/x001/x234/067",  # the specification's example
    tile_path(1, 5, 17): "tile/1/005.p/17",
    tile_path(63, 1000000, 255): "tile/63/x001/x000/000.p/255",
    bundle_path(0): "tile/entries/000",
    bundle_path(273, 112): "tile/entries/273.p/112",
    bundle_path(1000, 1): "tile/entries/x001/000.p/1",
}


@pytest.mark.parametrize("path", PATHS)
def test_paths_are_those_of_the_specification(path: str) -> None:
    assert path == PATHS[path]


SIZES = {  # size: (full tiles, width of the partial one) on each level
    0: [],
    1: [(0, 1)],
    255: [(0, 255)],
    256: [(1, 0), (0, 1)],  # the specification's example: a full tile, and one of width 1 above it
    257: [(1, 1), (0, 1)],
    65_535: [(255, 255), (0, 255)],
    65_536: [(256, 0), (1, 0), (0, 1)],
    65_537: [(256, 1), (1, 0), (0, 1)],
    70_000: [(273, 112), (1, 17), (0, 1)],  # the specification's example
    16_777_216: [(65_536, 0), (256, 0), (1, 0), (0, 1)],
}


@pytest.mark.parametrize("size", SIZES)
def test_a_tree_of_each_size_has_the_tiles_of_the_specification(size: int) -> None:
    tiles = [(size >> 8 * (level + 1), partial_width(size, level)) for level in range(levels(size))]
    assert tiles == SIZES[size]


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_entries_survive_their_bundle(entries: list[bytes]) -> None:
    packed = b"".join(map(pack_entry, entries))
    assert unpack_entries(packed, len(entries), "tile/entries/000") == tuple(entries)


def test_an_entry_has_65535_bytes_at_most_and_the_refusal_says_what_to_do() -> None:
    largest = b"x" * LARGEST_ENTRY
    assert unpack_entries(pack_entry(largest), 1, "here") == (largest,)
    with pytest.raises(
        UsageError, match="65535 bytes expected, got 65536 bytes; store the large part beside"
    ):
        pack_entry(largest + b"x")


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=9), st.data())
def test_a_bundle_cut_short_anywhere_is_refused(entries: list[bytes], data: st.DataObject) -> None:
    packed = b"".join(map(pack_entry, entries))
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(TrustError, match="tile/entries/000"):
        unpack_entries(packed[:cut], len(entries), "tile/entries/000")


@given(st.binary(max_size=400), st.integers(0, 256))
def test_any_bytes_are_a_bundle_of_that_width_or_refused(data: bytes, width: int) -> None:
    try:
        entries = unpack_entries(data, width, "here")
    except TrustError:
        return
    assert b"".join(map(pack_entry, entries)) == data
    assert len(entries) == width


@given(st.binary(max_size=200), st.integers(0, 256))
def test_any_bytes_are_a_tile_of_that_width_or_refused(data: bytes, width: int) -> None:
    try:
        hashes = unpack_hashes(data, width, "here")
    except TrustError:
        assert len(data) != 32 * width
        return
    assert pack_hashes(hashes) == data
    assert len(hashes) == width


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=6))
def test_the_edge_knows_the_root_and_the_tiles_however_the_entries_came(batches: list[int]) -> None:
    edge, leaves = Edge(), list[bytes]()
    for batch in batches:
        added = [leaf_hash(str(len(leaves) + i).encode()) for i in range(batch)]
        edge, written = edge.grown(added)
        leaves += added
        assert edge.size == len(leaves)
        assert edge.root() == tree_root(leaves)
        assert len(edge.tiles) == levels(edge.size)
        for tile in written:
            below = leaves if tile.level == 0 else full_roots(leaves)
            assert tile.hashes == tuple(below[tile.index * WIDTH :][: len(tile.hashes)])


def full_roots(leaves: list[bytes]) -> list[bytes]:
    return [complete_root(leaves[i * WIDTH : (i + 1) * WIDTH]) for i in range(len(leaves) // WIDTH)]


def test_the_65536th_entry_fills_a_tile_on_two_levels_and_begins_a_third() -> None:
    leaf = leaf_hash(b"")
    edge, _ = Edge().grown([leaf] * 65_535)
    grown, written = edge.grown([leaf])
    assert [(tile.path, len(tile.hashes)) for tile in written] == [
        ("tile/0/255", 256),
        ("tile/1/000", 256),
        ("tile/2/000.p/1", 1),
    ]
    assert grown.tiles == ((), (), (grown.root(),))
    further, written = grown.grown([leaf])
    assert [tile.path for tile in written] == ["tile/0/256.p/1"]
    assert further.tiles == ((leaf,), (), (grown.root(),))
