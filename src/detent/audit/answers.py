"""The answers files: every item of every opening drawn again from its seed, checked again and counted again."""

from detent.audit.constitutions import believed_principles, off_guard
from detent.audit.evidence import Case
from detent.audit.files import named_file
from detent.audit.findings import Finding, counted, missing
from detent.audit.material import believed_tasks, off_ladder, without_code
from detent.audit.openings import Opening, openings
from detent.audit.signatures import Charters
from detent.audit.witnesses import seed_of
from detent.charter import SignedCharter
from detent.errors import DetentError
from detent.evaluate import Row, decode_rows, gating, recheck_items, recount
from detent.tasks import is_principle
from detent.values import Outcome


def check_answers(case: Case, charters: Charters) -> Finding:
    """Items are those of the seed, marks those of the checkers, counts those of the marks."""
    count, files, faults = 0, 0, []
    lacking: list[str] = []
    for opening in openings(case):
        if opening.outcome is None or opening.outcome.verdict == "void":
            continue
        path = f"answers/{opening.outcome.answers}"
        if (why := case.without(path)) and not (case.evidence.answers / opening.outcome.answers).exists():
            lacking.append(why)
            continue
        try:
            rows = decode_rows(named_file(case.evidence.answers, opening.outcome.answers, ""))
            wrong = _faults(case, charters, opening, opening.outcome, rows)
            count, files = count + len(rows), files + 1
            lacking += [why] if (why := without_code(case, charters.at(opening.step))) else []
        except (DetentError, ValueError) as error:
            wrong = [str(error)]
        faults += [f"{opening.place}: {fault}" for fault in wrong]
    what = f"{counted(count, 'row')} in {counted(files, 'file')}"
    detail = f"{what}, drawn again from the seeds, checked again, counted again"
    return Finding("answers", detail, tuple(faults), missing("answers file", lacking))


def _faults(case: Case, charters: Charters, opening: Opening, outcome: Outcome, rows: list[Row]) -> list[str]:
    intent = opening.intent
    # An incumbent is compared on the ladders that it was measured on, be they of the charter before.
    known = charters.until(opening.step)
    slices = [one for target in intent.targets for one in target.slices]
    strange = off_ladder((one for one in slices if not is_principle(one.task)), *known)
    strange += off_guard((one for one in slices if is_principle(one.task)), case, *known)
    if strange:
        return strange
    seed = seed_of(case, charters, opening, outcome)
    again: list[str] = []
    if not without_code(case, known[-1]):
        sources = believed_tasks(case, known[-1]) | believed_principles(case, known[-1])
        again = recheck_items(intent, seed, rows, sources)
    return recount(intent, outcome, rows) + again + _compute(opening, known[-1], rows)


def _compute(opening: Opening, signed: SignedCharter, rows: list[Row]) -> list[str]:
    """What the answers took, as the lease was charged for it."""
    sizes, extra = opening.step.before.sizes, signed.charter.subject.room
    if not set(opening.intent.models) <= sizes.keys():
        return []  # models that were never trained, which is a fault of its own
    wanted = gating(sizes, opening.intent, rows, extra)
    if opening.flops == wanted:
        return []
    return [f"{wanted:g} floating point operations for these answers expected, got {opening.flops:g}"]
