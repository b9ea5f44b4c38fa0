"""Models taught further by a judge's word: from which preferences or problems, how, and by whose word."""

from collections.abc import Iterator

from detent.audit.steps import Step
from detent.charter import SignedCharter
from detent.values import Tuned


def tuned_faults(step: Step, entry: Tuned, signed: SignedCharter) -> Iterator[str]:
    """What is not as the charter's methods and the record before it say."""
    methods = signed.charter.feedback.methods
    if entry.method not in methods or step.before.generation == 0:
        yield f"a model tuned by one of {methods} after generation 0 expected, got {entry.method}"
