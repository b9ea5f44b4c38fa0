"""Weaknesses -> typed proposals, and the mix of data that carries one out. Rules only, in this version.

It sees totals: the diagnosis and the visible profile. It does not know models, workers or single answers.
"""

from detent.propose.labelling import as_kept, label_job, label_rungs, split
from detent.propose.labels import propose
from detent.propose.lessons import Anchor, anchor_cases, lessons
from detent.propose.mixing import correcting, judge_sources, sources_of
from detent.propose.preferences import (
    SCORED,
    STREAMS,
    Asked,
    as_rows,
    chosen,
    counts_of,
    flips_label,
    flips_of,
    log_odds,
    pooled,
    prefer_job,
    preferring,
    preferring_text,
    questions,
    reinforce_job,
    sample_jobs,
    seed_label,
    tuning_rungs,
)
from detent.propose.uses import uses

__all__ = [
    "SCORED",
    "STREAMS",
    "Anchor",
    "Asked",
    "anchor_cases",
    "as_kept",
    "as_rows",
    "chosen",
    "correcting",
    "counts_of",
    "flips_label",
    "flips_of",
    "judge_sources",
    "label_job",
    "label_rungs",
    "lessons",
    "log_odds",
    "pooled",
    "prefer_job",
    "preferring",
    "preferring_text",
    "propose",
    "questions",
    "reinforce_job",
    "sample_jobs",
    "seed_label",
    "sources_of",
    "split",
    "tuning_rungs",
    "uses",
]
