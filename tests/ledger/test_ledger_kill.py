"""A real writer process, killed at random moments, again and again on the same ledger."""

import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from tests.ledger.ledger_soundness import assert_covered_sound, assert_ledger_sound

from detent.ledger import Ledger, LedgerReader
from detent.signing import SigningKey

WRITER = """
import sys
from pathlib import Path
from detent.ledger import Ledger
from detent.signing import SigningKey
with Ledger.open(Path(sys.argv[1]), SigningKey.load(Path(sys.argv[2]))) as ledger:
    while True:
        print(ledger.append(b"entry %d" % ledger.size), flush=True)
"""


def kill_rounds(folder: Path, key: SigningKey, rounds: int, chance: Random) -> None:
    key_file = folder.with_name("key.pem")
    key.save(key_file)
    Ledger.create(folder, key, "example.com/run").close()
    acknowledged, covered = 0, list[bytes]()
    for _ in range(rounds):
        before = acknowledged
        acknowledged = max(acknowledged, killed_after(chance.uniform(0, 0.2), folder, key_file))
        covered = assert_covered_sound(folder, key.verify_key)
        assert acknowledged <= len(covered) == LedgerReader(folder, key.verify_key).size
        assert acknowledged > before  # the writer was killed while writing, not while starting
    with Ledger.open(folder, key) as ledger:  # no lock outlives its process
        assert ledger.size in {len(covered), len(covered) + 1}
        entries = assert_ledger_sound(folder, key.verify_key)
    assert entries == [b"entry %d" % index for index in range(len(entries))]


def killed_after(seconds: float, folder: Path, key_file: Path) -> int:
    """Start a writer, kill it that long after its first append; how many entries it had acknowledged."""
    command = [sys.executable, "-c", WRITER, str(folder), str(key_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        lines = [first, *process.stdout]
    whole = [line for line in lines if line.endswith("\n")]
    return int(whole[-1]) + 1


def test_a_killed_writer_loses_nothing_it_acknowledged(folder: Path, key: SigningKey) -> None:
    kill_rounds(folder, key, 6, Random(1))  # noqa: S311  # chooses moments


@pytest.mark.long
def test_a_writer_killed_a_hundred_times_loses_nothing_it_acknowledged(folder: Path, key: SigningKey) -> None:
    kill_rounds(folder, key, 100, Random(2))  # noqa: S311  # chooses moments
