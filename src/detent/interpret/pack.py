"""The sections of a look, one after the other: figures, or why there are none.

>>> looked(job, shelf.subject, limits, tell).sections
('layers', 'weights', 'lens', 'words')
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch.utils.hooks import RemovableHandle

from detent.interpret import heads, layers, lens, patches, probes, splices, tokens, weights, words
from detent.interpret.look import Absent, Look
from detent.interpret.output import whole
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
    """Make the job's sections. Progress in sections, told each time a model is run.

    Raises:
        SubjectError: the vocabularies differ, a prompt cannot be spelt, or a model computes what is not finite.
    """
    found: dict[str, Any] = {}
    absent: dict[Section, str] = {}

    def beat(*_: object) -> None:
        tell(len(found) + len(absent), len(job.sections))

    beat()
    with _beating(model, beat) as opened:
        look = Look(job, opened, limits, beat)
        for name in job.sections:
            try:
                found[name] = SECTIONS[name](look)
            except Absent as reason:
                absent[name] = str(reason)
            beat()
    return Interpreted(**found, absent=absent)


@contextmanager
def _beating(
    model: Callable[[str], Subject], beat: Callable[..., None]
) -> Iterator[Callable[[str], Subject]]:
    """Models that say that the look goes on each time they are run.

    A section of a large model is hundreds of runs, and a worker that says nothing for so long is taken for a dead one.
    """
    hooks: dict[int, RemovableHandle] = {}

    def opened(digest: str) -> Subject:
        subject = model(digest)
        inner = whole(subject.model)
        if id(inner) not in hooks:
            hooks[id(inner)] = inner.register_forward_pre_hook(beat)
        return subject

    try:
        yield opened
    finally:
        for hook in hooks.values():
            hook.remove()
