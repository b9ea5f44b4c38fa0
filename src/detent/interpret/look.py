"""What a section is given: two models, the text that the first wrote, and what the job says beyond.

    >>> look.matched
    ((0, 0), (1, 1), (2, 3))

What several sections need is made once, and kept for as long as the look.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from detent.errors import SubjectError
from detent.interpret.matching import Pairs, by_likeness, by_number
from detent.interpret.reading import Text, written
from detent.interpret.seen import Seen, see
from detent.interpret.similarity import LEAST_POSITIONS, similarities
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
        beat: Callable[[], object] = lambda: None,
    ) -> None:
        """Open the two models.

        beat: to be called where a section works long without running a model; a worker that is silent is ended.

        Raises:
            SubjectError: their vocabularies differ.
        """
        self.job = job
        self.model = model
        self.limits = limits
        self.beat = beat
        self.before, self.after = (model(digest) for digest in job.models)
        if self.before.tokenizer.get_vocab() != self.after.tokenizer.get_vocab():
            raise SubjectError("two models of one vocabulary expected, got two; compare generations of one")

    def opened(self, digest: str) -> Subject:
        """A model that the job names, not opened twice where it is one of the two."""
        named = dict(zip(self.job.models, (self.before, self.after), strict=True))
        return named.get(digest) or self.model(digest)

    @cached_property
    def texts(self) -> list[Text]:
        """The prompts, each with the answer of the model before."""
        return written(self.before, self.job.prompts, self.limits(self.before, self.job.prompts))

    @cached_property
    def seen(self) -> Seen:
        """What both models make of the texts.

        Raises:
            Absent: the one wrote what the other cannot read.
            SubjectError: what they make of it is not finite.
        """
        self.check_words()
        return see(self.before, self.after, self.texts)

    def check_words(self) -> None:
        """Whether after can read what before wrote.

        Raises:
            Absent: it cannot.
        """
        known, most = words_of(self.after), max(max(text.ids) for text in self.texts)
        if most >= known:
            raise Absent(f"before wrote token {most}, and after knows {known}")

    @property
    def comparable(self) -> Seen:
        """The same, of as many places as likeness can be told from.

        Raises:
            Absent: there are fewer, or as `seen`.
            SubjectError: as `seen`.
        """
        if (places := sum(text.places for text in self.texts)) < LEAST_POSITIONS:
            raise Absent(f"likeness needs answers of {LEAST_POSITIONS} tokens, and there are {places}")
        return self.seen

    @cached_property
    def matched(self) -> Pairs:
        """Pairs (i, j) of layers that correspond; the embedding's outputs, (0, 0), are the first.

        Of models of one depth by number; of others by how alike that is which their blocks add to the stream.

        Raises:
            Absent: as `comparable`, of models of different depth.
            SubjectError: as `seen`.
        """
        before, after = depth(self.before), depth(self.after)
        if before == after:
            return by_number(before, after)
        seen = self.comparable
        return by_likeness(similarities(seen.before.added, seen.after.added))


def depth(subject: Subject) -> int:
    """Blocks of a model."""
    return int(subject.model.config.get_text_config().num_hidden_layers)


def words_of(subject: Subject) -> int:
    """Tokens that a model can read."""
    embedding: Any = subject.model.get_input_embeddings()
    return int(embedding.weight.shape[0])
