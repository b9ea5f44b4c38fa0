"""A counter stream: the same numbers from the same seed on every Python and every machine.

    >>> rng = Rng(b"detent")
    >>> [rng.randrange(10) for _ in range(8)]
    [9, 7, 1, 3, 4, 1, 9, 8]
    >>> rng.choice("abc"), rng.sample(range(100), 3), rng.random()
    ('b', [12, 97, 42], 0.8824663479094533)

The stream, exactly, so that anyone can write it again:

* byte stream: block i (i = 0, 1, 2, ...) is HMAC-SHA256(seed, u64 big-endian i), RFC 2104 and FIPS 180-4;
  the blocks follow each other without gaps, and every draw takes the next bytes.
* `randrange(n)`: m = n - 1; take the ceil(bits(m) / 8) next bytes as a big-endian number, keep its lowest
  bits(m) bits, take again while it exceeds m. bits(m) is the length of m in binary; n = 1 takes no byte.
* `random()`: the 7 next bytes as a big-endian number, its lowest 53 bits, over 2^53.
* `shuffle`: for i = len - 1 down to 1, j = randrange(i + 1), swap i and j (Fisher-Yates).
* `sample(seq, k)`: for i = 0 up to k - 1, j = i + randrange(len - i), swap i and j in a copy; its first k.
* `child(label)`: a new stream of seed HMAC-SHA256(seed, "child/" || label in UTF-8).

Test vectors, seed b"detent": first bytes of the stream a95b87eb6cabc1035ec4017f79788f4d,
seed of child("a") 026fed300c3ee84156dc969fd928a2af865a78d1897e55e1c66f5ac7527231e3.
"""

import hmac
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

from detent.errors import UsageError

T = TypeVar("T")


class Rng:
    """What a task draws from. Two of the same seed draw the same; nothing else goes in.

    seed: any bytes; 32 random ones where nobody may guess the stream.
    """

    __slots__ = ("_at", "_blocks", "_buffer", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed = bytes(seed)
        self._blocks = 0
        self._buffer = b""
        self._at = 0

    @property
    def seed(self) -> bytes:
        """What the stream was made from."""
        return self._seed

    def randrange(self, start: int, stop: int | None = None) -> int:
        """A whole number of 0 .. start - 1, or of start .. stop - 1, each as likely.

        Raises:
            UsageError: the range is empty.
        """
        if stop is not None:
            return start + self.randrange(stop - start)
        if start < 1:
            raise UsageError(f"a range of at least one number expected, got {start}; check the bounds")
        highest = start - 1
        bits = highest.bit_length()
        count = (bits + 7) >> 3
        mask = (1 << bits) - 1
        while (number := self._number(count) & mask) > highest:
            pass
        return number

    def random(self) -> float:
        """A number in [0, 1), a multiple of 2^-53."""
        return (self._number(7) & ((1 << 53) - 1)) / (1 << 53)

    def choice(self, seq: Sequence[T]) -> T:
        """One element, each as likely. Raises UsageError when there is none."""
        return seq[self.randrange(len(seq))]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Bring `items` into a random order, in place."""
        for last in range(len(items) - 1, 0, -1):
            other = self.randrange(last + 1)
            items[last], items[other] = items[other], items[last]

    def sample(self, seq: Sequence[T], k: int) -> list[T]:
        """`k` elements of different places, in random order.

        Raises:
            UsageError: `k` is negative or exceeds the length of `seq`.
        """
        pool = list(seq)
        if not 0 <= k <= len(pool):
            raise UsageError(f"a sample of 0 to {len(pool)} elements expected, got {k}")
        for first in range(k):
            other = first + self.randrange(len(pool) - first)
            pool[first], pool[other] = pool[other], pool[first]
        return pool[:k]

    def child(self, label: str) -> "Rng":
        """A stream of its own for `label`; what is drawn here does not move it."""
        return Rng(hmac.digest(self._seed, b"child/" + label.encode(), "sha256"))

    def _number(self, count: int) -> int:
        end = self._at + count
        while end > len(self._buffer):
            block = hmac.digest(self._seed, self._blocks.to_bytes(8, "big"), "sha256")
            self._buffer = self._buffer[self._at :] + block
            self._blocks += 1
            end -= self._at
            self._at = 0
        number = int.from_bytes(self._buffer[self._at : end], "big")
        self._at = end
        return number
