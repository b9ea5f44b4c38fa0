"""What a page needs of a run that is served, and of all of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from detent.charter import SignedCharter
from detent.report import Story
from detent.values import State


class View(Protocol):
    """A run at one moment. fault: why it cannot be read on, "" where it can."""

    @property
    def state(self) -> State:
        """The ledger, folded."""

    @property
    def signed(self) -> SignedCharter | None:
        """The charter in force; None where the run was not read yet."""

    @property
    def fault(self) -> str:
        """Why the run cannot be read on."""

    @property
    def running(self) -> bool:
        """Whether a living process holds its ledger."""


class Room(Protocol):
    """One run. signed and story raise UsageError where the run was not read yet."""

    name: str
    folder: Path

    @property
    def view(self) -> View:
        """Everything of one moment."""

    @property
    def state(self) -> State:
        """The ledger, folded."""

    @property
    def signed(self) -> SignedCharter:
        """The charter in force."""

    @property
    def story(self) -> Story:
        """The run, told."""

    @property
    def version(self) -> int:
        """Grows whenever something is to be shown anew."""

    @property
    def fault(self) -> str:
        """Why the run cannot be read on."""


class House(Protocol):
    """All runs."""

    @property
    def rooms(self) -> Sequence[Room]:
        """In the order in which they were named."""

    def run(self, name: str) -> Room:
        """Raises UsageError where there is none of that name."""
