"""How far the weights of each module moved, and along how many directions.

    >>> section(look).modules[4]
    Moved(module='layers.1.mlp.up_proj', share=0.02, top=(0.9, 0.3, ...), rank=1.4)

Of the change D of a matrix, with singular values s_1 >= s_2 >= ...: `top` are the largest over |D| = sqrt(sum s^2), and

    rank = R_0(D'D) = (sum s^2)^2 / sum s^4 = |D|^4 / |D'D|^2        (Frobenius norms)

the effective rank of Bartlett, Long, Lugosi, Tsigler, "Benign Overfitting in Linear Regression" (arXiv 1906.11300),
definition 3: 1 for a change along one direction, and as many as a matrix has where all weigh the same. Noise moves
along nearly all, a low-rank adapter along as many as its rank at the most.

Modules are named as in the model, without what stands before all its blocks, and blocks are numbered from 0 there:
`layers.1.mlp.up_proj` is in block 2. In models of different depth those blocks are compared that correspond
(`Look.matched`), under after's names. What an adapter adds is part of the weight that it adapts, so an adapter and the
model it is merged into read the same; a tied weight comes once. It misleads where a change of weights does nothing: two
that turn the same axes in one layer and back in the next say what they said, and are far apart here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import torch
from msgspec import UNSET, UnsetType
from torch import Tensor

from detent.errors import SubjectError
from detent.interpret.look import Absent, Look, depth
from detent.interpret.output import whole
from detent.subject.load import Subject
from detent.subject.lora import own_weights
from detent.values.inside import TOP, Moved, Weights

_EXACT = 1024
"""The longest side of a matrix all of whose singular values are computed; of larger ones the first are estimated."""

_MORE = 8  # directions beyond `TOP` that the estimate goes by
_ROUNDING = 1e-6  # singular values beneath it, over the norm, are rounding
_PART = 1 << 22  # numbers that are added up at once
_MATRIX = 2  # dimensions

Named = tuple[str, str]
"""A module, and which of its weights."""


def section(look: Look) -> Weights:
    """Of every module that both models have in one shape. Those that one has only are said to be `of` it.

    Raises:
        Absent: there is none, or depths differ and there is too little to match layers by.
        SubjectError: weights that are no finite numbers.
    """
    before, after = (_Weights(one) for one in (look.before, look.after))
    partner = _partners(look, after.modules)
    earlier = _Earlier(look)
    found: list[Moved] = []
    alone = [f"{module} of before" for module in before.modules if module not in partner.values()]
    sums = [0.0, 0.0]
    with torch.no_grad():
        for module in after.modules:
            look.beat()
            other = partner[module]
            if other not in before.modules:
                alone.append(f"{module} of after")
            elif before.shapes(other) != after.shapes(module):
                alone.append(module)
            else:
                change = _Change(before.parts(other), after.parts(module), module)
                found.append(_moved(module, change, earlier.change(other, change)))
                sums[0] += change.size**2
                sums[1] += change.before**2
    if not found:
        raise Absent("no module of the one has its like in the other")
    return Weights(tuple(found), _share(sqrt(sums[0]), sqrt(sums[1])), tuple(alone))


class _Weights:
    """A model's weights by module, as they work: with what an adapter adds."""

    def __init__(self, subject: Subject) -> None:
        model: Any = whole(subject.model)
        before_all = f"{model.base_model_prefix}."
        self._added = {
            f"{name}.weight": layer
            for name, layer in model.named_modules()
            if hasattr(layer, "get_delta_weight") and not layer.merged
        }
        self._named = dict(own_weights(model))
        self.modules: dict[str, list[str]] = {}
        for name in self._named:
            module = name.removeprefix(before_all).removesuffix(".weight").removesuffix(".bias")
            self.modules.setdefault(module, []).append(name)

    def shapes(self, module: str) -> list[tuple[int, ...]]:
        """Of all its weights."""
        return [tuple(self._named[name].shape) for name in self.modules[module]]

    def parts(self, module: str) -> list[Tensor]:
        """Its weights in float32."""
        return [self._whole(name) for name in self.modules[module]]

    def _whole(self, name: str) -> Tensor:
        value = self._named[name].detach().float()
        layer: Any = self._added.get(name)
        for adapter in layer.active_adapters if layer is not None else ():
            value = value + layer.get_delta_weight(adapter).detach().float()
        return value


