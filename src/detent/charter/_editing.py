"""Changing a TOML text line by line, so that every comment stays, and reading the result again to be sure.

Lines are changed blindly, at the places that `key_lines` names; `expect` then refuses whatever says anything else
than was meant. So a layout that this does not understand is refused, and never changed wrongly.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from detent.charter._faults import dotted
from detent.charter._lines import Path, key_lines
from detent.errors import CharterError


def add_under(lines: list[str], number: int, path: Path, addition: str, file: str) -> None:
    """Put `addition` under line `number`, that of the key `path`, written the way it is: indented, dotted or not.

    Raises:
        CharterError: the key stands on no line of its own.
    """
    line = lines[number - 1]
    written = re.match(rf"(\s*(?:[^=#]*\.)?\s*){path[-1]}\s*=", line)
    if written is None:
        raise CharterError(
            f"{file}:{number}: {path[-1]} on a line of its own expected under [{dotted(path[:-1])}], "
            f"got {line.strip()!r}; write it so, and `init` can add to it"
        )
    lines.insert(number, written[1] + addition)


def with_version(text: str, version: int) -> str:
    """The text with its version replaced, or put before `purpose` when it has none."""
    places = key_lines(text)
    lines = text.split("\n")
    if ("version",) in places:
        number = places[("version",)] - 1
        lines[number] = re.sub(r"(=\s*)[0-9_]+", rf"\g<1>{version}", lines[number], count=1)
    else:
        lines.insert(places[("purpose",)] - 1, f"version = {version}")
    return "\n".join(lines)


def with_strings(text: str, changes: Mapping[Path, tuple[str, str]]) -> str:
    """The text with the string at each path replaced: (old, new), none of which needs an escape."""
    places = key_lines(text)
    lines = text.split("\n")
    for path, (old, new) in changes.items():
        number = places[path] - 1
        quoted = re.search(rf"""(["']){re.escape(old)}\1""", lines[number])
        if quoted is not None:  # the first on the line that is left: comments come last
            start, end = quoted.start() + 1, quoted.end() - 1
            lines[number] = lines[number][:start] + new + lines[number][end:]
    return "\n".join(lines)


def with_added(text: str, additions: Mapping[Path, tuple[str, str]]) -> str:
    """The text with another string behind the one at each path, in the same list: (there, new), without escapes."""
    places = key_lines(text)
    lines = text.split("\n")
    for path, (there, new) in additions.items():
        number = places[path] - 1
        quoted = list(re.finditer(rf"""(["']){re.escape(there)}\1""", lines[number].split("#")[0]))
        if quoted:  # the last on the line: it is the last of its list
            end = quoted[-1].end()
            lines[number] = f'{lines[number][:end]}, "{new}"{lines[number][end:]}'
    return "\n".join(lines)


def put(document: dict[str, Any], path: Path, value: object) -> None:
    """Set what stands at `path`; what it is in is there already."""
    inside: Any = document
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value


def expect(text: str, document: Mapping[str, Any], file: str, advice: str) -> None:
    """Return when the text says what was meant, and nothing else.

    Raises:
        CharterError: it does not.
    """
    try:
        got = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        got = None
    if got != document:
        raise CharterError(f"{file}: {advice}")
