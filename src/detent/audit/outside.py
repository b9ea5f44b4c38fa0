"""What came from outside or was found out there: recorded beside the run, and steering nothing in it."""

from collections.abc import Iterator

from detent.audit.evidence import Case
from detent.audit.files import named_file
from detent.audit.findings import Finding, counted
from detent.audit.signatures import Charters
from detent.errors import TrustError
from detent.values import Inspected, JudgeTrained, ModelFetched, ModelGiven, SubjectBuilt


def check_outside(case: Case, charters: Charters) -> Finding:
    """Given and fetched models are those that were used; inspected models are the run's, logs as recorded.

    Where a model came from, and what an inspection came to, is its writer's word: a log can be edited before it is
    written down, and nothing in a run looks at it.
    """
    faults, unchecked = _fetched(case, charters)
    faults += _given(case)
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


def _given(case: Case) -> Iterator[str]:
    """No model was put in the place of one that the charter names, after people had signed in sight of it."""
    for step, entry in case.all(ModelGiven):
        if entry.given_as == "subject":
            used = [(at, one.parent) for at, one in case.all(SubjectBuilt)]
        else:
            first = [(at, one) for at, one in case.all(JudgeTrained) if one.generation == 0]
            used = [(at, one.digest) for at, one in first]
        yield from (
            f"{at.place}: the {entry.given_as} {entry.digest[:12]} that was given in {step.place} expected, got "
            f"{digest[:12]}"
            for at, digest in used
            if digest != entry.digest
        )


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
