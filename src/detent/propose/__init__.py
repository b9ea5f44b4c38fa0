"""Weaknesses -> typed proposals, and the mix of data that carries one out. Rules only, in this version.

It sees totals: the diagnosis and the visible profile. It does not know models, workers or single answers.
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
