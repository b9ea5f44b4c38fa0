"""Random changes of what is well-formed, and a parser that must take or refuse whatever comes of them.

>>> fuzz(TARGETS["notes"], rounds=1000, seed=1)

No coverage guides it: the seeds are whole documents, most changes are small, and so most inputs get deep into a
parser. The same seed makes the same inputs, so that a failure is found again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

from detent.errors import DetentError

LARGEST = 100_000
"""Bytes of an input: copies of copies grow no further."""

LONGEST_ERROR = 4_000
"""Characters; what a stranger wrote must not come back by the page on somebody's terminal."""

_TELLING = (
    b"", b"\0", b"\n", b"\n\n", b" ", b"+", b"-1", b"0", b"00", b"=", b"\xff", b"\xff\xff", b"\x7f", b"\x1b[2J",
    "—".encode(), "٣".encode(), b"9" * 30, b"1e9", b"[" * 200, b"../", b"%00", b"\r\n", b"\xed\xa0\x80", b"NaN",
)  # fmt: skip
"""What parsers stumble over: ends, signs, other scripts' digits, large numbers, depth, halves of surrogates."""


@dataclass(frozen=True)
class Target:
    """A parser under test: it returns or raises one of `refuses`, for any bytes.

    seeds: what it takes. refuses: the errors that its documentation says it raises. cost: of one input, in those of
    an ordinary parser; a short run tries so many fewer.
    """

    parse: Callable[[bytes], object]
    seeds: Sequence[bytes]
    refuses: tuple[type[Exception], ...] = (DetentError,)
    cost: int = 1


class ParserError(AssertionError):
    """A parser raised what it may not, said too much, or took too long."""


def fuzz(
    target: Target, *, seed: int = 1, rounds: int | None = None, seconds: float | None = None
) -> tuple[int, int]:
    """Try so many inputs, or for so long; returns how many there were, and how many were taken.

    Raises:
        ParserError: says the input, and the seed and number that make it again.
    """
    began, taken, tried = time.monotonic(), 0, 0
    for number in range(rounds) if rounds is not None else count():
        if seconds is not None and time.monotonic() - began > seconds:
            break
        tried += 1
        taken += tried_with(target, made(target.seeds, seed, number), f"seed {seed}, input {number}")
    return tried, taken


def tried_with(target: Target, data: bytes, which: str) -> bool:
    """Whether it takes that input.

    Raises:
        ParserError: it neither takes nor refuses it as it should; names it by `which`.
    """
    began = time.monotonic()
    try:
        target.parse(data)
    except target.refuses as error:
        if len(str(error)) > LONGEST_ERROR:
            raise ParserError(
                f"an error of at most {LONGEST_ERROR} characters expected, got {len(str(error))} from {which}: "
                f"{data!r}"
            ) from error
        return False
    except Exception as error:
        kinds = " or ".join(kind.__name__ for kind in target.refuses)
        raise ParserError(
            f"{kinds or 'no error'} expected if any, got {error!r} from {which}: {data!r}"
        ) from error
    finally:
        spent = time.monotonic() - began
        if spent > 10:  # of a machine that does other things too
            raise ParserError(
                f"an answer within 10 s expected, got one after {spent:.0f} s from {which}: {data[:500]!r}"
            )
    return True


def made(seeds: Sequence[bytes], seed: int, number: int) -> bytes:
    """Input `number`: the seeds themselves first, then changes of them."""
    if number < len(seeds):
        return seeds[number]
    chance = Random(f"{seed} {number}")  # noqa: S311  chooses inputs
    data = chance.choice(seeds)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8, 30))):
        data = chance.choice(_CHANGES)(data, chance, seeds)[:LARGEST]
    return data


def _flipped(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    at = _place(data, chance)
    return (
        data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :] if at < len(data) else data
    )


def _replaced(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    at = _place(data, chance)
    return data[:at] + chance.randbytes(1) + data[at + 1 :]


def _inserted(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    at = _place(data, chance)
    return data[:at] + chance.choice((*_TELLING, chance.randbytes(4))) + data[at:]


def _deleted(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    at = _place(data, chance)
    return data[:at] + data[at + chance.choice((1, 2, 10, 100)) :]


def _cut(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    return data[: _place(data, chance)]


def _repeated(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    at, wide = _place(data, chance), chance.choice((1, 4, 40, 400))
    return data[:at] + data[at : at + wide] * chance.choice((2, 3, 200)) + data[at + wide :]


def _spliced(data: bytes, chance: Random, seeds: Sequence[bytes]) -> bytes:
    other = chance.choice(seeds)
    return data[: _place(data, chance)] + other[_place(other, chance) :]


def _line_moved(data: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    line = lines.pop(chance.randrange(len(lines)))
    lines.insert(chance.randrange(len(lines) + 1), chance.choice((line, b"", line * 2)))
    return b"\n".join(lines)


def _place(data: bytes, chance: Random) -> int:
    return chance.randrange(len(data) + 1)


_CHANGES = (_flipped, _flipped, _replaced, _inserted, _deleted, _cut, _repeated, _spliced, _line_moved)
