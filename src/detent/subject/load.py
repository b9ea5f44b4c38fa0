"""Open a model folder, and refuse one that could run code or is not the one expected.

    >>> model, tokenizer = load(Path("my-run/models/5f0c21aa..."), expected_digest="5f0c21aa...")

Any Hugging Face causal LM will do, as long as it is safetensors and needs no code of its own.  Nothing is
written and nothing is fetched.
"""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors import SafetensorError
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from detent.errors import SubjectError
from detent.subject.padding import SHORT
from detent.values.folder import folder_digest

# Loading any of these may run code that the file brings along.
CODE_SUFFIXES = frozenset(
    {".bin", ".ckpt", ".dill", ".joblib", ".pickle", ".pkl", ".pt", ".pth", ".py", ".pyc", ".so"}
)

# On a CPU and at the few dozen tokens of a problem this is 1.2 (float32) to 2 (bfloat16) times as fast in training
# as torch's fused kernel; at thousands of tokens it would be slower, and needs memory quadratic in their number.
ATTENTION = "eager"
FUSED = "sdpa"


class Subject(NamedTuple):
    """A model ready to answer, and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def load(
    folder: Path,
    *,
    expected_digest: str | None = None,
    dtype: torch.dtype | Literal["auto"] = torch.float32,
    device: str = "cpu",
) -> Subject:
    """The whole model in `folder`, in evaluation mode on `device`, and its tokenizer.

    Raises SubjectError for anything that can run code, for missing or foreign weights, and, when
    `expected_digest` is given, for a folder whose digest differs.  `dtype` is what the weights become in
    memory; "auto" leaves them as they are stored.
    """
    refuse_code(folder)
    if not any(folder.glob("*.safetensors")):
        raise SubjectError(f"weights as .safetensors expected in {folder}, got none; convert or restore them")
    found = folder_digest(folder)
    if expected_digest is not None and found != expected_digest:
        raise SubjectError(
            f"model {expected_digest} expected, got {found} in {folder}; its files were changed, restore them"
        )
    config = _config(folder)
    kind = str(config["model_type"])
    try:
        return Subject(_model(folder, config, dtype, device), _tokenizer(folder, kind))
    except SubjectError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise SubjectError(
            f"a causal LM that transformers loads without its own code expected, got {folder} ({kind}): {error}"
        ) from error


def refuse_code(folder: Path) -> None:
    """Refuse a folder with a file that may run code when it is loaded.

    Raises:
        SubjectError: there is one.
    """
    risky = sorted(path.name for path in folder.rglob("*") if path.suffix.lower() in CODE_SUFFIXES)
    if risky:
        raise SubjectError(
            f"a folder without pickles and code expected, got {', '.join(risky)} in {folder}; "
            "convert weights to .safetensors and remove these files"
        )


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SubjectError(
            f"a config.json with model_type expected, got none in {folder}: {error}"
        ) from error
    return config


def _attention(config: dict[str, Any]) -> str:
    """How attention is computed: the default subject's way for what promises no more positions than it does."""
    positions = config.get("max_position_embeddings")
    return ATTENTION if isinstance(positions, int) and positions <= SHORT else FUSED


def _model(
    folder: Path, config: dict[str, Any], dtype: torch.dtype | Literal["auto"], device: str
) -> PreTrainedModel:
    model, report = _loader(str(config["model_type"])).from_pretrained(
        folder,
        dtype=dtype,
        attn_implementation=_attention(config),
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    kinds = ("missing_keys", "unexpected_keys", "mismatched_keys")
    amiss = {kind: sorted(map(str, report[kind])) for kind in kinds if report[kind]}
    if amiss:
        raise SubjectError(
            f"exactly the weights that config.json describes expected, got {amiss} in {folder}; save it again"
        )
    found: PreTrainedModel = model.eval().to(device)
    return found


def _loader(kind: str) -> Any:  # the Auto class is no PreTrainedModel
    if kind == "smollm3":  # by name: a worker starts a second earlier without the Auto classes
        from transformers.models.smollm3.modeling_smollm3 import SmolLM3ForCausalLM  # noqa: PLC0415

        return SmolLM3ForCausalLM
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    return AutoModelForCausalLM


def _tokenizer(folder: Path, kind: str) -> PreTrainedTokenizerBase:
    loader: Any = PreTrainedTokenizerFast
    if kind != "smollm3" or not (folder / "tokenizer.json").is_file():
        from transformers import AutoTokenizer  # noqa: PLC0415

        loader = AutoTokenizer
    found: PreTrainedTokenizerBase = loader.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    return found