class _Change:
    """By how much the weights of a module differ."""

    def __init__(self, before: list[Tensor], after: list[Tensor], module: str) -> None:
        self.parts = [theirs - mine.to(theirs.device) for mine, theirs in zip(before, after, strict=True)]
        self.size, self.before = (sqrt(sum(_dot(one, one) for one in some)) for some in (self.parts, before))
        if not (isfinite(self.size) and isfinite(self.before)):
            raise SubjectError(
                f"finite weights expected, got others in {module}; they are of no use: train anew"
            )

    def along(self, other: "_Change") -> float | UnsetType:
        """Cosine with another change of weights of the same shapes."""
        if not self.size or not other.size:
            return UNSET
        product = sum(
            _dot(mine, theirs.to(mine.device)) for mine, theirs in zip(self.parts, other.parts, strict=True)
        )
        return max(-1.0, min(1.0, product / (self.size * other.size)))


@dataclass(frozen=True, slots=True)
class _Pair:
    before: _Weights
    after: _Weights
    deep: bool  # as deep as the model before


class _Earlier:
    """The earlier change that the job names, if it names one."""

    def __init__(self, look: Look) -> None:
        self._pair: _Pair | None = None
        if look.job.earlier is not UNSET:
            one, other = (look.opened(digest) for digest in look.job.earlier)
            deep = depth(one) == depth(other) == depth(look.before)
            self._pair = _Pair(_Weights(one), _Weights(other), deep)

    def change(self, module: str, like: _Change) -> _Change | None:
        """Of that module, by before's name; None where there was none of the same shape and place."""
        pair = self._pair
        if pair is None or not like.size or (_block(module) is not None and not pair.deep):
            return None
        shapes = [tuple(part.shape) for part in like.parts]
        if any(
            module not in one.modules or one.shapes(module) != shapes for one in (pair.before, pair.after)
        ):
            return None
        return _Change(pair.before.parts(module), pair.after.parts(module), module)


def _moved(module: str, change: _Change, earlier: _Change | None) -> Moved:
    along = UNSET if earlier is None else change.along(earlier)
    share = _share(change.size, change.before)
    matrices = [part for part in change.parts if part.ndim == _MATRIX]
    size = sqrt(_dot(matrices[0], matrices[0])) if len(matrices) == 1 else 0.0
    if not size:
        return Moved(module, share, along=along)
    unit = matrices[0] / size
    if max(unit.shape) <= _EXACT:
        unit = unit.double()
    gram = unit @ unit.T if unit.shape[0] < unit.shape[1] else unit.T @ unit
    rank = max(1.0, 1 / _dot(gram, gram))  # of a change of norm 1
    return Moved(module, share, _top(unit), rank, along)


def _top(unit: Tensor) -> tuple[float, ...]:
    """The largest singular values of a matrix of norm 1, less what is rounding."""
    if max(unit.shape) <= _EXACT:
        values = torch.linalg.svdvals(unit)
    else:
        # The estimate draws its directions from the process's generators: they go on afterwards as if it had not.
        devices = [unit.device] if unit.is_cuda else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(0)
            values = torch.svd_lowrank(unit, q=min(TOP + _MORE, *unit.shape), niter=4)[1]
    return tuple(min(1.0, value) for value in values[:TOP].tolist() if value > _ROUNDING)


def _share(change: float, of: float) -> float:
    """Of weights that were all zero, as a new block's output is, any change is all there is."""
    return change / of if of else float(change > 0)


def _dot(x: Tensor, y: Tensor) -> float:
    pairs = zip(torch.split(x.flatten(), _PART), torch.split(y.flatten(), _PART), strict=True)
    return sum(float(mine.double() @ theirs.double()) for mine, theirs in pairs)


def _partners(look: Look, modules: Mapping[str, object]) -> dict[str, str | None]:
    """What each module of after is called in before; None for those of a block that is in after only."""
    if depth(look.before) == depth(look.after):
        return {module: module for module in modules}
    old = {new - 1: block - 1 for block, new in look.matched if block and new}
    return dict(_renamed(modules, old))


def _renamed(modules: Mapping[str, object], old: Mapping[int, int]) -> Iterator[tuple[str, str | None]]:
    for module in modules:
        block = _block(module)
        if block is None:
            yield module, module
        elif block in old:
            yield module, module.replace(f".{block}.", f".{old[block]}.", 1)
        else:
            yield module, None


def _block(module: str) -> int | None:
    """The block that a module is in, by the first number in its name."""
    return next((int(part) for part in module.split(".") if part.isdigit()), None)
