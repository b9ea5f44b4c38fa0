"""An adapter's folder: two files, and the digest of the base it belongs to, so that its own digest covers the base.

    >>> adapter_in(models / digest).base                     # None for a whole model
    '5f0c21aa...'

`adapter_config.json` is what PEFT writes for LoRA, less every key that means the default: PEFT and whatever reads its
adapters read it. Where PEFT has a path or a hub name for the base, here stands the digest of the base's folder, which
lies beside the adapter's. A key that is not listed here is refused: some make PEFT import modules by name.
"""

import re
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from detent.errors import SubjectError

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_FILES = frozenset({ADAPTER_CONFIG, ADAPTER_WEIGHTS})
"""Exactly what an adapter's folder holds. Tokenizer, template and configuration are the base's."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LARGEST = 1 << 20  # bytes of a configuration


class Adapter(Struct, frozen=True, forbid_unknown_fields=True):
    """What an adapter's configuration says: LoRA on the linear layers named by the ends of their names."""

    base_model_name_or_path: str
    r: int
    lora_alpha: float
    lora_dropout: float
    target_modules: tuple[str, ...]
    peft_type: Literal["LORA"]
    task_type: Literal["CAUSAL_LM"]
    bias: Literal["none"]
    inference_mode: bool

    @property
    def base(self) -> str:
        """Digest of the base's folder."""
        return self.base_model_name_or_path


def adapter_in(folder: Path) -> Adapter | None:
    """What the folder's adapter says of itself; None where a whole model lies in it.

    Raises:
        SubjectError: there is a configuration of an adapter beside other files, or one that is not of this form.
    """
    path = folder / ADAPTER_CONFIG
    if not path.exists():
        return None
    names = {each.name for each in folder.iterdir()}
    if names != ADAPTER_FILES:
        raise SubjectError(
            f"{' and '.join(sorted(ADAPTER_FILES))} alone expected in {folder}, got "
            f"{', '.join(sorted(names)[:8])}; a whole model has no adapter beside it: merge it, or remove it"
        )
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("more than a megabyte")  # noqa: TRY301  one message for all of it
        found = msgspec.json.decode(path.read_bytes(), type=Adapter)
    except (OSError, ValueError, RecursionError) as error:
        raise SubjectError(
            f"a LoRA adapter's configuration as Detent writes it expected in {path}, got something else: {error}; "
            "restore it from a copy"
        ) from error
    if not _DIGEST.fullmatch(found.base) or found.r < 1 or not found.target_modules:
        raise SubjectError(
            f"a rank of at least 1, modules and the base's digest of 64 lower-case hex digits expected in {path}, got "
            f"rank {found.r}, {len(found.target_modules)} modules and {found.base[:80]!r}; restore it from a copy"
        )
    return found
