"""Proofs that an entry is in a tree, and that one tree is the beginning of another.

    >>> verify_inclusion(leaf, index, size, path, root)       # returns nothing: raises unless it holds

They are made after RFC 6962 sections 2.1.1 and 2.1.2 from any source of subtree roots, and verified after
RFC 9162 sections 2.1.3.2 and 2.1.4.2, which walk the other way: the halves share no code but the hashes.
"""

from collections.abc import Callable, Sequence

from detent.errors import TrustError, UsageError
from detent.ledger._merkle import EMPTY_ROOT, node_hash

Node = Callable[[int, int], bytes]
"""node(height, i): the root of the complete subtree over leaves [i * 2^height, (i + 1) * 2^height)."""


def root_at(size: int, node: Node) -> bytes:
    """MTH(D[0:size])."""
    return _range_root(0, size, node) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """PATH(index, D[0:size]) of RFC 6962 section 2.1.1, the leaf's sibling first.

    Raises:
        UsageError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise UsageError(f"an index from 0 to {size - 1} expected, got {index}; the tree has {size} entries")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start = middle
    return tuple(reversed(path))


def consistency_path(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """PROOF(old, D[0:new]) of RFC 6962 section 2.1.2; empty from the empty tree and between equal sizes.

    Raises:
        UsageError: not 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise UsageError(f"an old size from 0 to {new} expected, got {old}; ask from the smaller tree")
    if old in {0, new}:
        return ()
    path, start, end = [], 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start = middle
    if start:  # SUBPROOF's flag b: an old tree that is one whole subtree is known to who asks
        path.append(_range_root(start, end, node))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Return when the leaf hash stands at `index` in the tree of `size` entries with that root.

    Raises:
        TrustError: the path does not show it.
    """
    _expect(inclusion_root(leaf, index, size, path) == root, "inclusion", index, size)


def inclusion_root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root of the tree of `size` entries in which the path puts the leaf hash at `index`.

    It proves nothing until somebody who is believed signed that root.

    Raises:
        TrustError: no tree of that size has such a path.
    """
    if not 0 <= index < size:
        raise TrustError(
            f"an index below the tree's size {size} expected, got {index}; the proof is not valid"
        )
    first, second, computed = index, size - 1, leaf
    for sibling in path:
        _expect(second > 0, "inclusion", index, size)
        if first & 1 or first == second:
            computed = node_hash(sibling, computed)
            while not first & 1 and first:
                first, second = first >> 1, second >> 1
        else:
            computed = node_hash(computed, sibling)
        first, second = first >> 1, second >> 1
    _expect(second == 0, "inclusion", index, size)
    return computed


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Return when the tree of `old` entries is the beginning of the tree of `new` entries.

    Raises:
        TrustError: the path does not show it.
    """
    _expect(0 <= old <= new, "consistency", old, new)
    if old == 0:
        _expect(not path and old_root == EMPTY_ROOT, "consistency", old, new)
    elif old == new:
        _expect(not path and old_root == new_root, "consistency", old, new)
    else:
        roots = _walk(old, new, [old_root, *path] if old & (old - 1) == 0 else list(path))
        _expect(roots == (old_root, new_root), "consistency", old, new)


def _walk(old: int, new: int, path: list[bytes]) -> tuple[bytes, bytes]:
    """Both roots as the path gives them, RFC 9162 section 2.1.4.2 steps 3 to 6."""
    _expect(bool(path), "consistency", old, new)
    first, second = old - 1, new - 1
    while first & 1:
        first, second = first >> 1, second >> 1
    old_root = new_root = path[0]
    for hashed in path[1:]:
        _expect(second > 0, "consistency", old, new)
        if first & 1 or first == second:
            old_root, new_root = node_hash(hashed, old_root), node_hash(hashed, new_root)
            while not first & 1 and first:
                first, second = first >> 1, second >> 1
        else:
            new_root = node_hash(new_root, hashed)
        first, second = first >> 1, second >> 1
    _expect(second == 0, "consistency", old, new)
    return old_root, new_root


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _range_root(start: int, end: int, node: Node) -> bytes:
    """MTH(D[start:end]); `start` is a multiple of the largest complete subtree, as in every proof."""
    count = end - start
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return node(height, start >> height)
    middle = start + _split(count)
    return node_hash(_range_root(start, middle, node), _range_root(middle, end, node))


def _expect(holds: bool, kind: str, first: int, second: int) -> None:
    if not holds:
        raise TrustError(
            f"a valid {kind} proof for {first} in {second} expected, got one that leads elsewhere; "
            "the proof or a root is not this ledger's"
        )
