"""A judge compares two answers, or scores one, by how likely it thinks each allowed verdict; no text of its is read.

    >>> rule = JudgeRule(Template("{prompt}{first}|{second}?"), verdicts=("1", "2"))
    >>> judge(asked, [Pair("C12=", "12", "21")], rule)
    [Judgement(pair=..., verdict='first', odds=(3.1, 2.7))]

Lee et al., "RLAIF vs. RLHF" (arXiv 2309.00267), s. 2.2: the verdict is the judge's distribution over the tokens
"1" and "2", asked in both orders, since judges prefer a place.  There the two are averaged; here a verdict that
changes with the order is dropped.  The judge is never told whose an answer is.

It misleads when the judge does not know better than the subject: it is then sure of the same wrong answers, in
both orders.  `feedback.health` measures what can be measured of that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Protocol

from detent.errors import UsageError
from detent.feedback.templates import Filled, Template
from detent.values.critique import praise
from detent.values.feedback import Ruled, verdict_of

Verdict = Ruled


class Judge(Protocol):
    """A model as it is asked here."""

    def __call__(
        self, asked: Sequence[Filled], verdicts: Sequence[str], /
    ) -> Sequence[tuple[float, ...] | None]:
        """For each of `asked` ln p of every verdict coming next, in nats.

        None where `asked` is longer than the model can read.
        """


class Praiser(Protocol):
    """A model that writes marks, as it is asked here."""

    def __call__(self, rows: Sequence[tuple[Filled, str]], /) -> Sequence[float | None]:
        """For each (what it reads, marks) ln p of the marks coming next, in nats.

        None where they are longer than the model can read.
        """


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt, and by what they are compared, if by anything in particular."""

    prompt: str
    first: str
    second: str
    principle: str = ""


@dataclass(frozen=True, slots=True)
class JudgeRule:
    """How two answers are compared."""

    template: Template  # {prompt}, {first} and {second}
    verdicts: tuple[str, str] = ("1", "2")  # the first is better; the second is
    margin: float = 0.0  # nats of log-odds; up to it the answers count as equally good

    def __post_init__(self) -> None:
        """Refuse rules under which no verdict can mean anything."""
        self.template.needs("prompt", "first", "second")
        if len(set(self.verdicts)) != len(self.verdicts) or not all(self.verdicts):
            raise UsageError(f"two different verdicts expected, got {self.verdicts}")
        if not 0.0 <= self.margin < float("inf"):
            raise UsageError(f"a finite margin of 0 or more expected, got {self.margin}; it is in nats")


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """How one answer is scored."""

    template: Template  # {prompt} and {draft}
    verdicts: tuple[str, str] = ("y", "n")  # good; not good

    def __post_init__(self) -> None:
        """Refuse rules under which no score can mean anything."""
        self.template.needs("prompt", "draft")
        if len(set(self.verdicts)) != len(self.verdicts) or not all(self.verdicts):
            raise UsageError(f"two different verdicts expected, got {self.verdicts}")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a pair.

    odds: ln p(first is better) - ln p(second is), nats, asked in the given order and with the two exchanged; both
    are about the pair's own first answer. () when the pair was unfit.
    """

    pair: Pair
    verdict: Verdict
    odds: tuple[float, ...]


def judge(asked: Judge, pairs: Sequence[Pair], rule: JudgeRule) -> list[Judgement]:
    """A judgement of each pair, in order."""
    fit = [pair for pair in pairs if rule.template.fits(**_content(pair))]
    orders = [rule.template.fill(**_content(pair)) for pair in fit]
    orders += [rule.template.fill(**_content(_exchanged(pair))) for pair in fit]
    chances = asked(orders, rule.verdicts) if orders else []
    given, exchanged = chances[: len(fit)], chances[len(fit) :]
    found: dict[Pair, tuple[float, ...]] = {
        pair: (one[0] - one[1], other[1] - other[0])
        for pair, one, other in zip(fit, given, exchanged, strict=True)
        if one is not None and other is not None
    }
    odds = [found.get(pair, ()) for pair in pairs]
    return [Judgement(pair, verdict_of(one, rule.margin), one) for pair, one in zip(pairs, odds, strict=True)]


def score(
    asked: Judge, prompts: Sequence[str], answers: Sequence[str], rule: ScoreRule
) -> list[float | None]:
    """Of each answer the probability that it is good, given that the judge says either; None when it is unfit."""
    contents = [
        _content(Pair(prompt, "", "")) | {"draft": answer}
        for prompt, answer in zip(prompts, answers, strict=True)
    ]
    fit = [rule.template.fits(**content) for content in contents]
    filled = [rule.template.fill(**content) for content, fits in zip(contents, fit, strict=True) if fits]
    chances = iter(asked(filled, rule.verdicts) if filled else [])
    read = [next(chances) if fits else None for fits in fit]
    return [None if one is None else 1.0 / (1.0 + exp(min(one[1] - one[0], _STEEP))) for one in read]


def praised(
    asked: Praiser, prompts: Sequence[str], answers: Sequence[str], template: Template
) -> list[float | None]:
    """Of each answer the probability that the judge marks all of it as right; None when it is unfit."""
    template.needs("prompt", "draft")
    contents = [
        _content(Pair(prompt, "", "")) | {"draft": answer}
        for prompt, answer in zip(prompts, answers, strict=True)
    ]
    fit = [template.fits(**content) for content in contents]
    rows = [
        (template.fill(**content), praise(content["draft"]))
        for content, fits in zip(contents, fit, strict=True)
        if fits
    ]
    chances = iter(asked(rows) if rows else [])
    read = [next(chances) if fits else None for fits in fit]
    return [None if one is None else exp(min(0.0, one)) for one in read]


_STEEP = 700.0
"""Nats beyond which exp would overflow."""


def _content(pair: Pair) -> dict[str, str]:
    return {
        "prompt": pair.prompt,
        "first": pair.first,
        "second": pair.second,
        "principle": pair.principle,
        "draft": "",
        "critique": "",
    }


def _exchanged(pair: Pair) -> Pair:
    return Pair(pair.prompt, pair.second, pair.first, pair.principle)
