"""Several jobs' progress as one: what is done and what there is to do, added up."""

from collections.abc import Callable
from threading import Lock

from detent.values import Progress


class Together:
    """Hands each job a `watch` of its own and tells one about them all."""

    def __init__(self, watch: Callable[[Progress], None], jobs: int) -> None:
        self._watch = watch
        self._latest: list[Progress | None] = [None] * jobs
        self._lock = Lock()

    def watch(self, place: int) -> Callable[[Progress], None]:
        """The watch of the job in that place; may be called in a thread of its own."""

        def told(progress: Progress) -> None:
            with self._lock:
                self._latest[place] = progress
                self._watch(self._sum(progress))

        return told

    def _sum(self, last: Progress) -> Progress:
        """Jobs that have said nothing yet count as large as the one that speaks."""
        known = [progress for progress in self._latest if progress is not None]
        silent = len(self._latest) - len(known)
        return Progress(
            phase=last.phase,
            done=sum(progress.done for progress in known),
            total=sum(progress.total for progress in known) + silent * last.total,
            note=last.note,
        )
