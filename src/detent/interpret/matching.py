"""Which layers of two models correspond.

    >>> by_likeness([[1.0, 0.9, 0.2], [0.3, 0.4, 0.8]])      # layer 0 is 0, and 1 is 2: layer 1 of the other is new
    ((0, 0), (1, 2))

A block that was put in, or taken out, moves the numbers of all after it. So the layers of models of different depth
are matched by likeness, in order: of all ways to give each layer of the shallower one a layer of the deeper, rising,
that of the largest sum, found by dynamic programming over (layer of the one, layer of the other). The embeddings'
outputs correspond always. Where two ways are as good the earlier layer is taken.

What is compared is what each block adds to the stream, by CKA, and not the stream: once a new block has added to it the
stream carries that through all blocks after, and none of them is like its old self; but each adds much what it did. A
block that adds nothing yet is like none.
"""

from collections.abc import Sequence

Pairs = tuple[tuple[int, int], ...]


def by_number(one: int, other: int) -> Pairs:
    """Of two models of so many blocks, each layer with that of its number, and the embeddings' outputs."""
    return tuple((layer, layer) for layer in range(min(one, other) + 1))


def by_likeness(similarity: Sequence[Sequence[float]]) -> Pairs:
    """Of the likeness of each layer of the one to each of the other; all layers of the shallower are in it."""
    if len(similarity) > len(similarity[0]):
        return tuple((i, j) for j, i in by_likeness(list(zip(*similarity, strict=True))))
    rows, columns = len(similarity), len(similarity[0])
    room = columns - rows  # how many of the deeper one's stay alone
    best = {0: similarity[0][0]}  # the largest sum with this row in that column
    came: list[dict[int, int]] = []  # from which column of the row before
    for row in range(1, rows):
        sums: dict[int, float] = {}
        origin: dict[int, int] = {}
        for column in range(row, row + room + 1):
            origin[column] = _first_best(best, column)
            sums[column] = best[origin[column]] + similarity[row][column]
        came.append(origin)
        best = sums
    columns_taken = [_first_best(best, columns)]
    for origin in reversed(came):
        columns_taken.append(origin[columns_taken[-1]])
    return tuple(enumerate(reversed(columns_taken)))


def _first_best(sums: dict[int, float], before: int) -> int:
    return max((column for column in sums if column < before), key=lambda column: (sums[column], -column))
