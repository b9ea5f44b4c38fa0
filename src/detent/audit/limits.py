"""What no check can show, said every time; and what a reader of this particular run should know."""

from collections import Counter
from collections.abc import Sequence

from detent.audit.colluding import outsiders_keys, sealed_against_the_operator, vouched, whole
from detent.audit.constitutions import unguarded
from detent.audit.evidence import Case
from detent.audit.findings import counted
from detent.audit.models import missing_models, unnamed_files
from detent.audit.openings import openings
from detent.audit.retention import no_longer
from detent.evaluate import evaluator_digest
from detent.values import Profiled, Refused, SessionStarted, Watched

SHOWN = 3
"""Refusals whose reasons a note tells."""

LOG_KEY = (
    "that {} is the key of this run's log: no steward signed it, it lies beside the ledger; who only hosts a run could "
    "sign all that follows the newest lease, order or answer with another; compare it with the one you know"
)
CLOCK = "that the times are true: they are those of the machine's clock, and leases, requests and [pace] go by them"
MODELS = (
    "that the models gave the answers and labels recorded as theirs: they are drawn and checked again, the models "
    "are not asked again; `detent replay` asks them"
)
WIRES = (
    "that the tripwires' figures are what they measured: that each wire was read, and what followed when one fired, "
    "is checked; what they look at is not measured again, so one that fired could have been written down as quiet; "
    "`detent replay` reads them again"
)
FRESH = (
    "that fresh profiles and mastery were measured on problems nobody chose: they come from the ledger's root, whose "
    "holder could write the entry before them again, another second each time, until the problems please, and with "
    "them the rungs that later gates defend"
)
UNGUARDED = (
    "that models keep to the principles without probes, which no opening tests: {}; a model may judge by them"
)
NEWEST = (
    "that this is the newest state of the ledger: no mark of it is kept on this machine, as where a run runs"
)
ELSEWHERE = "that nothing ran elsewhere: a ledger shows what was recorded, in which order, and that it was not changed"


def unproven(case: Case) -> tuple[str, ...]:
    """The limits, those of this run first."""
    return (
        *_sealed_against_the_model(case),
        *sealed_against_the_operator(case),
        *_fresh(case),
        whole(case),
        *([] if case.evidence.heads else [NEWEST]),
        *_log_key(case),
        CLOCK,
        MODELS,
        *_wires(case),
        *([UNGUARDED.format(", ".join(names))] if (names := unguarded(case)) else []),
        *_left_out(case),
        ELSEWHERE,
    )


def _log_key(case: Case) -> list[str]:
    """Witnesses cosign the logs that they know, so that with them nobody else's key will do."""
    key = case.evidence.log_key
    return [LOG_KEY.format(key)] if key is not None and vouched(case) is None else []


def notes(case: Case) -> tuple[str, ...]:
    """What is no fault, and worth a look."""
    found = [
        *_stewards(case),
        *outsiders_keys(case),
        *_code(case),
        *_unfinished(case),
        *_behind(case),
        *_waiting(case),
        *_refused(case),
        missing_models(case),
        *no_longer(case),
        *unnamed_files(case),
    ]
    return tuple(note for note in found if note)


def _fresh(case: Case) -> list[str]:
    """Beside the gate: what was measured afresh comes from a root that no witness has seen when it is used."""
    return [FRESH] if any(profiled.purpose == "fresh" for _, profiled in case.all(Profiled)) else []


def _sealed_against_the_model(case: Case) -> list[str]:
    """An unconfined worker of the same user could read the seal's secret."""
    reasons = sorted(
        {entry.unconfined_because for _, entry in case.all(SessionStarted) if not entry.confined}
    )
    if not reasons:
        return []
    return [
        f"sealed against the model: workers of some sessions were unconfined ({'; '.join(reasons)[:300]})"
    ]


def _left_out(case: Case) -> list[str]:
    """What the files hold that are not here, by the folders they would lie in."""
    folders = Counter(path.partition("/")[0] for path in case.evidence.left_out if path != "models/incumbent")
    if not folders:
        return []
    said = ", ".join(f"{number:,} in {folder}/" for folder, number in sorted(folders.items()))
    return [f"what is in the files that are not here ({said}): see what was not checked"]


def _stewards(case: Case) -> list[str]:
    """The charter names its own stewards, so somebody must know them."""
    if case.charters is None:
        return []
    keys = ", ".join(map(str, case.charters.signed[0].stewards))
    known = [f"the charter names its own stewards; compare the keys with those you know: {keys}"]
    recovered = case.charters.signed[0].recovery
    return known + (
        [f"a recovery key can stand in for them in an amendment: {recovered}"] if recovered else []
    )


def _waiting(case: Case) -> list[str]:
    """Why nothing goes on, and who has to say something."""
    state, notes = case.state, []
    if state.hold is not None:
        notes.append(f"the run is {state.hold.kind} by {state.hold.by}: {state.hold.because[:200]}")
    if state.request is not None and state.answer is None:
        notes.append(
            f"request {state.request.number} waits for an answer until {state.request.expires}; no answer means no"
        )
    if state.returning is not None:
        notes.append(
            f"the rollback to generation {state.returning} is not carried out yet: `detent run` does it"
        )
    return notes


def _refused(case: Case) -> list[str]:
    """Somebody tried; nobody was obeyed."""
    refusals = [entry for _, entry in case.all(Refused)]
    if not refusals:
        return []
    said = "; ".join(refusal.because[:120] for refusal in refusals[:SHOWN])
    more = "; ..." if len(refusals) > SHOWN else ""
    return [f"{counted(len(refusals), 'thing')} handed to the run {_was(refusals)} refused: {said}{more}"]


def _was(refusals: Sequence[Refused]) -> str:
    return "was" if len(refusals) == 1 else "were"


def _wires(case: Case) -> list[str]:
    return [WIRES] if any(watched.readings for _, watched in case.all(Watched)) else []


def _code(case: Case) -> list[str]:
    found = {entry.evaluator for _, entry in case.all(SessionStarted)}
    notes = []
    if len(found) > 1:
        notes.append(
            f"the evaluating code changed between sessions: {', '.join(sorted(d[:12] for d in found))}"
        )
    if others := sorted(found - {evaluator_digest()}):
        notes.append(
            f"sessions ran other evaluating code ({', '.join(digest[:12] for digest in others)}) than this program, "
            f"which verifies with its own ({evaluator_digest()[:12]})"
        )
    return notes


def _behind(case: Case) -> list[str]:
    """Another ledger of this run is known to be longer, or to be another one: this may be a copy, or a fork."""
    roots = case.tree.roots
    return [
        f"a ledger that continues its first {size} entries (root {root[:12]}) expected, as {source} says, got one of "
        f"{len(case.tree.entries)} that does not: it was set back, or is a copy from before, or a fork"
        for source, size, root in case.evidence.heads
        if size >= len(roots) or roots[size].hex() != root
    ]


def _unfinished(case: Case) -> list[str]:
    notes = []
    if case.tree.beyond:
        many = counted(case.tree.beyond, "entry")
        notes.append(
            f"{many} beyond the checkpoint: an append that was cut short, and that `detent run` finishes"
        )
    found = openings(case)
    if found and found[-1].outcome is None:
        notes.append(f"opening {found[-1].intent.k} is not closed yet: `detent run` goes on with it")
    return notes
