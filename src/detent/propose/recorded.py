"""What a server said, kept so that all that follows can be computed again: by loop, `verify` and `replay` alike.

    >>> keeping = Keeping(ask)                       # asks, and keeps what was said
    >>> tested = examined(sitting, cases, keeping, tasks)
    >>> examined(sitting, cases, from_record(keeping.rows), tasks) == tested
    True

The loop itself goes on from the record, never from the answers: what was said and not kept has no effect.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from msgspec import structs

from detent.charter import Feedback, Subject
from detent.errors import EngineError, TrustError
from detent.propose.contests import MOST_PAIRS, Contested
from detent.values import (
    AnswerJob,
    Answers,
    Item,
    Job,
    Judged,
    JudgeJob,
    Result,
    Ruling,
    Sample,
    Sampled,
    SampleJob,
)
from detent.values.feedback import verdict_of
from detent.values.room import LONGEST_TOKEN, room_after
from detent.values.serving import Compared, Heard, Kept, Wrote


class Keeping:
    """Asks as `ask` does, and keeps every ruling and answer."""

    def __init__(self, ask: Callable[[Job], Result]) -> None:
        self._ask = ask
        self.rows: list[Kept] = []

    def __call__(self, job: Job) -> Result:
        """The result of the job."""
        result = self._ask(job)
        match job, result:
            case JudgeJob(), Judged():
                said = zip(job.pairs, result.rulings, strict=True)
                self.rows += [Heard(pair, ruling.odds) for pair, ruling in said]
            case AnswerJob(), Answers():
                written = zip(job.prompts, result.completions, strict=True)
                self.rows += [Wrote(job.model, prompt, text) for prompt, text in written]
            case SampleJob(), Sampled():
                self.rows += [
                    Wrote(job.model, prompt, one.text, one.ended)
                    for prompt, samples in zip(job.prompts, result.samples, strict=True)
                    for one in samples
                ]
            case _:
                raise EngineError(
                    f"rulings or answers expected where a server is asked, got {type(result).__name__}; run again"
                )
        return result


def from_record(rows: Iterable[Kept]) -> Callable[[Job], Result]:
    """Answers jobs from what was kept. Its answers raise TrustError where something was not asked."""
    kept = list(rows)
    heard = {row.contest: row.odds for row in kept if isinstance(row, Heard)}
    wrote = {(row.model, row.prompt): row.text for row in kept if isinstance(row, Wrote)}

    def ask(job: Job) -> Result:
        try:
            if isinstance(job, JudgeJob):
                odds = [heard[pair] for pair in job.pairs]
                return Judged(rulings=tuple(Ruling(verdict_of(one, job.margin), one) for one in odds))
            if isinstance(job, AnswerJob):
                return Answers(completions=tuple(wrote[job.model, prompt] for prompt in job.prompts))
        except KeyError as error:
            raise TrustError(
                f"what a server said of {str(error)[:200]} expected on record, got nothing"
            ) from error
        raise TrustError(f"rulings or answers expected to be asked for on record, got {type(job).__name__}")

    return ask


def taught_again(
    rows: Iterable[Kept], prompts: Sequence[str], feedback: Feedback, subject: Subject
) -> Sampled:
    """What the charter's teacher answered to these prompts, by the record.

    One that the subject could not write itself counts as one that did not end, and nothing is learnt from it: it is
    longer than any answer of its may be, or has characters that a model made here has no token for. A server may send
    what it likes, and what stands on record would be trained on again in every try.

    Raises:
        TrustError: it has not so many answers to each, or others.
    """
    said: defaultdict[str, list[Sample]] = defaultdict(list)
    wrote = [row for row in rows if isinstance(row, Wrote)]
    if [(row.model, row.prompt) for row in wrote] != [
        (feedback.teacher, one) for one in prompts for _ in range(feedback.samples)
    ]:
        raise TrustError(
            f"{feedback.samples} answers of {feedback.teacher} to each of {len(prompts)} prompts expected on record, "
            "got others"
        )
    for row in wrote:
        said[row.prompt].append(Sample(row.text, row.ended, 0.0))
    return writable(Sampled(samples=tuple(tuple(said[prompt]) for prompt in prompts)), prompts, subject)


def writable(sampled: Sampled, prompts: Sequence[str], subject: Subject) -> Sampled:
    """The same samples, where one that the subject could not write itself counts as one that did not end.

    Whoever wrote them, a server or a worker that holds a candidate: what is kept for training has these bounds.
    """
    return Sampled(
        samples=tuple(
            tuple(
                structs.replace(one, ended=one.ended and _could_be_written(prompt, one.text, subject))
                for one in samples
            )
            for prompt, samples in zip(prompts, sampled.samples, strict=True)
        )
    )


def _could_be_written(prompt: str, text: str, subject: Subject) -> bool:
    most = room_after(len(prompt), subject.room)
    if subject.built:  # a token a character of printable ASCII
        return len(text) <= most and text.isascii() and text.isprintable()
    return len(text) <= LONGEST_TOKEN * most


def as_compared(asked: Iterable[Contested]) -> list[Kept]:
    """Lines that say which answers were compared."""
    return [
        Compared(one.item.slice.task, one.item.slice.level, one.item.problem.prompt, one.pairs)
        for one in asked
    ]


def contested_again(items: Sequence[Item], rows: Iterable[Kept]) -> list[Contested]:
    """Which answers were compared, by the record, of problems that were drawn.

    Raises:
        TrustError: it names others, or answers that are no neighbours in the order of their text.
    """
    alone = {(item.slice.task, item.problem.prompt): item for item in reversed(items)}
    order = list(dict.fromkeys((item.slice.task, item.problem.prompt) for item in items))
    compared = [row for row in rows if isinstance(row, Compared)]
    if [(row.task, row.prompt) for row in compared] != order:
        raise TrustError(f"answers to {len(order)} problems that were drawn expected on record, got others")
    for row in compared:
        texts = [text for pair in row.pairs for text in pair]
        chained = all(pair[1] == after[0] for pair, after in zip(row.pairs, row.pairs[1:], strict=False))
        if len(row.pairs) > MOST_PAIRS or not chained or any(first >= second for first, second in row.pairs):
            raise TrustError(f"at most {MOST_PAIRS} pairs of neighbours expected on record, got {texts[:4]}")
        if row.level != alone[row.task, row.prompt].slice.level:
            raise TrustError(f"level {alone[row.task, row.prompt].slice.level} expected, got {row.level}")
    return [Contested(alone[row.task, row.prompt], row.pairs) for row in compared]
