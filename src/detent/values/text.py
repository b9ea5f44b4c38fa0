r"""Words of others in one line: nothing in it moves a cursor, turns the reading round or goes on for ever.

>>> one_line("fine\n\x1b[2Jnow", 300)
'fine \\x1b[2Jnow'
"""

from unicodedata import ucd_3_2_0 as characters

SPACES = " \t\n\r\v\f"
_SHOWN = frozenset("LMNPS")
"""Kinds of characters, by a table that is the same in every Python: whoever reads again reads the same."""


def one_line(text: str, most: int) -> str:
    """At most so many characters, all of them letters, marks, numbers, signs and single spaces.

    All else is escaped as in Python: controls, what turns the direction of reading or has no width, halves of pairs,
    and what was no character in Unicode 3.2.
    """
    # Cut first: what follows takes as long as what is left.
    found = "".join(_shown(c) for c in text[: most + 1])
    found = " ".join(found.split())
    return found if len(found) <= most and len(text) <= most else found[: most - 3] + "..."


def _shown(character: str) -> str:
    kind = characters.category(character)[0]
    if character in SPACES or kind == "Z":
        return " "
    return character if kind in _SHOWN else ascii(character)[1:-1]
