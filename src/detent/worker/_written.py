"""Answers that a job has been given already, so that one that is killed asks only what is left.

    >>> kept = Written(Path("staging/resume-label-5f0c21aa4b1d"))
    >>> answers = kept.once(["a model", prompts, limits], lambda: complete(...))

What was asked names the file, so an answer to something else is never taken for it.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from detent.subject.generate import Completion
from detent.values import sha256_hex

SECONDS = 2.0
"""What was answered faster than this is asked again: that costs less than to write it down."""


class Written:
    """In `folder`, which need not be there."""

    def __init__(self, folder: Path, seconds: float = SECONDS) -> None:
        self._folder = folder
        self._seconds = seconds

    def once(self, asked: list[Any], ask: Callable[[], list[Completion]]) -> list[Completion]:
        """What `ask` answers, or has answered before a kill.

        A disk that refuses costs what would have been kept, and not the job.
        """
        path = self._folder / f"{sha256_hex(msgspec.json.encode(asked))}.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=list[Completion])
        except FileNotFoundError:
            pass
        except (OSError, msgspec.DecodeError) as error:
            sys.stderr.write(f"answers expected in {path}, got {error}; they are asked again\n")
        began = time.monotonic()
        answers = ask()
        if time.monotonic() - began >= self._seconds:
            self._keep(path, answers)
        return answers

    def _keep(self, path: Path, answers: list[Completion]) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_suffix(".new")
            new.write_bytes(msgspec.json.encode(answers))
            new.replace(path)
        except OSError as error:
            sys.stderr.write(f"answers could not be kept: {error}\n")
