"""The witnesses, the beacon and the auditor of a run's charter, asked over the network.

>>> outsiders = outsiders_of(charter, ledger, say)      # None where the charter names none
>>> outsiders.cosign(size=42, all_of=())                # the checkpoint, with a quorum's cosignatures
"""

import time
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from detent.charter import Charter, Draft, met_by, policy_of
from detent.coordinate import (
    Asked,
    Chain,
    Gathered,
    Seen,
    WitnessAt,
    contradicting,
    fetch_release,
    fetch_round,
    gather,
    newest_seen,
)
from detent.coordinate import Round as BeaconRound
from detent.errors import CharterError, PeerError, TrustError
from detent.ledger import CosignerKey, Ledger, Policy, make_proof
from detent.signing import VerifyKey
from detent.values import BeaconDrawn, Round

LOOKING = 5.0
"""Seconds for what witnesses show of the ledger; those that do not answer say nothing."""

PAUSE = 1.0
"""Seconds before a beacon is asked again."""

Say = Callable[[str], None]


class Outsiders:
    """Asks them, and says who did not answer."""

    def __init__(self, charter: Charter, policy: Policy, ledger: Ledger, say: Say) -> None:
        assert charter.witnesses is not None  # noqa: S101  as `outsiders_of` looked
        self._charter = charter
        self._terms = charter.witnesses
        self._policy = policy
        self._ledger = ledger
        self._say = say
        self._witnesses = [WitnessAt(name, each.key, each.url) for name, each in policy.witnesses.items()]
        self._sizes: dict[str, int] = {}

    @property
    def log(self) -> VerifyKey:
        """That signs the ledger's checkpoints."""
        return self._ledger.log

    def cosign(self, size: int, all_of: Sequence[str]) -> str:
        """The checkpoint of the first `size` entries, cosigned by all those (verify keys); by a quorum for ().

        Raises:
            PeerError: too few answer within witnesses.grace_minutes.
            TrustError: one of them cosigned more of this ledger than there is, or another beginning of it.
        """
        gathered = self._gathered(size, all_of, 60 * self._terms.grace_minutes)
        if gathered.ahead and (proven := self._contradicting()):
            shown = "; ".join(
                f"{one.name} shows {one.checkpoint.size} entries" for one in proven if one.checkpoint
            )
            raise TrustError(
                "a ledger that continues what its witnesses cosigned expected, got one that does not, and this log's "
                f"own signature shows it: {shown}; restore the newest copy of the run folder"
            )
        if not gathered.met:
            raise PeerError(
                f"{'all of ' + ', '.join(map(_name, all_of)) if all_of else 'a quorum of the witnesses'} expected to "
                f"cosign the ledger at size {size}, got {', '.join(sorted(gathered.cosigned)) or 'none'}: "
                f"{_said(gathered, 'down', 'refused', 'ahead')}. Run again when they answer; or amend [witnesses]"
            )
        self._ledger.publish_cosigned(gathered.note)
        return gathered.note

    def keep_up(self) -> None:
        """Have the whole ledger cosigned if a quorum answers at once, so that its newest entries can be proven too.

        Nothing depends on it, and nothing is waited for; not between an intent and its cosignatures.
        """
        gathered = self._gathered(self._ledger.size, (), LOOKING)
        if gathered.met:
            self._ledger.publish_cosigned(gathered.note)
        else:
            who = ", ".join(reply.name for reply in gathered.replies if reply.said != "cosigned")
            self._say(
                f"witnesses: {who} did not cosign the ledger at size {self._ledger.size}; asked again later"
            )

    def met(self, keys: Collection[CosignerKey]) -> bool:
        """Whether the witnesses with these keys are a quorum."""
        return met_by(self._charter, keys)

    def draw(self, wanted: Round) -> BeaconDrawn:
        """The beacon's round; waits until it is out.

        Raises:
            PeerError: the beacon does not answer within witnesses.grace_minutes, or its answer does not verify.
        """
        beacon, until = self._terms.beacon, time.monotonic() + 60 * self._terms.grace_minutes
        if beacon is None or beacon.chain != wanted.chain:
            raise TrustError(
                f"the beacon {wanted.chain} in the charter expected, got another; roll the turn back"
            )
        chain = Chain.parse(beacon.info.encode(), beacon.chain)
        found = _once_out(beacon.url, chain, wanted.number, until)
        return BeaconDrawn(
            chain=wanted.chain,
            round=found.number,
            randomness=found.randomness.hex(),
            signature=found.signature.hex(),
            previous=found.previous.hex(),
        )

    def release(self, asked: Asked, intent: bytes, cosigned: str) -> str:
        """The auditor's note with the seal's link for this intent.

        Args:
            asked: what the link is for.
            intent: the entry, whole.
            cosigned: the checkpoint whose last entry it is, with a quorum's cosignatures.

        Raises:
            PeerError: the auditor does not answer within witnesses.grace_minutes, or refuses.
            TrustError: the link was released for another intent.
        """
        auditor = self._charter.auditor
        assert auditor is not None  # noqa: S101  asked only where the charter names one
        path = self._ledger.inclusion_proof(asked.head.size - 1, asked.head.size)
        proof = replace(make_proof(asked.head.size - 1, path, cosigned), extra=intent)
        until = 60 * self._terms.grace_minutes
        return fetch_release(auditor.url, VerifyKey.parse(auditor.key), asked, proof, deadline=until)

    def heads(self) -> list[tuple[str, int, str]]:
        """(Witness, size, root in hex) of the newest checkpoints that witnesses show; the others say nothing."""
        seen = newest_seen(self._ledger.origin, [self._ledger.log], self._witnesses, LOOKING)
        return [
            (f"witness {one.name}", one.checkpoint.size, one.checkpoint.root.hex())
            for one in seen
            if one.checkpoint is not None
        ]

    def _gathered(self, size: int, all_of: Sequence[str], seconds: float) -> Gathered:
        gathered = gather(
            self._ledger.signed_at(size),
            self._ledger.consistency_proof,
            [each for each in self._witnesses if not all_of or str(each.key) in all_of],
            lambda names: self._enough(names, all_of),
            deadline=seconds,
            known=self._sizes,
        )
        self._sizes |= gathered.sizes
        return gathered

    def _contradicting(self) -> tuple[Seen, ...]:
        """Checkpoints that this log signed and does not continue; that a witness says so alone proves nothing."""
        return contradicting(
            self._ledger.checkpoint,
            self._ledger.consistency_proof,
            [self._ledger.log],
            self._witnesses,
            deadline=LOOKING,
        )

    def _enough(self, names: AbstractSet[str], all_of: Sequence[str]) -> bool:
        if not all_of:
            return self._policy.met(names)
        return set(all_of) <= {str(each.key) for each in self._witnesses if each.name in names}


