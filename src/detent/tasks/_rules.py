"""What a problem must look like, whoever made it."""

from detent.values import Problem

LONGEST = 4096
"""Characters a prompt or an answer may have."""


def flaw(problem: Problem) -> str:
    """What is wrong with the texts of `problem`, as a sentence; empty when nothing is."""
    for name, text in (("a prompt", problem.prompt), ("an answer", problem.answer)):
        if not text:
            return f"{name} of at least one character expected, got an empty one"
        if len(text) > LONGEST:
            return f"{name} of at most {LONGEST} characters expected, got {len(text)}"
        if not (text.isascii() and text.isprintable()):
            return f"{name} of printable ASCII expected, got {text[:40]!r}"
    return ""
