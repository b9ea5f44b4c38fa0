"""Everything that is wrong with a charter, each with its place, as one error."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, NoReturn, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from detent.charter._form import WRONG, Says, Section
from detent.charter._lines import Path
from detent.errors import CharterError

LONGEST_SHOWN = 60
"""Characters of a wrong value that a message shows."""

BARE = re.compile("[A-Za-z0-9_-]+")
"""A key that TOML writes without quotes."""

KEY = "[key]"
"""How pydantic marks that the key of a mapping is wrong, not its value."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: where, and "... expected, got ..." in one sentence."""

    path: Path
    sentence: str


def read_sections(
    model: type[Section], document: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """The top-level values that are in order, and what is wrong with the others."""
    try:
        whole = model.model_validate(document)
    except ValidationError as error:
        faults = _innermost([_fault(model, each) for each in error.errors()])
        wrong = {fault.path[0] for fault in faults}
        hints = get_type_hints(model, include_extras=True)
        sound = {
            name: TypeAdapter(hints[name]).validate_python(document[name])
            if name in document
            else field.default
            for name, field in model.model_fields.items()
            if name not in wrong
        }
        return sound, faults
    return {name: getattr(whole, name) for name in model.model_fields}, ()


def refuse(faults: Iterable[Fault], lines: Mapping[Path, int], file: str) -> NoReturn:
    """Raise one CharterError with a line for each fault, in the order of the file."""
    placed = sorted((_line_of(fault.path, lines), dotted(fault.path), fault.sentence) for fault in faults)
    raise CharterError("\n".join(f"{file}:{line}: {path}: {sentence}" for line, path, sentence in placed))


def dotted(path: Path) -> str:
    """A key path as TOML writes it; array elements by their index."""
    return ".".join(
        shown(step) if isinstance(step, str) and not BARE.fullmatch(step) else str(step) for step in path
    )


def shown(value: object) -> str:
    """A TOML value as a message shows it, short and without control characters."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            text = value if len(value) <= LONGEST_SHOWN else value[:LONGEST_SHOWN] + "..."
            return '"' + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text) + '"'
        case Mapping():
            return "a table" if value else "an empty table"
        case list():
            return "an array" if value else "an empty array"
        case _:
            return str(value)[:LONGEST_SHOWN]


def _line_of(path: Path, lines: Mapping[Path, int]) -> int:
    """Of the key, or of the nearest table around it that the file has; 1 when there is none."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _fault(model: type[Section], error: Any) -> Fault:
    path: Path = tuple(step for step in error["loc"] if step != KEY)
    if error["type"] == "extra_forbidden":
        return Fault(path, _unknown(model, path))
    wanted = error["msg"] if error["type"] == WRONG else _words(_kind_at(model, path))
    return Fault(path, f"{wanted} expected, got {_got(error)}")


def _innermost(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """Without those that only repeat a fault further in: a list of wrong keys is no empty list."""
    further = {fault.path[:length] for fault in faults for length in range(len(fault.path))}
    return tuple(fault for fault in faults if fault.path not in further)


def _got(error: Any) -> str:
    return "nothing" if error["type"] == "missing" else shown(error["input"])


def _unknown(model: type[Section], path: Path) -> str:
    known = list(_bare(_kind_at(model, path[:-1])).model_fields)
    place = f"[{dotted(path[:-1])}]" if path[:-1] else model.called
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"its keys are {', '.join(known)}"
    return f"a key of {place} expected, got {shown(path[-1])}; {hint}"


def _kind_at(model: type[Section], path: Path) -> Any:
    """The annotation of the value that stands at `path`."""
    kind: Any = model
    for step in path:
        inside = _bare(kind)
        if isinstance(inside, type) and issubclass(inside, Section):
            kind = get_type_hints(inside, include_extras=True)[str(step)]
        else:
            kind = get_args(inside)[1 if get_origin(inside) is Mapping else 0]
    return kind


def _bare(kind: Any) -> Any:
    """Without what is said beside a type, and without None, which TOML cannot say."""
    inside = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_args(inside)[0] if get_origin(inside) is UnionType else inside


def _is_filled(kind: Any) -> bool:
    """Whether an array of that kind must have an element."""
    said = (part for each in getattr(kind, "__metadata__", ()) for part in getattr(each, "metadata", ()))
    return any(getattr(part, "min_length", 0) for part in said)


def _words(kind: Any) -> str:
    said = [each.wanted for each in getattr(kind, "__metadata__", ()) if isinstance(each, Says)]
    if said:
        return str(said[0])
    inside = _bare(kind)
    if isinstance(inside, type) and issubclass(inside, Section):
        needed = [name for name, field in inside.model_fields.items() if field.is_required()]
        return f"a table with {', '.join(needed)}" if needed else "a table"
    if get_origin(inside) is tuple:
        few = "one or more of " if _is_filled(kind) else ""
        return f"an array with {few}{_words(get_args(inside)[0])}"
    return "a table with at least one key"
