"""The overseer, which has no torch, foretells what an edit makes of a model, and refuses what the learner refuses."""

import json
import shutil
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.subject.test_subject_reshape import SHAPES, Shape, made
from transformers import PreTrainedModel

from detent.engine import check_reshaped, parameters_after, shape_of
from detent.errors import SubjectError, UsageError
from detent.subject.reshape import FAMILIES, reshaped
from detent.values.shape import (
    Activate,
    AddBlock,
    AddHeads,
    Edit,
    MergeKeyValues,
    RemoveBlock,
    RemoveHeads,
    Rotary,
    SplitKeyValues,
    WidenHidden,
    WidenMlp,
    reshape,
)
from detent.values.weights import tensors_in

NUMBERS = st.integers(-1, 5)
EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(AddBlock, at=NUMBERS),
    st.builds(RemoveBlock, at=NUMBERS),
    st.builds(WidenMlp, by=NUMBERS),
    st.builds(WidenHidden, by=st.one_of(NUMBERS, st.sampled_from([8, 12, 16, 24]))),
    st.builds(AddHeads, groups=NUMBERS),
    st.builds(RemoveHeads, at=NUMBERS),
    st.builds(SplitKeyValues, times=NUMBERS),
    st.builds(MergeKeyValues, times=NUMBERS),
    st.builds(Activate, activation=st.sampled_from(["silu", "gelu", "relu"])),
    st.builds(Rotary, layers=st.lists(st.booleans(), max_size=3).map(tuple)),
)
"""Those that fit, and those that do not."""


def saved(model: PreTrainedModel, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder


def forget_width(folder: Path) -> None:
    """A configuration that lets the width of a head follow from what else it says."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config.pop("head_dim", None)
    path.write_text(json.dumps(config))


def agreed(model: PreTrainedModel, edit: Edit, place: Path, *, said: bool) -> bool:
    """Whether both sides can make the edit; they say the same, and foretold is what was made. place: empty."""
    parent = saved(model, place / "parent")
    if not said:
        forget_width(parent)
    try:
        child = reshaped(model, edit, seed=7)
    except SubjectError:
        with pytest.raises(UsageError):
            reshape(shape_of(parent), edit)
        return False
    after = reshape(shape_of(parent), edit)
    folder = saved(child, place / "child")
    check_reshaped(parent, folder, edit)
    assert shape_of(folder) == after
    there = sum(prod(one.shape) for path in folder.glob("*.safetensors") for one in tensors_in(path).values())
    assert parameters_after(parent, edit) == there
    return True


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(SHAPES, EDITS, st.booleans())
def test_what_an_edit_makes_of_a_model_is_foretold_or_refused_by_both_sides(
    shape: Shape, edit: Edit, said: bool
) -> None:
    with TemporaryDirectory() as place:
        agreed(made(shape), edit, Path(place), said=said)


FITTING: dict[str, Edit] = {
    "a block in front": AddBlock(0),
    "a block at the end": AddBlock(2),
    "a wider MLP": WidenMlp(5),
    "more heads": AddHeads(2),
    "keys and values of their own": SplitKeyValues(2),
    "a wider stream": WidenHidden(16),
    "other positions": Rotary((False, True)),
    "fewer keys and values": MergeKeyValues(2),
    "another activation": Activate("gelu"),
    "a block less": RemoveBlock(0),
    "heads less": RemoveHeads(1),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tied", [False, True])
def test_every_edit_fits_a_model_of_every_family_but_where_positions_are_not_its_configurations(
    family: str, tied: bool, tmp_path: Path
) -> None:
    model = made(Shape(family, 2, 2, 2, 8, tied=tied, biased=not tied))
    for name, edit in FITTING.items():
        place = tmp_path / name
        assert agreed(model, edit, place, said=tied) == (family == "smollm3" or not isinstance(edit, Rotary))
        shutil.rmtree(place)


def other_kinds() -> dict[str, dict[str, object]]:
    return {
        "no layers": {"num_hidden_layers": 0},
        "fewer than no layers": {"num_hidden_layers": -3},
        "more layers than anything has": {"num_hidden_layers": 10**9},
        "layers without end": {"num_hidden_layers": float("inf")},
        "no heads": {"num_attention_heads": 0},
        "a size that is no number": {"hidden_size": "wide"},
        "no size": {"hidden_size": None},
        "heads that no group has as many of": {"num_key_value_heads": 3},
        "a group less than none": {"num_key_value_heads": -1},
        "a list with places for other layers": {"layer_types": ["full_attention"]},
        "positions that are no list": {"no_rope_layers": 7},
    }


@pytest.mark.parametrize("name", other_kinds())
def test_a_configuration_that_says_something_else_is_no_model_that_can_be_reshaped(
    name: str, tmp_path: Path
) -> None:
    folder = saved(made(Shape("llama", 2, 2, 2, 8, tied=False, biased=False)), tmp_path / "parent")
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | other_kinds()[name]))
    with pytest.raises(SubjectError, match="cannot be reshaped"):
        parameters_after(folder, AddBlock(0))


LIES: dict[str, dict[str, object]] = {
    "another activation": {"hidden_act": "relu"},
    "another way with biases": {"attention_bias": True},
    "fewer layers than it has": {"num_hidden_layers": 2},
    "sizes that are none": {"hidden_size": "wide", "num_attention_heads": "4", "head_dim": None},
    "code of its own": {"auto_map": {"AutoModel": "evil.Model"}},
}


@pytest.mark.parametrize("name", LIES)
def test_a_model_that_says_more_than_its_edit_is_refused(name: str, tmp_path: Path) -> None:
    model = made(Shape("llama", 2, 2, 2, 8, tied=False, biased=False))
    parent = saved(model, tmp_path / "parent")
    child = saved(reshaped(model, AddBlock(1), seed=1), tmp_path / "child")
    check_reshaped(parent, child, AddBlock(1))
    path = child / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | LIES[name]))
    with pytest.raises(SubjectError, match="a reshaped model with the architecture that follows expected"):
        check_reshaped(parent, child, AddBlock(1))


def test_a_model_of_another_edit_is_refused_by_its_tensors_or_its_configuration(tmp_path: Path) -> None:
    model = made(Shape("llama", 2, 2, 2, 8, tied=False, biased=False))
    parent = saved(model, tmp_path / "parent")
    child = saved(reshaped(model, WidenMlp(2), seed=1), tmp_path / "child")
    for edit in (WidenMlp(3), AddBlock(1), Activate("relu"), WidenHidden(4)):
        with pytest.raises(SubjectError, match="that follows expected"):
            check_reshaped(parent, child, edit)


def test_where_a_block_is_put_shows_in_no_file_and_is_made_again_by_replay_alone(tmp_path: Path) -> None:
    """Blocks of one model have the same tensors: files cannot tell a block at 0 from one at 2."""
    model = made(Shape("llama", 2, 2, 2, 8, tied=False, biased=False))
    parent = saved(model, tmp_path / "parent")
    child = saved(reshaped(model, AddBlock(2), seed=1), tmp_path / "child")
    check_reshaped(parent, child, AddBlock(0))
