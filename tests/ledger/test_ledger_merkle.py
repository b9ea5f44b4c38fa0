"""The tree against the vectors of Certificate Transparency's own tests; proofs against their verifiers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import TrustError, UsageError
from detent.ledger import verify_consistency, verify_inclusion
from detent.ledger._merkle import EMPTY_ROOT, leaf_hash, tree_root
from detent.ledger.proofs import Node, consistency_path, inclusion_path, root_at

# Inputs, roots and proofs of google/certificate-transparency, merkletree/merkle_tree_test.cc
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
LEAVES = [leaf_hash(data) for data in INPUTS]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def node_of(leaves: list[bytes]) -> Node:
    """Subtree roots straight from the leaves."""
    return lambda height, index: tree_root(leaves[index << height : (index + 1) << height])


def some_leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(i).encode()) for i in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert tree_root(LEAVES[:size]).hex() == ROOTS[size]
    assert root_at(size, node_of(LEAVES)).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_those_of_certificate_transparency(index: int, size: int) -> None:
    path = inclusion_path(index, size, node_of(LEAVES[:size]))
    assert [h.hex() for h in path] == INCLUSION[index, size]
    verify_inclusion(LEAVES[index], index, size, path, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_consistency_proofs_are_those_of_certificate_transparency(old: int, new: int) -> None:
    path = consistency_path(old, new, node_of(LEAVES[:new]))
    assert [h.hex() for h in path] == CONSISTENCY[old, new]
    verify_consistency(old, new, path, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]))


def test_every_proof_of_every_tree_up_to_32_entries_verifies_where_it_belongs_and_nowhere_else() -> None:
    leaves = some_leaves(32)
    roots = [tree_root(leaves[:size]) for size in range(33)]
    for size in range(1, 33):
        for index in range(size):
            path = inclusion_path(index, size, node_of(leaves))
            verify_inclusion(leaves[index], index, size, path, roots[size])
            for other in {*range(size)} - {index}:
                with pytest.raises(TrustError):
                    verify_inclusion(leaves[index], other, size, path, roots[size])
        for old in range(size + 1):
            proof = consistency_path(old, size, node_of(leaves))
            verify_consistency(old, size, proof, roots[old], roots[size])
            for other in {*range(1, size)} - {old}:
                with pytest.raises(TrustError):
                    verify_consistency(other, size, proof, roots[old], roots[size])


def damaged(path: tuple[bytes, ...], data: st.DataObject) -> list[bytes]:
    """The path with one hash changed, removed, repeated or added."""
    broken, how = list(path), data.draw(st.sampled_from(["change", "remove", "repeat", "add"]))
    if how == "add" or not broken:
        return [*broken, data.draw(st.binary(min_size=32, max_size=32))]
    at = data.draw(st.integers(0, len(broken) - 1))
    if how == "change":
        bit = data.draw(st.integers(0, 255))
        flipped = int.from_bytes(broken[at], "big") ^ 1 << bit
        broken[at] = flipped.to_bytes(32, "big")
    elif how == "remove":
        del broken[at]
    else:
        broken.insert(at, broken[at])
    return broken


@given(data=st.data(), size=st.integers(1, 300))
def test_an_inclusion_proof_with_any_damage_is_refused(data: st.DataObject, size: int) -> None:
    leaves, index = some_leaves(size), data.draw(st.integers(0, size - 1))
    root, path = tree_root(leaves), inclusion_path(index, size, node_of(leaves))
    verify_inclusion(leaves[index], index, size, path, root)
    with pytest.raises(TrustError, match="inclusion proof"):
        verify_inclusion(leaves[index], index, size, damaged(path, data), root)
    with pytest.raises(TrustError, match="inclusion proof"):
        verify_inclusion(leaf_hash(b"another"), index, size, path, root)


@given(data=st.data(), new=st.integers(1, 300))
def test_a_consistency_proof_with_any_damage_is_refused(data: st.DataObject, new: int) -> None:
    leaves, old = some_leaves(new), data.draw(st.integers(0, new))
    roots, path = (tree_root(leaves[:old]), tree_root(leaves)), consistency_path(old, new, node_of(leaves))
    verify_consistency(old, new, path, *roots)
    with pytest.raises(TrustError, match="consistency proof"):
        verify_consistency(old, new, damaged(path, data), *roots)
    if old:  # whatever grew from nothing is consistent with nothing
        with pytest.raises(TrustError, match="consistency proof"):
            verify_consistency(old, new, path, roots[0], leaf_hash(b"another"))


REFUSED_CONSISTENCY = {
    "an old tree larger than the new one": (3, 2, (), EMPTY_ROOT, EMPTY_ROOT),
    "a negative old size": (-1, 2, (), EMPTY_ROOT, EMPTY_ROOT),
    "an empty old tree whose root is not the empty one": (0, 2, (), LEAVES[0], LEAVES[1]),
    "hashes where none are needed, from the empty tree": (0, 2, (LEAVES[0],), EMPTY_ROOT, LEAVES[1]),
    "one size and two roots": (2, 2, (), LEAVES[0], LEAVES[1]),
    "no hashes where some are needed": (3, 5, (), LEAVES[0], LEAVES[1]),
}


@pytest.mark.parametrize("attack", REFUSED_CONSISTENCY)
def test_consistency_is_not_shown_by(attack: str) -> None:
    with pytest.raises(TrustError):
        verify_consistency(*REFUSED_CONSISTENCY[attack])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 5), (5, 5)])
def test_an_index_outside_the_tree_has_no_inclusion_proof(index: int, size: int) -> None:
    with pytest.raises(UsageError, match="an index from 0 to"):
        inclusion_path(index, size, node_of(LEAVES))
    with pytest.raises(TrustError, match="below the tree's size"):
        verify_inclusion(LEAVES[0], index, size, (), LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3)])
def test_sizes_that_no_growth_connects_have_no_consistency_proof(old: int, new: int) -> None:
    with pytest.raises(UsageError, match="an old size from 0 to 3"):
        consistency_path(old, new, node_of(LEAVES))
