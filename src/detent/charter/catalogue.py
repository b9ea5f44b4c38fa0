"""What a charter may name, and what the gate needs at least, handed in by whoever knows tasks, gate and tripwires."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from detent.values import Action

Kind = Literal["superiority", "non_inferiority", "floor"]

LeastLimit = Callable[[Kind, float, int, float], int]
"""(kind of test, its bound, last opening k, error budget) -> the smallest item limit at opening 1 with which
openings 1 .. k can all pass. Raises UsageError when no limit does."""


@dataclass(frozen=True, slots=True)
class LimitForm:
    """One limit of a tripwire, in the unit that the wire documents, and from where to where it may be.

    default: None when there is no limit unless the charter sets one. high: infinity when nothing bounds it.
    """

    default: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class WireForm:
    """What a charter may say of a tripwire: its action, of which this is the default, and these limits."""

    action: Action
    limits: Mapping[str, LimitForm] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The built-in tasks' names, the gate's need for items, the built-in tripwires, and what principles may name.

    probes, checkers: names of the built-in ones of a constitution.
    gym: top levels of the tasks of reasoning-gym, by their names without `gym:`.
    unfit: why others of its tasks cannot be improved, by their names.
    """

    tasks: Collection[str]
    least_limit: LeastLimit
    tripwires: Mapping[str, WireForm] = field(default_factory=dict)
    probes: Collection[str] = ()
    checkers: Collection[str] = ()
    gym: Mapping[str, int] = field(default_factory=dict)
    unfit: Mapping[str, str] = field(default_factory=dict)
