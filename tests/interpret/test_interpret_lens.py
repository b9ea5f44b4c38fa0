"""The lens reads each layer as if it were the last; at the last it is what the models say."""

import pytest
import torch
from tests.interpret.kinds import KINDS, PROMPTS, look, made
from tests.interpret.slow import slow_chances, slow_layers
from torch import nn

from detent.interpret import lens, words
from detent.interpret.look import Absent, Look
from detent.interpret.output import output_of
from detent.subject.load import Subject
from detent.subject.noise import noisy
from detent.subject.reshape import reshaped
from detent.values.shape import AddBlock

MIXED = (*PROMPTS, "C98765=")


def limits_apart(found: Look, limits: list[int]) -> Look:
    found.limits = lambda *_: limits
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_row_is_the_divergence_of_the_words_by_place(kind: str) -> None:
    a = made(kind)
    found = limits_apart(look(a, noisy(a, 0.5, seed=2), MIXED), [6, 2, 3, 6, 1, 4])
    table = lens.section(found)
    assert table.counts == (6, 5, 4, 3, 2, 2)
    _, _, divergence, where = slow_chances(found)
    for place, value in enumerate(table.divergence[-1]):
        at = [one for one, (_, its) in enumerate(where) if its == place]
        assert value == pytest.approx(float(divergence[at].mean()), rel=2e-3, abs=1e-9)
    said = words.section(found)
    total = sum(value * count for value, count in zip(table.divergence[-1], table.counts, strict=True))
    assert total / sum(table.counts) == pytest.approx(said.divergence, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_after_the_blocks_is_found_in_every_kind_of_decoder(kind: str) -> None:
    model = made(kind).model
    output = output_of(model)
    assert output is not None
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    with torch.no_grad(), output.caught() as streams:
        said = model(input_ids=ids, use_cache=False).logits[0]
    assert output.says(streams[-1][0]) == pytest.approx(said, rel=1e-4, abs=1e-5)
    assert output.fits(streams[-1][0], said)
    assert not output.fits(streams[-1][0] + torch.randn(5, 32), said)
    assert not output.fits(streams[-1][0], said[:, :-1])
    with torch.no_grad():  # the blocks are back in their place
        assert torch.equal(model(input_ids=ids, use_cache=False).logits[0], said)


def test_an_earlier_layer_goes_through_the_norm_and_output_of_its_own_model(a: Subject) -> None:
    b = noisy(a, 0.5, seed=2)
    found = look(a, b)
    table = lens.section(found)
    (mine, theirs), (*_, where) = slow_layers(found), slow_chances(found)
    with torch.no_grad():
        said = [
            one.model.lm_head(one.model.model.norm(layers[1])).double().log_softmax(-1)
            for one, layers in ((a, mine), (b, theirs))
        ]
    divergence = (said[1].exp() * (said[1] - said[0])).sum(-1)
    for place, value in enumerate(table.divergence[1]):
        at = [one for one, (_, its) in enumerate(where) if its == place]
        assert value == pytest.approx(float(divergence[at].mean()), rel=1e-3)


def test_a_change_of_the_last_block_is_seen_in_the_last_row_only(a: Subject) -> None:
    b = noisy(a, 0.0, seed=0)
    with torch.no_grad():
        dict(b.model.named_parameters())["model.layers.1.mlp.up_proj.weight"].mul_(3)
    found = lens.section(look(a, b))
    assert set(found.divergence[0]) == set(found.divergence[1]) == {0.0}
    assert all(found.divergence[2])


def test_places_beyond_the_first_are_not_shown(a: Subject, b: Subject) -> None:
    found = look(a, b, limit=40)
    places = max(text.places for text in found.texts)
    assert places > lens.MOST_PLACES
    table = lens.section(found)
    assert len(table.counts) == lens.MOST_PLACES
    assert {len(row) for row in table.divergence} == {lens.MOST_PLACES}


def test_models_of_different_depth_and_width_are_read_by_matched_layers(a: Subject) -> None:
    deeper = made("llama", hidden_size=16, num_hidden_layers=5)
    found = look(a, deeper)
    table = lens.section(found)
    assert table.layers == found.matched
    assert [len(row) for row in table.divergence] == [6, 6, 6]


def test_a_last_block_that_does_nothing_leaves_every_row_as_it_was(a: Subject) -> None:
    """Its model's last layer but one is the other's last: what each says is read before the norm, and not after."""
    more = Subject(reshaped(a.model, AddBlock(2), seed=1), a.tokenizer)
    found = lens.section(look(a, more))
    assert found.layers == ((0, 0), (1, 1), (2, 2))
    assert all(value < 1e-9 for row in found.divergence for value in row)


def test_a_model_whose_final_norm_is_not_to_be_seen_has_no_lens(a: Subject, b: Subject) -> None:
    class Plain(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = [inner]  # a list, so that nobody finds it

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner[0](x)  # type: ignore[no-any-return]

    b.model.model.norm = Plain(b.model.model.norm)
    for pair in ((a, b), (b, a)):
        with pytest.raises(Absent, match="a final norm is not to be found"):
            lens.section(look(*pair))
        assert words.section(look(*pair)).tokens == 30


def test_outputs_of_different_sizes_have_no_lens() -> None:
    with pytest.raises(Absent, match="97 and 128"):
        lens.section(look(made("llama"), made("llama", vocabulary=128)))
