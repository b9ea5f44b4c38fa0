"""What the open says of candidates: the best, whether it promises anything, and who moves."""

import pytest

from detent.evaluate import best, promises, team_after
from detent.values import Profile, Score


def profile(name: str, *right: int) -> Profile:
    return Profile(name * 64, {"copy": tuple(Score(one, 10) for one in right)})


def test_of_equals_the_first_is_the_best() -> None:
    assert best([profile("a", 3), profile("b", 5), profile("c", 5)]).subject == "b" * 64


@pytest.mark.parametrize(
    ("after", "worth"),
    [
        (profile("b", 6, 5), True),
        (profile("b", 5, 5), False),
        (profile("b", 4, 5), False),
        (profile("a", 9, 9), False),
    ],
    ids=["above", "equal", "below", "the incumbent itself"],
)
def test_an_opening_is_worth_it_for_another_model_above_the_incumbent(after: Profile, worth: bool) -> None:
    assert promises(profile("a", 5, 5), after) is worth


def test_each_member_moves_where_its_own_ladder_rose_and_only_there() -> None:
    team = tuple(name * 64 for name in "abc")
    visible = {one.subject: one for one in (profile("a", 5), profile("b", 1), profile("c", 5))}
    after = [profile("d", 6), profile("e", 1), profile("f", 4)]
    assert team_after(team, visible, after) == ("d" * 64, team[1], team[2])
