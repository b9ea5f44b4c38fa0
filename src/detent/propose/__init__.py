"""Weaknesses -> typed proposals, and the mix of data that carries one out. Rules only, in this version.

What proposes sees totals: the diagnosis and the visible profile, no models, workers or single answers. Beside it stands
what the loop and whoever makes a generation again share: labels as jobs, and a judge's exam, asked through a function.
"""

from detent.propose.exam import Cases, Sitting, exam_cases, exam_flops, examined, sitting_of
from detent.propose.labelling import as_kept, label_job, label_rungs, split
from detent.propose.labels import propose
from detent.propose.lessons import Anchor, anchor_cases, lessons
from detent.propose.mixing import judge_sources, sources_of

__all__ = [
    "Anchor",
    "Cases",
    "Sitting",
    "anchor_cases",
    "as_kept",
    "exam_cases",
    "exam_flops",
    "examined",
    "judge_sources",
    "label_job",
    "label_rungs",
    "lessons",
    "propose",
    "sitting_of",
    "sources_of",
    "split",
]
