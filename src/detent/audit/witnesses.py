"""What outsiders vouched for: cosignatures of the ledger as it grew, what they added to the seal, what they held."""

from collections.abc import Iterator
from functools import partial

from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted, missing
from detent.audit.openings import Opening, openings
from detent.audit.signatures import Charters
from detent.audit.steps import Step, outside_turns
from detent.charter import met_by, policy_of
from detent.coordinate import (
    Asked,
    Chain,
    HeadAt,
    Round,
    check_round,
    cosigners,
    digest_of,
    entropy_of,
    signed_release,
)
from detent.errors import DetentError, TrustError
from detent.evaluate import opening_seed
from detent.ledger import CosignerKey
from detent.signing import VerifyKey
from detent.values import BeaconDrawn, Cosigned, Decided, Outcome, Released


def check_witnesses(case: Case, charters: Charters) -> Finding:
    """Every cosignature is of this ledger, by witnesses of the charter.

    No opening without what its intent names, be its answers at hand or not; no promotion without a quorum.
    """
    faults: list[str] = []
    names: set[str] = set()
    lines = 0
    for step, cosigned in case.all(Cosigned):
        try:
            found = {key.name for key in believed(case, charters, step, cosigned)}
            lines, names = lines + len(found), names | found
        except (DetentError, ValueError, LookupError) as error:
            faults.append(f"{step.place}: {error}")
    faults += [
        f"{step.place}: cosignatures by a quorum of the witnesses right before a promotion expected, got none"
        for step, decided in case.all(Decided)
        if decided.decision == "promote" and step.before.generation > 0 and _unwitnessed(case, charters, step)
    ]
    faults += _unsealed(case, charters)
    by = f" by {', '.join(sorted(names))}" if names else ""
    return Finding(
        "witnesses",
        f"{counted(lines, 'cosignature')}{by}, of the ledger as it was when they signed",
        tuple(faults),
    )


def _unsealed(case: Case, charters: Charters) -> Iterator[str]:
    """What outsiders did not add to openings that drew problems; a void one drew none that count."""
    for opening in openings(case):
        if opening.step.hangs or opening.outcome is None or opening.outcome.verdict == "void":
            continue
        try:
            entropy_added(case, charters, opening)
        except (DetentError, ValueError, LookupError) as error:
            yield f"{opening.place}: {error}"


def entropy_added(case: Case, charters: Charters, opening: Opening) -> bytes:
    """What outsiders added to the opening's seed.

    Raises:
        TrustError: it cannot be believed, or is missing.
    """
    if opening.intent.entropy == "none":
        return b""
    charter, log = charters.at(opening.step).charter, case.evidence.log_key
    if charter.witnesses is None or log is None:
        raise TrustError("a charter with witnesses, and the log's verify key, expected, got none")
    size = opening.step.index + 1
    head = HeadAt(log.name, size, case.tree.roots[size])
    return entropy_of(
        opening.intent, head, log, partial(met_by, charter), cosigned=opening.cosigned, drawn=opening.drawn
    )


def seed_of(case: Case, charters: Charters, opening: Opening, outcome: Outcome) -> bytes:
    """The seed that every item of an opening is drawn from, derived again.

    Raises:
        TrustError, ValueError: what the record says of it cannot be believed.
    """
    index = opening.step.index
    return opening_seed(
        bytes.fromhex(outcome.reveal),
        opening.number,
        case.tree.leaf(index),
        case.tree.roots[index + 1],
        entropy_added(case, charters, opening),
    )


def check_beacon(case: Case, charters: Charters) -> Finding:
    """Every round is the beacon's that the charter names; by its BLS signature where there is a library for it."""
    faults, drawn, verified = [], 0, 0
    for step, found in case.all(BeaconDrawn):
        drawn += 1
        try:
            verified += _drawn(charters, step, found)
        except (DetentError, ValueError) as error:
            faults.append(f"{step.place}: {error}")
    detail = f"{counted(drawn, 'round')} of the beacon that the charter names"
    unsigned = drawn - verified if not faults else 0
    why = "no library for BLS signatures; install detent[beacon]"
    return Finding("beacon", detail, tuple(faults), missing("beacon signature", [why] * unsigned))


