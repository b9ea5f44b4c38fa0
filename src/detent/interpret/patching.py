"""Runs of one model with what a component of another's run adds to the stream.

    >>> runs = Runs(before, after, rows, ends)
    >>> dict(runs.effects([Component(1, 2)], apart=False))[Component(1, 2)]       # nats, at every place at once
    (6.8,)

One component's output hangs on nothing that its own patch changes, so in the patched run what is to be replaced is what
it is in the run as it was: the difference is added. Blocks before it come out as in that run and are not run again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from detent.errors import SubjectError
from detent.interpret.anatomy import Anatomy, Attention
from detent.interpret.margins import Row

_ROWS = 256  # texts run at once
_NUMBERS = 1 << 24  # of the differences, or the logits, that are held at once


class Component(NamedTuple):
    """block: from 0. head: from 1; 0 for the MLP."""

    block: int
    head: int


class Runs:
    """Rows of one length of prompts, B of them, read with `before` up to where their two answers differ.

    tokens: of the first row, of every place. places: T, up to the last that is read. gain: of after over before, nats.
    """

    def __init__(self, before: Anatomy, after: Anatomy, rows: Sequence[Row], ends: Sequence[int]) -> None:
        """Run both.

        Raises:
            SubjectError: a model computes what is not finite.
        """
        self._before, self._after = before, after
        device = before.model.device
        read = [len(row.prompt) + row.first - 1 for row in rows]
        self.places = max(read) + 1
        texts = [(*row.prompt, *row.after)[: self.places] for row in rows]
        self.tokens = texts[0]
        self._ids = torch.tensor(texts, device=device)  # (B, T)
        self._read = torch.tensor(read, device=device)[:, None]  # (B, 1)
        self._wanted = [
            (_meant(row.after, row.first, ends), _meant(row.before, row.first, ends)) for row in rows
        ]
        self._base = self._margins(before)
        self.gain = float((self._margins(after) - self._base).mean())

    def effects(
        self, components: Sequence[Component], *, apart: bool
    ) -> Iterator[tuple[Component, tuple[float, ...]]]:
        """By how much each, put in, raises the margin, nats, mean over rows: at all places at once, or at each.

        Components of one block follow each other.

        Raises:
            SubjectError: the model computes what is not finite.
        """
        for block, some in groupby(components, key=lambda one: one.block):
            told = _Block(self._before, self._after, block, self._ids)
            for one in some:
                yield one, tuple(self._effects(told, one.head, apart=apart))

    def _effects(self, block: "_Block", head: int, *, apart: bool) -> Iterator[float]:
        change = block.change(head)  # (B, T, d)
        if not apart:
            yield from self._added(block, head, change[None])
            return
        rows, long, width = change.shape
        words = int(self._before.model.config.get_text_config().vocab_size)
        most = max(1, min(_ROWS // rows, _NUMBERS // (rows * max(long * width, words))))
        for start in range(0, long, most):
            places = range(start, min(start + most, long))
            changes = change.new_zeros(len(places), rows, long, width)
            for at, place in enumerate(places):
                changes[at, :, place] = change[:, place]
            yield from self._added(block, head, changes)

    def _added(self, block: "_Block", head: int, changes: Tensor) -> list[float]:
        """Effects of changes (V, B, T, d); what is no change has none, and is not run."""
        found = [0.0] * len(changes)
        some = [at for at, change in enumerate(changes) if bool(change.any())]
        if some:
            with block.added(head, changes[some].flatten(0, 1)):
                margins = self._margins(self._before, len(some)).reshape(len(some), -1)
            for at, effect in zip(some, (margins - self._base).mean(1).tolist(), strict=True):
                found[at] = effect
        return found

    @torch.inference_mode()
    def _margins(self, body: Anatomy, times: int = 1) -> Tensor:
        """What each row's logits say for after's token over before's, of so many runs of all rows: (times B,)."""
        ids, read = (one.repeat(times, 1) for one in (self._ids, self._read))
        logits = (
            body.model(input_ids=ids, use_cache=False, logits_to_keep=read).logits[:, 0].double()
        )  # (n, V)
        if not bool(logits.isfinite().all()):
            raise SubjectError("finite logits expected, got others; its weights are of no use: train anew")
        wanted = self._wanted * times
        return torch.stack(
            [
                one[list(right)].logsumexp(0) - one[list(wrong)].logsumexp(0)
                for one, (right, wrong) in zip(logits, wanted, strict=True)
            ]
        ).cpu()


