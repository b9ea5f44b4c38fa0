"""The whole of it with four programs on a network: a witness, an auditor, a run, and whoever verifies it."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.tiny_run import CHARTER, Machine, kinds

from detent.signing import VerifyKey


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(machine: Machine, *words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A server that listens when this goes on, and ends well."""
    with machine.start(*words) as process:
        assert process.stderr is not None
        try:
            assert "listening on" in next(line for line in process.stderr if "listening" in line)
            yield process
        finally:
            process.terminate()
            assert process.wait(20) == 0, process.stderr.read()


@pytest.mark.long
def test_a_run_whose_seal_an_auditor_holds_opens_with_the_auditor_and_waits_without(tmp_path: Path) -> None:
    operator, outside = Machine(tmp_path / "operator"), Machine(tmp_path / "outside")
    outside.root.mkdir()
    witness_port, auditor_port = free_port(), free_port()
    key = outside.detent("witness", "new", "w.example/w1", "-o", outside.root / "w.pem")
    assert key.returncode == 0, key.stderr
    folder = outside.root / "auditor"
    made = outside.detent(
        "auditor", "new", folder, "--name", "audit.example", "--url", f"http://127.0.0.1:{auditor_port}"
    )
    assert made.returncode == 0, made.stderr
    line = f"witness w {key.stdout.strip()} http://127.0.0.1:{witness_port}\nquorum w\n"
    table = f'[witnesses]\npolicy = """\n{line}"""\ngrace_minutes = 0.05\n'
    operator.found(CHARTER + table + made.stdout)
    log = (operator.run / "log.vkey").read_text().strip()
    VerifyKey.parse(log)
    (outside.root / "policy").write_text(f"log {log}\n{line}")
    state, private = outside.root / "w.state", outside.root / "w.pem"
    watching = ("--state", state, "--key", private, "--log", log)
    with serving(outside, "witness", "serve", "--listen", f"127.0.0.1:{witness_port}", *watching):
        waits = operator.detent("run", operator.run)
        assert waits.returncode == 15, waits.stdout + waits.stderr
        assert "link 1 of the seal expected from its auditor at http" in waits.stderr
        assert kinds(operator.run)[-1] == "cosigned/v1/seal"
        served = ("--listen", f"127.0.0.1:{auditor_port}", "--policy", outside.root / "policy")
        with serving(outside, "auditor", "serve", folder, *served):
            done = operator.detent("run", operator.run)
        assert done.returncode == 0, done.stdout + done.stderr
    verified = operator.detent("verify", operator.run)
    assert verified.returncode == 0, verified.stdout
    assert "1 link released by audit.example, each for the intent that it opened" in verified.stdout
    assert (
        "sealed against the operator, the auditor audit.example, and w.example/w1 together" in verified.stdout
    )
    replayed = operator.detent("replay", operator.run, "--generation", "1")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    checked = outside.detent("ledger", "fsck", folder / "releases")
    assert checked.returncode in {0, 2}, checked.stderr
