"""From which models a model was trained."""

from msgspec import structs

from detent.values import CandidateTrained, Decided, Optimizer, SubjectBuilt
from detent.values.ancestry import ancestors
from detent.values.entry import Entry

BUILT = SubjectBuilt(
    digest="", parent="", parameters=1, data=(), steps=1, seed=1, flops=0.0, precision="", losses=()
)
TRAINED = CandidateTrained(
    digest="",
    parent="",
    data=(),
    steps=1,
    seed=1,
    optimizer=Optimizer(),
    parameters=1,
    flops=0.0,
    precision="",
    losses=(),
    change={},
)


def turn(*entries: Entry, team: tuple[str, ...] = (), incumbent: str = "") -> dict[str, Entry]:
    decided = Decided(decision="carry", incumbent=incumbent, candidate="", team=team, because="")
    return {str(number): entry for number, entry in enumerate((*entries, *([decided] if team else [])))}


def built(digest: str) -> SubjectBuilt:
    return structs.replace(BUILT, digest=digest, parent="blank")


def trained(digest: str, parent: str) -> CandidateTrained:
    return structs.replace(TRAINED, digest=digest, parent=parent)


FIRST = turn(built("a0"), built("b0"), team=("a0", "b0"), incumbent="a0")
SECOND = turn(trained("a1", "a0"), trained("b1", "b0"), team=("a1", "b1"), incumbent="b1")


def test_a_model_descends_from_its_own_member_whoever_was_in_force() -> None:
    now = turn(trained("a2", "a1"), trained("b2", "b1"))
    assert ancestors([FIRST, SECOND, now], "a2") == ("a0", "a1")
    assert ancestors([FIRST, SECOND, now], "b2") == ("b0", "b1")


def test_what_a_turn_made_on_the_way_is_left_out() -> None:
    way = turn(trained("half", "a1"), trained("a2", "half"))
    assert ancestors([FIRST, SECOND, way], "a2") == ("a0", "a1")


def test_a_member_that_stayed_as_it_was_is_there_once() -> None:
    stayed = turn(trained("a2", "a1"), team=("a1", "b1"), incumbent="b1")
    now = turn(trained("a3", "a1"))
    assert ancestors([FIRST, SECOND, stayed, now], "a3") == ("a0", "a1")


def test_the_first_model_and_one_that_nobody_knows_descend_from_none() -> None:
    assert ancestors([FIRST], "a0") == ()
    assert ancestors([FIRST], "z") == ()


def test_parents_that_go_round_in_a_circle_come_to_an_end() -> None:
    circle = turn(trained("a1", "a2"), trained("a2", "a1"), team=("a1", "a2"), incumbent="a1")
    assert set(ancestors([circle], "a2")) <= {"a1", "a2"}
