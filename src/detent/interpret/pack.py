"""The sections of a look, one after the other: figures, or why there are none.

>>> looked(job, shelf.subject, limits, tell).sections
('layers', 'weights', 'lens', 'words')
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from detent.interpret import heads, layers, lens, patches, probes, splices, tokens, weights, words
from detent.interpret.look import Absent, Look
from detent.interpret.reading import Progress
from detent.subject.load import Subject
from detent.values import Interpreted, InterpretJob
from detent.values.inside import Figures, Section

SECTIONS: Mapping[Section, Callable[[Look], Figures]] = {
    "layers": layers.section,
    "weights": weights.section,
    "lens": lens.section,
    "words": words.section,
    "heads": heads.section,
    "probes": probes.section,
    "splices": splices.section,
    "tokens": tokens.section,
    "patches": patches.section,
}


def looked(
    job: InterpretJob,
    model: Callable[[str], Subject],
    limits: Callable[[Subject, Sequence[str]], Sequence[int]],
    tell: Progress,
) -> Interpreted:
    """Make the job's sections. Progress in sections.

    Raises:
        SubjectError: the vocabularies differ, a prompt cannot be spelt, or a model computes what is not finite.
    """
    look = Look(job, model, limits)
    found: dict[str, Any] = {}
    absent: dict[Section, str] = {}
    tell(0, len(job.sections))
    for done, name in enumerate(job.sections, 1):
        try:
            found[name] = SECTIONS[name](look)
        except Absent as reason:
            absent[name] = str(reason)
        tell(done, len(job.sections))
    return Interpreted(**found, absent=absent)