def outsiders_of(charter: Charter, ledger: Ledger, say: Say) -> Outsiders | None:
    """Those of the charter; None where it names none."""
    policy = policy_of(charter)
    return None if policy is None else Outsiders(charter, policy, ledger, say)


def _once_out(url: str, chain: Chain, number: int, until: float) -> BeaconRound:
    """The round, asked for until it is out or `until` (time.monotonic) has come."""
    while True:
        try:
            return fetch_round(url, chain, number, deadline=LOOKING)
        except PeerError:
            if time.monotonic() + PAUSE > until:
                raise
        time.sleep(PAUSE)


def _said(gathered: Gathered, *what: str) -> str:
    return "; ".join(f"{reply.name}: {reply.why}" for reply in gathered.replies if reply.said in what)[:1500]


def _name(vkey: str) -> str:
    return vkey.partition("+")[0]


def vet_outsiders(charter: Draft) -> None:
    """Return when the beacon is described as its hash says; nobody is asked.

    Raises:
        CharterError: it is not.
    """
    beacon = charter.witnesses.beacon if charter.witnesses else None
    if beacon is not None:
        try:
            Chain.parse(beacon.info.encode(), beacon.chain)
        except TrustError as error:
            raise CharterError(f"witnesses.beacon: {error}") from error