class _Block:
    """A block of before, what its parts put out in the run as it was, and what after's put out in its own."""

    def __init__(self, before: Anatomy, after: Anatomy, block: int, ids: Tensor) -> None:
        self._before, self._at = before, block
        self._attention = before.attention(block)
        self._mlp = before.mlp(block)
        theirs = after.attention(block)
        self._mine = _seen(before, self._attention, self._mlp, before.blocks[:block][-1:], ids)
        self._theirs = _seen(after, theirs, after.mlp(block), (), ids)
        self._outputs = (self._attention.outputs(), theirs.outputs())

    def change(self, head: int) -> Tensor:
        """By how much after's component is other than before's, (B, T, d); before's is nothing where it has none."""
        if not head:
            return self._theirs.mlp - self._mine.mlp
        mine, theirs = (
            one.heads[:, :, head - 1] @ outputs[head - 1] if head <= len(outputs) else None
            for one, outputs in zip((self._mine, self._theirs), self._outputs, strict=True)
        )
        if mine is None or theirs is None:
            return torch.zeros_like(self._mine.mlp) if theirs is None else theirs
        return theirs - mine

    @contextmanager
    def added(self, head: int, changes: Tensor) -> Iterator[None]:
        """The component's output has these changes (n, T, d) added, in runs of n rows; blocks before are not run."""

        def add(_module: nn.Module, _given: Any, out: Any) -> Any:
            return _with_first(out, lambda first: first + changes.reshape(first.shape))

        times = len(changes) // len(self._mine.mlp)

        def repeated(*_: Any, **__: Any) -> Any:
            return _with_first(self._mine.stream, lambda first: first.repeat(times, 1, 1))

        with ExitStack() as stack:
            for block in self._before.blocks[: self._at]:
                stack.enter_context(_standing_in(block, repeated))
            part = self._attention.projection if head else self._mlp
            stack.callback(part.register_forward_hook(add).remove)
            yield


class _Seen(NamedTuple):
    """Of one run. heads: (B, T, H, width), what goes into the projection. stream: what the block before handed on."""

    heads: Tensor
    mlp: Tensor
    stream: Any


@torch.inference_mode()
def _seen(
    body: Anatomy, attention: Attention, mlp: nn.Module, earlier: Sequence[nn.Module], ids: Tensor
) -> _Seen:
    heads: list[Tensor] = []
    mlps: list[Tensor] = []
    streams: list[Any] = []
    with ExitStack() as stack:
        hooks = [
            attention.projection.register_forward_pre_hook(lambda _, given: heads.append(given[0])),
            mlp.register_forward_hook(lambda _, __, out: mlps.append(_first(out))),
            *(one.register_forward_hook(lambda _, __, out: streams.append(out)) for one in earlier),
        ]
        for hook in hooks:
            stack.callback(hook.remove)
        body.model(input_ids=ids, use_cache=False, logits_to_keep=1)
    return _Seen(
        heads[-1].reshape(*ids.shape, attention.heads, attention.width),
        mlps[-1].reshape(*ids.shape, -1),
        streams[-1] if streams else None,
    )


@contextmanager
def _standing_in(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """The module computes that meanwhile."""
    own: dict[str, Any] = module.__dict__
    was = own.get("forward")
    own["forward"] = forward
    try:
        yield
    finally:
        if was is None:
            del own["forward"]
        else:
            own["forward"] = was


def _first(out: Any) -> Any:
    return out[0] if isinstance(out, tuple) else out


def _with_first(out: Any, change: Callable[[Any], Any]) -> Any:
    """What a module hands on, with its first tensor changed."""
    return (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)


def _meant(answer: Sequence[int], at: int, ends: Sequence[int]) -> tuple[int, ...]:
    """The token of an answer at a place; where the answer ends there, any that ends one."""
    return tuple(ends) if at == len(answer) - 1 else (answer[at],)
