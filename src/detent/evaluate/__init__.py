"""How good a model is, and whether another is better: profile, horizon, seal, gate, budget, mastery.

It draws problems, has them answered through a function it is given, counts, and decides by the counts. It
does not know models, processes, the charter's form, the ledger's files, or what is done with a verdict.
Pure Python, so that anyone can recompute a record. Formulas and assumptions stand in each module and in
docs/statistics.md.
"""

from detent.evaluate.budget import (
    Forecast,
    alpha,
    item_limit,
    items_to_expect,
    least_first_limit,
    least_items,
    spent,
)
from detent.evaluate.compute import answering, gating, judging, voting, weighing
from detent.evaluate.compute_feedback import (
    Bounds,
    prefer_bound,
    prefer_least,
    reinforce_bound,
    revising,
    ruling,
    sampling,
)
from detent.evaluate.compute_inside import always_looking, deeper_looking
from detent.evaluate.confidence import ConfidenceSequence, Interval, gain_of
from detent.evaluate.enough import limited, most_items, see_rows, within_rows
from detent.evaluate.evaluator import evaluator_digest, evaluator_digest_on_disk
from detent.evaluate.flipping import flipped, sampled
from detent.evaluate.gate import log_e, passes, reverse_log_e, threshold
from detent.evaluate.horizon import Horizon, falling_rates, horizon, horizons
from detent.evaluate.inside import (
    MOST_GAINED,
    Inquiry,
    Lineage,
    basis_of,
    deeper_job,
    inside_items,
    lineage_at,
    oldest,
)
from detent.evaluate.intervals import interval_of
from detent.evaluate.items import ItemStream, items_of, judged
from detent.evaluate.mastery import newly_mastered, plan_mastery
from detent.evaluate.opening import Conducted, conduct
from detent.evaluate.profile import as_profile, ladder_rungs, profile_items, score_profile
from detent.evaluate.recompute import discrepancies, faults_of_intent
from detent.evaluate.record import Row, decode_rows, encode_rows
from detent.evaluate.recount import recheck_items, recount
from detent.evaluate.screening import as_good, best, promises, team_after
from detent.evaluate.seal import (
    CHAIN_LENGTH,
    Chain,
    check_reveal,
    create_secret,
    new_chain,
    open_chain,
    opening_seed,
    read_secret,
)
from detent.evaluate.streams import fresh_stream, label_of, public_number, public_stream
from detent.evaluate.targets import BETTER, Aim, Guard, Rules, smaller, targets

__all__ = [
    "BETTER",
    "CHAIN_LENGTH",
    "MOST_GAINED",
    "Aim",
    "Bounds",
    "Chain",
    "Conducted",
    "ConfidenceSequence",
    "Forecast",
    "Guard",
    "Horizon",
    "Inquiry",
    "Interval",
    "ItemStream",
    "Lineage",
    "Row",
    "Rules",
    "alpha",
    "always_looking",
    "answering",
    "as_good",
    "as_profile",
    "basis_of",
    "best",
    "check_reveal",
    "conduct",
    "create_secret",
    "decode_rows",
    "deeper_job",
    "deeper_looking",
    "discrepancies",
    "encode_rows",
    "evaluator_digest",
    "evaluator_digest_on_disk",
    "falling_rates",
    "faults_of_intent",
    "flipped",
    "fresh_stream",
    "gain_of",
    "gating",
    "horizon",
    "horizons",
    "inside_items",
    "interval_of",
    "item_limit",
    "items_of",
    "items_to_expect",
    "judged",
    "judging",
    "label_of",
    "ladder_rungs",
    "least_first_limit",
    "least_items",
    "limited",
    "lineage_at",
    "log_e",
    "most_items",
    "new_chain",
    "newly_mastered",
    "oldest",
    "open_chain",
    "opening_seed",
    "passes",
    "plan_mastery",
    "prefer_bound",
    "prefer_least",
    "profile_items",
    "promises",
    "public_number",
    "public_stream",
    "read_secret",
    "recheck_items",
    "recount",
    "reinforce_bound",
    "reverse_log_e",
    "revising",
    "ruling",
    "sampled",
    "sampling",
    "score_profile",
    "see_rows",
    "smaller",
    "spent",
    "targets",
    "team_after",
    "threshold",
    "voting",
    "weighing",
    "within_rows",
]
