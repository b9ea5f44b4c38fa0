"""Draft, critique, revise: a model works on its own answer, and a rule says when it stops.

    >>> rule = RefineRule(revise=Template("{prompt}{draft}~"), rounds=2, least_confidence=0.5)
    >>> refine(author, ["C123="], [Draft("132", 0.61)], rule)
    [Refined(prompt='C123=', draft='132', steps=(Step('', '123', 0.97), ...), final='123', ..., stopped='same')]

Madaan et al., "Self-Refine: Iterative Refinement with Self-Feedback" (arXiv 2303.17651), s. 2, with a critique
in words and then a revision, or with the revision alone.  There the model may also say that it is done; here it is
never asked.  It stops after so many rounds, when it wrote the same again, or when it is unsure of what it wrote:
then the text stays as it was.

Revision harms as easily as it helps: a right answer can become wrong.  Nothing here knows which; an audit counts
both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from detent.errors import UsageError
from detent.feedback.self_label import Written
from detent.feedback.templates import Filled, Template

Stopped = Literal[
    "rounds",  # all rounds were used
    "same",  # the revision is the text it revised
    "unsure",  # the revision's least token probability is below the floor: it is not taken
    "unended",  # the revision did not come to its end: it is not taken
    "unfit",  # a text cannot be told apart from the template, or fills the model: it is not asked about
]
"""Why nothing more was written."""


class Author(Protocol):
    """A model as it is asked here."""

    def __call__(
        self, step: Literal["critique", "revision"], prompts: Sequence[str], asked: Sequence[Filled], /
    ) -> Sequence[Written | None]:
        """What it writes after each of `asked`; a revision answers the prompt of its place.

        None where `asked` is longer than the model can read.
        """


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer to begin with."""

    text: str
    confidence: float = 1.0  # its least token probability


@dataclass(frozen=True, slots=True)
class RefineRule:
    """How an answer is revised, and when no more."""

    revise: Template  # {prompt} and {draft}; {critique}, {principle} where they are used
    critique: Template | None = None  # {prompt} and {draft}; None: no critique is written
    rounds: int = 1  # at most
    least_confidence: float = 0.0  # of a revision, its least token probability; below it the text stays

    def __post_init__(self) -> None:
        """Refuse rules that revise nothing, or that ask for a critique nobody writes or reads."""
        self.revise.needs("prompt", "draft")
        if self.critique is not None:
            self.critique.needs("prompt", "draft")
            self.revise.needs("critique")
        if "critique" in self.revise.places and self.critique is None:
            raise UsageError(
                "a critique template expected for {critique}, got none; add one or leave the place out"
            )
        if self.critique is not None and "critique" in self.critique.places:
            raise UsageError(
                "a critique template without {critique} expected, got one; it is what it asks for"
            )
        if self.rounds < 1 or not 0.0 <= self.least_confidence <= 1.0:
            raise UsageError(f"at least 1 round and a least_confidence in [0, 1] expected, got {self}")


@dataclass(frozen=True, slots=True)
class Step:
    """One round: what was said of the text, what was written in its place, and how surely."""

    critique: str  # empty without a critique template
    text: str  # the revision, taken or not
    confidence: float  # its least token probability


@dataclass(frozen=True, slots=True)
class Refined:
    """What became of one draft."""

    prompt: str
    draft: str
    steps: tuple[Step, ...]
    final: str  # the draft, or the last revision that was taken
    confidence: float  # of the final text, when it was first written
    stopped: Stopped

    @property
    def rounds(self) -> int:
        """How often it was revised, counting a revision that was not taken."""
        return len(self.steps)


@dataclass(slots=True)
class _Work:
    """A draft while it is worked on."""

    prompt: str
    principle: str
    draft: Draft
    text: str
    confidence: float
    steps: list[Step]
    critique: str = ""
    stopped: Stopped | None = None

    def content(self) -> dict[str, str]:
        return {
            "prompt": self.prompt,
            "draft": self.text,
            "critique": self.critique,
            "principle": self.principle,
            "first": "",
            "second": "",
        }


def refine(
    author: Author,
    prompts: Sequence[str],
    drafts: Sequence[Draft],
    rule: RefineRule,
    principles: Sequence[str] = (),
) -> list[Refined]:
    """What becomes of each draft, in order. `principles` are one a prompt, for templates with {principle}.

    Raises:
        UsageError: there is not one draft, and one principle where any is given, for each prompt.
    """
    given = list(principles) or [""] * len(prompts)
    if not len(prompts) == len(drafts) == len(given):
        raise UsageError(
            f"one draft and one principle a prompt expected, got {len(drafts)} and {len(given)} for {len(prompts)}"
        )
    work = [
        _Work(prompt, principle, draft, draft.text, draft.confidence, [])
        for prompt, principle, draft in zip(prompts, given, drafts, strict=True)
    ]
    for _ in range(rule.rounds):
        _round(author, [one for one in work if one.stopped is None], rule)
    return [
        Refined(
            prompt=one.prompt,
            draft=one.draft.text,
            steps=tuple(one.steps),
            final=one.text,
            confidence=one.confidence,
            stopped=one.stopped or "rounds",
        )
        for one in work
    ]


def _round(author: Author, work: list[_Work], rule: RefineRule) -> None:
    if rule.critique is not None:
        for one, critique in _ask(author, "critique", work, rule.critique):
            one.critique = critique.text
        work = [one for one in work if one.stopped is None]
    for one, revision in _ask(author, "revision", work, rule.revise):
        one.steps.append(Step(one.critique, revision.text, revision.least_probability))
        one.stopped = _verdict(one.text, revision, rule)
        if one.stopped is None:
            one.text, one.confidence = revision.text, revision.least_probability


def _ask(
    author: Author, step: Literal["critique", "revision"], work: list[_Work], template: Template
) -> list[tuple[_Work, Written]]:
    """Those that could be asked about, with what was written; the others have stopped."""
    fit = [one for one in work if template.fits(**one.content())]
    asked = [template.fill(**one.content()) for one in fit]
    written = author(step, [one.prompt for one in fit], asked) if fit else []
    found = {id(one): answer for one, answer in zip(fit, written, strict=True) if answer is not None}
    for one in work:
        if id(one) not in found:
            one.stopped = "unfit"
    return [(one, found[id(one)]) for one in work if id(one) in found]


def _verdict(text: str, revision: Written, rule: RefineRule) -> Stopped | None:
    """Why `revision` is the last word, or is not taken; None when it is taken and may be revised again."""
    if not revision.ended:
        return "unended"
    if revision.text == text:
        return "same"
    if revision.least_probability < rule.least_confidence:
        return "unsure"
    return None
