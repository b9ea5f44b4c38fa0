"""What a look found, for people and for programs: lines, a page with pictures, JSON.

>>> look_lines(looked)[0]
'after       generation 3, 5f0011223344'
"""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from detent.assembly.looking import Looked
from detent.disk import write_file
from detent.errors import UsageError
from detent.report import inside_page, readings
from detent.values import Interpreted

_SIGNS = 12
"""Of a digest."""


def look_lines(looked: Looked) -> list[str]:
    """What was compared, a sentence a section, what is absent and why, what a copy reads, and how long it took."""
    said = readings(looked.found, looked.control, _names(looked))
    return [
        *_compared(looked),
        *(reading.line for reading in said),
        f"copy        {_copy(looked)}",
        f"took        {looked.seconds:.1f} s",
    ]


def look_document(looked: Looked) -> dict[str, Any]:
    """The whole of it as JSON has it: `found`, `control` and `copy` are the figures, `said` the sentences."""
    said = readings(looked.found, looked.control, _names(looked))
    return {
        "generation": looked.generation,
        "after": looked.after,
        "against": looked.against,
        "before": looked.before,
        "trained_from": looked.trained_from,
        "said": {reading.section: reading.said for reading in said},
        "beside_control": {reading.section: reading.control for reading in said if reading.control},
        "found": _figures(looked.found),
        "control": None if looked.control is None else _figures(looked.control),
        "copy": _figures(looked.copy),
        "seconds": round(looked.seconds, 3),
    }


def write_look(looked: Looked, file: Path) -> None:
    """The same as one HTML file with every picture, where none is yet.

    Raises:
        UsageError: something of that name is there.
        StorageError: it cannot be written.
    """
    check_new(file)
    title = f"Generation {looked.generation} beside generation {looked.against}"
    compared = [
        f"After: generation {looked.generation}, {looked.after[:_SIGNS]}.",
        f"Before: {_before(looked)}, {looked.before[:_SIGNS]}.",
        f"A copy beside itself: {_copy(looked)}.",
    ]
    if looked.control is not None:
        compared.append(
            "Another seed: the same training made again from the same beginning, beside the same model before."
        )
    page = inside_page(title, compared, looked.found, looked.control, _names(looked))
    write_file(file, page.encode())


def check_new(file: Path) -> None:
    """Refuse to write over something, before a look is made that would be lost.

    Raises:
        UsageError: something of that name is there.
    """
    if file.exists():
        raise UsageError(f"a new file expected, got {file}, which exists; name another or remove it")


def _compared(looked: Looked) -> list[str]:
    lines = [
        f"after       generation {looked.generation}, {looked.after[:_SIGNS]}",
        f"before      {_before(looked)}, {looked.before[:_SIGNS]}",
    ]
    return lines if looked.control is None else [*lines, "control     the same training with another seed"]


def _before(looked: Looked) -> str:
    """Which model it is; that the candidate does not descend from the incumbent is no small thing."""
    if not looked.trained_from:
        return f"generation {looked.against}"
    return f"the member of the team after generation {looked.against} that it was trained from, not the one in force"


def _copy(looked: Looked) -> str:
    """What the model beside itself reads. A look whose copy does not read zero is no look: it ends with an error."""
    sections = looked.copy.sections
    return f"reads zero in {', '.join(sections)}" if sections else "was not looked at"


def _names(looked: Looked) -> dict[str, str]:
    """Models by generation; probes are always made on generation 0's, which comes first."""
    probes = looked.found.probes
    first = {probes.models[0]: "generation 0"} if probes is not UNSET and probes.models else {}
    return {
        looked.before: "what it was trained from" if looked.trained_from else f"generation {looked.against}",
        looked.after: f"generation {looked.generation}",
        **first,
    }


def _figures(found: Interpreted) -> dict[str, Any]:
    """Without the tag that tells records apart on the wire."""
    return {name: value for name, value in msgspec.to_builtins(found).items() if name != "type"}
