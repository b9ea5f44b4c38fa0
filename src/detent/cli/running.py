"""`detent run`: drive the loop, show how it goes, stop cleanly."""

import signal
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from detent.assembly import EXIT_CODES, run_loop
from detent.report import plain
from detent.values import Progress as Step

PHASES = {
    "build": "building",
    "reshape": "reshaping",
    "train": "training",
    "label": "labelling",
    "answer": "evaluating",
    "interpret": "looking inside",
    "elicit": "eliciting",
    "merge": "merging",
    "score": "judging",
    "sample": "sampling",
    "revise": "revising",
    "judge": "judging",
    "prefer": "training on preferences",
    "reinforce": "training on rewards",
    "suggest": "searching",
}

STOPPING = (signal.SIGINT, signal.SIGTERM)


def run_and_show(folder: Path, generations: int | None) -> None:
    """Turn the cycle in `folder`; prints one line a generation. Ctrl-C and SIGTERM stop it cleanly."""
    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as it is in the background
            signal.signal(number, _interrupt)
    with Display() as display:
        try:
            ended = run_loop(folder, generations, watch=display.step, say=display.say)
        except KeyboardInterrupt:
            display.say(f"stopped; nothing is lost. Go on with: detent run {folder}")
            raise SystemExit(130) from None
    typer.echo(plain(ended.sentence))
    raise SystemExit(EXIT_CODES[ended.stop])


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Stop, once: impatience must not cut short what ends the workers and gives the lock back."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


class Display:
    """Progress bars on a terminal; on a pipe, only the lines that stay."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._bars = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("[dim]{task.fields[note]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._bar: TaskID | None = None
        self._phase = ""
        self._began = 0.0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        """A line that stays, with nothing in it that a terminal obeys."""
        self._clear()
        self._console.print(plain(line), markup=False)

    def step(self, step: Step) -> None:
        """A job went on: `done` of `total`."""
        if self._bar is None or step.phase != self._phase or step.done < 2:  # noqa: PLR2004
            self._clear()
            self._phase, self._began = step.phase, time.monotonic()
            self._bar = self._bars.add_task(PHASES[step.phase], total=step.total, rate="", note="")
        seconds = time.monotonic() - self._began
        rate = f"{step.done / seconds:,.0f}/s" if seconds > 0.5 else ""  # noqa: PLR2004
        note = escape(plain(step.note))
        self._bars.update(self._bar, completed=step.done, total=step.total, rate=rate, note=note)
        if step.done >= step.total:
            self._clear()

    def _clear(self) -> None:
        if self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = None
