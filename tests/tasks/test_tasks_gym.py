"""Tasks of reasoning-gym run apart, at pinned levels of a pinned library, and right is what matches to the letter."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from detent.errors import TaskError, TrustError, UsageError
from detent.tasks import (
    GYM,
    LADDERS,
    UNFIT,
    GymSource,
    Library,
    Limits,
    Problem,
    Rng,
    gym_digest,
    gym_source,
    installed_library,
    library_digest,
    vet,
)
from detent.values import sha256_hex

PINNED = "0.1.25"


@pytest.fixture(scope="module")
def library() -> Library:
    if find_spec("reasoning_gym") is None:
        pytest.skip("the extra detent[gym] is not installed")
    return installed_library()


@pytest.fixture
def sums(library: Library) -> Iterator[GymSource]:
    source = gym_source("gym:chain_sum", library, LADDERS["chain_sum"])
    yield source
    source.close()


def asks(levels: int, streams: int = 3) -> list[tuple[int, bytes]]:
    return [(n, Rng(b"gym").child(f"{n}/{m}").seed) for n in range(1, levels + 1) for m in range(streams)]


def test_a_problem_is_the_librarys_question_and_answer(sums: GymSource) -> None:
    (problem,) = sums.problems([(1, b"a" * 32)])
    assert problem == Problem("State the final answer to the following arithmetic problem: 6 - 4 =", "2")


def test_the_same_level_and_seed_give_the_same_problem_in_any_order_and_process(sums: GymSource) -> None:
    first = sums.problems(asks(4))
    sums.close()
    assert sums.problems(asks(4)[::-1])[::-1] == first
    assert len(set(first)) == len(first)


def test_right_is_the_answer_to_the_letter_and_never_part_of_it(sums: GymSource) -> None:
    problem = Problem("State the final answer to the following arithmetic problem: 6 - 4 =", "2")
    said = {
        "2": True,
        " 2\n": True,
        "The answer is 2": False,
        "2.0": False,
        "22": False,
        "": False,
        "-2": False,
    }
    assert dict(zip(said, sums.right([(problem, one) for one in said]), strict=True)) == said


def test_a_ladder_keeps_the_promises_of_a_task(sums: GymSource) -> None:
    vet(sums, levels=len(LADDERS["chain_sum"]), room=0)


def test_a_level_above_the_ladder_is_an_error(sums: GymSource) -> None:
    with pytest.raises(
        TaskError, match=r"task gym:chain_sum: _gym_bridge\.py:\d+: ValueError: a level of 1 to 11 expected"
    ):
        sums.problems([(12, b"seed")])


def test_the_process_that_oversees_imports_neither_the_library_nor_numpy(sums: GymSource) -> None:
    code = (
        "import sys; from detent.tasks import *; s = gym_source('gym:chain_sum', installed_library(), (0,)); "
        "s.problems([(1, b'x')]); s.close(); print({'numpy', 'reasoning_gym', 'sympy'} & set(sys.modules))"
    )
    assert sums.name == "gym:chain_sum"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


TWISTED = {
    "draws from the order of a set": "word_ladder",
    "has an empty answer now and then": "string_manipulation",
    "draws by numpy": "game_of_life",
    "has no curriculum": "gsm_symbolic",
    "has a level left out in between": "modulo_grid",
}


@pytest.mark.long
@pytest.mark.parametrize("what", TWISTED)
def test_a_task_is_pure_that(what: str, library: Library) -> None:
    name = TWISTED[what]
    source = gym_source(GYM + name, library, LADDERS[name])
    wanted = asks(len(LADDERS[name]), 4)
    first = source.problems(wanted)
    source.close()
    assert source.problems(wanted[::-1])[::-1] == first
    assert all(source.right([(one, one.answer) for one in first]))
    source.close()


@pytest.mark.long
def test_every_ladder_has_problems_on_every_level(library: Library) -> None:
    """A minute or two of a processor: the library takes its time."""
    for name, levels in LADDERS.items():
        source = gym_source(GYM + name, library, levels, limits=Limits(seconds=600.0, memory=4 << 30))
        problems = source.problems(asks(len(levels), 1))
        assert all(source.right([(one, one.answer) for one in problems])), name
        source.close()


def test_ladders_and_what_is_unfit_are_all_tasks_of_the_library(library: Library) -> None:
    """By the library's own source, which nothing here runs."""
    folder = Path(str(metadata.distribution("reasoning-gym").locate_file("reasoning_gym")))
    text = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    assert library.version == PINNED
    known = {*LADDERS, *UNFIT}
    assert not LADDERS.keys() & UNFIT.keys()
    assert len(known) == 106
    assert {name for name in known if f'"{name}"' not in text} == set()


def test_another_version_is_a_trust_error_that_names_both(library: Library) -> None:
    with pytest.raises(
        TrustError,
        match=rf"reasoning-gym 0\.1\.24, .* expected, got {PINNED}, .*; pip install reasoning-gym==0\.1\.24",
    ):
        gym_source("gym:chain_sum", Library("0.1.24", library.sha256), (0,))


def test_another_file_in_the_library_is_a_trust_error(library: Library) -> None:
    with pytest.raises(
        TrustError, match=r"as it was signed, SHA-256 000000000000\.\.\. over its files, expected"
    ):
        gym_source("gym:chain_sum", Library(library.version, "0" * 64), (0,))


def test_no_library_is_a_usage_error_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(UsageError, match=r"got none; pip install 'detent\[gym\]'"):
        gym_source("gym:chain_sum", Library(PINNED, "0" * 64), (0,))


def test_a_task_that_the_library_lacks_is_a_task_error(library: Library) -> None:
    source = gym_source("gym:nothing", library, (0,))
    with pytest.raises(TaskError, match="a task of reasoning-gym expected, got nothing"):
        source.problems([(1, b"seed")])


CHANGED: dict[str, tuple[Library, tuple[int, ...]]] = {
    "the library's version": (Library("0.1.24", "a" * 64), (0, 1)),
    "a file of the library": (Library(PINNED, "b" * 64), (0, 1)),
    "a level": (Library(PINNED, "a" * 64), (0, 2)),
}


@pytest.mark.parametrize("what", CHANGED)
def test_the_digest_changes_with(what: str) -> None:
    assert gym_digest(*CHANGED[what]) != gym_digest(Library(PINNED, "a" * 64), (0, 1))


def test_the_librarys_digest_is_what_sha256sum_says_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    (folder / "deep" / "__pycache__").mkdir(parents=True)
    (folder / "b.py").write_text("b")
    (folder / "deep" / "a.json").write_text("a")
    (folder / "deep" / "__pycache__" / "a.pyc").write_text("compiled")
    listing = "".join(
        f"{sha256_hex(text.encode())}  lib/{name}\n" for name, text in (("b.py", "b"), ("deep/a.json", "a"))
    )
    assert library_digest(folder) == sha256_hex(listing.encode())
