"""Openings of the seal: what each intent fixed, what its outcome reveals, and the error budget they spend."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import fsum, isclose

from msgspec import UNSET

from detent.audit.constitutions import constitution_of, principle_digests
from detent.audit.evidence import Case
from detent.audit.findings import MOST_SENTENCES, Finding, counted
from detent.audit.material import believed_rows, on_ladder, task_digest
from detent.audit.screening import intent_faults
from detent.audit.signatures import Charters
from detent.audit.steps import Step, followed
from detent.charter import SignedCharter, entropy_mode, sealing_keys
from detent.coordinate import Chain
from detent.errors import CharterError, DetentError, TrustError
from detent.evaluate import Aim, alpha, check_reveal, discrepancies, limited, targets
from detent.evaluate.recompute import TOLERANCE
from detent.oversight import aim_of, rules_of
from detent.values import (
    BeaconDrawn,
    Cosigned,
    Intent,
    IntentWritten,
    Outcome,
    OutcomeWritten,
    Released,
    Target,
    candidates,
)


@dataclass(frozen=True, slots=True)
class Opening:
    """An intent, and the outcome that follows it before the next one; None while it is open.

    number: which opening it is by its place on the ledger, whatever k it claims. flops: as its outcome's entry has it.
    cosigned, drawn, released: what outsiders added between the two.
    """

    number: int
    step: Step
    intent: Intent
    outcome: Outcome | None
    cosigned: Cosigned | None = None
    drawn: BeaconDrawn | None = None
    released: Released | None = None
    flops: float = 0.0

    @property
    def place(self) -> str:
        """How a fault names it."""
        return f"opening {self.intent.k} (entry {self.step.index})"

    @property
    def unrevealed(self) -> bool:
        """Whether it ended, void, with its link unknown to the run: its auditor had not released it."""
        outcome = self.outcome
        void = outcome is not None and outcome.verdict == "void" and not outcome.reveal
        return void and self.released is None


def openings(case: Case) -> list[Opening]:
    """Every opening, in the ledger's order."""
    found: list[Opening] = []
    for step in case.steps:
        match step.entry:
            case IntentWritten(intent=intent):
                found.append(Opening(len(found) + 1, step, intent, None))
            case Cosigned(purpose="seal") as cosigned if found and found[-1].outcome is None:
                found[-1] = replace(found[-1], cosigned=found[-1].cosigned or cosigned)
            case BeaconDrawn() as drawn if found and found[-1].outcome is None:
                found[-1] = replace(found[-1], drawn=found[-1].drawn or drawn)
            case Released() as released if found and found[-1].outcome is None:
                found[-1] = replace(found[-1], released=found[-1].released or released)
            case OutcomeWritten(outcome=outcome, flops=flops) if found and found[-1].outcome is None:
                found[-1] = replace(found[-1], outcome=outcome, flops=flops)
            case _:
                pass
    return found


def check_budget(case: Case, charters: Charters) -> Finding:
    """Openings are numbered 1, 2, 3, ..., each tests at a_k, and all a_k together are within the budget."""
    found = openings(case)
    faults, most = [], charters.newest.charter.constraints.error_budget
    for opening in found:
        total = _budget(opening, charters)
        most = max(most, total)
        number, k, level = opening.number, opening.intent.k, opening.intent.alpha
        if k != number:
            faults.append(
                f"{opening.step.place}: opening {number} expected, got {k}: no k is left out or used twice"
            )
        elif not isclose(level, alpha(k, total), rel_tol=TOLERANCE):
            faults.append(f"{opening.place}: alpha {alpha(k, total)} expected, got {level}")
    used = fsum(opening.intent.alpha for opening in found)
    if used > most:
        faults.append(f"an error budget of {most} expected, got {used:.6g} spent")
    return Finding(
        "budget",
        f"{counted(len(found), 'opening')}, {used:.4g} of the error budget {most:g} spent",
        tuple(faults),
    )


