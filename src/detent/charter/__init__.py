"""Who decides, how fast, in what direction, within what constraints: the document, its form, its signatures.

It knows TOML, sections, signatures, and the policies that say which witnesses are a quorum. It does not know tasks, the
gate, tripwires, models or a ledger's files: what a charter may name and how many items a gate needs at least come in as
a `Catalogue`, and what it says of the ledger (sizes, roots, candidates) are numbers and digests to it.
"""

from detent.charter.amendment import (
    AmendmentStanding,
    amend_text,
    amendment_standing,
    check_amendment,
    claimed_amendment,
    rotate,
    succession,
)
from detent.charter.answers import (
    ANSWER_TYPE,
    Answer,
    GivenAnswer,
    Question,
    Reply,
    answer,
    claimed_answer,
    rule_to_answer,
    verified_answer,
)
from detent.charter.catalogue import Catalogue, LeastLimit, LimitForm, WireForm
from detent.charter.completing import complete
from detent.charter.constitution import (
    Constitution,
    Principle,
    check_margins,
    constitution_text,
    parse_constitution,
)
from detent.charter.document import Charter, Draft
from detent.charter.explore import EDITS, Explore
from detent.charter.feedback import Feedback, JudgeForm
from detent.charter.leases import LEASE_TYPE, Lease, check_term, claimed_lease, grant, verified_lease
from detent.charter.named_files import (
    BUILT_IN_CONSTITUTIONS,
    ConstitutionFile,
    DraftConstitutionFile,
    DraftOwnTask,
    DraftWire,
    Gym,
    OwnTask,
    Wire,
)
from detent.charter.orders import (
    COMMANDED,
    ORDER_TYPE,
    Command,
    GivenOrder,
    Order,
    claimed_order,
    order,
    verified_order,
)
from detent.charter.outsiders import entropy_mode, met_by, policy_of, sealing_keys
from detent.charter.reading import default_text, draft_text, parse_charter, parse_draft
from detent.charter.recipe import MixShares, Recipe
from detent.charter.roles import Act, Rule, Standing, judge, roles_of, rule_for
from detent.charter.sections import (
    Auditor,
    Constraints,
    Direction,
    Gate,
    GateItems,
    LeaseTerms,
    Pace,
    Retention,
    Run,
    Seal,
    Subject,
    Threshold,
    Witnesses,
)
from detent.charter.servers import Server
from detent.charter.settings import set_by, space_of
from detent.charter.signed import CHARTER_TYPE, SignedCharter, claimed, endorse, standing, verified
from detent.charter.stewards import Role, Roles, Rules, Signer, Stewards
from detent.charter.times import hours_after

__all__ = [
    "ANSWER_TYPE",
    "BUILT_IN_CONSTITUTIONS",
    "CHARTER_TYPE",
    "COMMANDED",
    "EDITS",
    "LEASE_TYPE",
    "ORDER_TYPE",
    "Act",
    "AmendmentStanding",
    "Answer",
    "Auditor",
    "Catalogue",
    "Charter",
    "Command",
    "Constitution",
    "ConstitutionFile",
    "Constraints",
    "Direction",
    "Draft",
    "DraftConstitutionFile",
    "DraftOwnTask",
    "DraftWire",
    "Explore",
    "Feedback",
    "Gate",
    "GateItems",
    "GivenAnswer",
    "GivenOrder",
    "Gym",
    "JudgeForm",
    "Lease",
    "LeaseTerms",
    "LeastLimit",
    "LimitForm",
    "MixShares",
    "Order",
    "OwnTask",
    "Pace",
    "Principle",
    "Question",
    "Recipe",
    "Reply",
    "Retention",
    "Role",
    "Roles",
    "Rule",
    "Rules",
    "Run",
    "Seal",
    "Server",
    "SignedCharter",
    "Signer",
    "Standing",
    "Stewards",
    "Subject",
    "Threshold",
    "Wire",
    "WireForm",
    "Witnesses",
    "amend_text",
    "amendment_standing",
    "answer",
    "check_amendment",
    "check_margins",
    "check_term",
    "claimed",
    "claimed_amendment",
    "claimed_answer",
    "claimed_lease",
    "claimed_order",
    "complete",
    "constitution_text",
    "default_text",
    "draft_text",
    "endorse",
    "entropy_mode",
    "grant",
    "hours_after",
    "judge",
    "met_by",
    "order",
    "parse_charter",
    "parse_constitution",
    "parse_draft",
    "policy_of",
    "roles_of",
    "rotate",
    "rule_for",
    "rule_to_answer",
    "sealing_keys",
    "set_by",
    "space_of",
    "standing",
    "succession",
    "verified",
    "verified_answer",
    "verified_lease",
    "verified_order",
]
