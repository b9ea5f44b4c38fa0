"""Weaknesses -> typed proposals, and the mix of data that carries one out. Rules only, in this version.

It sees totals: the diagnosis and the visible profile. It does not know models, workers or single answers.
"""

from detent.propose.corrections import corrections
from detent.propose.labelling import as_kept, label_job, label_rungs, split
from detent.propose.labels import propose
from detent.propose.lessons import Anchor, anchor_cases, lessons
from detent.propose.mixing import first_sources, judge_sources, sources_of
from detent.propose.revisions import (
    REVISING,
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
    "Anchor",
    "anchor_cases",
    "as_kept",
    "asked_of",
    "checkers_of",
    "corrections",
    "drawn_from",
    "first_sources",
    "judge_sources",
    "kept_revisions",
    "label_job",
    "label_rungs",
    "lessons",
    "principle_of",
    "principled_rungs",
    "propose",
    "refined_rungs",
    "revise_job",
    "revision_flops",
    "revision_origin",
    "sources_of",
    "split",
    "taught_principles",
    "uses",
]
