"""Models and data by digest, as the worker gets at them: checked before they are read, models kept at hand.

Of adapters the base is kept once, and shared by all that are at hand.
"""

import re
from collections import OrderedDict
from pathlib import Path
from typing import TypeVar

import msgspec
import torch

from detent.errors import SubjectError, TrustError, UsageError
from detent.subject.load import Subject, load
from detent.subject.lora import with_adapter
from detent.values import Example, Preference, sha256_hex
from detent.values.adapters import adapter_in
from detent.values.folder import folder_digest

Row = TypeVar("Row", Example, Preference)
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Shelf:
    """Reads `models/<digest>/`, `data/<digest>.jsonl` and `states/<digest>/`; keeps the models used last."""

    def __init__(
        self, models: Path, data: Path, room: int = 3, device: str = "cpu", states: Path | None = None
    ) -> None:
        """Keep up to `room` models in memory, and the base of those that are adapters, on `device`."""
        self._states = states
        self.device = device
        self._models = models
        self._data = data
        self._room = room
        self._kept: OrderedDict[str, Subject] = OrderedDict()
        self._base: tuple[str, Subject] | None = None
        self._verified: set[str] = set()

    def subject(self, digest: str) -> Subject:
        """The model to ask; not to be changed. Raises as `fresh_subject`."""
        if digest not in self._kept:
            self._kept[digest] = self._loaded(digest, to_ask=True)
        self._kept.move_to_end(digest)
        while len(self._kept) > self._room:
            self._kept.popitem(last=False)
        return self._kept[digest]

    def fresh_subject(self, digest: str, *, adapted: bool = False) -> Subject:
        """A copy of the model that the caller may change: of an adapter all but its base.

        adapted: it is to get an adapter where it has none, so that its own weights are not trained.

        Raises:
            SubjectError: there is none, or it is not a model that loads without code of its own.
            TrustError: its files are not those the digest was computed from.
        """
        return self._loaded(digest, to_ask=adapted)

    def adapter_and_base(self, digest: str) -> tuple[Path, Path]:
        """The folders of an adapter and of its base. Raises as `fresh_subject`; SubjectError also of a whole model."""
        folder = self._checked_folder(digest)
        adapter = adapter_in(folder)
        if adapter is None:
            raise SubjectError(
                f"an adapter expected, got the whole model {digest}; there is nothing to merge"
            )
        return folder, self._checked_folder(adapter.base)

    def _loaded(self, digest: str, *, to_ask: bool) -> Subject:
        folder = self._checked_folder(digest)
        adapter = adapter_in(folder)
        if adapter is None:
            # On a GPU weights that do not change are bfloat16; a model that is trained whole is float32 in memory.
            return load(folder, dtype=self._asked_in if to_ask else torch.float32, device=self.device)
        if self._base is None or self._base[0] != adapter.base:
            self._base = None  # two of them may be more than there is memory for
            base = load(self._checked_folder(adapter.base), dtype=self._asked_in, device=self.device)
            self._base = (adapter.base, base)
        return with_adapter(self._base[1], folder)

    @property
    def _asked_in(self) -> torch.dtype:
        return torch.float32 if self.device == "cpu" else torch.bfloat16

    def _checked_folder(self, digest: str) -> Path:
        folder = self._models / _checked(digest)
        if not folder.is_dir():
            raise SubjectError(f"the model {digest} expected, got no such folder; restore it from a copy")
        if digest not in self._verified:
            found = folder_digest(folder)
            if found != digest:
                raise TrustError(
                    f"weights with digest {digest} expected, got {found}; restore models/{digest} from a copy"
                )
            self._verified.add(digest)
        return folder

    def state(self, digest: str) -> Path:
        """The folder of an optimizers' state.

        Raises:
            SubjectError: there is none.
            TrustError: its files are not those the digest was computed from.
            UsageError: this worker may read none.
        """
        if self._states is None:
            raise UsageError("a worker with a folder of states expected, got none; start it with --states")
        folder = self._states / _checked(digest)
        if not folder.is_dir():
            raise SubjectError(f"the state {digest} expected, got no such folder; restore it from a copy")
        if (found := folder_digest(folder)) != digest:
            raise TrustError(
                f"a state with digest {digest} expected, got {found}; restore states/{digest} from a copy"
            )
        return folder

    def examples(self, digest: str) -> list[Example]:
        """The rows of a data file.

        Raises:
            SubjectError: there is no such file, or it holds something else.
            TrustError: its content is another.
        """
        return self._rows(digest, Example)

    def preferences(self, digest: str) -> list[Preference]:
        """The rows of a file of preferences; raises as `examples`."""
        return self._rows(digest, Preference)

    def _rows(self, digest: str, kind: type[Row]) -> list[Row]:
        path = self._data / f"{_checked(digest)}.jsonl"
        try:
            content = path.read_bytes()
            if sha256_hex(content) != digest:
                raise TrustError(
                    f"data with SHA-256 {digest} expected, got {sha256_hex(content)}; restore {path} from a copy"
                )
            return [msgspec.json.decode(line, type=kind) for line in content.splitlines()]
        except FileNotFoundError as error:
            raise SubjectError(
                f"the data {digest} expected, got no such file; restore it from a copy"
            ) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            what = {Example: "training examples", Preference: "preferences"}[kind]
            raise SubjectError(f"{what} expected in {path}, got something else: {error}") from error

    def clear(self) -> None:
        """Forget all models: memory is short."""
        self._kept.clear()
        self._base = None


def _checked(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise UsageError(
            f"a digest of 64 lower-case hex digits expected, got {digest!r}; send the model's name"
        )
    return digest
