"""Every gate again, from the counts on the ledger alone.

    >>> discrepancies(intent, outcome, error_budget=0.05)
    []

Each function returns what does not hold, one sentence a finding; an empty list means all of it does.
Counts do not tell the order of the items, so that a test stopped at its first crossing, and the gain, are
checked by `recount`.
"""

from math import fsum, isclose, isfinite

from msgspec import UNSET

from detent.errors import UsageError
from detent.evaluate.budget import alpha
from detent.evaluate.gate import log_e, passes, process, reverse_log_e
from detent.values import Intent, Outcome, Target, TestResult, Verdict

TOLERANCE = 1e-9
"""Two machines' logarithms may differ in the last digits; nothing else may."""


def faults_of_intent(intent: Intent) -> list[str]:
    """What makes an intent impossible to test, or a test that proves nothing."""
    faults = [fault for target in intent.targets for fault in _faults_of_target(target)]
    faults += _faults_of_aim(intent)
    names = [target.name for target in intent.targets]
    if len(set(names)) != len(names):
        faults.append(f"different names of targets expected, got {names}")
    if intent.k < 1 or not 0 < intent.alpha < 1:
        faults.append(f"k of 1 or more and alpha inside (0, 1) expected, got {intent.k} and {intent.alpha}")
    if intent.candidate == intent.incumbent:
        faults.append("two different models expected, got the incumbent as its own candidate")
    return faults


def _faults_of_aim(intent: Intent) -> list[str]:
    """What does not fit what the candidate is asked to be, and the anchor that it is held against."""
    kinds = [target.kind for target in intent.targets]
    faults = []
    if intent.smaller and ("superiority" in kinds or "non_inferiority" not in kinds):
        faults.append(
            f"tests that a smaller candidate is as good, and none that it is better, expected, got {kinds}"
        )
    if not intent.smaller and kinds[:1] != ["superiority"]:
        faults.append(f"a superiority test first expected, got {kinds}")
    anchored = [target.name for target in intent.targets if target.against is not UNSET]
    if bool(anchored) != (intent.anchor is not UNSET):
        wanted = "tests against the intent's anchor" if not anchored else "an anchor for the tests against it"
        faults.append(f"{wanted} expected, got {anchored or 'none'}")
    if any(target.against is not UNSET and target.kind == "floor" for target in intent.targets):
        faults.append("floors without a model beside the candidate expected, got one against the anchor")
    if intent.anchor is not UNSET and intent.anchor in (intent.candidate, intent.incumbent):
        faults.append("an anchor that is neither candidate nor incumbent expected, got one of them")
    return faults


def discrepancies(intent: Intent, outcome: Outcome, error_budget: float) -> list[str]:
    """What of an opening does not follow from its intent and its counts.

    Args:
        intent: of the same k.
        outcome: its only outcome.
        error_budget: the charter's total A.
    """
    found = faults_of_intent(intent)
    if outcome.k != intent.k:
        found.append(f"outcome of opening {intent.k} expected, got {outcome.k}")
    if intent.k >= 1 and not isclose(intent.alpha, alpha(intent.k, error_budget), rel_tol=TOLERANCE):
        found.append(f"alpha {alpha(intent.k, error_budget)} expected at k = {intent.k}, got {intent.alpha}")
    if found or outcome.verdict == "void":
        return found
    return _result_faults(intent, outcome)


def _faults_of_target(target: Target) -> list[str]:
    faults = []
    try:
        process(target.kind, target.bound)
    except UsageError as error:
        faults.append(f"{target.name}: {error}")
    proper = all(isfinite(weight) and weight > 0 for weight in target.weights)
    if not target.slices or len(target.slices) != len(target.weights) or not proper:
        faults.append(f"{target.name}: one positive weight a slice expected, got {target.weights}")
    elif not isclose(fsum(target.weights), 1, rel_tol=TOLERANCE):
        faults.append(f"{target.name}: weights that sum to 1 expected, got {fsum(target.weights)}")
    if target.limit < 1:
        faults.append(f"{target.name}: a limit of 1 item or more expected, got {target.limit}")
    return faults


def _result_faults(intent: Intent, outcome: Outcome) -> list[str]:
    planned = [target.name for target in intent.targets]
    tested = [result.name for result in outcome.results]
    if not tested or tested != planned[: len(tested)]:
        return [f"results of the targets {planned} in order, from the first, expected, got {tested}"]
    found: list[str] = []
    pairs = list(zip(intent.targets, outcome.results, strict=False))
    for target, result in pairs:
        found += _faults_of_result(target, result, intent.alpha)
    if any(not result.passed for _, result in pairs[:-1]):
        found.append("no test after one that did not pass expected, got more")
    if not found:
        wanted = _verdict(intent, *pairs[-1], complete=len(tested) == len(planned))
        if outcome.verdict != wanted:
            found.append(f"verdict {wanted} expected from the counts, got {outcome.verdict}")
    if outcome.gain is None:
        found.append("a gain expected with a verdict, got none")
    return found


def _faults_of_result(target: Target, result: TestResult, level: float) -> list[str]:
    try:
        value = log_e(target.kind, target.bound, result.counts)
    except UsageError as error:
        return [f"{target.name}: {error}"]
    found = []
    if result.counts.items > target.limit:
        found.append(f"{target.name}: at most {target.limit} items expected, got {result.counts.items}")
    if not isclose(value, result.log_e, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        found.append(f"{target.name}: ln E = {value} expected from {result.counts}, got {result.log_e}")
    if passes(value, level) != result.passed:
        found.append(
            f"{target.name}: passed = {passes(value, level)} expected at {level}, got {result.passed}"
        )
    return found


def _verdict(intent: Intent, target: Target, result: TestResult, *, complete: bool) -> Verdict:
    if result.passed:
        return "better" if complete else "undecided"
    against = reverse_log_e(target.kind, target.bound, result.counts)
    return "not_better" if passes(against, intent.alpha) else "undecided"
