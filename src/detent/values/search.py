"""A search over settings as a job: what it is told, and the points that it would try next."""

from msgspec import Struct

from detent.values._record import Record
from detent.values.changes import Setting
from detent.values.space import Dimension


class Told(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings that were tried, and what they gained over the plan as it was, of the visible ladder."""

    settings: dict[str, Setting]
    score: float


class SuggestJob(Record, frozen=True, tag="suggest"):
    """Choose `count` points of `space` to try next, given what was tried."""

    space: tuple[Dimension, ...]
    told: tuple[Told, ...]
    count: int
    seed: int


class SuggestedPoints(Record, frozen=True, tag="points"):
    """One set of settings a point."""

    points: tuple[dict[str, Setting], ...]
