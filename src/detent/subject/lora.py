"""Low-rank adapters: what is trained of a large model, and all that is stored of it, beside one base for all.

    >>> subject = with_new_adapter(base, Lora(rank=16), base_digest, seed=7)   # says what the base says, to begin with
    >>> losses = train(*subject, sources, recipe, seed=7)                      # moves A and B, and nothing of the base
    >>> save_adapter(subject.model, folder)                                    # hundredths of the base's size

A linear layer's weight W becomes W + (alpha / rank) B A, where A is rank x inputs, drawn at random, and B outputs x
rank, zero at first; only they are trained: Hu et al., "LoRA" (arXiv 2106.09685), s. 4.1.  The layers are PEFT's; a
model with them stays the Hugging Face class it was, so that whatever asks or trains a model asks or trains this one.

What is stored is PEFT's form with one thing said otherwise: the base is named by its folder's digest
(`detent.values.adapters`).  PEFT is imported inside functions: a worker of whole models needs none of it.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from detent.errors import SubjectError, UsageError
from detent.subject.load import Subject, refuse_code
from detent.values import Lora
from detent.values.adapters import ADAPTER_CONFIG, ADAPTER_WEIGHTS, Adapter, adapter_in

_NAME = "default"  # PEFT's, of the one adapter in a model
_PREFIX = "base_model.model."  # before each name in PEFT's files
_BASE = "base_layer"  # what the adapted layer is called inside the layer that adapts it
_KINDS = ("lora_A", "lora_B")


def is_adapted(model: nn.Module) -> bool:
    """Whether an adapter is on the model."""
    return bool(getattr(model, "peft_config", None))


def adapter_of(model: nn.Module) -> Adapter:
    """What the adapter on a model says of itself.

    Raises:
        SubjectError: there is none.
    """
    if not is_adapted(model):
        raise SubjectError("a model with an adapter expected, got a whole one; give it one first")
    config: Any = model.peft_config[_NAME]  # type: ignore[index]
    return _described(config.base_model_name_or_path, config.r, config.lora_alpha, config.lora_dropout, model)


def with_new_adapter(subject: Subject, lora: Lora, base: str, *, seed: int) -> Subject:
    """The subject with a new adapter on it, which changes nothing yet; its model is changed, and its weights frozen.

    base: digest of the subject's folder. The same arguments give the same adapter, bit for bit.

    Raises:
        SubjectError: it has an adapter already, or no layer that could take one.
    """
    if is_adapted(subject.model):
        raise SubjectError("a whole model expected, got one with an adapter; train that one on")
    targets = _targets(subject.model, lora)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _inject(subject.model, base, lora.rank, lora.alpha, lora.dropout, targets)
    return subject


def with_adapter(base: Subject, folder: Path) -> Subject:
    """The adapter in `folder` on a copy of its base that shares the base's weights, in evaluation mode.

    Whether `base` is the base that the adapter names is for the caller to have seen to: a model does not know its
    digest.

    Raises:
        SubjectError: there is no adapter, or its tensors are not exactly those of the layers it names.
    """
    refuse_code(folder)
    found = adapter_in(folder)
    if found is None:
        raise SubjectError(f"an adapter expected in {folder}, got none; it has no {ADAPTER_CONFIG}")
    model = sharing_copy(base.model, lambda _: True)
    with torch.random.fork_rng(devices=[]):  # what is drawn here is written over
        _inject(model, found.base, found.r, found.lora_alpha, found.lora_dropout, found.target_modules)
    _fill(model, folder)
    model.eval()  # type: ignore[no-untyped-call]
    return Subject(model, base.tokenizer)


def save_adapter(model: PreTrainedModel, folder: Path) -> None:
    """Write the adapter on a model into the new `folder`, in float32.

    Raises:
        SubjectError: there is none.
    """
    config = adapter_of(model)
    folder.mkdir(parents=True)
    tensors = {name: value.detach().float().cpu().contiguous() for name, value in _tensors(model)}
    save_file(tensors, folder / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    (folder / ADAPTER_CONFIG).write_bytes(msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n")


def check_shape(model: PreTrainedModel, lora: Lora) -> None:
    """Whether the adapter on a model is of the shape that is asked for.

    Raises:
        UsageError: it is of another; no training changes it.
    """
    found, wanted = adapter_of(model), (lora.rank, float(lora.alpha), _targets(model, lora))
    if (got := (found.r, float(found.lora_alpha), found.target_modules)) != wanted:
        raise UsageError(
            f"an adapter of rank, alpha and layers {wanted} expected, got {got}; [subject] lora is fixed in a run"
        )


def stored_name(name: str) -> str:
    """What a parameter is called in files: an adapter's as PEFT has it, any other as it is."""
    ours = any(f".{kind}.{_NAME}." in name for kind in _KINDS)
    return _PREFIX + name.replace(f".{_NAME}.", ".") if ours else name


