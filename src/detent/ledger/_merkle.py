"""Hashes of the Merkle tree (RFC 6962 section 2.1 = RFC 9162 section 2.1.1): SHA-256, leaf unlike node.

>>> tree_root([]).hex()[:8], tree_root([leaf_hash(b"")]).hex()[:8]
('e3b0c442', '6e340b9c')
"""

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes of one level."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=True)]
    return level[0]


def peaks(hashes: Sequence[bytes]) -> list[bytes]:
    """The roots of the complete subtrees that hashes of one level fall into, left to right, largest first."""
    result, start = [], 0
    for bit in reversed(range(len(hashes).bit_length())):
        if len(hashes) >> bit & 1:
            result.append(complete_root(hashes[start : start + (1 << bit)]))
            start += 1 << bit
    return result


def bagged(all_peaks: Sequence[bytes]) -> bytes:
    """The root over complete subtrees, left to right, each smaller than the one before."""
    if not all_peaks:
        return EMPTY_ROOT
    root = all_peaks[-1]
    for peak in reversed(all_peaks[:-1]):
        root = node_hash(peak, root)
    return root


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """MTH over leaf hashes."""
    return bagged(peaks(leaves))
