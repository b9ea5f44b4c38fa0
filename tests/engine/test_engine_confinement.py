"""Attacks, run for real inside the confinement; and the same attacks outside, to see that they are attacks."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import detent.engine
from detent.engine import Limits, confinement, host_prefix, worker_prefix

needs_bubblewrap = pytest.mark.skipif(not confinement().confined, reason=confinement().because or "confined")


@pytest.mark.skipif(os.environ.get("DETENT_TEST_CONFINED") != "1", reason="DETENT_TEST_CONFINED is not 1")
def test_where_attacks_must_be_tried_none_is_skipped() -> None:
    """CI sets it: an attack table that is skipped shows nothing."""
    assert confinement().confined, confinement().because


@dataclass
class House:
    """A run folder, a secret beside it and one in the user's home, and a server on the loopback interface."""

    run: Path
    home: Path
    port: int

    def prefix(self, limits: Limits | None = None) -> list[str]:
        return worker_prefix(
            readable=[self.run / "models", self.run / "data"],
            writable=[self.run / "staging"],
            environment={"GIVEN": "yes"},
            limits=limits,
        )

    def inside(self, prefix: Sequence[str], code: str) -> subprocess.CompletedProcess[str]:
        """Run Python behind `prefix`; {words} in the code stand for what is in the house."""
        names = {
            "run": str(self.run),
            "home": str(self.home),
            "port": self.port,
            "pid": os.getpid(),
            "package": str(Path(detent.engine.__file__).parents[1]),
        }
        command = [*prefix, sys.executable, "-I", "-S", "-c", code.format(**names)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    for name in ("models", "data", "staging", "ledger"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("content")
    (tmp_path / "seal.secret").write_text("secret")
    monkeypatch.setenv("DETENT_TEST_SECRET", "secret")
    home = Path.home() / f".detent-test-{os.getpid()}"
    home.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield House(tmp_path, home, server.getsockname()[1])
    home.unlink()


ATTACKS = {
    "read a secret in the user's home": "open('{home}').read()",
    "list the user's home": "import os; os.listdir(os.path.dirname('{home}')).index(os.path.basename('{home}'))",
    "read the seal's secret beside the run": "open('{run}/seal.secret').read()",
    "read the ledger": "open('{run}/ledger/file').read()",
    "write among the models": "open('{run}/models/new', 'w')",
    "change a model": "open('{run}/models/file', 'a')",
    "rename a model": "import os; os.rename('{run}/models/file', '{run}/models/other')",
    "write data": "open('{run}/data/new', 'w')",
    "connect to a port on this machine": "import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
    "see the overseer's process": "open('/proc/{pid}/cmdline').read().index('python')",
    "read the overseer's environment": "open('/proc/{pid}/environ').read()[0]",
    "signal the overseer": "import os; os.kill({pid}, 0)",
    "find what the overseer has in its environment": "import os; os.environ['DETENT_TEST_SECRET']",
    "see more than a handful of processes": "import os; 1 / (sum(n.isdigit() for n in os.listdir('/proc')) > 4)",
    "make a file that would fill the disk": "open('{run}/staging/large', 'wb').truncate(1 << 40)",
}
"""Python that ends with status 0 when the attack works."""

DEEPER_ATTACKS = {
    "read the system's passwords": "open('/etc/shadow').read()",
    "write into the package": "open('{package}/worker/planted.py', 'w')",
    "write into Python's libraries": "import os; open(os.__file__ + '.new', 'w')",
    "write into the root folder": "open('/new', 'w')",
    "resolve a name": "import socket; socket.getaddrinfo('example.com', 80)",
    "set the kernel's parameters": "open('/proc/sys/kernel/core_pattern', 'w')",
    "write anything under /proc": "open('/proc/self/oom_score_adj', 'w')",
    "fill memory by way of /dev": "open('/dev/shm/large', 'w')",
    "fill memory by way of /tmp": "open('/tmp/large', 'wb').write(bytes(300 << 20))",
    "press the system request key": "open('/proc/sysrq-trigger', 'w')",
    "read the kernel's memory": "open('/proc/kcore', 'rb').read(1)[0]",
    "mount": "import ctypes as c; 1 / (c.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0)",
    "remount the models writable": (
        "import ctypes as c; 1 / (c.CDLL(None).mount(None, b'{run}/models', None, 4096 | 32, None) == 0)"
    ),
    "unmount the models": "import ctypes as c; 1 / (c.CDLL(None).umount2(b'{run}/models', 2) == 0)",
    "make a user namespace of its own": "import ctypes as c; 1 / (c.CDLL(None).unshare(0x10000000) == 0)",
    "have a capability": (
        "1 / any(int(row.split()[1], 16) for row in open('/proc/self/status') if row[:6] in ('CapPrm', 'CapEff'))"
    ),
    "raise its own limits": "import resource as r; r.setrlimit(r.RLIMIT_CORE, (1, 1))",
}
"""The same; these are not tried outside."""


@needs_bubblewrap
@pytest.mark.parametrize("attack", ATTACKS | DEEPER_ATTACKS)
def test_a_confined_process_cannot(attack: str, house: House) -> None:
    tried = house.inside(house.prefix(), (ATTACKS | DEEPER_ATTACKS)[attack])
    assert tried.returncode == 1, tried  # a Python exception, and not a confinement that could not start
    assert "Traceback" in tried.stderr


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_unconfined_process_can(attack: str, house: House) -> None:
    tried = house.inside([], ATTACKS[attack])
    assert tried.returncode == 0, tried


@needs_bubblewrap
def test_what_a_confined_process_writes_elsewhere_is_nowhere(house: House) -> None:
    """The run lies under /tmp here, which is a private one inside."""
    before = sorted(house.run.rglob("*"))
    assert house.inside(house.prefix(), "open('{run}/new', 'w')").returncode == 0
    assert sorted(house.run.rglob("*")) == before


ERRANDS = {
    "read a model": "open('{run}/models/file').read()",
    "read data": "open('{run}/data/file').read()",
    "write into staging": "open('{run}/staging/new', 'w')",
    "write into a folder for the moment": "open('/tmp/new', 'w')",
    "read what it was given": "import os; assert os.environ['GIVEN'] == 'yes'",
    "import the package and its libraries": "import site; site.main(); import msgspec, detent.values",
}


@needs_bubblewrap
@pytest.mark.parametrize("errand", ERRANDS)
def test_a_confined_process_can(errand: str, house: House) -> None:
    tried = house.inside(house.prefix(), ERRANDS[errand])
    assert tried.returncode == 0, tried
    assert not Path("/tmp/new").exists()


@needs_bubblewrap
def test_a_user_task_sees_no_file_of_the_user_and_writes_none(house: House) -> None:
    for attack in ("open('{run}/models/file')", "open('/tmp/new', 'w').write('x' * 100_000)"):
        assert house.inside(host_prefix(), attack).returncode == 1
    assert house.inside(host_prefix(), "print(1)").stdout == "1\n"
    readable = host_prefix(readable=[house.run / "data" / "file"])
    assert house.inside(readable, "open('{run}/data/file').read()").returncode == 0


@needs_bubblewrap
def test_processes_are_counted_and_limited() -> None:
    """The kernel does not hold root to this limit, so there only its value is looked at."""
    script = "import resource as r; print(r.getrlimit(r.RLIMIT_NPROC)[1])"
    prefix = worker_prefix(readable=[], writable=[], environment={}, limits=Limits(processes=99))
    said = subprocess.run(
        [*prefix, sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout == "99\n"


@pytest.fixture
def tried_anew() -> Iterator[None]:
    confinement.cache_clear()
    yield
    confinement.cache_clear()


@pytest.mark.usefixtures("tried_anew")
def test_without_bubblewrap_it_says_so_and_keeps_limits_and_environment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = confinement()
    assert (found.confined, found.because) == (False, "bubblewrap (bwrap) is not installed")
    for attack in (
        "make a file that would fill the disk",
        "find what the overseer has in its environment",
    ):
        tried = house.inside(house.prefix(), ATTACKS[attack])
        assert (tried.returncode, "Traceback" in tried.stderr) == (1, True), tried
    assert house.inside(house.prefix(), ATTACKS["read the ledger"]).returncode == 0


@pytest.mark.usefixtures("tried_anew")
def test_where_bubblewrap_is_not_permitted_it_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = confinement()
    assert not found.confined
    assert found.because == (
        "bubblewrap is not permitted here: bwrap: No permissions to create new namespace"
    )


@needs_bubblewrap
def test_python_is_found_inside_however_it_was_called(tmp_path: Path) -> None:
    """`../.venv/bin/python` makes a sys.executable with `..` in it, by way of a folder that is not seen inside."""
    (tmp_path / "here").mkdir()
    called = os.path.relpath(sys.executable, tmp_path / "here")
    script = "import sys; from detent.engine import confinement; print(sys.executable, confinement())"
    said = subprocess.run(
        [called, "-c", script], cwd=tmp_path / "here", capture_output=True, text=True, check=True
    )
    assert "/here/../" in said.stdout
    assert "confined=True" in said.stdout, said


def test_memory_is_limited_where_asked(house: House) -> None:
    limited = house.prefix(Limits(memory_bytes=200 << 20))
    tried = house.inside(limited, "bytes(1 << 30)")
    assert "MemoryError" in tried.stderr
    assert house.inside(house.prefix(), "bytes(1 << 30)").returncode == 0
