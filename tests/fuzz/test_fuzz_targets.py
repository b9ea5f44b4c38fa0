"""A short run of every fuzz target; `python -m tests.fuzz all --seconds 60` is a long one."""

import subprocess
import sys
import time

import pytest
from tests.fuzz.mutating import ParserError, Target, fuzz, made
from tests.fuzz.targets import TARGETS

from detent.errors import TrustError


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_takes_or_refuses_whatever_it_is_given(name: str) -> None:
    target = TARGETS[name]
    tried, taken = fuzz(target, rounds=1500)
    assert tried == 1500
    assert taken >= len(target.seeds) - (name == "journals")  # one of them announces something else


def naive(data: bytes) -> None:
    if not data.startswith(b"n"):
        raise TrustError("n expected")
    int(data[1:])


def test_a_parser_that_raises_anything_else_is_found_with_the_input_that_did_it() -> None:
    target = Target(naive, [b"n1234"])
    with pytest.raises(ParserError, match="got ValueError") as raised:
        fuzz(target, rounds=1000, seed=3)
    number = int(str(raised.value).partition("seed 3, input ")[2].partition(":")[0])
    assert repr(made(target.seeds, 3, number)) in str(raised.value)


def test_a_parser_that_asserts_wrongly_is_found() -> None:
    def wrong(data: bytes) -> None:
        assert len(data) == 5

    with pytest.raises(ParserError, match="AssertionError"):
        fuzz(Target(wrong, [b"n1234"]), rounds=1000)


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
