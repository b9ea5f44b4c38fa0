"""An engine without workers, models or time: a function answers each job. For tests of everything above.

    >>> engine = FakeEngine(lambda job: Answers(completions=tuple("1" for _ in job.prompts)))

It keeps the promises of `Engine`, so what works on it works on a real one: results are held against their jobs,
a `JobFailure` is raised, an opening answers and nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from detent.engine.base import Ask, Watch, believed, only_answers, refuse_looks
from detent.errors import UsageError
from detent.values import Job, Result

Handler = Callable[[Job], Result]


class FakeEngine:
    """Answers jobs with `handler`.

    jobs: every job so far with the worker that ran it: "run", or "opening 1", "opening 2", ...
    """

    confined = False
    unconfined_because = "there is no worker: a function in this process answers the jobs"

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._openings = 0
        self._open = False
        self._closed = False
        self.jobs: list[tuple[str, Job]] = []

    def run(self, job: Job, watch: Watch) -> Result:  # noqa: ARG002  a function has no progress to tell
        """As in `Engine`."""
        refuse_looks([job])
        return self._answer("run", job)

    @property
    def width(self) -> int:
        """As in `Engine`."""
        return 1

    def run_all(self, jobs: Sequence[Job], watch: Watch) -> list[Result]:
        """As in `Engine`; one after the other."""
        return [self.run(job, watch) for job in jobs]

    @contextmanager
    def opening(self) -> Iterator[Ask]:
        """As in `Engine`."""
        if self._open:
            raise UsageError("one opening at a time expected, got a second; end the first before")
        self._openings += 1
        name = f"opening {self._openings}"
        self._open = live = True

        def ask(job: Job, watch: Watch) -> Result:  # noqa: ARG001  as in run
            if not live:
                raise UsageError(f"a job inside {name} expected, got one after its end; open another")
            return self._answer(name, only_answers(job))

        try:
            yield ask
        finally:
            self._open = live = False

    def close(self) -> None:
        """As in `Engine`."""
        self._closed = True

    def _answer(self, worker: str, job: Job) -> Result:
        if self._closed:
            raise UsageError("an open engine expected, got a closed one; make another")
        self.jobs.append((worker, job))
        return believed(job, self._handler(job))
