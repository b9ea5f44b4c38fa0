"""Who decides, how fast, in what direction, within what constraints: the document, its form, its signatures.

It knows TOML, sections and signatures. It does not know tasks, the gate, the ledger or models: what a charter
may name and how many items a gate needs at least come in as a `Catalogue`.
"""

from detent.charter.catalogue import Catalogue, LeastLimit
from detent.charter.completing import complete
from detent.charter.document import Charter, Draft
from detent.charter.reading import default_text, draft_text, parse_charter, parse_draft
from detent.charter.recipe import MixShares, Recipe
from detent.charter.sections import (
    Constraints,
    Direction,
    Gate,
    GateItems,
    LeaseTerms,
    OwnTask,
    Pace,
    Run,
    Seal,
    Stewards,
    Subject,
)
from detent.charter.signed import (
    CHARTER_TYPE,
    LEASE_TYPE,
    Lease,
    SignedCharter,
    endorse,
    grant,
    verified,
    verified_lease,
)

__all__ = [
    "CHARTER_TYPE",
    "LEASE_TYPE",
    "Catalogue",
    "Charter",
    "Constraints",
    "Direction",
    "Draft",
    "Gate",
    "GateItems",
    "Lease",
    "LeaseTerms",
    "LeastLimit",
    "MixShares",
    "OwnTask",
    "Pace",
    "Recipe",
    "Run",
    "Seal",
    "SignedCharter",
    "Stewards",
    "Subject",
    "complete",
    "default_text",
    "draft_text",
    "endorse",
    "grant",
    "parse_charter",
    "parse_draft",
    "verified",
    "verified_lease",
]
