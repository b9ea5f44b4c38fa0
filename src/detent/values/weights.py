"""How many numbers weights have, by the headers of their safetensors files; a header that lies is refused.

>>> numbers_in(folder / "model.safetensors")
623104

Form: eight bytes with the header's length, little-endian; a JSON object of tensors with dtype, shape and data_offsets,
counted in bytes from the header's end (https://huggingface.co/docs/safetensors).
"""

import stat
from math import prod
from pathlib import Path

import msgspec
from msgspec import Struct

from detent.errors import SubjectError
from detent.values.adapters import adapter_in

HEADER = 8
"""Bytes of the header's length."""

LARGEST_HEADER = 16 << 20
"""Bytes of a header: some 100,000 tensors. It is read as a whole."""

BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}
"""Of one number of each dtype."""


class Tensor(Struct, frozen=True, forbid_unknown_fields=True):
    """One tensor's line in a header. data_offsets: where its bytes begin and end."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]

    @property
    def numbers(self) -> int:
        """How many it has."""
        return prod(self.shape)

    def lies_within(self, size: int) -> bool:
        """Whether shape and dtype give as many bytes as its place has, and these are among the file's `size`."""
        begin, end = self.data_offsets
        whole = min(self.shape, default=0) >= 0 and 0 <= begin <= end <= size
        return whole and self.dtype in BITS and self.numbers * BITS[self.dtype] == 8 * (end - begin)


def numbers_in(path: Path) -> int:
    """The sum of the tensors' sizes in one safetensors file.

    Raises:
        SubjectError: there is no such file, or its header is none, or says what its bytes are not.
    """
    return sum(tensor.numbers for tensor in tensors_in(path).values())


def numbers_of(models: Path, digest: str) -> int:
    """The sum over all weights of the model in `models/<digest>/`, its base's among them where it is an adapter.

    Raises:
        SubjectError: as `numbers_in`, or the folder's adapter is none.
    """
    adapter = adapter_in(models / digest)
    folders = [models / digest, *([models / adapter.base] if adapter is not None else [])]
    return sum(numbers_in(path) for folder in folders for path in sorted(folder.glob("*.safetensors")))


def tensors_in(path: Path) -> dict[str, Tensor]:
    """The tensors of one safetensors file, by name. Raises as `numbers_in`."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("no ordinary file")  # noqa: TRY301  a pipe would be waited for
        size = found.st_size - HEADER
        with path.open("rb") as file:
            length = min(int.from_bytes(file.read(HEADER), "little"), max(size, 0))
            if length > LARGEST_HEADER:
                raise ValueError(f"a header of {length:,} bytes")  # noqa: TRY301
            header = msgspec.json.decode(file.read(length), type=dict[str, msgspec.Raw])
        header.pop("__metadata__", None)
        tensors = {name: msgspec.json.decode(line, type=Tensor) for name, line in header.items()}
    except (OSError, msgspec.DecodeError, ValueError, RecursionError) as error:
        raise SubjectError(
            f"a safetensors header with shapes expected in {path}, got none ({error}); make the model again"
        ) from error
    for name, tensor in tensors.items():
        if not tensor.lies_within(size - length):
            raise SubjectError(
                f"a tensor whose shape and dtype give the bytes it has expected in {path}, got {name[:80]}, "
                f"{tensor.dtype[:20]} of {str(tensor.shape)[:60]} at {str(tensor.data_offsets)[:60]}; make the model "
                "again"
            )
    return tensors