def check_intents(case: Case, charters: Charters) -> Finding:
    """Each intent fixed what charter, record and code say, before its seal could open."""
    found = openings(case)
    faults = [
        fault
        for opening in found
        if not opening.step.hangs
        for fault in followed(
            opening.place, "an intent", _intent_faults(case, opening, charters.at(opening.step))
        )
    ]
    return Finding(
        "intents",
        f"{counted(len(found), 'intent')}: models, targets, tasks and code are those of charter and record",
        tuple(faults),
    )


def check_seal(case: Case, charters: Charters) -> Finding:
    """Each outcome reveals the link of the charter's chain that its number names."""
    charter = charters.newest.charter
    seal, held = charter.seal, charter.auditor is not None  # no amendment changes them
    faults, closed, unrevealed, found = [], 0, 0, openings(case)
    known = 0, seal.tip  # a link that leads to the tip, by its number: the next one only has to lead to it
    for opening in found:
        if opening.outcome is None:
            if opening is not found[-1]:
                faults.append(f"{opening.place}: an outcome before the next intent expected, got none")
            continue
        closed += 1
        if held and opening.unrevealed:
            unrevealed += 1
            continue
        if len(faults) > MOST_SENTENCES:
            continue  # what does not lead there is hashed as often as its number says
        wrong = _reveal_fault(opening.outcome, min(seal.length, len(found)), *known)
        if not wrong:
            known = opening.outcome.k, opening.outcome.reveal
            continue
        faults.append(f"{opening.place}: {wrong}")
    strays = sum(isinstance(step.entry, OutcomeWritten) for step in case.steps) - closed
    if strays:
        faults.append(f"one outcome an intent expected, got {strays} more")
    return Finding(
        "seal",
        f"{counted(closed - unrevealed, 'reveal')} on the chain to the charter's tip {seal.tip[:8]}...",
        tuple(faults),
    )


def check_gates(case: Case, charters: Charters) -> Finding:
    """Each verdict follows from its counts."""
    faults, judged = [], 0
    for opening in openings(case):
        if opening.outcome is not None:
            judged += 1
            total = _budget(opening, charters)
            faults += [
                f"{opening.place}: {fault}" for fault in discrepancies(opening.intent, opening.outcome, total)
            ]
            faults += [f"{opening.place}: {fault}" for fault in _void_faults(opening.outcome, opening.flops)]
    return Finding("gates", f"{counted(judged, 'verdict')} computed again from their counts", tuple(faults))


def _budget(opening: Opening, charters: Charters) -> float:
    """The error budget of the charter that the opening was made under."""
    return charters.at(opening.step).charter.constraints.error_budget


def _intent_faults(case: Case, opening: Opening, signed: SignedCharter) -> Iterator[str]:
    intent, before = opening.intent, opening.step.before
    trained = set(candidates(before.slots).values())
    for what, wanted, got in (
        ("the charter's version", signed.charter.version, intent.charter_version),
        ("the charter", signed.digest, intent.charter),
        ("the incumbent", before.incumbent, intent.incumbent),
        (
            "the session's evaluating code",
            before.session.evaluator if before.session else "",
            intent.evaluator,
        ),
        ("outsiders' entropy", entropy_mode(signed.charter), intent.entropy),
        ("witnesses", sealing_keys(signed.charter), intent.witnesses),
        *_aim_checked(case, opening, signed),
    ):
        if got != wanted:
            yield f"{what} {wanted} expected, got {got}"
    if intent.candidate not in trained:
        yield (f"a candidate that this generation trained before the intent expected, got {intent.candidate}")
    yield from _round_faults(opening, signed)
    yield from intent_faults(opening.step, intent.candidate, signed.charter)
    try:
        yield from _target_faults(case, opening, signed)
    except (TrustError, CharterError) as error:
        yield f"targets are not computed again: {error}"


def _aim_checked(case: Case, opening: Opening, signed: SignedCharter) -> Iterator[tuple[str, object, object]]:
    """What the candidate had to be asked to be, by charter and sizes on record, and beside which anchor."""
    intent = opening.intent
    aim = _aim(case, opening, signed)
    yield "the objective", "smaller" if aim.smaller else "better", "smaller" if intent.smaller else "better"
    yield "the anchor", aim.anchor or "none", "none" if intent.anchor is UNSET else intent.anchor


