"""A user's task runs apart, without keys, and whatever its code does ends as one clear line."""

import hashlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from tests.tasks.written_task import CHECK, PROBLEM, children, written

from detent.errors import EngineError, TaskError, TrustError
from detent.tasks import Limits, PluginSource, Problem, pinned_plugin, plugin, vet

ROTATE = Path(__file__).parents[2] / "examples" / "rotate"

Make = Callable[[str], PluginSource]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Write a task file and load it; everything started is closed."""
    started: list[PluginSource] = []

    def write(code: str) -> PluginSource:
        (tmp_path / "mine.py").write_text(code)
        started.append(plugin("mine", "mine.py:Mine", tmp_path))
        return started[-1]

    yield write
    for source in started:
        source.close()


def test_the_example_answers_as_its_docstring_says() -> None:
    source = plugin("rotate", "rotate.py:Rotate", ROTATE)
    try:
        problem = Problem("T3142=", "1423")
        assert source.right([(problem, "1423"), (problem, "3142")]) == [True, False]
        drawn = source.problems([(4, b"a"), (4, b"a"), (15, b"b")])
        assert drawn[0] == drawn[1]
        assert [len(each.answer) for each in drawn] == [4, 4, 15]
        vet(source, levels=15, room=0)
    finally:
        source.close()


def test_the_digest_is_the_sha256_of_the_file_and_a_changed_file_is_refused(tmp_path: Path) -> None:
    shutil.copy(ROTATE / "rotate.py", tmp_path)
    file = tmp_path / "rotate.py"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert plugin("rotate", "rotate.py:Rotate", tmp_path).digest == digest
    assert pinned_plugin("rotate", "rotate.py:Rotate", digest, tmp_path).digest == digest
    file.write_text(file.read_text() + "\n")
    with pytest.raises(TrustError, match=f"{digest} expected, as signed, got"):
        pinned_plugin("rotate", "rotate.py:Rotate", digest, tmp_path)


def test_what_runs_is_what_was_hashed(make: Make, tmp_path: Path) -> None:
    source = make(written())
    (tmp_path / "mine.py").write_text("raise SystemExit")
    assert source.problems([(3, b"")])[0].prompt.startswith("T")


def test_many_items_come_back_in_order(make: Make) -> None:
    source = make(written('return Problem(f"{level}", f"{level}")'))
    problems = source.problems([(level, b"") for level in range(1, 1001)])
    assert [problem.answer for problem in problems] == [str(level) for level in range(1, 1001)]
    completions = [str(level % 2 or level) for level in range(1, 1001)]
    rights = source.right(list(zip(problems, completions, strict=True)))
    assert rights == [problem.answer == text for problem, text in zip(problems, completions, strict=True)]


def test_nothing_asked_starts_nothing(make: Make) -> None:
    source, before = make("this is no Python"), children()
    assert source.problems([]) == []
    assert source.right([]) == []
    assert children() == before


def test_prints_and_reads_do_not_touch_the_protocol(make: Make) -> None:
    noisy = dedent("""\
        print('{"type": "drawn"}')
        os.write(1, b"raw noise" * 9999)
        sys.stdout.flush()
        sys.__stdout__.write("more")
        assert sys.stdin.read() == ""
        """)
    source = make(written(noisy + PROBLEM, noisy + CHECK, top='print("at the top")'))
    (problem,) = source.problems([(5, b"x")])
    assert source.right([(problem, problem.answer)]) == [True]


def test_it_runs_without_keys_in_an_empty_folder(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENT_SECRET", "s3cret")
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    seen = 'return Problem(",".join(sorted(os.environ)) + ";" + ",".join(os.listdir()), "x")'
    (problem,) = make(written(seen)).problems([(1, b"")])
    names, files = problem.prompt.split(";")
    assert files == ""
    assert {name for name in names.split(",") if not name.startswith("PYTHON")} <= {
        "PATH",
        "LANG",
        "LC_CTYPE",
    }
    assert "PYTHONHASHSEED" not in names


def test_closing_leaves_no_process_and_no_folder(make: Make) -> None:
    before = children()
    source = make(written('return Problem(os.getcwd(), "x")'))
    folder = Path(source.problems([(1, b"")])[0].prompt)
    assert folder.is_dir()
    assert len(children() - before) == 1
    source.close()
    source.close()
    assert children() == before
    assert not folder.exists()
    assert source.problems([(1, b"")])[0].prompt != str(folder)  # a later question starts anew


def test_a_forgotten_source_ends_its_process(tmp_path: Path) -> None:
    before = children()
    (tmp_path / "mine.py").write_text(written())
    source = plugin("mine", "mine.py:Mine", tmp_path)
    source.problems([(1, b"")])
    del source
    assert children() == before


def test_what_it_starts_ends_with_it(make: Make) -> None:
    start = 'import subprocess\np = subprocess.Popen(["sleep", "60"])\nreturn Problem(str(p.pid), "x")'
    source = make(written(start))
    pid = int(source.problems([(1, b"")])[0].prompt)
    source.close()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


ADDRESSES = [
    "rotate.py",
    "rotate:Rotate",
    "/etc/rotate.py:R",
    "../rotate.py:R",
    "a.py:b:c",
    "rotate.py:1x",
    "",
]


@pytest.mark.parametrize("source", ADDRESSES)
def test_an_address_of_another_form_is_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"FILE\.py:Class"):
        plugin("mine", source, tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"task mine: the file .*gone\.py expected, got No such file"):
        plugin("mine", "gone.py:Mine", tmp_path)


def test_a_process_that_cannot_start_is_no_fault_of_the_task(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(written())
    source = plugin("mine", "mine.py:Mine", tmp_path, command_prefix=["/no/such/sandbox"])
    with pytest.raises(EngineError, match=r"a process for task mine expected, got .*No such file"):
        source.problems([(1, b"")])


def bubblewrap_works() -> bool:
    if not (bwrap := shutil.which("bwrap")):
        return False
    return (
        subprocess.run([bwrap, "--ro-bind", "/", "/", "--unshare-net", "true"], check=False).returncode == 0
    )


@pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed or not allowed here")
def test_it_runs_behind_a_command_prefix(tmp_path: Path) -> None:
    prefix = [
        "bwrap",
        "--ro-bind",
        "/",
        "/",
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "--unshare-all",
        "--die-with-parent",
    ]
    code = 'if level == 2: time.sleep(60)\nreturn Problem(str(len(socket.if_nameindex())), "x")'
    (tmp_path / "mine.py").write_text(written(code, top="import socket"))
    source = plugin("mine", "mine.py:Mine", tmp_path, command_prefix=prefix, limits=Limits(seconds=1.0))
    assert source.problems([(1, b"")])[0].prompt == "1"  # no network but loopback
    with pytest.raises(TaskError, match=r"mine\.py:10: no result after 1 seconds"):
        source.problems([(2, b"")])


def test_a_stranger_waits_for_all_answers_together_only_so_long(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(written('time.sleep(0.2)\nreturn Problem("1", "x")'))
    source = plugin("mine", "mine.py:Mine", tmp_path, limits=Limits(seconds=1.0, altogether=1.0))
    assert len(source.problems([(1, b"")])) == 1
    with pytest.raises(TaskError, match="all answers within 1 seconds expected, got more to wait for"):
        source.problems([(1, b"")] * 50)
    source.close()
