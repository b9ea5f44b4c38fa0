"""What a problem, and what a tripwire says, must look like, whoever made it."""

import unicodedata
from collections.abc import Callable

from detent.values import Problem

LONGEST = 4096
"""Characters a prompt or an answer may have."""

LONGEST_TEXT = 65_536
"""The same where prompts are words: of the gym, and of a file of rows."""

LONGEST_SENTENCE = 400
"""Characters a user's tripwire may say."""

MOST_MARKS = 8
"""Marks that a task may put on a problem."""

LONGEST_MARK = 30
"""Characters of a mark's name."""

MOST_CLASSES = 32
"""Values that a mark may have: 0 and up."""

_STRANGE = frozenset({"Cc", "Cs"})
"""Unicode's control characters, and halves of characters, which are no text."""


def flaw(problem: Problem, of_text: Callable[[str], str] | None = None) -> str:
    """What is wrong with the texts of `problem`, as a sentence; empty when nothing is.

    of_text: says it of one text; `sign_flaw` when None.
    """
    for name, text in (("a prompt", problem.prompt), ("an answer", problem.answer)):
        if not text:
            return f"{name} of at least one character expected, got an empty one"
        if sentence := (of_text or sign_flaw)(text):
            return f"{name} of {sentence}"
    return ""


def sign_flaw(text: str) -> str:
    """What is wrong with a text that any model made here must be able to spell."""
    if len(text) > LONGEST:
        return f"at most {LONGEST} characters expected, got {len(text)}"
    if not (text.isascii() and text.isprintable()):
        return f"printable ASCII expected, got {text[:40]!r}"
    return ""


def text_flaw(text: str) -> str:
    """What is wrong with a text in words, of any script and of several lines: no other control characters."""
    if len(text) > LONGEST_TEXT:
        return f"at most {LONGEST_TEXT} characters expected, got {len(text)}"
    if (
        text.replace("\n", "").replace("\t", "").isprintable()
    ):  # fast; what it calls unprintable may be a space
        return ""
    strange = [one for one in text if unicodedata.category(one) in _STRANGE and one not in "\n\t"]
    return f"text without control characters expected, got {strange[0]!r} in it" if strange else ""


def marks_flaw(problem: Problem, marks: object) -> str:
    """What is wrong with what a task says of a problem, as a sentence; empty when nothing is."""
    if type(marks) is not dict or len(marks) > MOST_MARKS:
        return f"a dict of at most {MOST_MARKS} marks expected from marks(), got {_cut(marks)}"
    for name, values in marks.items():
        if type(name) is not str or not (
            0 < len(name) <= LONGEST_MARK and name.isascii() and name.isprintable()
        ):
            return f"a name of 1 to {LONGEST_MARK} printable ASCII characters expected from marks(), got {_cut(name)}"
        if type(values) is not tuple or len(values) not in {1, len(problem.answer)}:
            return (
                f"a tuple of 1 number, or of {len(problem.answer)}, one for each sign of the answer, expected from "
                f"marks() as {name}, got {_cut(values)}"
            )
        if strange := [one for one in values if type(one) is not int or not 0 <= one < MOST_CLASSES]:
            return f"whole numbers from 0 to {MOST_CLASSES - 1} expected from marks() as {name}, got {_cut(strange[0])}"
    return ""


def _cut(value: object) -> str:
    return f"{type(value).__name__} {value!r}"[:80]


def sentence_flaw(sentence: str) -> str:
    """What is wrong with what a tripwire said, as a sentence; empty when nothing is. People read it in a terminal."""
    if not sentence.strip():
        return "a sentence, or None when all is well, expected from the function, got an empty text"
    if len(sentence) > LONGEST_SENTENCE:
        return f"a sentence of at most {LONGEST_SENTENCE} characters expected from the function, got {len(sentence)}"
    if not sentence.isprintable():
        return f"one line of printable text expected from the function, got {sentence[:40]!r}"
    return ""
