"""The exam of a judge that compares: figures that its cases, and one another, allow."""

from collections.abc import Iterator

from msgspec import UNSET, UnsetType

from detent.propose import Cases, Sitting
from detent.values import Compares, FalsePraise, JudgeTested, OwnAnswers, Praise


def compared_faults(tested: JudgeTested, cases: Cases, sitting: Sitting) -> Iterator[str]:
    """What it said of known pairs; it praises no answer, and no judge before it is asked."""
    if (tested.parent, tested.agreement, tested.false_praise) != (sitting.parent, None, FalsePraise()):
        yield f"no praise, and no other judge's word, from a judge that compares expected, got {tested}"
    compares: Compares | UnsetType = tested.compares
    if compares is UNSET:
        yield "figures of comparisons from a judge that compares expected, got none"
        return
    known, unequal = len(cases.known), sum(case.longer != 0 for case in cases.known)
    right = sum(score.right for score in tested.anchors.values())
    if not (right <= compares.same <= compares.asked <= known and compares.same >= 0):
        yield (
            f"of {known} known pairs at least {right} with one verdict in both orders, as so many are right, expected, "
            f"got {compares}"
        )
    # Those of equal length are all that a right verdict can be of beside those that count here.
    if not compares.longer.possible or not right - (known - unequal) <= compares.longer.asked <= min(
        unequal, compares.same
    ):
        yield f"the longer answer's share of at most {unequal} decided pairs expected, got {compares}"


def own_pairs_faults(own: OwnAnswers | None, cases: Cases, sitting: Sitting) -> Iterator[str]:
    """Its own answers: to these problems, beside this model's; none where there is no other."""
    if (own is None) != (not sitting.member):
        yield f"the judge's word on its own answers, where there is another model, expected, got {own}"
    if own is None:
        return
    if (own.stream, own.asked, own.member) != (cases.own_stream.hex(), len(cases.own), sitting.member):
        yield (
            f"{len(cases.own)} problems from stream {cases.own_stream.hex()}, answered by {sitting.member} too, "
            f"expected, got {own.asked} from {own.stream} by {own.member}"
        )
    pairs = own.pairs
    if min(pairs.wins, pairs.losses, pairs.ties) < 0 or pairs.items > own.asked:
        yield f"no more pairs than problems expected, got {own}"
    if (own.own, own.theirs) != (Praise(), Praise()):
        yield f"no praise of single answers from a judge that compares expected, got {own}"
