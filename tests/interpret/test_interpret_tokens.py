"""The mean difference of a layer says what was planted in it."""

import pytest
import torch
from tests.interpret.kinds import KINDS, look, made
from tests.interpret.slow import slow_layers

from detent.interpret import tokens
from detent.interpret.look import Absent
from detent.subject.load import Subject
from detent.subject.noise import noisy
from detent.values.inside import TOP


def steered(kind: str, signs: str) -> tuple[Subject, Subject]:
    """A model, and a copy whose first block adds everywhere what says `signs` in the output."""
    a = made(kind)
    b = noisy(a, 0.0, seed=0)
    rows = b.model.get_output_embeddings().weight[b.tokenizer.convert_tokens_to_ids(list(signs))]  # type: ignore[no-untyped-call]
    block = next(module for name, module in b.model.named_modules() if name.endswith((".layers.0", ".h.0")))

    def add(_: object, __: object, out: object) -> object:
        first = out[0] if isinstance(out, tuple) else out
        first = first + 3 * rows.sum(0) / rows.sum(0).norm()
        return (first, *out[1:]) if isinstance(out, tuple) else first

    block.register_forward_hook(add)
    return a, b


@pytest.mark.parametrize("kind", ["smollm3", "llama", "gemma2", "gpt2", "gpt_neox", "phi"])
def test_a_direction_that_was_added_is_read_off(kind: str) -> None:
    with torch.no_grad():
        found = tokens.section(look(*steered(kind, "7!Q")))
    embedded, first, _ = found.layers
    assert (embedded.size, embedded.more, embedded.fewer) == (0.0, (), ())
    assert {"7", "!", "Q"} <= set(first.more)
    assert first.size > 0.1
    assert not set(first.more) & set(first.fewer)


def test_size_is_of_the_means(a: Subject) -> None:
    found = look(a, noisy(a, 0.5, seed=2))
    mine, theirs = (side[1].mean(0) for side in slow_layers(found))
    said = tokens.section(found)
    assert said.layers[1].size == pytest.approx(float((theirs - mine).norm() / mine.norm()), rel=1e-3)
    assert said.places == 30
    assert {len(one.more) for one in said.layers} == {len(one.fewer) for one in said.layers} == {TOP}


@pytest.mark.parametrize("kind", ["gpt2", "phi"])
def test_biases_of_the_norm_and_the_output_are_no_part_of_what_a_difference_says(kind: str) -> None:
    a, b = steered(kind, "7!Q")
    with torch.no_grad():
        for model in (a.model, b.model):
            for name, value in model.named_parameters():
                if name.endswith("bias") and (
                    "ln_f" in name or "final_layernorm" in name or "lm_head" in name
                ):
                    value[: len(value) // 2] += 30
        assert {"7", "!", "Q"} <= set(tokens.section(look(a, b)).layers[1].more)


def test_tokens_that_no_tokenizer_names_are_not_said() -> None:
    a = made("llama", vocabulary=128)
    b = noisy(a, 0.5, seed=3)
    with torch.no_grad():
        b.model.get_output_embeddings().weight[97:] *= 100  # type: ignore[no-untyped-call]
    for one in tokens.section(look(a, b)).layers:
        assert not any(text.startswith("token ") for text in (*one.more, *one.fewer))


def test_sizes_of_outputs_may_differ() -> None:
    assert tokens.section(look(made("llama"), made("llama", vocabulary=128, seed=2))).layers[2].size > 0


def test_widths_that_differ_are_said(a: Subject) -> None:
    wide = made("llama", hidden_size=40)
    with pytest.raises(Absent, match=r"^their widths differ, 32 and 40$"):
        tokens.section(look(a, wide))


def test_all_kinds_of_decoders_are_read() -> None:
    for kind in KINDS:
        a = made(kind)
        found = tokens.section(look(a, noisy(a, 0.5, seed=2)))
        assert all(one.size > 0 and one.more and one.fewer for one in found.layers[1:])
