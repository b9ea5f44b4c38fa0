"""Splices are what models with copied weights give, and leave both models as they were."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from tests.interpret.kinds import made
from tests.interpret.planting import ASKED, FAMILIES, gained_look, three

from detent.errors import DetentError, SubjectError
from detent.interpret import splices
from detent.interpret.look import Absent
from detent.interpret.margins import margins, rows_of
from detent.subject.load import Subject
from detent.subject.noise import noisy
from detent.subject.reshape import reshaped
from detent.testing.planted import planted_head, planted_mlp, untouched
from detent.values.inside import Gained
from detent.values.shape import AddBlock, AddHeads, Edit, Rotary, WidenHidden, WidenMlp


def slow_margin(subject: Subject, rows: Sequence[Gained]) -> float:
    """One answer at a time, by the model's own chances, the end mark last."""
    found = 0.0
    for row in rows:
        for answer, sign in ((row.after, 1), (row.before, -1)):
            start = len(row.prompt)
            ids = torch.tensor([[*subject.tokenizer(row.prompt + answer)["input_ids"], 1]])
            with torch.no_grad():
                logs = subject.model(input_ids=ids).logits[0].double().log_softmax(-1)
            found += sign * float(logs[torch.arange(start - 1, ids.shape[1] - 1), ids[0, start:]].sum())
    return found / len(rows)


def bits(subject: Subject) -> list[tuple[str, int, bytes]]:
    """Every module's name and which it is, and every weight."""
    modules: list[tuple[str, int, bytes]] = [
        (name, id(one), b"") for name, one in subject.model.named_modules()
    ]
    return modules + [
        (name, value.data_ptr(), value.detach().numpy().tobytes())
        for name, value in subject.model.named_parameters()
    ]


def with_weights_of(host: Subject, giver: Subject, part: str) -> Subject:
    """A copy that has another's weights wherever a name says that they are of the part."""
    copy = untouched(host)
    others = dict(giver.model.named_parameters())
    with torch.no_grad():
        for name, value in copy.model.named_parameters():
            if part in name:
                value.copy_(others[name])
    return copy


PARTS = {"embedding": "embed_tokens", "block 2": "layers.1.", "block 3": "layers.2."}


def test_it_is_what_copied_weights_and_one_answer_at_a_time_give() -> None:
    before = three("llama", tie_word_embeddings=False)
    after = noisy(before, 1.0, seed=2)
    look = gained_look(before, after)
    found = splices.section(look)
    rows = look.job.gained
    low, high = slow_margin(before, rows), slow_margin(after, rows)
    assert found.gain == pytest.approx(high - low, rel=1e-4)
    assert found.rows == len(rows)
    by_part = {one.part: one for one in found.parts}
    for part, named in PARTS.items():
        carries = (slow_margin(with_weights_of(before, after, named), rows) - low) / (high - low)
        loses = (high - slow_margin(with_weights_of(after, before, named), rows)) / (high - low)
        assert (by_part[part].carries, by_part[part].loses) == pytest.approx((carries, loses), abs=1e-4)


def test_a_tied_embedding_is_put_in_without_the_output() -> None:
    before = three("llama", tie_word_embeddings=True)
    after = untouched(before)
    with torch.no_grad():
        tied = dict(after.model.named_parameters())["model.embed_tokens.weight"]
        tied.add_(torch.randn(97, 32, generator=torch.Generator().manual_seed(1)), alpha=0.3)
    parts = {one.part: one for one in splices.section(gained_look(before, after)).parts}
    assert parts["embedding"].carries != 0
    assert parts["final norm and output"].carries != 0
    assert parts["embedding"].carries != pytest.approx(1.0, abs=1e-3)
    assert [parts[f"block {n}"].carries for n in (1, 2, 3)] == [0.0] * 3


@pytest.mark.parametrize("family", FAMILIES)
def test_both_models_are_as_they_were_bit_for_bit(family: str) -> None:
    before = three(family)
    after = three(family, seed=2)
    look = gained_look(before, after)
    was = bits(before), bits(after)
    splices.section(look)
    assert (bits(before), bits(after)) == was


def test_both_models_are_as_they_were_also_when_an_error_comes_in_the_middle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, after = three("llama"), three("llama", seed=2)
    after.model.set_attn_implementation("eager")
    look = gained_look(before, after)
    was = bits(before), bits(after)
    calls: list[int] = []

    def failing(*given: Any) -> torch.Tensor:
        calls.append(len(calls))
        if len(calls) == 5:  # the second splice, while it is in
            assert bits(before) != was[0]
            raise SubjectError("finite logits expected, got others; train anew")
        return margins(*given)

    monkeypatch.setattr(splices, "margins", failing)
    with pytest.raises(SubjectError, match="finite logits"):
        splices.section(look)
    assert (bits(before), bits(after)) == was
    assert [one.model.config._attn_implementation for one in (before, after)] == ["sdpa", "eager"]


