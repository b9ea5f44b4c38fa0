"""Weaknesses -> typed proposals, and the mix of data that carries one out. Rules only, in this version.

What proposes sees totals: the diagnosis and the visible profile, no models, workers or single answers. Beside it stands
what the loop and whoever makes a generation again share: labels as jobs, and a judge's exam, asked through a function.
"""

from detent.propose.corrections import corrections
from detent.propose.exam import Cases, Sitting, exam_cases, exam_flops, examined, sitting_of
from detent.propose.labelling import as_kept, label_job, label_rungs, split
from detent.propose.labels import propose
from detent.propose.lessons import Anchor, anchor_cases, lessons
from detent.propose.mixing import first_sources, judge_sources, sources_of
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
from detent.propose.revisions import (
    REVISING,
    Posed,
    asked_of,
    checkers_of,
    drawn_from,
    kept_revisions,
    principle_of,
    principled_rungs,
    refined_rungs,
    revise_job,
    revision_flops,
    revision_origin,
    taught_principles,
)
from detent.propose.uses import uses

__all__ = [
    "REVISING",
    "SCORED",
    "STREAMS",
    "Anchor",
    "Asked",
    "Cases",
    "Posed",
    "Sitting",
    "anchor_cases",
    "as_kept",
    "as_rows",
    "asked_of",
    "checkers_of",
    "chosen",
    "corrections",
    "counts_of",
    "drawn_from",
    "exam_cases",
    "exam_flops",
    "examined",
    "first_sources",
    "flips_label",
    "flips_of",
    "judge_sources",
    "kept_revisions",
    "label_job",
    "label_rungs",
    "lessons",
    "log_odds",
    "pooled",
    "prefer_job",
    "preferring",
    "preferring_text",
    "principle_of",
    "principled_rungs",
    "propose",
    "questions",
    "refined_rungs",
    "reinforce_job",
    "revise_job",
    "revision_flops",
    "revision_origin",
    "sample_jobs",
    "seed_label",
    "sitting_of",
    "sources_of",
    "split",
    "taught_principles",
    "tuning_rungs",
    "uses",
]
