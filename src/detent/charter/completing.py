"""From a draft to the text that stewards sign: what `init` fills in, and every word of the author's kept.

Lines are added, none is changed: `keys` under `quorum`, `sha256` under each `source`, [seal] at the end.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from detent.charter._faults import dotted
from detent.charter._lines import Path, key_lines
from detent.errors import CharterError

SEAL = """
[seal]  # filled in by `detent init`: the problems nobody can have trained on come from here
tip = "{tip}"
length = {length}
"""


def complete(
    draft: str,
    keys: Sequence[str],
    tip: str,
    length: int,
    task_digests: Mapping[str, str],
    *,
    file: str = "charter.toml",
) -> str:
    """The charter's text.

    Args:
        draft: text that `parse_draft` accepted.
        keys: the stewards' verify keys.
        tip: s_0 of the seal's chain, in hex.
        length: links of the chain.
        task_digests: SHA-256 (hex) of the file of every task in [tasks].
        file: what messages call the draft.

    Raises:
        CharterError: the draft's layout leaves no line to add to.
    """
    listed = ", ".join(f'"{key}"' for key in keys)
    additions: list[tuple[Path, str]] = [(("stewards", "quorum"), f"keys = [{listed}]")]
    additions += [
        (("tasks", name, "source"), f'sha256 = "{digest}"') for name, digest in sorted(task_digests.items())
    ]
    lines = draft.rstrip("\n").split("\n")
    places = key_lines(draft)
    for path, addition in sorted(additions, key=lambda each: places[each[0]], reverse=True):
        _add_under(lines, places[path], path, addition, file)
    text = "\n".join(lines) + "\n" + SEAL.format(tip=tip, length=length)
    _expect(text, _filled(tomllib.loads(draft), keys, tip, length, task_digests), file)
    return text


def _add_under(lines: list[str], number: int, path: Path, addition: str, file: str) -> None:
    """Put `addition` under the line of the key `path`, written the way it is: indented, dotted or not."""
    line = lines[number - 1]
    written = re.match(rf"(\s*(?:[^=#]*\.)?\s*){path[-1]}\s*=", line)
    if written is None:
        raise CharterError(
            f"{file}:{number}: {path[-1]} on a line of its own expected under [{dotted(path[:-1])}], "
            f"got {line.strip()!r}; write it so, and `init` can add to it"
        )
    lines.insert(number, written[1] + addition)


def _filled(
    document: dict[str, Any], keys: Sequence[str], tip: str, length: int, task_digests: Mapping[str, str]
) -> dict[str, Any]:
    document["stewards"]["keys"] = list(keys)
    document["seal"] = {"tip": tip, "length": length}
    for name, digest in task_digests.items():
        document["tasks"][name]["sha256"] = digest
    return document


def _expect(text: str, document: dict[str, Any], file: str) -> None:
    """Lines were added blindly, so the result is read again: it must say what was meant and nothing else."""
    try:
        got = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        got = None
    if got != document:
        raise CharterError(
            f"{file}: `quorum` under [stewards] and `source` under each [tasks.NAME] expected, each on "
            "a line of its own, got another layout; write them so, and `init` can add to it"
        )
