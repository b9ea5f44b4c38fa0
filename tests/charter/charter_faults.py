"""How the tests of bad drafts and charters are written, and how they see what was said."""

from typing import NamedTuple

import pytest
from tests.charter.charter_texts import CATALOGUE

from detent.charter import parse_charter, parse_draft
from detent.errors import CharterError

KEY = 'a verify key "name+hash+base64"'


class Bad(NamedTuple):
    """A change to the small draft, and the error's one line (its beginning, and what it must also say)."""

    old: str
    new: str
    begins: str
    says: str = ""


def added(text: str) -> tuple[str, str]:
    return "[direction]", f"{text}\n\n[direction]"


def after(text: str) -> tuple[str, str]:
    return "improve = { copy = 9, reverse = 9 }\n", f"improve = {{ copy = 9, reverse = 9 }}\n{text}\n"


def faults(text: str, *, complete: bool = False) -> list[str]:
    """The lines of the error, without the file's name."""
    with pytest.raises(CharterError) as caught:
        (parse_charter if complete else parse_draft)(text, CATALOGUE)
    lines = str(caught.value).split("\n")
    assert all(line.startswith("charter.toml:") for line in lines)
    return [line.removeprefix("charter.toml:") for line in lines]