def check_auditor(case: Case, charters: Charters) -> Finding:
    """Where an auditor holds the seal's chain, every link is one that they released, for the intent that it opened."""
    auditor = charters.newest.charter.auditor  # no amendment changes who it is
    found = [opening for opening in openings(case) if opening.outcome is not None and not opening.unrevealed]
    given = sum(1 for _ in case.all(Released))
    if auditor is None:
        return Finding(
            "auditor",
            "nobody but the operator holds the seal's chain",
            (f"no released/v1 expected where the charter names no auditor, got {given}",) if given else (),
        )
    faults = []
    for opening in found:
        try:
            _released(case, charters, opening, VerifyKey.parse(auditor.key))
        except (DetentError, ValueError, LookupError) as error:
            faults.append(f"{opening.place}: {error}")
    name = auditor.key.partition("+")[0]
    return Finding(
        "auditor",
        f"{counted(given, 'link')} released by {name}, each for the intent that it opened",
        tuple(faults),
    )


def _released(case: Case, charters: Charters, opening: Opening, key: VerifyKey) -> None:
    """Raises TrustError when the link was not released for this opening, after it was cosigned."""
    log, outcome, size = case.evidence.log_key, opening.outcome, opening.step.index + 1
    if opening.released is None or opening.cosigned is None or log is None or outcome is None:
        raise TrustError(
            "cosignatures of the intent and its link, released by the auditor, expected before the outcome, got none"
        )
    asked = Asked(
        bytes.fromhex(charters.newest.charter.seal.tip),
        opening.number,
        HeadAt(log.name, size, case.tree.roots[size]),
        case.tree.leaf(opening.step.index),
        digest_of(opening.cosigned.note),
    )
    link = signed_release(opening.released.note, key, asked)
    if link.hex() != outcome.reveal:
        raise TrustError(
            f"the link {link.hex()[:12]} expected, as it was released, got {outcome.reveal[:12]}"
        )


def believed(case: Case, charters: Charters, step: Step, cosigned: Cosigned) -> frozenset[CosignerKey]:
    """Who signed.

    Raises:
        TrustError, ValueError, LookupError: it is not what the run needed them to sign, or does not verify.
    """
    charter, log = charters.at(step).charter, case.evidence.log_key
    policy = policy_of(charter)
    if policy is None or log is None:
        raise TrustError(
            "no cosignatures expected where the charter names no witnesses, or no log's key, got some"
        )
    wanted = step.before.intent_index + 1 if cosigned.purpose == "seal" else step.index
    if cosigned.size != wanted or (cosigned.purpose == "seal" and not step.before.open_intent):
        raise TrustError(f"cosignatures of the ledger at size {wanted} expected, got {cosigned.size}")
    head = HeadAt(log.name, cosigned.size, case.tree.roots[cosigned.size])
    found = cosigners(cosigned, head, log, tuple(str(each.key) for each in policy.witnesses.values()))
    if cosigned.purpose == "decision" and not met_by(charter, found):
        names = ", ".join(sorted(key.name for key in found))
        raise TrustError(f"a quorum of the witnesses expected, got {names or 'none'}")
    return frozenset(found)


def _drawn(charters: Charters, step: Step, found: BeaconDrawn) -> bool:
    """Whether the signature was verified. Raises TrustError when it is not of the charter's beacon."""
    terms = charters.at(step).charter.witnesses
    if terms is None or terms.beacon is None or found.chain != terms.beacon.chain:
        raise TrustError(
            f"a round of the beacon that the charter names expected, got one of {found.chain[:64]}"
        )
    chain = Chain.parse(terms.beacon.info.encode(), terms.beacon.chain)
    got = Round(found.round, bytes.fromhex(found.signature), bytes.fromhex(found.previous))
    if got.randomness.hex() != found.randomness:
        raise TrustError(
            f"randomness {got.randomness.hex()} expected from its signature, got {found.randomness[:64]}"
        )
    return check_round(chain, got)


def _unwitnessed(case: Case, charters: Charters, step: Step) -> bool:
    """Whether witnesses who had to see all that a promotion rests on had not, when it was decided."""
    if charters.at(step).charter.witnesses is None:
        return False
    last = next(
        (one.entry for one in reversed(case.steps[: step.index]) if _is_before(one, step)),
        None,
    )
    return not (isinstance(last, Cosigned) and last.purpose == "decision")


def _is_before(one: Step, step: Step) -> bool:
    """What stands between turns, such as a session after a crash, may come in between: a turn rests on none of it."""
    return one.index < step.index and not outside_turns(one.entry)
