"""Likeness of layers is CKA of what they hold, each with each."""

import pytest
import torch
from tests.interpret.kinds import look, made
from tests.interpret.slow import slow_layers

from detent.errors import SubjectError
from detent.interpret import layers, seen
from detent.interpret.look import Absent
from detent.interpret.similarity import similarities, similarity
from detent.subject.load import Subject
from detent.subject.noise import noisy


def test_it_is_what_one_text_at_a_time_gives(a: Subject) -> None:
    b = noisy(a, 0.5, seed=4)
    found = layers.section(look(a, b))
    mine, theirs = slow_layers(look(a, b))
    assert len(found.similarity) == len(mine) == 3
    for i, row in enumerate(found.similarity):
        assert row == pytest.approx([similarity(mine[i], layer) for layer in theirs], abs=1e-4)
    assert found.similarity[0][2] != pytest.approx(found.similarity[2][0], abs=2e-4)


def test_more_noise_is_less_alike(a: Subject) -> None:
    found = [
        layers.section(look(a, noisy(a, noise, seed=1))).similarity[-1][-1] for noise in (0.01, 0.1, 1.0)
    ]
    assert 1.0 > found[0] > found[1] > found[2]


def test_depths_and_widths_may_differ(a: Subject) -> None:
    deeper = made("llama", hidden_size=16, num_hidden_layers=5)
    found = layers.section(look(a, deeper))
    assert (len(found.similarity), {len(row) for row in found.similarity}) == (3, {6})
    turned = layers.section(look(deeper, a))
    assert (len(turned.similarity), {len(row) for row in turned.similarity}) == (6, {3})
    assert [i for i, _ in found.matched] == [j for _, j in turned.matched] == [0, 1, 2]


def test_fewer_than_four_places_have_no_likeness(a: Subject, b: Subject) -> None:
    assert layers.section(look(a, b, ["C1="], limit=4)).similarity
    with pytest.raises(Absent, match="answers of 4 tokens, and there are 3"):
        layers.section(look(a, b, ["C1="], limit=3))


def test_layers_wider_than_the_places_are_many_are_compared_by_place_with_the_same_result() -> None:
    draw = torch.Generator().manual_seed(1)
    xs = [torch.randn(9, width, generator=draw) for width in (12, 10)]
    ys = [x @ torch.randn(x.shape[1], 11, generator=draw) for x in xs]
    narrow = [torch.randn(9, 2, generator=draw)]
    for i, row in enumerate(similarities(xs, ys)):
        for j, value in enumerate(row):
            slow = similarities([xs[i], narrow[0]], [ys[j]])[0][0]  # one of two columns: not by place
            assert value == pytest.approx(slow, rel=1e-9)
    assert similarities(xs, xs)[1][1] == 1.0


def test_where_memory_is_short_places_from_all_over_are_kept(
    a: Subject, b: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = look(a, b, limit=6)
    assert len(whole.seen) == 30
    monkeypatch.setattr(seen, "MEMORY", 10 * 2 * 4 * 32 * 4)
    some = look(a, b, limit=6)
    assert len(some.seen) == 10
    assert some.seen.kept.tolist() == list(range(0, 30, 3))
    for mine, theirs in zip(some.seen.before.layers, whole.seen.before.layers, strict=True):
        assert torch.equal(mine, theirs[::3])
    assert torch.equal(some.seen.place, whole.seen.place[::3])
    assert some.seen.said is not None
    assert len(some.seen.said.divergence) == 30
    assert layers.section(some).similarity[1][1] == pytest.approx(
        similarity(whole.seen.before.layers[1][::3], whole.seen.after.layers[1][::3])
    )


def test_what_was_read_is_not_read_again(a: Subject, b: Subject) -> None:
    calls: list[str] = []
    for name, one in (("before", a), ("after", b)):
        one.model.register_forward_hook(lambda *_, name=name: calls.append(name))
    found = look(a, b)
    layers.section(found)
    said = len(calls)
    assert set(calls) == {"before", "after"}
    _ = (layers.section(found), found.seen.said, found.matched)
    assert len(calls) == said


def test_weights_that_are_no_numbers_are_refused(a: Subject, b: Subject) -> None:
    with torch.no_grad():
        dict(b.model.named_parameters())["model.norm.weight"].fill_(float("nan"))
    for pair in ((a, b), (b, a)):
        with pytest.raises(SubjectError, match="finite logits"):
            layers.section(look(*pair))
