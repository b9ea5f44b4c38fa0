"""What a problem, and what a tripwire says, must look like, whoever made it."""

from detent.values import Problem

LONGEST = 4096
"""Characters a prompt or an answer may have."""

LONGEST_SENTENCE = 400
"""Characters a user's tripwire may say."""


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


def sentence_flaw(sentence: str) -> str:
    """What is wrong with what a tripwire said, as a sentence; empty when nothing is. People read it in a terminal."""
    if not sentence.strip():
        return "a sentence, or None when all is well, expected from the function, got an empty text"
    if len(sentence) > LONGEST_SENTENCE:
        return f"a sentence of at most {LONGEST_SENTENCE} characters expected from the function, got {len(sentence)}"
    if not sentence.isprintable():
        return f"one line of printable text expected from the function, got {sentence[:40]!r}"
    return ""
