"""What a run may do now: leases, orders, questions to people, what a promotion must not lose.

It knows state, charter and constitution, not models or files.
"""

from detent.oversight.asking import (
    Permission,
    approved_of,
    permission,
    question,
    reasons_to_ask,
    stays,
    unapproved,
)
from detent.oversight.deliveries import (
    STOPS,
    Desk,
    Pending,
    believe,
    check_entry,
    first_charter,
    is_stop,
    payload_digest,
    payloads_of,
    received,
    type_of,
)
from detent.oversight.gate_rules import aim_of, guards_of, promising, rules_of
from detent.oversight.moments import after, seconds_between
from detent.oversight.retention import may_go
from detent.oversight.stopping import Stop, unanswered, why_stop

__all__ = [
    "STOPS",
    "Desk",
    "Pending",
    "Permission",
    "Stop",
    "after",
    "aim_of",
    "approved_of",
    "believe",
    "check_entry",
    "first_charter",
    "guards_of",
    "is_stop",
    "may_go",
    "payload_digest",
    "payloads_of",
    "permission",
    "promising",
    "question",
    "reasons_to_ask",
    "received",
    "rules_of",
    "seconds_between",
    "stays",
    "type_of",
    "unanswered",
    "unapproved",
    "why_stop",
]
