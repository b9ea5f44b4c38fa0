"""A long question that is cut after any batch goes on to the same answers, drawn ones too; and asks no batch twice."""

from collections.abc import Callable
from typing import Any

import pytest
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from detent.subject.generate import complete
from detent.subject.likelihood import log_chances
from detent.subject.portions import Portions

PROMPTS = [f"C{n}=" for n in (1, 2, 3, 44, 55, 66, 777, 888)]
ROWS = 2  # to a batch: of three lengths there are five
BATCHES = 5


class CutError(Exception):
    """The power goes."""


class Memory:
    """Keeps everything; nothing where it was made with something else."""

    def __init__(self, found: list[Any] | None = None, drawn: bytes = b"") -> None:
        self.found, self.drawn = found or [], drawn

    def restore(self) -> tuple[list[Any], bytes]:
        return list(self.found), self.drawn

    def step(self, found: list[Any], drawn: bytes) -> None:
        self.found, self.drawn = list(found), drawn


Ask = Callable[
    [PreTrainedModel, PreTrainedTokenizerFast, Portions[Any] | None, Callable[[int, int], None] | None],
    list[Any],
]


def greedily(model: Any, tokenizer: Any, kept: Any, told: Any) -> list[Any]:
    return complete(model, tokenizer, PROMPTS, max_new_tokens=4, rows=ROWS, kept=kept, on_progress=told)


def drawn(model: Any, tokenizer: Any, kept: Any, told: Any) -> list[Any]:
    return complete(
        model,
        tokenizer,
        PROMPTS,
        max_new_tokens=4,
        temperature=1.0,
        seed=3,
        rows=ROWS,
        kept=kept,
        on_progress=told,
    )


def read(model: Any, tokenizer: Any, kept: Any, told: Any) -> list[Any]:
    return log_chances(model, tokenizer, PROMPTS, ["1", "2"], rows=ROWS, kept=kept, on_progress=told)


ASKED = pytest.mark.parametrize("ask", [greedily, drawn, read])


@ASKED
@pytest.mark.parametrize("cut", range(1, BATCHES + 1))
def test_cut_anywhere_the_answers_are_the_same(
    cut: int, ask: Ask, tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    whole = ask(tiny, tokenizer, None, None)
    told: list[int] = []

    def tell(done: int, total: int) -> None:
        assert total == len(PROMPTS)
        told.append(done)
        if len(told) == cut:
            raise CutError

    memory = Memory()
    with pytest.raises(CutError):
        ask(tiny, tokenizer, memory, tell)
    assert ask(tiny, tokenizer, memory, tell) == whole
    assert len(told) == BATCHES + 1  # one was cut before it was kept
    assert told[-1] == len(PROMPTS)


@ASKED
@pytest.mark.parametrize("number", [1, 4, len(PROMPTS) + 1])
def test_what_does_not_end_with_a_batch_is_thrown_away(
    number: int, ask: Ask, tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    whole = ask(tiny, tokenizer, None, None)
    assert ask(tiny, tokenizer, Memory([whole[0]] * number, b"x"), None) == whole


def test_where_no_generator_can_stand_all_is_asked_anew(
    tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    whole = drawn(tiny, tokenizer, None, None)
    assert drawn(tiny, tokenizer, Memory([whole[0]] * 2, b"x"), None) == whole


def test_answers_that_were_drawn_are_others_for_another_seed(
    tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Else the tests above would not see a generator that stands elsewhere."""
    assert drawn(tiny, tokenizer, None, None) != greedily(tiny, tokenizer, None, None)
