r"""How the figures of a look inside are written: shares, nats, blocks, and the models' own text, which is data.

>>> percent(0.812), percent(0.041), nats(0.3149), quoted('say "3"\n')
('81 %', '4.1 %', '.31 nats', '"say \\"3\\"\\n"')
"""

import re
from collections.abc import Iterable

from detent.report._words import clip, count, plain, small

LONGEST_TOKEN, LONGEST_NAME = 24, 60

_MOST = 100.0
"""A share beyond which only that is said: of a gain near nothing every share is huge, and no digit of it means much."""

_NAME = re.compile(r"[\w.\- ]+", re.ASCII)


def percent(share: float) -> str:
    """A share in percent, with two digits that count: `81 %`, `4.1 %`, `less than .1 %`, `-12 %`, `0 %`."""
    if abs(share) > _MOST:
        return "more than 10,000 %" if share > 0 else "less than -10,000 %"
    hundred = 100 * share
    if not share:
        return "0 %"
    if 0 < abs(hundred) < 0.1:  # noqa: PLR2004  one decimal would be 0
        return "less than .1 %" if share > 0 else "0 %"
    digits = 0 if abs(hundred) >= 9.95 else 1  # noqa: PLR2004  10 has two digits
    return f"{_bare(f'{hundred:,.{digits}f}')} %"


def nats(value: float) -> str:
    """An amount of information, two digits: `.31 nats`, `1.3 nats`, `12 nats`, `2.0e-05 nats`."""
    return f"{figure(value)} nats"


def figure(value: float) -> str:
    """A number with two digits that count, and no leading zero: `.31`, `1.3`, `140`."""
    size = abs(value)
    sign = "-" if value < 0 else ""
    if size >= 1e6:  # noqa: PLR2004  beyond, digits are not counted by eye
        return f"{value:.1e}"
    if size >= 0.995:  # noqa: PLR2004  two digits round it to 1.0
        return sign + (f"{size:,.0f}" if size >= 9.95 else f"{size:.1f}")  # noqa: PLR2004
    return sign + small(size)


def hundredths(value: float) -> str:
    """A correlation or a share with two decimals and no leading zero: `.71`, `1.00`, `-.30`."""
    return _bare(f"{value:.2f}")


def quoted(text: str, width: int = LONGEST_TOKEN) -> str:
    r"""A model's text between quotes, on one line: what is not seen is an escape, and no quote ends it early."""
    seen = (_ESCAPES.get(c) or (c if c.isprintable() else c.encode("unicode_escape").decode()) for c in text)
    return f'"{_cut(list(seen), width)}"'


_ESCAPES = {'"': '\\"', "\\": "\\\\"}


def _cut(signs: list[str], width: int) -> str:
    """Whole signs alone: an escape is never cut in two, which could free the quote behind it."""
    kept: list[str] = []
    room = width
    for sign in signs:
        room -= len(sign)
        if room < 0:
            return "".join(kept) + "…"
        kept.append(sign)
    return "".join(kept)


def named(name: str) -> str:
    """A part's or a module's name: bare where it is a plain name, else quoted as every text of a worker is."""
    return clip(plain(name), LONGEST_NAME) if _NAME.fullmatch(name) else quoted(name, LONGEST_NAME)


def layer(pair: tuple[int, int]) -> str:
    """A layer by what ends in it, in after's numbers: `block 3`, `block 3 (block 2 before)`, `the embedding`."""
    was, now = pair
    return _layer(now) if was == now else f"{_layer(now)} ({_layer(was)} before)"


def block(pair: tuple[int, int]) -> str:
    """A block in after's numbers."""
    was, now = pair
    return f"block {now}" if was == now else f"block {now} (block {was} before)"


def place(number: int) -> str:
    """A place of an answer, counted from 0: `the answer's first place`, `the answer's place 3`."""
    return f"the answer's place {number + 1}" if number else "the answer's first place"


def several(numbers: Iterable[int], of: int) -> str:
    """Some of the blocks: `block 2 of 4`, `blocks 2, 3 of 5`."""
    each = list(numbers)
    shown = ", ".join(map(str, each[:8])) + (", ..." if len(each) > 8 else "")  # noqa: PLR2004
    return f"block{'s' if len(each) > 1 else ''} {shown} of {of}"


def token_list(texts: Iterable[str]) -> str:
    """Some tokens, quoted."""
    return ", ".join(map(quoted, list(texts)[:3]))


def things(amount: int, noun: str) -> str:
    """`no place`, `1 place`, `3 places`."""
    return f"{count(amount) if amount else 'no'} {noun}{'' if amount == 1 else 's'}"


def _layer(number: int) -> str:
    return f"block {number}" if number else "the embedding"


def _bare(written: str) -> str:
    """Without the zero before a point."""
    return re.sub(r"^(-?)0\.", r"\1.", written)
