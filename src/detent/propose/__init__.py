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
    "Cases",
    "Sitting",
    "anchor_cases",
    "as_kept",
    "asked_of",
    "checkers_of",
    "corrections",
    "drawn_from",
    "exam_cases",
    "exam_flops",
    "examined",
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
    "sitting_of",
    "sources_of",
    "split",
    "taught_principles",
    "uses",
]
