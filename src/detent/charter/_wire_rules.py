"""[tripwires]: a wire is built in, and has the limits of its form, or it is the author's own, and has a source."""

import difflib
from collections.abc import Iterator, Mapping
from math import isinf
from sys import float_info
from typing import Any

from detent.charter._faults import Fault, shown
from detent.charter.catalogue import Catalogue, LimitForm, WireForm
from detent.charter.named_files import DraftWire, Wire

LARGEST_FLOAT = float_info.max
"""What a limit without a bound may be at most: infinity is no limit."""

OWN = ("action", "source", "sha256")
"""Keys of a wire of the author's own; its limits stand in its file."""


def wire_faults(sections: Mapping[str, Any], catalogue: Catalogue) -> Iterator[Fault]:
    """What is wrong with each wire's table."""
    for name, wire in sections["tripwires"].items():
        form = catalogue.tripwires.get(name)
        if form is not None:
            yield from _built_in(name, wire, form)
        elif wire.own:
            yield from _own(name, wire)
        else:
            yield _nobodys(name, catalogue)


def completed(tables: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The tables of all wires, the built-in ones first, each with its action and every limit."""
    filled: dict[str, Any] = {
        name: {"action": form.action, **_defaults(form)} for name, form in catalogue.tripwires.items()
    }
    for name, table in tables.items():
        # A limit written as 1 is 1.0.
        given = {key: float(value) if isinstance(value, int) else value for key, value in table.items()}
        filled[name] = filled.get(name, {}) | given
    return filled


def _defaults(form: WireForm) -> dict[str, float]:
    return {name: each.default for name, each in form.limits.items() if each.default is not None}


def _built_in(name: str, wire: DraftWire, form: WireForm) -> Iterator[Fault]:
    if wire.own:
        yield Fault(
            ("tripwires", name, "source"),
            f"nothing expected beside a tripwire of Detent's, got {shown(wire.source)}; rename yours, or remove this",
        )
    if isinstance(wire, Wire) and wire.sha256:
        yield Fault(
            ("tripwires", name, "sha256"), "nothing expected beside a tripwire of Detent's; remove this"
        )
    for key, value in (wire.__pydantic_extra__ or {}).items():
        limit = form.limits.get(key)
        if limit is None:
            yield _unknown(name, key, ("action", *form.limits))
        elif not _inside(value, limit):
            upwards = (
                f"of at least {limit.low:g}" if isinf(limit.high) else f"from {limit.low:g} to {limit.high:g}"
            )
            wanted = f"a number {upwards}"
            yield Fault(("tripwires", name, key), f"{wanted} expected, got {shown(value)}")


def _own(name: str, wire: DraftWire) -> Iterator[Fault]:
    for key in wire.__pydantic_extra__ or {}:
        if key == "sha256":
            yield Fault(
                ("tripwires", name, key), "nothing expected in a draft: `init` fills it in; remove it"
            )
        else:
            yield _unknown(name, key, OWN)
    if isinstance(wire, Wire) and not wire.sha256:
        yield Fault(("tripwires", name, "sha256"), "64 lower-case hex digits expected, got nothing")


def _nobodys(name: str, catalogue: Catalogue) -> Fault:
    names = sorted(catalogue.tripwires)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"Detent's are {', '.join(names) or 'none'};"
    return Fault(
        ("tripwires", name),
        f"a tripwire of Detent's or one of your own expected, got {shown(name)}; {hint} "
        'for your own add source = "FILE.py:function"',
    )


def _unknown(name: str, key: str, known: tuple[str, ...]) -> Fault:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"its keys are {', '.join(known)}"
    return Fault(("tripwires", name, key), f"a key of [tripwires.{name}] expected, got {shown(key)}; {hint}")


def _inside(value: object, limit: LimitForm) -> bool:
    """Whether it is a finite number, and within; nan is within nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return limit.low <= value <= min(limit.high, LARGEST_FLOAT)
