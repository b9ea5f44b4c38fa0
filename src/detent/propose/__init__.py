"""Weaknesses -> typed proposals, and the mix of data that carries one out. Rules only, in this version.

It sees totals: the diagnosis and the visible profile. It does not know models, workers or single answers.
"""

from detent.propose.labelling import as_kept, label_job, label_rungs, split
from detent.propose.labels import propose
from detent.propose.lessons import Anchor, anchor_cases, lessons
from detent.propose.mixing import correcting, judge_sources, sources_of
from detent.propose.uses import uses

__all__ = [
    "Anchor",
    "anchor_cases",
    "as_kept",
    "correcting",
    "judge_sources",
    "label_job",
    "label_rungs",
    "lessons",
    "propose",
    "sources_of",
    "split",
    "uses",
]
