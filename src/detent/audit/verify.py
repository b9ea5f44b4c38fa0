"""The whole record again: every hash, order, signature, seal, gate, budget, lineage and file.

    >>> findings = verify(evidence)
    >>> findings.checks, findings.faults
    (31, [])

Each check looks at one thing, says what it looked at in one line, and goes on after a fault. Nothing raises on
bad evidence: a check that cannot be finished has failed.
"""

from collections.abc import Callable
from functools import partial

from detent.audit.answers import check_answers
from detent.audit.charters import check_charter, check_leases, check_sessions
from detent.audit.compute import check_compute
from detent.audit.constitutions import check_principles
from detent.audit.decisions import check_decisions
from detent.audit.evidence import Case, Evidence, read
from detent.audit.findings import Finding, Findings
from detent.audit.inside import check_inside
from detent.audit.judges import check_judge
from detent.audit.limits import notes, unproven
from detent.audit.lineage import check_lineage
from detent.audit.material import check_tasks
from detent.audit.models import check_models
from detent.audit.openings import check_budget, check_gates, check_intents, check_seal
from detent.audit.order import check_entries, check_ledger, check_order
from detent.audit.outside import check_outside
from detent.audit.people import check_people
from detent.audit.profiles import check_mastery, check_profiles
from detent.audit.retention import check_retention
from detent.audit.servers import check_servers
from detent.audit.signatures import Charters
from detent.audit.teaching import check_data
from detent.audit.trials import check_trials
from detent.audit.tuning import check_tuning
from detent.audit.watches import check_watch
from detent.audit.witnesses import check_auditor, check_beacon, check_witnesses

BY_THEMSELVES: dict[str, Callable[[Case], Finding]] = {
    "ledger": check_ledger,
    "entries": check_entries,
    "order": check_order,
    "charter": check_charter,
    "models": check_models,
}

UNDER_THE_CHARTER: dict[str, Callable[[Case, Charters], Finding]] = {
    "leases": check_leases,
    "people": check_people,
    "sessions": check_sessions,
    "tasks": check_tasks,
    "principles": check_principles,
    "budget": check_budget,
    "intents": check_intents,
    "seal": check_seal,
    "witnesses": check_witnesses,
    "beacon": check_beacon,
    "auditor": check_auditor,
    "gates": check_gates,
    "answers": check_answers,
    "profiles": check_profiles,
    "mastery": check_mastery,
    "servers": check_servers,
    "judge": check_judge,
    "tuning": check_tuning,
    "inside": check_inside,
    "watch": check_watch,
    "compute": check_compute,
    "decisions": check_decisions,
    "trials": check_trials,
    "lineage": check_lineage,
    "data": check_data,
    "retention": check_retention,
    "outside": check_outside,
}


def verify(evidence: Evidence) -> Findings:
    """Check everything that can be checked without asking a model."""
    return checked(read(evidence))


def checked(case: Case) -> Findings:
    """The same of evidence that was read already."""
    made = [_finding(name, partial(check, case)) for name, check in BY_THEMSELVES.items()]
    made += [_under_charter(name, check, case) for name, check in UNDER_THE_CHARTER.items()]
    return Findings(tuple(made), notes(case), unproven(case))


def _under_charter(name: str, check: Callable[[Case, Charters], Finding], case: Case) -> Finding:
    charters = case.charters
    if charters is None:
        return Finding(name, "nothing", ("not checked: there is no charter to check it against",))
    return _finding(name, partial(check, case, charters))


def _finding(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # noqa: BLE001  whatever a hostile record breaks here, the other checks are made
        return Finding(name, "part", (f"the check could not be finished: {type(error).__name__}: {error}",))
