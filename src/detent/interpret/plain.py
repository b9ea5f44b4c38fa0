r"""Text of a model on one plain line.

    >>> plain("a\tb\x1b[2J")
    'a\\tb\\x1b[2J'

It is shown to people, in terminals and pages: nothing in it may move a cursor, turn a line around or be unseen.
"""

import unicodedata

from transformers import PreTrainedTokenizerBase

LONGEST = 200
"""Characters of a text."""

_CUT = "…"


def plain(text: str) -> str:
    """Beginning of a text, with what is no sign or space escaped."""
    found = _escaped(text)
    return found if len(found) <= LONGEST else found[: LONGEST - 1] + _CUT


def plain_end(text: str) -> str:
    """Likewise its end."""
    found = _escaped(text)
    return found if len(found) <= LONGEST else _CUT + found[1 - LONGEST :]


def token_text(tokenizer: PreTrainedTokenizerBase, token: int) -> str:
    """A token as text: as it is written, as the vocabulary has it where that alone is no text, or by its number."""
    written = str(tokenizer.decode([token], skip_special_tokens=False)) if token < len(tokenizer) else ""
    if written and "\ufffd" not in written:
        return plain(written)
    named = tokenizer.convert_ids_to_tokens(token) if token < len(tokenizer) else None
    return plain(str(named)) if named else f"token {token}"


def _escaped(text: str) -> str:
    return "".join(one if one == " " or _shown(one) else ascii(one)[1:-1] for one in text)


def _shown(one: str) -> bool:
    return unicodedata.category(one)[0] not in "CZ"