def _aim(case: Case, opening: Opening, signed: SignedCharter) -> Aim:
    rules = rules_of(signed.charter, constitution_of(case, signed))
    return aim_of(opening.step.before, opening.intent.candidate, rules)


def _round_faults(opening: Opening, signed: SignedCharter) -> Iterator[str]:
    """The round is one of the charter's beacon, and was not out when the intent was written."""
    witnesses, got = signed.charter.witnesses, opening.intent.round
    beacon = witnesses.beacon if witnesses is not None and witnesses.entropy == "beacon" else None
    if beacon is None or got is None:
        if (beacon is None) != (got is None):
            wanted = "no beacon's round" if beacon is None else "a beacon's round"
            yield f"{wanted} expected, as the charter says, got {got}"
        return
    out = Chain.parse(beacon.info.encode(), beacon.chain).time_of(got.number)
    written = datetime.fromisoformat(opening.step.entry.at).timestamp()
    if got.chain != beacon.chain or datetime.fromisoformat(got.at).timestamp() != out or out <= written:
        yield (
            f"a round of the beacon {beacon.chain[:12]} that comes out after "
            f"{opening.step.entry.at} expected, got {got}"
        )


def _target_faults(case: Case, opening: Opening, signed: SignedCharter) -> Iterator[str]:
    """Targets are a function of the incumbent's visible profile, the mastered rungs, k, charter and constitution."""
    intent, before = opening.intent, opening.step.before
    digests = _task_digests(signed) | principle_digests(case, signed)
    if intent.tasks != digests:
        yield f"tasks {dict(sorted(digests.items()))} expected, got {intent.tasks}"
    profile = before.visible.get(before.incumbent)
    if profile is None:
        yield "a visible profile of the incumbent before the intent expected, got none"
        return
    budget = signed.charter.constraints.error_budget
    rules = rules_of(signed.charter, constitution_of(case, signed))
    aim = _aim(case, opening, signed)
    wanted = _limited(
        case,
        signed,
        targets(profile, before.mastered, opening.number, budget, rules, aim=aim),
        opening.number,
    )
    names, got = [target.name for target in wanted], [target.name for target in intent.targets]
    if names != got:
        yield f"the targets {', '.join(names)} expected, got {', '.join(got)}"
        return
    for right, target in zip(wanted, intent.targets, strict=True):
        if right != target:
            yield f"target {right} expected, got {target}"


def _limited(case: Case, signed: SignedCharter, wanted: Sequence[Target], k: int) -> list[Target]:
    """With no higher limits than the rows of files allow. Raises TrustError where such a file is not at hand."""
    rows = believed_rows(case, signed)
    slices = {one for target in wanted for one in target.slices}
    # A principle over a task's ladder has as many rows as the task.
    sources = {one.task: rows[on_ladder(one).task] for one in slices if on_ladder(one).task in rows}
    return [limited(target, sources, k) for target in wanted]


def _task_digests(signed: SignedCharter) -> dict[str, str]:
    return {name: task_digest(name, signed) for name in sorted(signed.charter.direction.improve)}


def _reveal_fault(outcome: Outcome, last: int, before: int, link: str) -> str:
    """Why the reveal is not the chain's link of its number; "" when it is. link: that of number `before`, in hex."""
    if not before < outcome.k <= last:
        return f"a link from {before + 1} to {last} of the chain expected, got {outcome.k}"
    try:
        check_reveal(bytes.fromhex(outcome.reveal), outcome.k - before, bytes.fromhex(link))
    except (DetentError, ValueError) as error:
        return f"link {outcome.k} of the charter's chain expected: {error}"
    return ""


def _void_faults(outcome: Outcome, flops: float) -> Iterator[str]:
    if outcome.verdict == "void" and (outcome.results or outcome.gain or outcome.answers or flops):
        yield "a void opening without results, gain, answers and compute expected, got some"
