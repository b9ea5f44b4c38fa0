"""What stands around a prompt: the model's chat template where its tokenizer has one, nothing where not.

    >>> asked(tokenizer, ["What is one plus two?"])     # <|im_start|>user What ... <|im_end|> <|im_start|>assistant
    [[1, 882, ...]]

The template is rendered once, around a mark, and cut at it: what a prompt or an answer says is never seen by the
template, and is spelt as data (`spell`).  So no text of a problem becomes a special token or another turn, and a
template cannot treat two prompts differently.  The same at training and at answering.

A template may ask for the date, or let the model think aloud before it answers. Results must not depend on the day,
and an answer is compared as a whole: the date stands still (`DATE`), and thinking is switched off where a template
has a switch for it (`enable_thinking`, as Qwen 3 and SmolLM 3 have).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from weakref import WeakKeyDictionary

from transformers import PreTrainedTokenizerBase

from detent.errors import SubjectError
from detent.subject.spell import Piece, encode, spell, spell_texts

Prompt = str | Sequence[int]  # text, or token ids where `spelt_prompt` made them
DATE = date(2026, 1, 1)
"""Every day, for a template that asks."""

# Transformers lets templates ask `strftime_now` for the time, and hands them no function of ours: it is defined over in
# front of the template.
_CODES = ("%-d", *(f"%{letter}" for letter in "aAbBdHIjmMpSyY"))
_STANDING = (
    "{%- macro strftime_now(form) -%}{{- form "
    + " ".join(f"| replace('{code}', '{DATE.strftime(code)}')" for code in _CODES)
    + " -}}{%- endmacro %}{{- '' }}"
)
_PROMPT = "detentspromptstandshere"
_ANSWER = "detentsanswerstandshere"


@dataclass(frozen=True, slots=True)
class Turn:
    """What stands before and after a prompt, and what ends the answer to it.

    before, after: text of the template, special tokens by their names. lead: ids before all of it. end: one id.
    """

    before: str
    after: str
    lead: tuple[int, ...]
    end: int


_turns: WeakKeyDictionary[PreTrainedTokenizerBase, Turn] = WeakKeyDictionary()


def turn_of(tokenizer: PreTrainedTokenizerBase) -> Turn:
    """The turn of a tokenizer's template, or a bare one; a tokenizer is not changed after the first call.

    Raises:
        SubjectError: the template cannot be rendered around a prompt, or nothing ends an answer.
    """
    if tokenizer not in _turns:
        _turns[tokenizer] = _templated(tokenizer) if tokenizer.chat_template else _bare(tokenizer)
    return _turns[tokenizer]


def spelt_prompt(tokenizer: PreTrainedTokenizerBase, pieces: Sequence[Piece]) -> list[int]:
    """The token ids of a prompt that is made of pieces, as the model is asked it. Raises as `spell`."""
    turn = turn_of(tokenizer)
    around = [(turn.before, False), *pieces, (turn.after, False)]
    return [*turn.lead, *spell(tokenizer, [piece for piece in around if piece[0]])]


def asked(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt]) -> list[list[int]]:
    """The token ids of each prompt, as the model is asked it; one that is token ids already stays as it is.

    Raises:
        SubjectError: a prompt is empty, or the vocabulary cannot spell it.
    """
    texts = [prompt for prompt in prompts if isinstance(prompt, str)]
    turn = turn_of(tokenizer) if texts else None
    if turn is None or (turn.before, turn.after) == ("", ""):
        lead = turn.lead if turn else ()
        spelt = iter([*lead, *ids] for ids in spell_texts(tokenizer, texts))
    else:
        if not all(texts):
            raise SubjectError("texts of at least one token expected, got ''")
        spelt = (spelt_prompt(tokenizer, [(text, True)]) for text in texts)
    return [next(spelt) if isinstance(prompt, str) else list(prompt) for prompt in prompts]


def end_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """The id that ends an answer. Raises as `turn_of`."""
    return turn_of(tokenizer).end


def _bare(tokenizer: PreTrainedTokenizerBase) -> Turn:
    """Text alone, after the mark that some tokenizers begin every text with."""
    some = encode(tokenizer, ["0"])[0]
    whole: list[int] = tokenizer("0", add_special_tokens=True)["input_ids"]
    places = [place for place in range(len(whole)) if whole[place : place + len(some)] == some]
    return Turn("", "", tuple(whole[: places[0]] if places else ()), _end_of_text(tokenizer))


def _templated(tokenizer: PreTrainedTokenizerBase) -> Turn:
    question = {"role": "user", "content": _PROMPT}
    opened = _rendered(tokenizer, [question], opens_answer=True)
    if opened.count(_PROMPT) != 1:
        raise SubjectError(
            f"a chat template with the user's words in one place expected, got {opened.count(_PROMPT)} places; set "
            '[subject] chat = "never"'
        )
    before, _, after = opened.partition(_PROMPT)
    answered = _rendered(tokenizer, [question, {"role": "assistant", "content": _ANSWER}], opens_answer=False)
    tail = answered.partition(_ANSWER)[2]
    special = set(tokenizer.get_added_vocab().values())
    ends = [token for token in (encode(tokenizer, [tail])[0] if tail else []) if token in special]
    return Turn(before, after, (), ends[0] if ends else _end_of_text(tokenizer))


def _rendered(
    tokenizer: PreTrainedTokenizerBase, turns: Sequence[dict[str, str]], *, opens_answer: bool
) -> str:
    try:
        return str(
            tokenizer.apply_chat_template(
                list(turns),
                chat_template=_STANDING + str(tokenizer.get_chat_template()),
                tokenize=False,
                add_generation_prompt=opens_answer,
                enable_thinking=False,
                date_string=DATE.strftime("%d %b %Y"),
            )
        )
    except Exception as error:  # a template raises what it likes
        raise SubjectError(
            f"a chat template for one question of a user and its answer expected, got: {error}; set [subject] chat = "
            '"never"'
        ) from error


def _end_of_text(tokenizer: PreTrainedTokenizerBase) -> int:
    if not isinstance(tokenizer.eos_token_id, int):
        raise SubjectError(
            "an end-of-sequence token expected, got none; set eos_token in the tokenizer's files"
        )
    return tokenizer.eos_token_id
