"""What is kept at every length shares what it has in common, and no length ever changes."""

from itertools import pairwise

import pytest

from detent.values.lasting import Lasting


def test_every_length_says_what_it_said_when_it_was_made() -> None:
    lengths = [Lasting[str]()]
    for note in "abc":
        lengths.append(lengths[-1].then(note))
    assert [dict(one) for one in lengths] == [dict(enumerate("abc"[:size])) for size in range(4)]
    assert all(one != other for one, other in pairwise(lengths))


def test_two_that_go_on_from_one_do_not_see_each_other() -> None:
    first = Lasting[str]().then("a")
    one, other = first.then("b"), first.then("c")
    assert (dict(first), dict(one), dict(other)) == ({0: "a"}, {0: "a", 1: "b"}, {0: "a", 1: "c"})


@pytest.mark.parametrize("number", [-1, 1, 2])
def test_nothing_is_noted_beyond_either_end(number: int) -> None:
    first = Lasting[str]().then("a")
    first.then("b")
    assert number not in first
    with pytest.raises(KeyError):
        first[number]
