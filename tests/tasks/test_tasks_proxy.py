"""A proxy of the author's: it accepts labels or not, in a process of its own, and does no harm there."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from detent.errors import TaskError, TrustError
from detent.tasks import Limits, Proxy, builtin, pinned_proxy, proxy, vet_proxy

LONG = "def accepts(prompt, completion):\n    return len(completion) == len(prompt) - 2\n"


def made(folder: Path, text: str, source: str = "plausible.py:accepts") -> Proxy:
    (folder / "plausible.py").write_text(text)
    return proxy("plausible", source, folder, limits=Limits(seconds=2.0))


def asked(folder: Path, text: str, pairs: Sequence[tuple[str, str]]) -> list[bool]:
    one = made(folder, text)
    try:
        return one.accepts(pairs)
    finally:
        one.close()


def test_it_answers_each_pair_in_order_however_many(tmp_path: Path) -> None:
    pairs = [("C12=", "12"), ("C12=", "1"), ("C1=", "7")] * 200
    assert asked(tmp_path, LONG, pairs) == [True, False, True] * 200
    assert asked(tmp_path, LONG, []) == []


def test_a_proxy_may_accept_what_the_task_does_not(tmp_path: Path) -> None:
    one = made(tmp_path, "def accepts(prompt, completion):\n    return True\n")
    vet_proxy(one, builtin("copy"))
    one.close()


FAULTS = {
    "it returns no truth value": ("def accepts(p, c):\n    return 1\n", "True or False expected"),
    "it raises": ("def accepts(p, c):\n    return [][0]\n", "IndexError"),
    "it hangs": ("def accepts(p, c):\n    while True: pass\n", "hangs"),
    "it takes one argument": ("def accepts(p):\n    return True\n", "TypeError"),
    "it is a class": ("class accepts:\n    pass\n", "a function accepts expected"),
    "there is none": ("x = 1\n", "a function accepts expected"),
    "it ends its process": ("import os\ndef accepts(p, c):\n    os._exit(3)\n", "ended with status 3"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_proxy_is_refused_when(tmp_path: Path, name: str) -> None:
    text, said = FAULTS[name]
    one = made(tmp_path, text)
    with pytest.raises(TaskError, match=said):
        vet_proxy(one, builtin("copy"))
    one.close()


def test_a_run_uses_only_the_file_that_was_signed(tmp_path: Path) -> None:
    digest = made(tmp_path, LONG).digest
    one = pinned_proxy("plausible", "plausible.py:accepts", digest, tmp_path)
    (tmp_path / "plausible.py").write_text("def accepts(p, c):\n    return True\n")
    assert one.accepts([("C12=", "1")]) == [False]  # the bytes that were read are what runs
    one.close()
    with pytest.raises(TrustError, match="restore the file"):
        pinned_proxy("plausible", "plausible.py:accepts", digest, tmp_path)
