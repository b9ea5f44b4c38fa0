"""What came from outside or was found out there: recorded beside the run, and steering nothing in it."""

from detent.audit.evidence import Case
from detent.audit.files import named_file
from detent.audit.findings import Finding, counted
from detent.audit.signatures import Charters
from detent.errors import TrustError
from detent.values import Inspected, JudgeTrained, ModelFetched, SubjectBuilt


def check_outside(case: Case, charters: Charters) -> Finding:
    """Fetched models are what generation 0 was made from, or its judge; inspected ones are the run's, logs as recorded.

    Where a model came from, and what an inspection came to, is its writer's word: a log can be edited before it is
    written down, and nothing in a run looks at it.
    """
    faults, unchecked = _fetched(case, charters)
    inspections = list(case.all(Inspected))
    for step, entry in inspections:
        if entry.model not in step.before.models:
            faults.append(f"{step.place}: a model of this run expected, got {entry.model[:12]}")
        if not (case.evidence.answers / entry.log).exists():
            unchecked.append(f"the log of {step.place}, which is not here")
            continue
        try:
            named_file(case.evidence.answers, entry.log, "")
        except TrustError as error:
            faults.append(f"{step.place}: {error}")
    many = sum(1 for _ in case.all(ModelFetched))
    what = f"{counted(many, 'model')} fetched from a hub, {counted(len(inspections), 'inspection')}"
    detail = f"{what}; they steer nothing"
    return Finding("outside", detail, tuple(faults), tuple(unchecked))


def _fetched(case: Case, charters: Charters) -> tuple[list[str], list[str]]:
    """Faults, and what cannot be held against anything: a copy without its chat template has a digest of its own."""
    parents = {one.parent for _, one in case.all(SubjectBuilt) if one.generation == 0}
    judges = {one.digest for _, one in case.all(JudgeTrained) if one.digest == one.parent}
    faults, unchecked = [], []
    for step, entry in case.all(ModelFetched):
        charter = charters.at(step).charter
        waits = (
            charter.feedback.judge_given and not judges
        )  # generation 0 was cut short before it took its judge
        if not parents or waits or entry.digest in judges or parents == {entry.digest}:
            continue
        if charter.subject.chat == "never":
            unchecked.append(f"whether the model of {step.place} is the run's but for its chat template")
            continue
        faults.append(
            f"{step.place}: generation 0 made from the model {entry.digest[:12]} that was fetched expected, got "
            f"{min(parents)[:12]}"
        )
    return faults, unchecked
