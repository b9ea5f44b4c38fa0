"""What was recorded against what was made again: equal to the last digit, or where and how far it differs.

>>> judged("opening", "2 models", [], asked=512, rule=Rule(exact=True, because="")).ok
True
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from detent.audit.findings import Finding
from detent.evaluate import evaluator_digest
from detent.values import PROCESSOR, SessionStarted

DECIDES_BITS = (PROCESSOR, "torch", "transformers", "tokenizers", "safetensors", "detent")
"""What a session recorded of itself that the last digit of a number depends on. Threads are set as they were."""

MOST_DIFFERING = 0.005
"""Share of answers that may differ on another kind of machine.

Processors round in different places. A greedy answer changes where two tokens are all but equally likely, which is
where a model is at a loss. What is decided from the answers may not differ, however few they are.
"""


class Rule(NamedTuple):
    """How equal is equal. because: in what this machine differs from the session's; "" when exact."""

    exact: bool
    because: str


class Difference(NamedTuple):
    """Where a record differs from what was made again: a sentence, and how many answers it stands for."""

    said: str
    answers: int = 1


@dataclass(frozen=True, slots=True)
class Remade:
    """One thing of a generation that was made again.

    finding: what, and what of it does not hold. steps: places of the entries that recorded it.
    tolerated: what differs, and may on another kind of machine.
    missing: why it cannot be made again; nothing was compared then.
    """

    finding: Finding
    steps: tuple[int, ...] = ()
    tolerated: str = ""
    missing: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was made again, and nothing of it differs more than it may."""
        return not self.missing and self.finding.ok


def rule_of(sessions: Iterable[SessionStarted | None], here: Mapping[str, str]) -> Rule:
    """The rule for work of these sessions, on a machine that is `here`, described as sessions are."""
    for session in sessions:
        if because := _otherwise(session, here):
            return Rule(exact=False, because=because)
    return Rule(exact=True, because="")


def _otherwise(session: SessionStarted | None, here: Mapping[str, str]) -> str:
    """In what this machine differs from the session's, as a clause; "" in nothing."""
    there = session.software if session else {}
    if session is None or PROCESSOR not in there:
        return "the session recorded no kind of processor"
    other = [
        f"{name} {there.get(name, 'none')} there and {here.get(name, 'none')} here"
        for name in DECIDES_BITS
        if there.get(name) != here.get(name)
    ]
    if session.evaluator != evaluator_digest():
        other.append(f"evaluating code {session.evaluator[:12]} there and {evaluator_digest()[:12]} here")
    return "; ".join(other)


def judged(
    check: str,
    detail: str,
    differing: Sequence[Difference],
    *,
    asked: int,
    rule: Rule,
    wrong: Sequence[str] = (),
    steps: Sequence[int] = (),
) -> Remade:
    """Whether the differences are as few as the rule allows.

    Args:
        check: what was made again, in a word.
        detail: the same, with numbers.
        differing: answers that differ.
        asked: how many were asked again.
        rule: how equal is equal.
        wrong: what may not differ on any machine.
        steps: places of the entries that recorded it.
    """
    answers = sum(difference.answers for difference in differing)
    few = not rule.exact and answers <= MOST_DIFFERING * asked
    faults = [*wrong, *(() if few else (difference.said for difference in differing))]
    tolerated = ""
    if few and differing:
        tolerated = (
            f"{answers} of {asked:,} answers differ, which another kind of machine may make of at most "
            f"{MOST_DIFFERING:.1%}; the first: {differing[0].said}"
        )
    return Remade(Finding(check, detail, tuple(faults)), tuple(steps), tolerated)


def not_made(check: str, missing: str) -> Remade:
    """What cannot be made again."""
    return Remade(Finding(check, ""), missing=missing)


def failed(check: str, detail: str, because: str) -> Remade:
    """What was asked again and could not be answered: a model or a task's code went wrong."""
    return Remade(Finding(check, detail, (because,)))
