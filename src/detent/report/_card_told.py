"""What a model card is made from: the run's story, the charter, the model, and what it was last asked."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from detent.charter import Charter
from detent.report.lineage import Ancestry
from detent.report.story import Opening, Story, Turn
from detent.values import Entry, Profiled, Requested

Form = Literal["whole", "adapter", "merged"]
"""whole: the model's own files. adapter: those of an adapter, its base beside it or on a hub. merged: both as one."""


class Adapted(Struct, frozen=True):
    """What an exported adapter, or a model that it was merged into, is made from.

    base: digest of the base's folder. named: where the exported files say that the base is, "" of a merged model.
    merged: digest of the merged folder's files, "" of an adapter.
    """

    base: str
    rank: int
    alpha: float
    layers: tuple[str, ...]
    named: str = ""
    merged: str = ""


class About(Struct, frozen=True):
    """An exported model, as far as the ledger does not tell it.

    generation: whose model it is. promoted: whether it ever was in force. withdrawn: what undid that, "" for nothing.
    files: name, bytes and SHA-256 of each of the files that its digest was computed from. architecture: as config.json
        says.
    base: what the charter calls the model that generation 0 began with. hub: (repository, revision) on a hub, if known.
    charter: version and digest of the one that the generation was decided under. log_key, size, root: of the ledger.
    adapted: None of a model that was trained whole.
    """

    digest: str
    generation: int
    promoted: bool
    withdrawn: str
    files: tuple[tuple[str, int, str], ...]
    architecture: str
    base: str
    charter: tuple[int, str]
    log_key: str
    size: int
    root: str
    hub: tuple[str, str] | None = None
    adapted: Adapted | None = None

    @property
    def form(self) -> Form:
        """What was exported."""
        if self.adapted is None:
            return "whole"
        return "merged" if self.adapted.merged else "adapter"


class Told(Struct, frozen=True):
    """Everything that the sections are made from. measured: the model's newest profile, fresh ones first."""

    story: Story
    charter: Charter
    about: About
    ancestry: Ancestry
    measured: Profiled | None

    @property
    def turn(self) -> Turn | None:
        """The closed generation that the model is of."""
        return next((one for one in self.story.turns if one.generation == self.about.generation), None)

    @property
    def opening(self) -> Opening | None:
        """The test that was about this very model."""
        found = self.turn.opening if self.turn else None
        return found if found and found.candidate == self.about.digest else None

    @property
    def asked(self) -> Requested | None:
        """What people were told before it was decided, where they were asked."""
        found = self.story.written.get(self.about.generation, {}).get("request/v1")
        return found if isinstance(found, Requested) else None


def measured_of(entries: Sequence[Entry], digest: str) -> Profiled | None:
    """The newest fresh profile of the model; else the newest visible one; None where it was never asked."""
    found = [one for one in entries if isinstance(one, Profiled) and one.profile.subject == digest]
    fresh = [one for one in found if one.purpose == "fresh"]
    chosen = fresh or found
    return chosen[-1] if chosen else None
