"""What jobs take by which models teach each other: floating point operations at the most, of training at least too.

    >>> sampling(1_000, SampleJob(model="a" * 64, prompts=("C12=",), samples=3, seed=1, extra_tokens=4))
    72000.0
    >>> job = PreferJob(parent="a" * 64, data=("b" * 64,), steps=2, seed=1)
    >>> prefer_bound(1_000, job, [Preference("C12=", "12", "21")])
    Bounds(least=64000.0, most=224000.0)

Counted as in `compute`: 2 operations a parameter and token read or written, 6 a token learnt from; a token a character,
an answer as long as its prompt and `extra_tokens` more. `most` holds for a tokenizer with no more tokens than
characters; padding, which is computed too, is in it. `least` holds for every tokenizer: a text has a token, an answer
its end mark. Pure, so that whoever has the job again counts the same.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from detent.errors import UsageError
from detent.evaluate.compute import answering
from detent.values import (
    Form,
    JudgeJob,
    Preference,
    PreferJob,
    ReinforceJob,
    ReviseJob,
    SampleJob,
    room_after,
)

READ = 2
"""Operations a parameter and token that is read or written."""

LEARNT = 6
"""Operations a parameter and token that is learnt from: forward, and backward at twice the price."""

_PLACE = re.compile(r"\{([a-z_]+)\}")
_MARK = 12  # characters of a fence's mark
_FENCE = 2 * _MARK + 7  # "<mark>\n" before what stands in a place, "\n</mark>" after it
_QUOTE = 2  # characters before each line of it; a text of n characters has at most n + 1 lines
_LEAST = 2  # tokens of a prompt with its answer: one, and the end mark


class Bounds(NamedTuple):
    """Operations of a training: fewer than `least` and more than `most` it cannot have taken."""

    least: float
    most: float


def sampling(parameters: int, job: SampleJob) -> float:
    """Of a model that writes so many answers to every prompt."""
    return job.samples * answering(parameters, job.prompts, job.extra_tokens)


def revising(parameters: int, job: ReviseJob) -> float:
    """Of a model that drafts where no drafts came along, and then uses all rounds on every draft."""
    drafted = 0.0 if job.drafts else answering(parameters, job.prompts, job.extra_tokens)
    return drafted + float(
        READ * parameters * job.rounds * sum(_round(job, n) for n in range(len(job.prompts)))
    )


def ruling(parameters: int, job: JudgeJob) -> float:
    """Of a judge that reads every pair in both orders."""
    tokens = 0
    for pair in job.pairs:
        held = {
            "prompt": pair.prompt,
            "first": pair.first,
            "second": pair.second,
            "principle": pair.principle,
        }
        tokens += 2 * _heard(
            _filled(job.form, {place: len(text) for place, text in held.items()}), job.verdicts
        )
    return float(READ * parameters * tokens)


def prefer_bound(parameters: int, job: PreferJob, rows: Sequence[Preference]) -> Bounds:
    """Of a training on the preferences of all of the job's files, which its reference reads as well.

    Raises:
        UsageError: there are none.
    """
    if not rows:
        raise UsageError(
            "at least one preference expected, got none; give the rows of all of the job's files"
        )
    longest = max(len(row.prompt) + max(len(row.chosen), len(row.rejected)) + 1 for row in rows)
    each, at_once = float((LEARNT + READ) * parameters * 2), min(job.pairs, len(rows))
    most = each * job.steps * at_once * max(longest, _LEAST)
    return Bounds(prefer_least(parameters, job, len(rows)), most)


def prefer_least(parameters: int, job: PreferJob, rows: int) -> float:
    """The least of a training on so many preferences, whatever they say; of none it is 0."""
    if not rows:
        return 0.0
    at_once = min(job.pairs, rows)
    # Each pair once before any comes again, and what is left of them at the end is a smaller step.
    whole, more = divmod(job.steps, -(-rows // at_once))
    return float((LEARNT + READ) * parameters * 2 * (whole * rows + more * at_once) * _LEAST)


def reinforce_bound(parameters: int, judge: int, job: ReinforceJob) -> Bounds:
    """Of a training on own answers: written, marked by a judge of `judge` parameters, read by the reference, learnt.

    An answer that does not fit the form is not marked, so that the least is without the judge. A judge with another
    tokenizer may read an answer as more tokens than it was written in: then `most` is an estimate, `least` is not.

    Raises:
        UsageError: there are no prompts.
    """
    if not job.prompts:
        raise UsageError("at least one prompt expected, got none; nothing is learnt without")
    answers = job.steps * job.prompts_a_step * job.group
    prompt = max(map(len, job.prompts))
    answer = room_after(prompt, job.extra_tokens) + 1
    form = _filled(job.form, {"prompt": prompt, "draft": answer})
    own = (LEARNT + READ) * (prompt + answer) + READ * (
        prompt + answer - 1
    )  # what is written last is not read
    least = (LEARNT + READ) * _LEAST + READ
    marked = form + answer + 1 if job.by == "praise" else _heard(form, job.verdicts)
    most = parameters * own + READ * judge * marked
    return Bounds(float(answers * parameters * least), float(answers * most))


def _round(job: ReviseJob, place: int) -> int:
    """Tokens of one round: the critique's question and the critique, the revision's question and the revision."""
    prompt = len(job.prompts[place])
    answer = room_after(prompt, job.extra_tokens)
    held = {
        "prompt": prompt,
        "draft": max(answer + 1, len(job.drafts[place]) if job.drafts else 0),
        "critique": job.critique_tokens,
        "principle": len(job.principles[place]) if job.principles else 0,
    }
    asked = 0 if job.critique is None else _filled(job.critique, held) + job.critique_tokens
    return asked + _filled(job.revise, held) + answer


def _filled(form: Form, held: dict[str, int]) -> int:
    """Characters of a form once texts of these lengths stand in its places."""
    parts = _PLACE.split(form.text)
    places = [_MARK if name == "mark" else _placed(held.get(name, 0), form) for name in parts[1::2]]
    return sum(map(len, parts[::2])) + sum(places)


def _placed(length: int, form: Form) -> int:
    return length + _QUOTE * (length + 1) + _FENCE if form.fenced else length


def _heard(asked: int, verdicts: tuple[str, str]) -> int:
    """Tokens read to hear a verdict: verdicts of a token are read off at once, others one by one."""
    if all(len(verdict) == 1 for verdict in verdicts):
        return asked
    return sum(asked + len(verdict) - 1 for verdict in verdicts)
