r"""Where each key of a TOML text stands.

>>> key_lines('[pace]\nlease = { generations = 8 }')[("pace", "lease", "generations")]
2

Reads only text that `tomllib` has accepted, so it looks for structure and never for mistakes.
"""

import re
import tomllib

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'""")
_TEXT = re.compile(r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|'[^']*\'''', re.DOTALL)
_BARE = re.compile(r"[^,\]}\n#]+")


def key_lines(text: str) -> dict[Path, int]:
    """Line number (from 1) of every key, table and array element, by its path."""
    scan = _Scan(text)
    scan.document()
    return scan.lines


class _Scan:
    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._counted_to = 0
        self._line = 1
        self._arrays: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> Path:
        double = self._text.startswith("[[", self._at)
        self._at += 1 + double
        keys = self._dotted()
        self._at += 1 + double
        path: Path = ()
        for key in keys[:-1]:
            path = self._latest((*path, key))
        path = (*path, keys[-1])
        if double:
            self._arrays[path] = self._arrays.get(path, -1) + 1
            self._note(path)
            path = (*path, self._arrays[path])
        self._note(path)
        return path

    def _latest(self, path: Path) -> Path:
        return (*path, self._arrays[path]) if path in self._arrays else path

    def _pair(self, table: Path) -> None:
        path = (*table, *self._dotted())
        for length in range(len(table) + 1, len(path) + 1):
            self._note(path[:length])
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _dotted(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACE)
            key = self._skip(_KEY)
            keys.append(key if key[0] not in "\"'" else tomllib.loads(f"key = {key}")["key"])
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _value(self, path: Path) -> None:
        first = self._text[self._at]
        if first == "{":
            self._items("}", path)
        elif first == "[":
            self._items("]", path)
        else:
            self._skip(_TEXT if first in "\"'" else _BARE)

    def _items(self, closing: str, path: Path) -> None:
        """The pairs of an inline table, or the elements of an array."""
        self._at += 1
        index = 0
        self._skip(_BLANK)
        while self._text[self._at] != closing:
            if closing == "}":
                self._pair(path)
            else:
                self._note((*path, index))
                self._value((*path, index))
            index += 1
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_BLANK)
        self._at += 1

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"TOML that tomllib accepts expected, got {self._text[self._at :][:40]!r}")
        self._at = match.end()
        return match[0]

    def _note(self, path: Path) -> None:
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        self.lines.setdefault(path, self._line)
