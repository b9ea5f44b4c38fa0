"""A short run of every fuzz target; `python -m tests.fuzz all --seconds 60` is a long one."""

import subprocess
import sys
import time

import pytest
from tests.fuzz.mutating import ParserError, Target, fuzz, made, tried_with
from tests.fuzz.targets import COSIGNED, KEY, SIGNED, TARGETS

from detent.errors import TrustError, UsageError

VKEY = b"+" + str(KEY.verify_key).encode().split(b"+", 2)[2]


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_takes_or_refuses_whatever_it_is_given(name: str) -> None:
    target = TARGETS[name]
    tried, taken = fuzz(target, rounds=1500 // target.cost)
    assert tried == 1500 // target.cost
    assert taken >= len(target.seeds) - (name == "journals")  # one of them announces something else


ONCE_FOUND = {
    "verify-keys: a long name came back whole in the error": b"n" * 5000 + b"+458234cb" + VKEY,
    "verify-keys: so did one that is no name": b"n" * 5000 + b"\n+458234cb" + VKEY,
    "announcements: int() refuses so many digits": b"detent-journal/v1\nexample.com/run\n"
    + b"9" * 5000
    + b"\n",
    "cosignatures: a log's name came back whole": str(COSIGNED).replace("example", "e" * 5000, 1).encode(),
    "splits: another log's name came back whole": f"{'e' * 5000}{SIGNED}".encode(),
    "cosignatures: to ML-DSA-44 a log's long name was its caller's mistake": (
        f"{'e' * 300}{SIGNED.text}\n{COSIGNED.signatures[-1]}".encode()
    ),
}


@pytest.mark.parametrize("what", ONCE_FOUND)
def test_what_was_found_once_is_refused_as_it_should_be(what: str) -> None:
    assert not tried_with(TARGETS[what.partition(":")[0]], ONCE_FOUND[what], what)


def naive(data: bytes) -> None:
    if not data.startswith(b"n"):
        raise TrustError("n expected")
    int(data[1:])


def test_a_parser_that_raises_anything_else_is_found_with_the_input_that_did_it() -> None:
    target = Target(naive, [b"n1234"])
    with pytest.raises(ParserError, match="DetentError expected if any, got ValueError") as raised:
        fuzz(target, rounds=1000, seed=3)
    number = int(str(raised.value).partition("seed 3, input ")[2].partition(":")[0])
    assert repr(made(target.seeds, 3, number)) in str(raised.value)


def test_a_parser_that_asserts_wrongly_is_found() -> None:
    def wrong(data: bytes) -> None:
        assert len(data) == 5

    with pytest.raises(ParserError, match="AssertionError"):
        fuzz(Target(wrong, [b"n1234"]), rounds=1000)


def test_an_error_of_more_than_a_page_is_found() -> None:
    def floods(data: bytes) -> None:
        raise TrustError(str(data) * 5000)

    with pytest.raises(ParserError, match="at most 4000 characters"):
        fuzz(Target(floods, [b"n1234"]), rounds=1)


def test_an_error_that_is_not_documented_is_found() -> None:
    with pytest.raises(ParserError, match="UsageError expected if any, got TrustError"):
        fuzz(Target(naive, [b"1234"], (UsageError,)), rounds=1)


def test_a_parser_that_takes_its_time_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    with pytest.raises(ParserError, match="within 10 s"):
        fuzz(Target(len, [b"a"]), rounds=3)


def test_the_command_runs_a_target_for_a_while_and_says_how_to_repeat_it() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "checkpoints", "--seconds", "0.2", "--seed", "7"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("checkpoints: ")
    assert done.stdout.endswith(", seed 7\n")
