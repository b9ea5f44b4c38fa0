"""Other parties: witnesses that co-sign the ledger, asked or served, and beacons that nobody can foresee.

It knows the ledger's notes and proofs, HTTP, and what the seal takes from outside; not what a run does with it.
"""

from detent.coordinate._http import base_url
from detent.coordinate._parties import WitnessAt
from detent.coordinate.beacon import Chain, Round, can_verify, check_round, fetch_chain, fetch_round
from detent.coordinate.cosigning import Gathered, Reply, Said, gather
from detent.coordinate.entropy import HeadAt, cosigners, entropy_of, signed_in_time
from detent.coordinate.seen import Seen, contradicting, newest_seen
from detent.coordinate.witness import Answer, LogKey, Witness, read_log_key

__all__ = [
    "Answer",
    "Chain",
    "Gathered",
    "HeadAt",
    "LogKey",
    "Reply",
    "Round",
    "Said",
    "Seen",
    "Witness",
    "WitnessAt",
    "base_url",
    "can_verify",
    "check_round",
    "contradicting",
    "cosigners",
    "entropy_of",
    "fetch_chain",
    "fetch_round",
    "gather",
    "newest_seen",
    "read_log_key",
    "signed_in_time",
]