def adapted_layers(model: nn.Module) -> Iterator[tuple[str, Tensor, Tensor, Tensor, float]]:
    """Of each adapted layer, in the model's order: name, W (out, in), A (rank, in), B (out, rank) and alpha / rank."""
    for name, layer in model.named_modules():
        if hasattr(layer, "lora_A") and _NAME in layer.lora_A:
            yield (
                name,
                layer.base_layer.weight,
                layer.lora_A[_NAME].weight,
                layer.lora_B[_NAME].weight,
                layer.scaling[_NAME],
            )


def own_weights(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The parameters of a model without its adapter's, by the names they have where there is none."""
    for name, value in model.named_parameters():
        if not any(f".{kind}." in name for kind in _KINDS):
            yield name.replace(f".{_BASE}.", "."), value


def sharing_copy(model: PreTrainedModel, shares: Callable[[Tensor], bool]) -> PreTrainedModel:
    """A deep copy that has those parameters of the model itself of which `shares(parameter)` is true."""
    memo: dict[int, Any] = {id(value): value for value in model.parameters() if shares(value)}
    copy: PreTrainedModel = deepcopy(model, memo)
    return copy


def _inject(  # noqa: PLR0917
    model: PreTrainedModel, base: str, rank: int, alpha: float, dropout: float, targets: tuple[str, ...]
) -> None:
    try:
        from peft import LoraConfig, inject_adapter_in_model  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            f"peft, which adapters need, expected, got: {error}; install the extra `train`"
        ) from error
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]  # any number will do
        lora_dropout=dropout,
        target_modules=list(targets),
        base_model_name_or_path=base,
    )
    try:
        inject_adapter_in_model(config, model, _NAME)
    except ValueError as error:
        raise SubjectError(
            f"a model with linear layers {', '.join(targets)} expected, got: {error}; set [subject] lora.targets"
        ) from error
    for name, value in model.named_parameters():
        value.requires_grad_(any(f".{kind}." in name for kind in _KINDS))
        if value.requires_grad:
            value.data = (
                value.data.float()
            )  # also where the base is bfloat16: its steps would be rounded away


def _fill(model: PreTrainedModel, folder: Path) -> None:
    """Read an adapter's tensors into the layers that wait for them; no other, and none missing."""
    wanted = dict(_tensors(model))
    try:
        found = load_file(folder / ADAPTER_WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise SubjectError(
            f"an adapter's weights expected in {folder}, got: {error}; restore it from a copy"
        ) from error
    shapes, got = ({name: tuple(value.shape) for name, value in one.items()} for one in (wanted, found))
    if shapes != got:
        amiss = sorted(name for name in shapes.keys() | got.keys() if shapes.get(name) != got.get(name))
        raise SubjectError(
            f"exactly the weights that {ADAPTER_CONFIG} describes expected in {folder}, got others: "
            f"{', '.join(amiss[:5])}; restore it from a copy"
        )
    with torch.no_grad():
        for name, value in wanted.items():
            value.copy_(found[name])


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """A and B of every adapted layer, by their names in PEFT's files."""
    for name, value in model.named_parameters():
        if any(f".{kind}.{_NAME}." in name for kind in _KINDS):
            yield stored_name(name), value


def _targets(model: PreTrainedModel, lora: Lora) -> tuple[str, ...]:
    """The last parts of the names of the layers to adapt, in order; of all linear ones, less the output."""
    if not isinstance(lora.targets, str):
        return tuple(sorted(set(lora.targets)))
    output = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    names = {
        name.removesuffix(f".{_BASE}").rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not output and not any(kind in name for kind in _KINDS)
    }
    if not names:
        raise SubjectError("a model with linear layers expected, got none; train it whole")
    return tuple(sorted(names))


def _described(base: str, rank: int, alpha: float, dropout: float, model: nn.Module) -> Adapter:
    return Adapter(
        base_model_name_or_path=base,
        r=rank,
        lora_alpha=float(alpha),
        lora_dropout=float(dropout),
        target_modules=tuple(sorted({name.rpartition(".")[2] for name, *_ in adapted_layers(model)})),
        peft_type="LORA",
        task_type="CAUSAL_LM",
        bias="none",
        inference_mode=True,
    )
