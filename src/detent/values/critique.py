"""Right or wrong, character by character: what a judge is asked about an answer, and what it would say.

    >>> question("R123=", "331"), marks("331", "321"), praise("331")
    ('R123=331?', 'ynyN', 'yyyY')

The last mark is the verdict; the others say where it comes from, to people as well. What lets a judge tell right from
wrong beyond the lengths it was taught on is that it learns to write answers too, with marks or with one word
(docs/benchmarks.md).
"""

ASKED = "?"


def question(prompt: str, draft: str) -> str:
    """What the judge reads: the problem, the answer, and the sign that asks."""
    return f"{prompt}{draft}{ASKED}"


def marks(draft: str, answer: str) -> str:
    """A mark for each character of the draft, y where the answer has the same one there; then Y or N for the whole."""
    each = ["y" if place < len(answer) and one == answer[place] else "n" for place, one in enumerate(draft)]
    return "".join([*each, "Y" if draft == answer else "N"])


def praise(draft: str) -> str:
    """The marks of a draft that is right."""
    return marks(draft, draft)
