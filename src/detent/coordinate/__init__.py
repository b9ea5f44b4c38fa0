"""Other parties: witnesses that co-sign the ledger, auditors that hold the seal's chain, beacons nobody can foresee.

It knows the ledger's notes and proofs, HTTP, and what the seal takes from outside; not what a run does with it.
"""

from detent.coordinate._answers import Answer
from detent.coordinate._http import base_url
from detent.coordinate._parties import WitnessAt
from detent.coordinate.auditor import Auditor
from detent.coordinate.beacon import Chain, Round, can_verify, check_round, fetch_chain, fetch_round
from detent.coordinate.cosigning import Gathered, Reply, Said, gather
from detent.coordinate.entropy import HeadAt, cosigners, entropy_of, signed_in_time
from detent.coordinate.releases import (
    Asked,
    Release,
    believed_release,
    digest_of,
    fetch_release,
    link_in,
    signed_release,
)
from detent.coordinate.seen import Seen, contradicting, newest_seen
from detent.coordinate.witness import LogKey, Witness, read_log_key

__all__ = [
    "Answer",
    "Asked",
    "Auditor",
    "Chain",
    "Gathered",
    "HeadAt",
    "LogKey",
    "Release",
    "Reply",
    "Round",
    "Said",
    "Seen",
    "Witness",
    "WitnessAt",
    "base_url",
    "believed_release",
    "can_verify",
    "check_round",
    "contradicting",
    "cosigners",
    "digest_of",
    "entropy_of",
    "fetch_chain",
    "fetch_release",
    "fetch_round",
    "gather",
    "link_in",
    "newest_seen",
    "read_log_key",
    "signed_in_time",
    "signed_release",
]
