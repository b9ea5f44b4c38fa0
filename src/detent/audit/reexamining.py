"""A judge's exam held again: what it said of known cases, of its own answers, and how far the judge before agreed.

Single verdicts are not on record, only totals are. So a difference names a figure, and by how many verdicts it is off
at the least.
"""

from collections.abc import Iterator

from msgspec import UNSET

from detent.audit.differences import Difference, Remade, judged, not_made
from detent.audit.findings import counted
from detent.audit.turns import Turn
from detent.evaluate import profile_items
from detent.propose import exam_cases, examined, sitting_of
from detent.tasks import shown
from detent.values import JudgeTested

NOT_ASKED_AGAIN = (
    "what a server says is recorded, and cannot be made again; `verify` computes what follows from it"
)


def exam_again(turn: Turn) -> Iterator[Remade]:
    """The exam of the generation's judge, where one had a say."""
    tested = turn.entry("health/v1", JudgeTested)
    if tested is None:
        return
    step, charter = turn.steps[tested.slot], turn.signed.charter
    if charter.feedback.judge_server:
        yield not_made("judge", f"{tested.judge} was asked: {NOT_ASKED_AGAIN}")
        return
    sitting = sitting_of(charter, step.before)
    asked = [model for model in (sitting.judge, sitting.parent, sitting.member) if model]
    if gone := turn.gone(asked):
        yield not_made("judge", gone)
        return
    cases = exam_cases(charter, lambda rungs, seed: profile_items(shown(turn.tasks), rungs, seed))
    again = examined(sitting, cases, lambda job: turn.engine.run(job, turn.means.watch), turn.tasks)
    was, now = _figures(tested), _figures(again)
    differing = [
        Difference(
            f"{name}: {was.get(name, 'none')} recorded, {now.get(name, 'none')} again",
            max(1, abs(was.get(name, 0) - now.get(name, 0))),
        )
        for name in sorted({*was, *now})
        if was.get(name) != now.get(name)
    ]
    known, own = len(cases.known), len(cases.own)
    detail = (
        f"{counted(known, 'known case')} and {counted(own, 'problem')} of its own, asked again of the judge"
    )
    verdicts = known * (2 if sitting.parent else 1) + 2 * own if not sitting.compares else 2 * (known + own)
    yield judged("judge", detail, differing, asked=verdicts, rule=turn.rule, steps=[step.index])


def _figures(tested: JudgeTested) -> dict[str, int]:
    """Every count that a verdict or an answer goes into, by name."""
    false, agreed, own = tested.false_praise, tested.agreement, tested.own
    found = {f"{task}, verdicts right": score.right for task, score in tested.anchors.items()}
    found |= {
        "false praise of longer answers": false.longer.praised,
        "false praise of shorter answers": false.shorter.praised,
        "false praise of answers as long": false.equal.praised,
    }
    if agreed is not None:
        found |= {
            "praised by both judges": agreed.both,
            "praised by this judge alone": agreed.ours,
            "praised by the judge before alone": agreed.theirs,
            "praised by neither judge": agreed.neither,
        }
    if tested.compares is not UNSET:
        found |= {
            "pairs asked about": tested.compares.asked,
            "one verdict in both orders": tested.compares.same,
            "decided pairs of unequal length": tested.compares.longer.asked,
            "won by the longer answer": tested.compares.longer.praised,
        }
    if own is not None:
        found |= {
            "its own wrong answers": own.own.asked,
            "of its own wrong answers praised": own.own.praised,
            "the member's wrong answers": own.theirs.asked,
            "of the member's wrong answers praised": own.theirs.praised,
            "of both wrong its own alone praised": own.pairs.wins,
            "of both wrong the member's alone praised": own.pairs.losses,
            "of both wrong both or neither praised": own.pairs.ties,
        }
    return found
