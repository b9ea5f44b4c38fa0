"""Where heads look is what a slow and simple reading of their weights says."""

from math import log

import pytest
import torch
from tests.interpret.kinds import look, made
from tests.interpret.planting import FAMILIES

from detent.errors import SubjectError
from detent.interpret import heads
from detent.interpret.look import Absent, Look
from detent.subject.build import Sizes, build_model, build_tokenizer
from detent.subject.load import Subject
from detent.subject.noise import noisy
from detent.subject.reshape import reshaped
from detent.values.shape import AddBlock, AddHeads


def slowly(given: Look) -> list[tuple[float, float, float]]:
    """Of each head its two entropies and how far it moved; one text at a time, no padding."""
    found: list[torch.Tensor] = []
    for one in (given.before, given.after):
        one.model.set_attn_implementation("eager")
    for text in given.texts:
        ids = torch.tensor([text.ids])
        sides = []
        for one in (given.before, given.after):
            with torch.no_grad():
                out = one.model(input_ids=ids, output_attentions=True)
            sides.append(torch.stack(out.attentions)[:, 0, :, text.start - 1 : len(text.ids) - 1].double())
        before, after = sides  # (L, H, places, T)
        entropies = [-(one * one.clamp(min=1e-300).log()).sum(-1) for one in sides]
        found.append(torch.stack([*entropies, (after - before).abs().sum(-1) / 2]))
    means = torch.cat(found, -1).mean(-1).flatten(1)
    return [(float(a), float(b), float(c)) for a, b, c in means.T]


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_what_one_text_at_a_time_gives(family: str) -> None:
    given = look(made(family), made(family, seed=2))
    found = heads.section(given)
    expected = slowly(given)
    assert [(one.blocks[0], one.head) for one in found.heads] == [
        (b, h) for b in (1, 2) for h in (1, 2, 3, 4)
    ]
    for one, (before, after, moved) in zip(found.heads, expected, strict=True):
        assert (*one.entropy, one.moved) == pytest.approx((before, after, moved), abs=1e-5)
    assert found.places == sum(text.places for text in given.texts)
    assert found.unmatched == 0


def test_how_texts_are_cut_into_batches_changes_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    given = look(made("llama"), made("llama", seed=2))
    together = heads.section(given)
    monkeypatch.setattr(heads, "_NUMBERS", 1)
    for one, other in zip(heads.section(given).heads, together.heads, strict=True):
        assert (*one.entropy, one.moved) == pytest.approx((*other.entropy, other.moved), abs=1e-6)


def test_attention_that_hands_out_no_weights_is_made_to_and_put_back() -> None:
    one, other = made("llama"), made("llama", seed=2)
    expected = heads.section(look(one, other))
    for each in (one, other):
        each.model.set_attn_implementation("sdpa")
    assert heads.section(look(one, other)) == expected
    assert [each.model.config._attn_implementation for each in (one, other)] == ["sdpa", "sdpa"]


def test_a_head_that_cannot_tell_positions_apart_looks_at_all_alike() -> None:
    one = made("llama")
    with torch.no_grad():
        for name, value in one.model.named_parameters():
            if "layers.0.self_attn.q_proj" in name:
                value.zero_()
    given = look(one, one, ["C12="], limit=1)
    first = heads.section(given).heads[0]
    assert first.entropy == pytest.approx((log(4), log(4)), abs=1e-6)


def test_heads_that_grew_are_counted_and_the_old_ones_have_not_moved() -> None:
    subject = Subject(
        build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=1), build_tokenizer()
    )
    grown = Subject(reshaped(subject.model, AddHeads(groups=2), seed=1), subject.tokenizer)
    for pair in ((subject, grown), (grown, subject)):
        found = heads.section(look(*pair))
        assert (len(found.heads), found.unmatched) == (4, 4)
        assert max(one.moved for one in found.heads) < 1e-5


def test_a_block_that_grew_is_left_out_and_the_others_are_found() -> None:
    subject = noisy(
        Subject(build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=1), build_tokenizer()),
        0.5,
        seed=1,
    )
    grown = Subject(reshaped(subject.model, AddBlock(at=1), seed=1), subject.tokenizer)
    found = heads.section(look(subject, grown))
    assert [(one.blocks, one.head) for one in found.heads] == [
        ((i, j), h) for i, j in ((1, 1), (2, 3)) for h in (1, 2)
    ]
    assert max(one.moved for one in found.heads) < 1e-5


def test_of_more_heads_than_are_kept_those_that_moved_most_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    given = look(made("llama"), made("llama", seed=2))
    every = heads.section(given).heads
    monkeypatch.setattr(heads, "MOST", 3)
    kept = heads.section(given).heads
    assert sorted(one.moved for one in kept) == sorted(one.moved for one in every)[-3:]
    assert list(kept) == [one for one in every if one in kept]


def test_weights_that_are_no_numbers_are_refused_and_no_hook_is_left() -> None:
    one, broken = made("llama"), made("llama")
    with torch.no_grad():
        for name, value in broken.model.named_parameters():
            if "layers.1.self_attn.q_proj" in name:
                value.fill_(float("nan"))
    with pytest.raises(SubjectError, match="finite attention"):
        heads.section(look(one, broken))
    assert not any(
        module._forward_hooks
        for module in broken.model.model.modules()
        if "Attention" in type(module).__name__
    )


def test_attention_whose_weights_stay_hidden_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    one = made("llama")
    one.model.set_attn_implementation("sdpa")
    monkeypatch.setattr(
        type(one.model), "set_attn_implementation", lambda *_: None
    )  # as kinds that cannot be told
    with pytest.raises(Absent, match="hands out no weights"):
        heads.section(look(one, one))
