"""Who could have helped the operator, and who vouches for how much of the ledger: what no check can show, in sentences.

>>> sealed_against_the_operator(case)[0]
'sealed against the operator and any one of the witnesses that add entropy together (mode b): ...'
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from detent.audit.evidence import Case
from detent.audit.openings import Opening, openings
from detent.audit.signatures import Charters
from detent.audit.steps import Step
from detent.audit.witnesses import believed
from detent.charter import Charter, entropy_mode, met_by, policy_of, sealing_keys
from detent.coordinate import can_verify
from detent.errors import DetentError
from detent.ledger import CosignerKey, least_shared
from detent.values import Cosigned, sha256_hex

GRINDING = (
    "sealed against the operator: nobody outside adds entropy (mode a), so whoever holds the secret could look at "
    "problems before an intent, or try candidates until one passes (without any gain, at the first opening of a "
    "budget of .05: 33 % within 20 tries, 86 % within 100)"
)
COLLUDING = (
    "sealed against {} and any one of the witnesses that add entropy together (mode b): before an intent "
    "only all of them in one hand could know its problems; after it, one that signs last, and signs again when asked "
    "again, gives other problems each time, to choose from. `detent witness serve` repeats its bytes; whether these "
    "do, and who has their keys, nothing here shows: {}"
)
ALONE = (
    "sealed against {} and {} together (mode b): each opening's problems depend on its cosignature. Who has "
    "its key, and whether it repeats its bytes when asked again, as `detent witness serve` does, nothing here shows"
)
HELD = (
    "sealed against the operator and the auditor {} together: the auditor holds the chain, and gave each link out "
    "once, for an intent that had been cosigned; so only who had the links before could have looked at problems"
)
BEACON = (
    "sealed against {} and the beacon {} together (mode c): problems depend on a round that came out after a "
    "quorum had cosigned the intent. Nor against the operator with {} of the witnesses, if they cosign two intents for "
    "two quorums before the round; nor with a quorum whose clocks are behind, and that signs after it"
)
UNSIGNED = (
    "that the beacon drew these rounds: their BLS signatures were not verified here, so whoever ran its server could "
    "have chosen them; install detent[beacon]"
)
AMENDED = (
    "that nothing was tried under other witnesses: since the amendment of entry {} too few of those before it have "
    "cosigned this ledger to rule out that its holder opened the seal with them, looked, and went back to before the "
    "amendment: {}"
)
ABANDONED = "that no run was thrown away before this one: whoever starts twenty and shows the best has had twenty tries"
WHOLE = (
    "that this is the whole ledger, and the only one: until others witness it, its holder could take entries off "
    "the end, never write down what people handed in, throw a run away, or keep two and show one"
)
TAIL = (
    "that this is the whole ledger: a quorum of the witnesses cosigned its first {} entries, and another history of "
    "them needs {} or more of the witnesses to sign two; of the {} after them its holder could take some off the end, "
    "or keep two versions and show one. Nor that everything people handed in was written down. Cosigned by {}"
)


class Signed(NamedTuple):
    """Cosignatures on the ledger that verify: at which entry, of how many, by whom, under which charter."""

    step: Step
    size: int
    keys: frozenset[CosignerKey]
    charter: Charter


def sealed_against_the_operator(case: Case) -> list[str]:
    """Who could still have cheated, under each mode that openings were made in."""
    found = openings(case)
    intents = [opening.intent for opening in found]
    auditor = _auditor(case)
    bare = HELD.format(auditor) if auditor else GRINDING
    operator = f"the operator, the auditor {auditor}," if auditor else "the operator"
    said = [bare] if not intents or any(intent.entropy == "none" for intent in intents) else []
    together = {intent.witnesses for intent in intents if intent.entropy == "witnesses"}
    said += [_colluding(operator, witnesses) for witnesses in sorted(together)]
    said += sorted(set(_beacons(case, found, operator)))
    said += [UNSIGNED] if any(intent.round for intent in intents) and not can_verify() else []
    said += _amended(case, found)
    return [*said, ABANDONED] if said != [GRINDING] else said


def whole(case: Case) -> str:
    """How much of the ledger somebody outside vouches for: what a quorum of the charter in force cosigned."""
    newest = vouched(case)
    if newest is None:
        return WHOLE
    names = ", ".join(sorted(key.name for key in newest.keys))
    return TAIL.format(newest.size, _shared(newest.charter), len(case.tree.entries) - newest.size, names)


def vouched(case: Case) -> Signed | None:
    """The most of the ledger that a quorum of the charter then in force cosigned; None where none did."""
    enough = [one for one in _signed(case) if met_by(one.charter, one.keys)]
    return max(enough, key=lambda one: one.size, default=None)


def outsiders_keys(case: Case) -> Iterator[str]:
    """The charter names its own witnesses, by names that whoever made a key chose: somebody must know the keys."""
    charters = [signed.charter for signed in case.charters.signed] if case.charters is not None else []
    policies = [policy for policy in map(policy_of, charters) if policy is not None]
    keys = {each.key: None for policy in policies for each in policy.witnesses.values()}
    for key in keys:
        yield (
            "the charter names its own witnesses, each by a name that the key's maker chose; "
            f"compare this key with the one you know: {_key(key)}"
        )
    if charters and charters[0].auditor is not None:
        yield f"and its own auditor; compare this key too: {charters[0].auditor.key}"


def _auditor(case: Case) -> str:
    """The name of who holds the seal's chain in the operator's place; no amendment changes who that is."""
    auditor = case.charters.newest.charter.auditor if case.charters is not None else None
    return "" if auditor is None else auditor.key.partition("+")[0]


def _key(key: CosignerKey) -> str:
    """All of it, or of one that fills a page what stands for all of it: an id of four bytes is soon made again."""
    return (
        str(key)
        if key.algorithm == "ed25519"
        else f"{key.name}, vkey with SHA-256 {sha256_hex(str(key).encode())}"
    )


def _colluding(operator: str, witnesses: Sequence[str]) -> str:
    names = ", ".join(vkey.partition("+")[0] for vkey in witnesses)
    return (COLLUDING if len(witnesses) > 1 else ALONE).format(operator, names)


def _beacons(case: Case, found: Sequence[Opening], operator: str) -> Iterator[str]:
    for opening in found:
        if opening.intent.round is not None and case.charters is not None:
            shared = _shared(case.charters.at(opening.step).charter)
            yield BEACON.format(operator, opening.intent.round.chain, shared)


def _amended(case: Case, found: Sequence[Opening]) -> Iterator[str]:
    """Whoever signed a history with the amendment in it signed none in which the seal was opened in its place."""
    charters = case.charters
    if charters is None:
        return
    signed = _signed(case)
    for before, after, place in zip(charters.signed, charters.signed[1:], charters.since[1:], strict=False):
        since = frozenset[CosignerKey]().union(*(one.keys for one in signed if one.step.index > place))
        is_other = before.charter.witnesses != after.charter.witnesses
        # An opening under the other charter, or its witnesses' word for what it went on from, hides what was tried.
        used = any(one.step.index > place for one in signed) or _opened_after(found, place)
        if is_other and used and _could_open(before.charter, since):
            yield AMENDED.format(place, ", ".join(_names(before.charter)))


def _opened_after(found: Sequence[Opening], place: int) -> bool:
    return any(one.step.index > place and one.outcome and one.outcome.verdict != "void" for one in found)


def _could_open(charter: Charter, bound: frozenset[CosignerKey]) -> bool:
    """Whether the seal could be opened under this charter without those who are bound to another history."""
    mode, policy = entropy_mode(charter), policy_of(charter)
    if policy is None or mode == "none":
        return False  # what was opened so is said of those openings, wherever they are shown
    if mode == "witnesses":
        return bound.isdisjoint(map(CosignerKey.parse, sealing_keys(charter)))
    return met_by(charter, [each.key for each in policy.witnesses.values() if each.key not in bound])


def _names(charter: Charter) -> list[str]:
    return [CosignerKey.parse(key).name for key in sealing_keys(charter)]


def _shared(charter: Charter) -> int:
    """The fewest witnesses that two quorums have in common."""
    policy = policy_of(charter)
    return len(frozenset.intersection(*least_shared(policy))) if policy is not None else 0


def _signed(case: Case) -> list[Signed]:
    """What of the cosignatures can be believed; `check_witnesses` says what is wrong with the others."""
    if case.charters is None:
        return []
    found = (_believed(case, case.charters, step, cosigned) for step, cosigned in case.all(Cosigned))
    return [one for one in found if one is not None]


def _believed(case: Case, charters: Charters, step: Step, cosigned: Cosigned) -> Signed | None:
    try:
        keys = believed(case, charters, step, cosigned)
    except (DetentError, ValueError, LookupError):
        return None
    return Signed(step, cosigned.size, keys, charters.at(step).charter)
