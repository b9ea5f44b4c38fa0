"""What a section is given: two models, the text that the first wrote, and what the job says beyond.

    >>> look.matched
    ((0, 0), (1, 1), (2, 3))

What several sections need is made once, and kept for as long as the look.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

from detent.errors import SubjectError
from detent.interpret.reading import Text, written
from detent.subject.load import Subject
from detent.values import InterpretJob


class Absent(Exception):  # noqa: N818  no error: it is the answer
    """A section cannot be made of these two models; its text says why, as a clause: "their widths differ"."""


class Look:
    """before, after: the two models. job: what was asked. model: another one, by its digest.

    limits: most tokens of a model's answers to prompts.
    """

    def __init__(
        self,
        job: InterpretJob,
        model: Callable[[str], Subject],
        limits: Callable[[Subject, Sequence[str]], Sequence[int]],
    ) -> None:
        """Open the two models.

        Raises:
            SubjectError: their vocabularies differ.
        """
        self.job = job
        self.model = model
        self.limits = limits
        self.before, self.after = (model(digest) for digest in job.models)
        if self.before.tokenizer.get_vocab() != self.after.tokenizer.get_vocab():
            raise SubjectError("two models of one vocabulary expected, got two; compare generations of one")

    @cached_property
    def texts(self) -> list[Text]:
        """The prompts, each with the answer of the model before."""
        return written(self.before, self.job.prompts, self.limits(self.before, self.job.prompts))

    @cached_property
    def matched(self) -> tuple[tuple[int, int], ...]:
        """Pairs (i, j) of layers that correspond; the embedding's outputs, (0, 0), are the first."""
        depths = (_depth(self.before), _depth(self.after))
        return tuple((layer, layer) for layer in range(min(depths) + 1))


def _depth(subject: Subject) -> int:
    return int(subject.model.config.get_text_config().num_hidden_layers)
