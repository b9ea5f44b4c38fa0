"""Every key of a TOML text has the line it stands on, however it is written."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.charter import default_text
from detent.charter._lines import Path, key_lines

LAYOUTS = {
    "a key": ("\na = 1", ("a",), 2),
    "a dotted key": ("a.b.c = 1\na.b.d = 2", ("a", "b", "d"), 2),
    "what a dotted key is in": ("x = 1\na.b.c = 1\na.b.d = 2", ("a", "b"), 2),
    "a section": ("# first\n\n[a.b]\n", ("a", "b"), 3),
    "a key in a section": ("[a]\nx = 1\n  y = 2 # z = 3\n", ("a", "y"), 3),
    "a key with spaces around": ("[ a . b ]\n c . d = 1", ("a", "b", "c", "d"), 2),
    "a quoted key": ('["a.b"]\n"c = \\" d" = 1', ("a.b", 'c = " d'), 2),
    "a literal key": ("'a#b' = 1", ("a#b",), 1),
    "a key in an inline table": ("x = 1\na = { b = 1, c = { d = 2 } }", ("a", "c", "d"), 2),
    "after a text with brackets": ('a = "]}#"\nb = 1', ("b",), 2),
    "after a literal text": ("a = '\\'\nb = 1", ("b",), 2),
    "after an escaped quote": ('a = "\\\\\\""\nb = 1', ("b",), 2),
    "after a text of several lines": ('a = """\nb = 0\n\\""""\nc = 1', ("c",), 4),
    "after a text that ends in quotes": ('a = """x"""""\nb = 1', ("b",), 2),
    "after a literal text of several lines": ("a = '''\nb = 0\n'''''\nc = 1", ("c",), 4),
    "after an array of several lines": ("a = [ # ]\n  1, # ]\n  [2],\n]\nb = 1", ("b",), 5),
    "an element of an array": ("a = [\n  1,\n  [2,\n   3],\n]", ("a", 1, 1), 4),
    "a table in an array": ("a = [\n  {b = 1},\n  {b = 2},\n]", ("a", 1, "b"), 3),
    "an array of tables": ("[[a]]\nb = 1\n[[a]]\nb = 2", ("a", 1, "b"), 4),
    "a section in an array of tables": ("[[a]]\n[[a]]\n[a.b]\nc = 1", ("a", 1, "b", "c"), 4),
    "an array of tables in another": ("[[a]]\n[[a.b]]\n[[a.b]]\nc = 1", ("a", 0, "b", 1, "c"), 4),
    "windows lines": ("a = 1\r\n[b]\r\nc = 1\r\n", ("b", "c"), 3),
    "after a date and a number": ("a = 1979-05-27 07:32:00\nb = -inf\nc = 1", ("c",), 3),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_a_key_stands_where_it_is_written(case: str) -> None:
    text, path, line = LAYOUTS[case]
    tomllib.loads(text)
    assert key_lines(text)[path] == line


KEYS = st.text("ab.#= \"'[]{}\\\né", min_size=1, max_size=6)
TEXTS = st.text("ab.#= \"'[]{}\\\n,", max_size=12)
ATOMS = TEXTS | st.integers(-9, 9) | st.booleans()
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4)


def written(value: Any) -> str:
    """A TOML value; arrays take a line an element."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {written(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[\n" + "".join(f"{written(each)},\n" for each in value) + "]"
    return json.dumps(value)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a document."""
    inside = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, each in inside:
        yield (*path, key)
        yield from paths(each, (*path, key))


@given(document=DOCUMENTS)
def test_every_place_of_a_document_has_a_line(document: dict[str, Any]) -> None:
    text = ""
    first: dict[Path, int] = {}
    for section, content in document.items():
        first[(section,)] = text.count("\n") + 1
        text += f"[{json.dumps(section)}]  # [no.section]\n"
        for key, value in content.items():
            first[section, key] = text.count("\n") + 1
            text += f"{json.dumps(key)} = {written(value)}\n"
    assert tomllib.loads(text) == document
    lines = key_lines(text)
    assert set(lines) == set(paths(document))
    assert {path: lines[path] for path in first} == first


def test_the_default_draft_has_each_key_on_a_line_that_names_it() -> None:
    text = default_text()
    rows = text.split("\n")
    for path, line in key_lines(text).items():
        if isinstance(path[-1], str):
            assert path[-1] in rows[line - 1]
