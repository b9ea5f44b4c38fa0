"""A header of weights is believed where shape, dtype and place agree, and lie within the file."""

import json
from pathlib import Path
from typing import Any

import pytest

from detent.errors import SubjectError
from detent.values.weights import numbers_in


def write(folder: Path, header: Any, data: bytes = bytes(16)) -> Path:
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = folder / "model.safetensors"
    path.write_bytes(len(content).to_bytes(8, "little") + content + data)
    return path


def tensor(dtype: str = "F32", shape: Any = (2, 2), offsets: Any = (0, 16), **more: Any) -> dict[str, Any]:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets} | more}


BELIEVED: dict[str, tuple[Any, int]] = {
    "shape, dtype and place agree": (tensor(), 4),
    "there are two tensors, and words about them": (
        {
            **tensor("BF16", (4,), (0, 8)),
            "v": {"dtype": "F64", "shape": [], "data_offsets": [8, 16]},
            "__metadata__": {"format": "pt"},
        },
        5,
    ),
    "a tensor has no numbers": (tensor(shape=(0, 7), offsets=(16, 16)), 0),
    "numbers are smaller than a byte": (tensor("F4", (32,)), 32),
}


@pytest.mark.parametrize("case", BELIEVED)
def test_a_header_is_believed_when(tmp_path: Path, case: str) -> None:
    header, numbers = BELIEVED[case]
    assert numbers_in(write(tmp_path, header)) == numbers


LIES: dict[str, Any] = {
    "a shape is negative": tensor(shape=(-4,), offsets=(0, 0)),
    "two negative sides give a size that agrees": tensor(shape=(-2, -2)),
    "a shape is larger than its bytes": tensor(shape=(5_000_000,)),
    "a shape is smaller than its bytes": tensor(shape=(1,)),
    "the bytes of another dtype": tensor("F64"),
    "a dtype that nobody knows": tensor("X1"),
    "a place beyond the file": tensor(shape=(5,), offsets=(0, 20)),
    "a place before the file": tensor(offsets=(-16, 0)),
    "a place that ends before it begins": tensor(shape=(-4,), offsets=(16, 0)),
    "a shape with a broken number": tensor(shape=(1.5,)),
    "a shape of true and true": tensor("F32", (True, True), (0, 4)),
    "a shape that is text": tensor(shape="22"),
    "a place of three": tensor(offsets=(0, 8, 16)),
    "no shape at all": {"w": {"dtype": "F32", "data_offsets": [0, 16]}},
    "more than belongs to a tensor": tensor(scale=2),
    "a tensor that is a number": {"w": 4},
    "a list": [],
    "no JSON": b"{",
    "too many brackets": b'{"w":' + b"[" * 100_000,
    "a number without end": b'{"w":{"dtype":"F32","shape":[' + b"9" * 10_000 + b'],"data_offsets":[0,16]}}',
}


@pytest.mark.parametrize("case", LIES)
def test_a_header_is_refused_that_says(tmp_path: Path, case: str) -> None:
    with pytest.raises(SubjectError, match="expected in"):
        numbers_in(write(tmp_path, LIES[case]))


def test_a_header_longer_than_its_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\xff" * 8 + b"{")
    with pytest.raises(SubjectError, match="a safetensors header with shapes expected"):
        numbers_in(path)
