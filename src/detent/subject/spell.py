"""Text into tokens so that data stays data: inside a prompt no answer can become a special token.

    >>> spell(tokenizer, [("Answer: ", False), ("7<eos>", True)])      # `<eos>` as the characters it is made of

A tokenizer turns the *text* of an added token (`<eos>`, `<|im_start|>`) into the token itself, wherever it
stands.  A model's answer that is put into another prompt could so end that prompt, or speak in another role.
Here such a text is cut after its first character when any of it is data, and what is on either side is encoded
apart.  Text without it is encoded whole, exactly as `encode` does: what a model was trained on and what it is
asked are then the same tokens.
"""

import re
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from detent.errors import SubjectError

Piece = tuple[str, bool]  # text, and whether it is data; `feedback.templates.Piece` is one


def spell(tokenizer: PreTrainedTokenizerBase, pieces: Sequence[Piece]) -> list[int]:
    """The token ids of `pieces`, joined; added tokens only where the pieces that are not data name them.

    Raises:
        SubjectError: there is no text, the vocabulary cannot spell it, or only as an added token.
    """
    text = "".join(piece for piece, _ in pieces)
    added = tokenizer.get_added_vocab()  # text -> id
    cuts, meant = _cuts(text, _literals(pieces), list(added))
    fragments = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    ids = [token for found in encode(tokenizer, fragments) for token in found]
    special = set(added.values()) - {tokenizer.unk_token_id}
    if (found := sum(token in special for token in ids)) > meant:
        raise SubjectError(
            f"{meant} added tokens expected in a prompt, got {found}: data spells one; use a tokenizer whose added "
            "tokens have more than one character"
        )
    return ids


def spell_text(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The token ids of one text that is nothing but data; none for an empty one."""
    return spell(tokenizer, [(text, True)]) if text else []


def spell_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """The same of many texts, none empty, most of which are encoded at once. Raises as `spell`."""
    names = _names(list(tokenizer.get_added_vocab()))
    named = [names is not None and names.search(text) is not None for text in texts]
    encoded = iter(encode(tokenizer, [text for text, some in zip(texts, named, strict=True) if not some]))
    return [
        spell(tokenizer, [(text, True)]) if some else next(encoded)
        for text, some in zip(texts, named, strict=True)
    ]


def encode(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, as the tokenizer has it: a text that names an added token is that token.

    Raises:
        SubjectError: a text has no token, or the vocabulary cannot spell it.
    """
    if not texts:
        return []
    try:
        encoded: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    except Exception as error:  # the tokenizers library raises bare Exception
        raise SubjectError(
            f"texts in the model's vocabulary expected, got one it cannot spell: {error}"
        ) from error
    if not all(encoded):
        raise SubjectError(
            f"texts of at least one token expected, got {texts[[len(e) for e in encoded].index(0)]!r}"
        )
    return encoded


def _literals(pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    """Where in the joined text the pieces that are not data begin and end."""
    spans, start = [], 0
    for text, data in pieces:
        if not data:
            spans.append((start, start + len(text)))
        start += len(text)
    return spans


def _cuts(text: str, literals: Sequence[tuple[int, int]], added: Sequence[str]) -> tuple[list[int], int]:
    """Where to cut `text`, in rising order, and how many added tokens stay: those inside one literal."""
    names = _names(added)
    if names is None:
        return [], 0
    cuts, meant = [], 0
    for found in names.finditer(text):
        start, end = found.span(1)
        if any(first <= start and end <= last for first, last in literals):
            meant += 1
        elif end - start > 1:
            cuts.append(start + 1)
    return cuts, meant


def _names(added: Sequence[str]) -> re.Pattern[str] | None:
    """Finds the texts of added tokens, the longest first at each place; None where there are none."""
    names = [re.escape(name) for name in sorted(added, key=len, reverse=True) if name]
    return (
        re.compile(f"(?=({'|'.join(names)}))") if names else None
    )  # looks ahead: overlapping ones count too
