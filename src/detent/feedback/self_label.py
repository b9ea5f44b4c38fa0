"""Answers of several voters to the same prompts -> the few worth training on; no true answer is seen.

    >>> voters = [complete(model, tokenizer, prompts, ...) for model, tokenizer in committee]
    >>> kept = self_label(prompts, voters, Filter(least_confidence=0.7, largest_share=0.5))
    >>> kept[0]
    Kept(prompt='R123456=', completion='654321', confidence=0.98, agreement=1.0)

What makes a voter worth asking is that it errs *elsewhere*.  Purity of the kept labels where the model
itself was at .48 (copy at level 6, 600 prompts, as many kept as were right): by the model's own confidence
.63, by 8 samples of it at temperature 1 .65, by 6 copies of it with noise on their weights .62, by one
model of the same kind trained from another seed **.89**.  Votes over samples (self-consistency, arXiv
2203.11171) find answers that the model is unsure of; answers that are wrong and sure are what starts an
error avalanche, and votes over differently seeded models find those (arXiv 2502.01612).

It misleads when the voters have learnt from the same wrong labels: then they agree on the mistake.  Only an
audit shows that.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from detent.errors import SubjectError


class Written(Protocol):
    """What a voter wrote after one prompt; `subject.generate.Completion` is one."""

    @property
    def text(self) -> str:
        """The answer without its end mark."""

    @property
    def ended(self) -> bool:
        """The answer came to its end by itself."""

    @property
    def least_probability(self) -> float:
        """Of all its tokens, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which labels are kept; all three must hold."""

    least_confidence: float = 0.7  # of the voters who wrote it, the least sure one's least token probability
    least_agreement: float = 1.0  # share of the voters that wrote exactly this text and ended
    largest_share: float = 0.5  # of the prompts asked: the surest ones first

    def __post_init__(self) -> None:
        """Refuse thresholds that are not shares."""
        for name in ("least_confidence", "least_agreement", "largest_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise SubjectError(f"{name} between 0 and 1 expected, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A self-label to train on, with the two numbers that chose it."""

    prompt: str
    completion: str
    confidence: float  # as in Filter.least_confidence
    agreement: float  # as in Filter.least_agreement


def self_label(prompts: Sequence[str], voters: Sequence[Sequence[Written]], rule: Filter) -> list[Kept]:
    """The labels that `rule` keeps, surest first; ties stay in the order of the prompts.

    `voters[v][i]` is voter v's answer to `prompts[i]`.  A voter may be another model, an earlier generation
    or another sample of the same model.  The same prompt asked twice counts twice.
    """
    labels = ballots(prompts, voters)
    passing = [
        label
        for label in labels
        if label.agreement >= rule.least_agreement and label.confidence >= rule.least_confidence
    ]
    passing.sort(key=lambda label: -label.confidence)
    return passing[: int(rule.largest_share * len(prompts))]


def ballots(prompts: Sequence[str], voters: Sequence[Sequence[Written]]) -> list[Kept]:
    """The label most voters wrote for each prompt, before any filter; prompts that nobody finished have none.

    An equal count goes to the text whose voters are surer, then to the voter named first.
    """
    if not voters:
        raise SubjectError("at least one voter expected, got none")
    if any(len(answers) != len(prompts) for answers in voters):
        raise SubjectError(
            f"{len(prompts)} answers a voter expected, got {[len(answers) for answers in voters]}"
        )
    counted = [_count(prompt, [answers[i] for answers in voters]) for i, prompt in enumerate(prompts)]
    return [label for label in counted if label is not None]


def agreement_rate(prompts: Sequence[str], voters: Sequence[Sequence[Written]]) -> float:
    """Share of the prompts on which all voters wrote the same text and ended; 0 when nothing was asked."""
    unanimous = sum(label.agreement == 1.0 for label in ballots(prompts, voters))
    return unanimous / len(prompts) if prompts else 0.0


def _count(prompt: str, answers: Sequence[Written]) -> Kept | None:
    finished = [answer for answer in answers if answer.ended and answer.text]
    votes = Counter(answer.text for answer in finished)
    if not votes:
        return None
    confidence = {
        text: min(answer.least_probability for answer in finished if answer.text == text) for text in votes
    }
    chosen = max(votes, key=lambda text: (votes[text], confidence[text]))
    return Kept(prompt, chosen, confidence[chosen], votes[chosen] / len(answers))
