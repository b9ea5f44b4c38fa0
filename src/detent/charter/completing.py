"""From a draft to the text that stewards sign: what `init` fills in, and every word of the author's kept.

Lines are added, none is changed: `keys` and `recovery` under `quorum` where the author lists none, `sha256` under each
`source` and under the constitution's `file`, [seal] at the end.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from detent.charter._editing import add_under, expect, put
from detent.charter._lines import Path, key_lines

SEAL = """
[seal]  # filled in by `detent init`: the problems nobody can have trained on come from here
tip = "{tip}"
length = {length}
"""

GYM = """
[gym]  # filled in by `detent init`: the library that draws the problems of gym: tasks, all its files
library = "{library}"
sha256 = "{sha256}"
levels = {levels}
"""

ML_DSA = """ml_dsa = "{key}"  # the ledger's second signature
"""

Pin = tuple[str, str, Mapping[str, tuple[int, ...]]]

Value = str | list[str] | dict[str, str]

LAYOUT = (
    "`quorum` under [stewards], `source` under each [tasks.NAME], [tripwires.NAME] and [proxies.NAME], and `file` "
    "under [constitution] expected, each on a line of its own, got another layout; write them so, and `init` "
    "can add to it"
)


def complete(
    draft: str,
    keys: Sequence[str],
    tip: str,
    length: int,
    task_digests: Mapping[str, str],
    *,
    recovery: str = "",
    wire_digests: Mapping[str, str] | None = None,
    proxy_digests: Mapping[str, str] | None = None,
    constitution: tuple[str, Mapping[str, str]] | None = None,
    ml_dsa: str = "",
    gym: Pin | None = None,
    file: str = "charter.toml",
) -> str:
    """The charter's text.

    Args:
        draft: text that `parse_draft` accepted.
        keys: the stewards' verify keys; those that the draft lists itself stay as they are.
        tip: s_0 of the seal's chain, in hex.
        length: links of the chain.
        task_digests: SHA-256 (hex) of the file of every task in [tasks].
        recovery: a verify key, "" for none; one that the draft names itself stays as it is.
        wire_digests: SHA-256 (hex) of the file of every tripwire of the author's own in [tripwires].
        proxy_digests: SHA-256 (hex) of the file of every proxy in [proxies].
        constitution: SHA-256 (hex) of the constitution's file, and of those it names; None without one.
        ml_dsa: verify key of the ledger's second signature, "" for none.
        gym: version and SHA-256 (hex) of the library of `gym:` tasks, and its levels that each of them stands for; None
            where no such task is improved.
        file: what messages call the draft.

    Raises:
        CharterError: the draft's layout leaves no line to add to.
    """
    document = tomllib.loads(draft)
    lines = draft.rstrip("\n").split("\n")
    places = key_lines(draft)
    named = {"tasks": task_digests, "tripwires": wire_digests or {}, "proxies": proxy_digests or {}}
    additions = _additions(document, keys, recovery, named)
    if constitution is not None:
        additions += _pinned(*constitution)
    # From the last line up, so that the places above stay right.
    for path, key, value in sorted(additions, key=lambda each: places[each[0]], reverse=True):
        add_under(lines, places[path], path, f"{key} = {_written(value)}", file)
        put(document, (*path[:-1], key), value)
    document["seal"] = {"tip": tip, "length": length} | ({"ml_dsa": ml_dsa} if ml_dsa else {})
    second = ML_DSA.format(key=ml_dsa) if ml_dsa else ""
    library = ""
    if gym is not None:
        version, sha256, levels = gym
        document["gym"] = {
            "library": version,
            "sha256": sha256,
            "levels": {n: list(each) for n, each in levels.items()},
        }
        said = ", ".join(f'"{name}" = {list(each)}' for name, each in sorted(levels.items()))
        library = GYM.format(library=version, sha256=sha256, levels=f"{{ {said} }}")
    text = "\n".join(lines) + "\n" + SEAL.format(tip=tip, length=length) + second + library
    expect(text, document, file, LAYOUT)
    return text


def _additions(
    document: Mapping[str, Any], keys: Sequence[str], recovery: str, digests: Mapping[str, Mapping[str, str]]
) -> list[tuple[Path, str, Value]]:
    """(the path of the key to stand under, the key to add, its value)."""
    under: Path = ("stewards", "quorum")
    additions: list[tuple[Path, str, Value]] = []
    if recovery and "recovery" not in document["stewards"]:
        additions.append((under, "recovery", recovery))
    if "keys" not in document["stewards"]:
        additions.append((under, "keys", list(keys)))  # after it, so that it comes to stand above it
    for table, named in digests.items():
        additions += [((table, name, "source"), "sha256", digest) for name, digest in sorted(named.items())]
    return additions


def _pinned(sha256: str, files: Mapping[str, str]) -> list[tuple[Path, str, Value]]:
    """What stands under the constitution's file; the last one added comes to stand first."""
    under: Path = ("constitution", "file")
    others: list[tuple[Path, str, Value]] = [(under, "files", dict(sorted(files.items())))] if files else []
    return [*others, (under, "sha256", sha256)]


def _written(value: Value) -> str:
    if isinstance(value, dict):
        return (
            f"{{ {', '.join(f'{_written(name)} = {_written(digest)}' for name, digest in value.items())} }}"
        )
    return f'"{value}"' if isinstance(value, str) else f"[{', '.join(map(_written, value))}]"
