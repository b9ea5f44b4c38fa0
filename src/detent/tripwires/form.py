"""What there is to say about a tripwire before it measured anything: its name, its limits, what it does.

The charter's table, its checks and the table in docs/tripwires.md are made from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import asdict, fields

from detent.errors import UsageError
from detent.values import Action

Made = TypeVar("Made", bound=Struct)

Chance = Literal["none", "generation", "observation"]
"""How a wire uses its share of the false alarms. none: it has none to use, since chance cannot set it off or
nothing bounds how often it would. generation: one test a generation. observation: evidence that grows with every
observation, over generations."""


class LimitForm(Struct, frozen=True):
    """One limit. low, high: both allowed. default: None when there is no limit unless the charter sets one."""

    name: str
    default: float | None
    low: float
    high: float
    meaning: str


@dataclass(frozen=True, slots=True)
class WireForm:
    """One tripwire.

    action: what it does when it fires, unless the charter says otherwise.
    chance: how it uses false alarms.
    made: its Limits, a frozen record of floats.
    watches, statistic, fires, blind: what it looks at, what it computes from that, when it fires, and what it
    cannot see; each fits a table.
    """

    name: str
    action: Action
    chance: Chance
    made: type[Struct]
    watches: str
    statistic: str
    fires: str
    blind: str

    @property
    def limits(self) -> tuple[LimitForm, ...]:
        """Its limits, in the order in which they are declared."""
        return limit_forms(self.made)

    def with_limits(self, chosen: Mapping[str, float]) -> Any:
        """The wire's Limits with `chosen` in place of defaults.

        Raises:
            UsageError: no such limit, or a value out of its range.
        """
        names = [limit.name for limit in self.limits]
        unknown = sorted(set(chosen) - set(names))
        if unknown:
            raise UsageError(
                f"limits among {names} of tripwire {self.name} expected, got {unknown}; take them out"
            )
        made: Callable[..., Any] = self.made
        return check(self.name, made(**chosen))


def limit_forms(made: type[Struct]) -> tuple[LimitForm, ...]:
    """What the fields of a wire's Limits say about themselves."""
    hints = get_type_hints(made, include_extras=True)
    return tuple(
        _limit_form(field.name, None if field.default is NODEFAULT else field.default, hints[field.name])
        for field in fields(made)
    )


def check(wire: str, limits: Made) -> Made:
    """The limits, when each is in its range.

    Raises:
        UsageError: one is not.
    """
    given = asdict(limits)
    for limit in limit_forms(type(limits)):
        value = given[limit.name]
        unlimited = value is None and limit.default is None
        if not unlimited and not (value is not None and limit.low <= value <= limit.high):
            raise UsageError(
                f"{limit.name} from {limit.low:g} to {limit.high:g} expected for tripwire {wire}, got {value}; "
                f"correct [tripwires.{wire}] in the charter"
            )
    return limits


def _limit_form(name: str, default: float | None, hint: Any) -> LimitForm:
    meta = next(
        extra for extra in get_args(hint) if get_origin(hint) is Annotated and isinstance(extra, Meta)
    )
    low, high = (
        -inf if meta.ge is None else float(meta.ge),
        inf if meta.le is None else float(meta.le),
    )
    return LimitForm(name, default, low, high, meta.description or "")
