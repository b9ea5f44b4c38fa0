"""Layers of models of different depth are matched by what they hold, and a block more or less is found."""

from collections.abc import Callable
from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.interpret.kinds import look

from detent.interpret.look import Absent
from detent.interpret.matching import by_likeness, by_number
from detent.subject.build import Sizes, build_model, build_tokenizer
from detent.subject.load import Subject
from detent.subject.noise import noisy
from detent.subject.reshape import reshaped
from detent.values.shape import AddBlock, RemoveBlock

PROMPTS = ("C12=", "R123=", "C1=", "R4321=", "C98=", "R55=", "C777=")
DEEP = 4


def taught(subject: Subject, texts: torch.Tensor, steps: int, rate: float) -> Subject:
    """The same model, moved by gradients, every weight of it, to say certain random texts."""
    found = noisy(subject, 0.0, seed=0)
    step = torch.optim.AdamW(found.model.parameters(), lr=rate)
    for _ in range(steps):
        loss = found.model(input_ids=texts, labels=texts).loss
        step.zero_grad()
        loss.backward()
        step.step()
    return found


def texts(seed: int) -> torch.Tensor:
    return torch.randint(2, 97, (16, 12), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def deep() -> Subject:
    """Blocks of a model that knows nothing are alike: what they add is noise. These learnt something."""
    drawn = build_model(Sizes(hidden=32, intermediate=48, layers=DEEP, heads=2), seed=5)
    return taught(Subject(drawn, build_tokenizer()), texts(3), 200, 3e-3)


def untouched(subject: Subject) -> Subject:
    return subject


def trained(subject: Subject) -> Subject:
    """Taught some texts more."""
    return taught(subject, torch.cat([texts(3), texts(4)]), 25, 5e-4)


def shaken(subject: Subject, noise: float = 0.05) -> Subject:
    """The same model with noise on all its weights, on those that are zero too."""
    found = noisy(subject, noise, seed=4)
    with torch.no_grad():
        for value in found.model.parameters():
            if not bool(value.any()):
                value.copy_(0.02 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1)))
    return found


def alone(before: Subject, after: Subject) -> list[int]:
    """Layers of the deeper model without a partner."""
    pairs = look(before, after, PROMPTS).matched
    deeper = max(int(one.model.config.num_hidden_layers) for one in (before, after))
    side = 0 if before.model.config.num_hidden_layers == deeper else 1
    return sorted(set(range(deeper + 1)) - {pair[side] for pair in pairs})


@pytest.mark.parametrize("change", [untouched, shaken, trained])
@pytest.mark.parametrize("at", range(DEEP + 1))
def test_a_block_that_was_put_in_is_the_one_without_a_partner(
    at: int, change: Callable[[Subject], Subject], deep: Subject
) -> None:
    more = Subject(reshaped(deep.model, AddBlock(at), seed=7), deep.tokenizer)
    changed = change(more)
    assert alone(deep, changed) == [at + 1]
    assert alone(changed, deep) == [at + 1]


@pytest.mark.parametrize("at", range(DEEP))
def test_a_block_that_was_taken_out_is_the_one_without_a_partner(at: int, deep: Subject) -> None:
    with torch.no_grad():  # each block says something of its own
        strong = noisy(deep, 1.0, seed=at)
    less = Subject(reshaped(strong.model, RemoveBlock(at), seed=7), deep.tokenizer)
    assert alone(strong, less) == [at + 1]


def test_models_of_one_depth_are_matched_by_number_and_need_no_text(deep: Subject) -> None:
    found = look(deep, shaken(deep, 3.0), PROMPTS)
    assert found.matched == tuple((layer, layer) for layer in range(DEEP + 1))
    assert "texts" not in vars(found)


def test_too_little_text_to_match_by_is_said(deep: Subject) -> None:
    more = Subject(reshaped(deep.model, AddBlock(1), seed=7), deep.tokenizer)
    with pytest.raises(Absent, match="likeness needs answers of 4 tokens, and there are 3"):
        _ = look(deep, more, PROMPTS[:1], limit=3).matched


LIKENESS = st.integers(1, 4).flatmap(
    lambda rows: st.integers(rows, 6).flatmap(
        lambda columns: st.lists(
            st.lists(st.sampled_from([-1.0, -0.25, 0.0, 0.5, 1.0]), min_size=columns, max_size=columns),
            min_size=rows,
            max_size=rows,
        )
    )
)


@given(LIKENESS)
@settings(deadline=None)
def test_no_other_rising_choice_has_a_larger_sum(likeness: list[list[float]]) -> None:
    rows, columns = len(likeness), len(likeness[0])
    choices = [(0, *rest) for rest in combinations(range(1, columns), rows - 1)]
    best = max(sum(likeness[i][j] for i, j in enumerate(choice)) for choice in choices)
    found = by_likeness(likeness)
    assert tuple(i for i, _ in found) == tuple(range(rows))
    assert tuple(j for _, j in found) in choices
    assert sum(likeness[i][j] for i, j in found) == best
    turned = by_likeness([list(row) for row in zip(*likeness, strict=True)])
    assert rows == columns or turned == tuple((j, i) for i, j in found)


def test_of_two_layers_that_are_as_good_the_earlier_is_taken() -> None:
    assert by_likeness([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]) == ((0, 0), (1, 1))


def test_by_number_goes_as_far_as_the_shallower() -> None:
    assert by_number(1, 3) == ((0, 0), (1, 1))