def test_an_answer_that_the_other_begins_with_is_not_likelier_for_being_short() -> None:
    one = three("llama")
    rows = rows_of(gained_look(one, one, [Gained("C12=", "12", "123"), Gained("C12=", "", "1")]))
    assert [(row.before, row.after) for row in rows] == [
        ((3 + 16, 4 + 16, 1), (19, 20, 21, 1)),
        ((1,), (19, 1)),
    ]
    found = margins(one.model, rows, (1,))
    with torch.no_grad():
        logs = one.model(input_ids=torch.tensor([rows[1].prompt])).logits[0, -1].double().log_softmax(-1)
        then = (
            one.model(input_ids=torch.tensor([[*rows[1].prompt, 19]])).logits[0, -1].double().log_softmax(-1)
        )
    assert float(found[1]) == pytest.approx(float(logs[19] + then[1] - logs[1]), abs=1e-5)


def test_any_mark_that_ends_an_answer_ends_it() -> None:
    one = three("llama")
    rows = rows_of(gained_look(one, one, [Gained("C12=", "", "1")]))
    alone, both = margins(one.model, rows, (1,)), margins(one.model, rows, (1, 5))
    assert float(both) != pytest.approx(float(alone))
    with torch.no_grad():
        logs = one.model(input_ids=torch.tensor([rows[0].prompt])).logits[0, -1].double().log_softmax(-1)
        then = (
            one.model(input_ids=torch.tensor([[*rows[0].prompt, 19]])).logits[0, -1].double().log_softmax(-1)
        )
    expected = logs[19] + then[[1, 5]].logsumexp(0) - logs[[1, 5]].logsumexp(0)
    assert float(both) == pytest.approx(float(expected), abs=1e-5)


def test_a_wider_mlp_and_more_heads_are_spliced_since_a_block_brings_its_own() -> None:
    before = three("smollm3")
    after = planted_mlp(before, 2, seed=3)
    for edit in (WidenMlp(by=8), AddHeads(groups=2)):
        grown = Subject(reshaped(after.model, edit, seed=1), after.tokenizer)
        carries = {
            one.part: round(one.carries, 3) for one in splices.section(gained_look(before, grown)).parts
        }
        assert carries.pop("block 2") == 1.0
        assert set(carries.values()) == {0.0}


def edited(edit: Edit) -> Callable[[Subject], Subject]:
    return lambda subject: Subject(reshaped(subject.model, edit, seed=1), subject.tokenizer)


def nothing(subject: Subject) -> Subject:
    return untouched(subject)


def broken(subject: Subject) -> Subject:
    found = untouched(subject)
    with torch.no_grad():
        dict(found.model.named_parameters())["model.layers.1.mlp.up_proj.weight"].fill_(float("nan"))
    return found


TOLD = tuple(Gained(prompt, "1", "22") for prompt in ASKED)
Made = Callable[[Subject], Subject]
BAD: dict[str, tuple[Made, Sequence[Gained], type[Exception], str]] = {
    "nothing was gained": (nothing, (), Absent, "no prompt is answered rightly after and wrongly before"),
    "too little was gained": (nothing, TOLD, Absent, r"the gain is -?0\.000 nats, and of less than 0\.05"),
    "both say the same": (nothing, [Gained("C1=", "1", "1")], Absent, "of 1 answers that after gained none"),
    "an answer that cannot be spelt": (nothing, [Gained("C1=", "1", "é")], Absent, "of 1 answers"),
    "an answer longer than a model reads": (nothing, [Gained("C1=", "1", "2" * 70)], Absent, "of 1 answers"),
    "a prompt that cannot be spelt": (nothing, [Gained("é", "1", "2")], SubjectError, "cannot spell"),
    "another depth": (edited(AddBlock(at=1)), TOLD, Absent, "their depths differ: 3 and 4"),
    "another width": (edited(WidenHidden(by=32)), TOLD, Absent, "their widths differ: 32 and 64"),
    "another kind": (lambda _: three("llama"), TOLD, Absent, "their kinds differ: smollm3 and llama"),
    "another context": (
        lambda _: three("smollm3", max_position_embeddings=32),
        TOLD,
        Absent,
        "they differ in what is around their blocks: max_position_embeddings",
    ),
    "weights that are no numbers": (broken, TOLD, SubjectError, "finite logits"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_spliced_is_said(case: str) -> None:
    make, gained, kind, said = BAD[case]
    before = three("smollm3")
    with pytest.raises(kind, match=said):
        splices.section(gained_look(before, make(before), gained))
    assert issubclass(kind, (Absent, DetentError))


def test_positions_that_a_block_has_or_has_not_go_with_it() -> None:
    before = planted_head(three("smollm3", no_rope_layers=[1, 1, 1]), 2, 3, seed=3, size=20.0)
    after = Subject(reshaped(before.model, Rotary(layers=(True, False, True)), seed=1), before.tokenizer)
    found = splices.section(gained_look(before, after))
    shares = {one.part: (round(one.carries, 4), round(one.loses, 4)) for one in found.parts}
    assert shares.pop("block 2") == (1.0, 1.0)
    assert set(shares.values()) == {(0.0, 0.0)}


def test_two_models_of_one_kind_and_no_common_past_can_be_spliced_too() -> None:
    found = splices.section(gained_look(made("llama"), made("llama", seed=2)))
    assert [one.part for one in found.parts] == ["embedding", "block 1", "block 2", "final norm and output"]
