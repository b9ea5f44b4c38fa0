r"""Other people's words in Markdown and YAML: what a charter or a model says is text there, and nothing else.

>>> text("<b>5*6</b>")
'&lt;b&gt;5\\*6&lt;/b&gt;'
>>> quoted('a: "b"')
'"a: \\"b\\""'
"""

import json
import re

from detent.report._words import clip, plain
from detent.report.figures import Table

LONGEST = 1000
"""Characters of a text that are shown."""

_MEANS_SOMETHING = re.compile(
    r"[\\`*_\[\]#|~$@]|:(?=\S)|(?<=www)\.|^[-+=]|^\d{1,9}[.)](?=\s|$)", re.IGNORECASE
)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def text(said: str) -> str:
    """`said` on one line, so that every reader of Markdown shows it as it is: no mark-up, HTML, link or table cell.

    Every sign that means something in CommonMark or its table, link and formula extensions is written so that it does
    not (CommonMark 0.31, s. 2.4 and 2.5).
    """
    line = clip(plain(said), LONGEST)
    entities = "".join(_ENTITIES.get(sign, sign) for sign in line)
    return _MEANS_SOMETHING.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", entities)


def quoted(said: str) -> str:
    """`said` on one line as a double-quoted YAML scalar, which is a string whatever it says (YAML 1.2, s. 7.3.1)."""
    return json.dumps(clip(plain(said), LONGEST), ensure_ascii=False)


def table(shown: Table) -> list[str]:
    """A table's lines; every cell is other people's words to it."""
    heads = [text(cell) for cell in shown.head]
    rules = ["---:" if place >= shown.numbers else "---" for place in range(len(heads))]
    return [_row(cells) for cells in (heads, rules, *([text(cell) for cell in row] for row in shown.rows))]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
