"""Patches are what runs with replaced outputs give, one at a time; shares sit where the change does."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from tests.interpret.planting import ASKED, FAMILIES, gained_look, three

from detent.errors import SubjectError
from detent.interpret import patches
from detent.interpret.anatomy import Anatomy
from detent.interpret.look import Absent, Look
from detent.interpret.margins import Row, rows_of
from detent.subject.load import Subject
from detent.subject.noise import noisy
from detent.subject.reshape import reshaped
from detent.testing.planted import planted_head, planted_mlp, untouched
from detent.values.inside import Gained, Patches
from detent.values.shape import AddBlock, AddHeads, WidenHidden, WidenMlp


def put_out(body: Anatomy, block: int, head: int, ids: torch.Tensor) -> torch.Tensor:
    """What a head, or the MLP, adds in a run of one text: (1, T, d)."""
    found: list[torch.Tensor] = []
    attention = body.attention(block)
    hooks = [
        attention.projection.register_forward_pre_hook(lambda _, given: found.append(given[0])),
        body.mlp(block).register_forward_hook(lambda _, __, out: found.append(out)),
    ]
    with torch.no_grad():
        body.model(input_ids=ids)
    for hook in hooks:
        hook.remove()
    if not head:
        return found[1].reshape(1, -1, body.width)  # OPT's are rows of all texts
    own = slice((head - 1) * attention.width, head * attention.width)
    weight: Any = attention.projection.weight
    added: torch.Tensor = found[0][..., own] @ weight[:, own].T
    return added


def slowly(look: Look, block: int, head: int, place: int | None) -> float:
    """The effect of one patch, at one place or at all: text by text, every block run, the sum made anew in the hook."""
    before, after = (Anatomy(one.model) for one in (look.before, look.after))
    rows = patches.alike(rows_of(look))
    total = 0.0
    for row in rows:
        ids = torch.tensor([[*row.prompt, *row.after[: row.first]]])
        change = put_out(after, block, head, ids) - put_out(before, block, head, ids)
        if place is not None:
            kept = torch.zeros_like(change)
            kept[:, place : place + 1] = change[:, place : place + 1]
            change = kept
        was = margin(before, ids, row)
        part = before.attention(block).projection if head else before.mlp(block)
        hook = part.register_forward_hook(lambda _, __, out, change=change: out + change.reshape(out.shape))
        total += margin(before, ids, row) - was
        hook.remove()
    return total / len(rows)


def margin(body: Anatomy, ids: torch.Tensor, row: Row) -> float:
    with torch.no_grad():
        logits = body.model(input_ids=ids).logits[0, -1].double()
    return float(logits[row.after[row.first]] - logits[row.before[row.first]])


@pytest.mark.parametrize("family", ["llama", "opt", "gpt_neox", "gemma2"])
def test_it_is_what_one_replaced_output_in_one_text_gives(family: str) -> None:
    before = three(family)
    look = gained_look(before, noisy(before, 0.3, seed=2))
    found = patches.section(look)
    by_site = {(one.block, one.head): one for one in found.patches}
    assert list(by_site) == [(block, head) for block in (1, 2, 3) for head in (1, 2, 3, 4, 0)]
    for block, head in ((1, 2), (2, 0), (3, 4)):
        one = by_site[block, head]
        assert one.carries == pytest.approx(slowly(look, block - 1, head, None) / found.gain, abs=1e-3)
        for place in (0, 3, 4):
            expected = slowly(look, block - 1, head, place) / found.gain
            assert one.places[place] == pytest.approx(expected, abs=1e-3)


def test_gain_is_of_the_tokens_where_the_answers_first_differ() -> None:
    before = three("llama")
    look = gained_look(before, noisy(before, 0.5, seed=2))
    rows = patches.alike(rows_of(look))
    gain = 0.0
    for row in rows:
        ids = torch.tensor([[*row.prompt, *row.after[: row.first]]])
        gain += margin(Anatomy(look.after.model), ids, row) - margin(Anatomy(look.before.model), ids, row)
    found = patches.section(look)
    assert found.gain == pytest.approx(gain / len(rows), rel=1e-4)
    assert found.rows == len(rows)


def test_places_are_the_tokens_up_to_where_answers_differ_and_later_ones_carry_nothing() -> None:
    before = three("llama")
    after = planted_head(before, 3, 2, seed=3)
    gained = [Gained("C12=", "77", "78"), Gained("R34=", "7", "86")]
    found = patches.section(gained_look(before, after, gained))
    assert found.labels == ("C", "1", "2", "=", "7")  # the first row's answers go together for one token
    last = next(one for one in found.patches if (one.block, one.head) == (3, 2))
    # In the last block what is put in at one place stays there; each of the two rows is read at its own.
    assert last.places[:3] == pytest.approx((0.0, 0.0, 0.0), abs=1e-5)
    assert sum(last.places) == pytest.approx(last.carries, abs=1e-4)
    assert abs(last.places[3]) > 1e-3 < abs(last.places[4])


def test_rows_are_of_the_most_frequent_lengths_and_at_most_as_many_as_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        Row((0,) * prompt, (1,), (2,) * answer) for prompt, answer in ((3, 2), (4, 2), (4, 2), (3, 3), (4, 2))
    ]
    assert patches.alike(rows) == [rows[1], rows[2], rows[4]]
    monkeypatch.setattr(patches, "MOST_ROWS", 2)
    assert patches.alike(rows) == [rows[1], rows[2]]
    assert patches.alike([rows[0], rows[3]]) == [rows[0]]


def tried(found: Patches) -> list[tuple[int, int]]:
    return [(one.block, one.head) for one in found.patches if one.places]


def test_where_all_would_be_too_many_runs_the_strongest_are_tried_by_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = three("llama")
    look = gained_look(before, noisy(before, 0.3, seed=2))
    every = patches.section(look)
    assert len(tried(every)) == 15
    long = len(every.labels)
    monkeypatch.setattr(patches, "MOST_RUNS", 9 * long)
    strongest = sorted(every.patches, key=lambda one: -abs(one.carries))
    assert set(tried(patches.section(look))) == {(one.block, one.head) for one in strongest[:8]}
    monkeypatch.setattr(patches, "MOST_RUNS", 2 * long + 1)
    assert set(tried(patches.section(look))) == {(one.block, one.head) for one in strongest[:2]}
    monkeypatch.setattr(patches, "MOST_RUNS", 14)
    with pytest.raises(Absent, match="15 parts would be that many runs, and 14 are the most"):
        patches.section(look)


def test_a_bias_of_the_projection_belongs_to_no_head() -> None:
    before = three("gpt2")
    after = untouched(before)
    with torch.no_grad():
        dict(after.model.named_parameters())["transformer.h.1.attn.c_proj.bias"].normal_(
            generator=torch.Generator().manual_seed(1)
        )
    found = patches.section(gained_look(before, after))
    assert [one.carries for one in found.patches if one.block == 2 and one.head] == pytest.approx(
        [0.0] * 4, abs=1e-5
    )


def test_new_heads_are_patched_too_and_a_wider_mlp() -> None:
    before = three("llama")
    for edit in (AddHeads(groups=2), WidenMlp(by=16)):
        grown = Subject(reshaped(before.model, edit, seed=1), before.tokenizer)
        if isinstance(edit, AddHeads):
            after, site = planted_head(grown, 2, 6, seed=3), (2, 6)
        else:
            after, site = planted_mlp(grown, 2, seed=3), (2, 0)
        found = patches.section(gained_look(before, after))
        strongest = max(found.patches, key=lambda one: abs(one.carries))
        assert (strongest.block, strongest.head) == site
        assert strongest.carries == pytest.approx(1.0, abs=1e-3)


def test_a_head_that_after_has_no_longer_is_not_asked_for() -> None:
    after = three("llama")
    before = Subject(reshaped(after.model, AddHeads(groups=2), seed=1), after.tokenizer)
    found = patches.section(gained_look(planted_mlp(before, 1, seed=3), after))
    assert [one.head for one in found.patches if one.block == 1] == [1, 2, 3, 4, 0]


def traces(subject: Subject) -> list[Any]:
    """Every hook and every name on a module that stands before its class's."""
    return [
        (name, len(one._forward_hooks), len(one._forward_pre_hooks), "forward" in vars(one))
        for name, one in subject.model.named_modules()
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_hook_is_left_and_no_weight_is_moved(family: str) -> None:
    before, after = three(family), three(family, seed=2)
    look = gained_look(before, after)
    expected = [
        {name: value.clone() for name, value in one.model.state_dict().items()} for one in (before, after)
    ]
    patches.section(look)  # transformers may put hooks of its own in at the first run
    was = traces(before), traces(after)
    patches.section(look)
    assert (traces(before), traces(after)) == was
    for one, weights in zip((before, after), expected, strict=True):
        assert all(torch.equal(value, weights[name]) for name, value in one.model.state_dict().items())


def test_no_hook_is_left_when_an_error_comes_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = three("llama"), three("llama", seed=2)
    look = gained_look(before, after)
    patches.section(look)
    was = traces(before), traces(after)
    calls: list[int] = []

    def failing(*given: Any, **named: Any) -> Any:
        calls.append(len(calls))
        if len(calls) == 12:  # inside the second block's patches
            assert traces(before) != was[0]
            raise RuntimeError("out of memory")
        return type(before.model).forward(before.model, *given, **named)

    monkeypatch.setattr(before.model, "forward", failing)
    with pytest.raises(RuntimeError, match="out of memory"):
        patches.section(look)
    monkeypatch.undo()
    assert (traces(before), traces(after)) == was


def broken(subject: Subject) -> Subject:
    found = untouched(subject)
    with torch.no_grad():
        dict(found.model.named_parameters())["model.layers.2.mlp.up_proj.weight"].fill_(float("nan"))
    return found


TOLD = tuple(Gained(prompt, "1", "22") for prompt in ASKED)
Made = Callable[[Subject], Subject]
BAD: dict[str, tuple[Made, Sequence[Gained], type[Exception], str]] = {
    "nothing was gained": (untouched, (), Absent, "no prompt is answered rightly after and wrongly before"),
    "too little was gained": (untouched, TOLD, Absent, r"the gain is -?0\.000 nats"),
    "another depth": (
        lambda one: Subject(reshaped(one.model, AddBlock(at=1), seed=1), one.tokenizer),
        TOLD,
        Absent,
        "their depths differ, 3 and 4",
    ),
    "another width": (
        lambda one: Subject(reshaped(one.model, WidenHidden(by=32), seed=1), one.tokenizer),
        TOLD,
        Absent,
        "their widths differ, 32 and 64",
    ),
    "weights that are no numbers": (broken, TOLD, SubjectError, "finite logits"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_patched_is_said(case: str) -> None:
    make, gained, kind, said = BAD[case]
    before = three("llama")
    with pytest.raises(kind, match=said):
        patches.section(gained_look(before, make(before), gained))


@pytest.mark.parametrize(("mine", "theirs"), [("", "1"), ("1", ""), ("12", "123"), ("123", "12")])
def test_an_answer_that_the_other_begins_with_differs_from_it_where_it_ends(mine: str, theirs: str) -> None:
    before = three("llama")
    after = noisy(before, 1.0, seed=3)
    look = gained_look(before, after, [Gained("C12=", mine, theirs)])
    found = patches.section(look)
    (row,) = rows_of(look)
    ids = torch.tensor([[*row.prompt, *row.after[: row.first]]])
    gain = margin(Anatomy(after.model), ids, row) - margin(Anatomy(before.model), ids, row)
    assert found.gain == pytest.approx(gain, abs=1e-4)
    assert len(found.labels) == 4 + min(len(mine), len(theirs))


def test_any_mark_that_ends_an_answer_ends_it() -> None:
    before = three("llama")
    before.model.generation_config.eos_token_id = [1, 7]
    after = noisy(before, 1.0, seed=3)
    look = gained_look(before, after, [Gained("C12=", "", "1")])
    ids = torch.tensor([rows_of(look)[0].prompt])
    with torch.no_grad():
        low, high = (one.model(input_ids=ids).logits[0, -1].double() for one in (before, after))
    one = before.tokenizer("1")["input_ids"][0]
    gains = [float(logits[one] - logits[[1, 7]].logsumexp(0)) for logits in (low, high)]
    assert patches.section(look).gain == pytest.approx(gains[1] - gains[0], abs=1e-4)
