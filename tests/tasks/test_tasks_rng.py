"""The stream is what its docstring says, number by number, and nothing else moves it."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import UsageError
from detent.tasks import Rng

SEEDS = st.binary(max_size=80)


def plain_bytes(seed: bytes) -> Iterator[int]:
    """The byte stream once more, from the docstring alone and with another HMAC call."""
    counter = 0
    while True:
        yield from hmac.new(seed, counter.to_bytes(8, "big"), hashlib.sha256).digest()
        counter += 1


def plain_below(stream: Iterator[int], n: int) -> int:
    """`randrange(n)` once more, bit by bit."""
    width = len(bin(n - 1)) - 2 if n > 1 else 0
    while True:
        number = 0
        for _ in range(-(-width // 8)):
            number = number * 256 + next(stream)
        number &= (1 << width) - 1
        if number < n:
            return number


def test_published_vectors() -> None:
    rng = Rng(b"detent")
    assert rng._number(16).to_bytes(16, "big").hex() == "a95b87eb6cabc1035ec4017f79788f4d"
    rng = Rng(b"detent")
    assert [rng.randrange(10) for _ in range(8)] == [9, 7, 1, 3, 4, 1, 9, 8]
    assert rng.choice("abc") == "b"
    assert rng.sample(range(100), 3) == [12, 97, 42]
    assert rng.random() == 0.8824663479094533
    child = rng.child("a")
    assert child.seed.hex() == "026fed300c3ee84156dc969fd928a2af865a78d1897e55e1c66f5ac7527231e3"
    deck = list(range(8))
    Rng(b"detent").shuffle(deck)
    assert deck == [0, 2, 7, 5, 4, 6, 3, 1]
    assert Rng(b"").randrange(1 << 64) == 17542954357850540164


@given(seed=SEEDS, bounds=st.lists(st.integers(1, 1 << 70), max_size=40))
def test_randrange_is_the_documented_rejection_sampling(seed: bytes, bounds: list[int]) -> None:
    rng, stream = Rng(seed), plain_bytes(seed)
    assert [rng.randrange(n) for n in bounds] == [plain_below(stream, n) for n in bounds]


@given(seed=SEEDS, start=st.integers(-1000, 1000), length=st.integers(1, 1000))
def test_randrange_from_start_to_stop_is_start_plus_the_short_form(
    seed: bytes, start: int, length: int
) -> None:
    assert Rng(seed).randrange(start, start + length) == start + Rng(seed).randrange(length)


@given(seed=SEEDS)
def test_random_is_the_documented_53_bits(seed: bytes) -> None:
    stream = plain_bytes(seed)
    number = int.from_bytes(bytes(next(stream) for _ in range(7)), "big")
    assert Rng(seed).random() == (number % 2**53) / 2**53 < 1


@given(seed=SEEDS, length=st.integers(0, 30))
def test_shuffle_is_fisher_yates_from_the_end(seed: bytes, length: int) -> None:
    shuffled, plain, stream = list(range(length)), list(range(length)), plain_bytes(seed)
    Rng(seed).shuffle(shuffled)
    for i in reversed(range(1, length)):
        j = plain_below(stream, i + 1)
        plain[i], plain[j] = plain[j], plain[i]
    assert shuffled == plain


@given(seed=SEEDS, text=st.text(max_size=30), data=st.data())
def test_sample_is_the_documented_front_of_a_shuffle(seed: bytes, text: str, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, len(text)))
    pool, stream = list(text), plain_bytes(seed)
    for i in range(k):
        j = i + plain_below(stream, len(pool) - i)
        pool[i], pool[j] = pool[j], pool[i]
    assert Rng(seed).sample(text, k) == pool[:k]


@given(seed=SEEDS, label=st.text())
def test_a_child_depends_on_seed_and_label_alone(seed: bytes, label: str) -> None:
    used = Rng(seed)
    used.random()
    assert used.child(label).seed == Rng(seed).child(label).seed
    assert used.seed == seed


def test_each_order_of_four_is_as_likely() -> None:
    counts: Counter[str] = Counter()
    for i in range(6000):
        deck = list("abcd")
        Rng(i.to_bytes(8, "big")).shuffle(deck)
        counts["".join(deck)] += 1
    expected = 6000 / 24
    chi_square = sum((counts["".join(order)] - expected) ** 2 / expected for order in permutations("abcd"))
    assert chi_square < 49.7  # 0.1 % quantile of 23 degrees; the seeds are fixed, so this never changes


EMPTY: dict[str, Callable[[], object]] = {
    "randrange of nothing": lambda: Rng(b"").randrange(0),
    "randrange of a negative number": lambda: Rng(b"").randrange(-3),
    "randrange with stop before start": lambda: Rng(b"").randrange(5, 5),
    "choice of an empty text": lambda: Rng(b"").choice(""),
    "sample of more than there is": lambda: Rng(b"").sample("ab", 3),
    "sample of a negative number": lambda: Rng(b"").sample("ab", -1),
}


@pytest.mark.parametrize("case", EMPTY)
def test_an_empty_range_is_refused(case: str) -> None:
    with pytest.raises(UsageError, match="expected, got"):
        EMPTY[case]()
