"""A training that is cut anywhere goes on and ends with the same bits; what is damaged is thrown away, not believed."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from detent.subject import checkpoint
from detent.subject.build import Sizes, build_model
from detent.subject.checkpoint import Checkpoints
from detent.subject.train import Example, Precision, Recipe, Source, train

SOURCES = [Source([Example(f"C{a}{b}=", f"{a}{b}") for a in range(10) for b in range(10)], 1.0)]
STEPS = 9


class CutError(Exception):
    """The power goes."""


def small() -> PreTrainedModel:
    return build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=1)


def with_dropout(vocabulary: int) -> PreTrainedModel:
    torch.manual_seed(2)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            attention_dropout=0.5,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
        )
    )


def always(folder: Path) -> Checkpoints:
    """Time to write after every step."""
    return Checkpoints(folder, seconds=0.0, clock=lambda: 0.0)


def cut_at(step: int) -> Callable[[int, int, float], None]:
    def progress(done: int, _total: int, _loss: float) -> None:
        if done == step:
            raise CutError

    return progress


def weights(model: PreTrainedModel) -> list[torch.Tensor]:
    return [value.detach().clone() for value in model.parameters()]


def learn(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    marks: Checkpoints,
    cut: int = 0,
    precision: Precision = "float32",
) -> tuple[list[float], list[torch.Tensor]]:
    recipe = Recipe(steps=STEPS, batch=16, precision=precision)
    losses = train(
        model, tokenizer, SOURCES, recipe, seed=3, on_progress=cut_at(cut) if cut else None, checkpoints=marks
    )
    return losses, weights(model)


def same(one: tuple[list[float], list[torch.Tensor]], other: tuple[list[float], list[torch.Tensor]]) -> bool:
    return one[0] == other[0] and all(map(torch.equal, one[1], other[1]))


@pytest.mark.parametrize("cut", [1, 2, 5, STEPS])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_cut_anywhere_it_ends_with_the_same_bits(
    cut: int, precision: Precision, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    whole = learn(small(), tokenizer, Checkpoints(None), precision=precision)
    with pytest.raises(CutError):
        learn(small(), tokenizer, always(tmp_path / "marks"), cut, precision)
    assert same(learn(small(), tokenizer, always(tmp_path / "marks"), precision=precision), whole)


def test_dropout_goes_on_where_it_was(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    whole = learn(with_dropout(len(tokenizer)), tokenizer, Checkpoints(None))
    with pytest.raises(CutError):
        learn(with_dropout(len(tokenizer)), tokenizer, always(tmp_path / "marks"), 5)
    assert same(learn(with_dropout(len(tokenizer)), tokenizer, always(tmp_path / "marks")), whole)


def test_what_is_done_is_not_done_again(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    with pytest.raises(CutError):
        learn(small(), tokenizer, always(tmp_path / "marks"), 6)
    seen: list[int] = []
    recipe = Recipe(steps=STEPS, batch=16)
    train(
        small(),
        tokenizer,
        SOURCES,
        recipe,
        seed=3,
        on_progress=lambda done, *_: seen.append(done),
        checkpoints=always(tmp_path / "marks"),
    )
    assert seen == [6, 7, 8, 9]  # the sixth was cut before it was written down


def _truncated(folder: Path) -> None:
    file = folder / "state.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


def _turned(folder: Path) -> None:
    file = folder / "state.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def _unwritten(folder: Path) -> None:
    (folder / "state.json").unlink()


def _garbled(folder: Path) -> None:
    (folder / "state.json").write_text('{"losses": "many"')


def _another(folder: Path) -> None:
    (folder / "state.json").write_text("[]")


def _of_another_model(folder: Path) -> None:
    content = save({"weights/else": torch.zeros(1)})
    (folder / "state.safetensors").write_bytes(content)
    note = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps(note | {"sha256": hashlib.sha256(content).hexdigest()}))


DAMAGES = {
    "its weights were cut short": _truncated,
    "a bit of its weights turned": _turned,
    "its note is missing": _unwritten,
    "its note is not JSON": _garbled,
    "its note is something else": _another,
    "it is whole, and of another model": _of_another_model,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_thrown_away_and_the_training_begins_anew(
    damage: str, tokenizer: PreTrainedTokenizerFast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = learn(small(), tokenizer, Checkpoints(None))
    with pytest.raises(CutError):
        learn(small(), tokenizer, always(tmp_path / "marks"), 4)
    (written,) = (tmp_path / "marks").iterdir()
    DAMAGES[damage](written)
    assert same(learn(small(), tokenizer, always(tmp_path / "marks")), whole)
    assert "is not whole" in capsys.readouterr().err


def test_half_written_it_is_not_there(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    (tmp_path / "marks" / "new").mkdir(parents=True)
    (tmp_path / "marks" / "new" / "state.safetensors").write_bytes(b"half")
    assert same(
        learn(small(), tokenizer, always(tmp_path / "marks")), learn(small(), tokenizer, Checkpoints(None))
    )


def test_a_full_disk_costs_the_checkpoint_and_not_the_training(
    tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    assert same(
        learn(small(), tokenizer, always(tmp_path / "marks")), learn(small(), tokenizer, Checkpoints(None))
    )
    assert "No space left" in capsys.readouterr().err


def test_one_is_kept_and_nothing_of_it_can_run(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    with pytest.raises(CutError):
        learn(small(), tokenizer, always(tmp_path / "marks"), 7)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["marks/6/state.json", "marks/6/state.safetensors"]


def test_what_was_counted_goes_along(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    marks = always(tmp_path / "marks")
    marks.tally["tokens"] = 7
    with pytest.raises(CutError):
        learn(small(), tokenizer, marks, 3)
    again = always(tmp_path / "marks")
    again.tally["tokens"] = 1
    again.restore(small(), [])
    assert again.tally == {"tokens": 7}


def test_writing_takes_a_twentieth_of_the_time_at_the_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step takes a second and a write forty: in 10,000 steps no more than 500 s are spent writing."""
    now = 0.0
    marks = Checkpoints(tmp_path / "marks", clock=lambda: now)
    spent = 0.0

    def slow(*_: object) -> None:
        nonlocal now, spent
        now += 40.0
        spent += 40.0

    monkeypatch.setattr(marks, "_write", slow)
    model = small()
    for _ in range(10_000):
        now += 1.0
        marks.step(model, [], [])
    assert 0.0 < spent <= 0.05 * now
