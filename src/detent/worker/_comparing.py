"""One compare job: the first model writes, both read."""

from detent.interpret.comparison import compare
from detent.values import Compared, CompareJob
from detent.values.wire import Tell
from detent.worker._labelling import answer_limits
from detent.worker._shelf import Shelf


def compared(job: CompareJob, shelf: Shelf, tell: Tell) -> Compared:
    """Compare the second model to the first."""
    before, after = (shelf.subject(digest) for digest in job.models)
    limits = answer_limits(before, job.prompts, job.extra_tokens)
    found = compare(before, after, job.prompts, max_new_tokens=limits, on_progress=tell)
    return Compared(
        divergence=found.divergence,
        flips=found.flips,
        similarity=found.similarity,
        tokens=found.tokens,
        unmatched=found.unmatched,
    )
