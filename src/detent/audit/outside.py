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
    faults = [*_given(case), *_fetched(case, charters)]
    inspections, unchecked = list(case.all(Inspected)), []
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


def _fetched(case: Case, charters: Charters) -> Iterator[str]:
    for step, entry in case.all(ModelFetched):
        if charters.at(step).charter.subject.chat == "never":
            continue  # the run's copy lacks the template, and has another digest
        wrong = [
            one.parent
            for _, one in case.all(SubjectBuilt)
            if one.generation == 0 and one.parent != entry.digest
        ]
        if wrong:
            yield (
                f"{step.place}: generation 0 made from the model {entry.digest[:12]} that was fetched expected, got "
                f"{wrong[0][:12]}"
            )
