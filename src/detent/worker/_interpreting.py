"""One interpret job: what changed between two models inside."""

from detent.interpret.pack import looked
from detent.values import Interpreted, InterpretJob
from detent.values.wire import Tell
from detent.worker._labelling import answer_limits
from detent.worker._shelf import Shelf


def interpreted(job: InterpretJob, shelf: Shelf, tell: Tell) -> Interpreted:
    """Look inside the two models of a job."""
    return looked(
        job,
        shelf.subject,
        lambda subject, prompts: answer_limits(subject, prompts, job.extra_tokens),
        tell,
    )
