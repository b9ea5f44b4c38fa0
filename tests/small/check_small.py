"""The small install at work: every command that loads no model, where nothing is installed that could load one.

`make test-small` runs it in an environment of its own, without pytest. It makes a run folder as `detent run` does, with
a toy world in place of workers, and then uses the `detent` program alone.
"""

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from detent.assembly import create_run, running
from detent.engine import FakeEngine
from detent.testing.toy import ToyWorld

HEAVY = ("torch", "transformers", "tokenizers", "safetensors", "numpy")

SECONDS = 60.0
"""All of it together, without the installation."""

CHARTER = """\
name = "small"
purpose = "Be looked at where no model runs"

[stewards]
quorum = 1

[pace]
lease = { generations = 2 }

[direction]
improve = { copy = 8 }

[constraints]
non_inferiority_margin = 0.3
mastery_floor = 0.5
error_budget = 0.5

[recipe]
team = 1
seed_levels = 3
seed_problems = 10
seed_steps = 1
steps = 1
batch = 1
profile_problems = 32
audit = 10
label_prompts = 40
label_keep = 30
review_prompts = 5

[gate]
items = { superiority = 200, non_inferiority = 200 }

[run]
threads = 1
"""


def detent(*words: object, code: int = 0) -> str:
    """What the program says, on both of its outputs, when it ends with that code."""
    program = Path(sysconfig.get_path("scripts")) / "detent"
    ended = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)
    said = ended.stdout + ended.stderr
    assert ended.returncode == code, f"detent {words}: {ended.returncode} instead of {code}:\n{said}"
    return said


def make_run(home: Path) -> Path:
    """A run of one generation, its models a number each."""
    (home / "charter.toml").write_text(CHARTER)
    folder = home / "run"
    create_run(folder, source=str(home / "charter.toml"))
    world = ToyWorld(folder, {"copy": None})  # type: ignore[dict-item]
    with (
        patch.object(running, "check_libraries", lambda: None),
        patch.object(running, "worker_engine", lambda *_: FakeEngine(world.answer)),
    ):
        running.run_loop(folder, 1, watch=lambda _: None, say=lambda _: None)
    return folder


def nothing_is_installed_that_loads_a_model(_: Path) -> None:
    assert [name for name in HEAVY if find_spec(name)] == []


def a_run_is_verified(run: Path) -> None:
    assert "not proven" in detent("verify", run)


def what_was_tampered_with_is_found(run: Path) -> None:
    path = min((run / "data").glob("*.jsonl"))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"copy"', b'"Copy"', 1))
    assert "WRONG" in detent("verify", run, code=4)
    path.write_bytes(whole)


def a_bundle_is_made_and_verified(run: Path) -> None:
    bundle = run.with_name("run.zip")
    detent("bundle", run, "-o", bundle, "--redact", "data")
    assert "not checked: " in detent("verify", bundle)


def one_entry_is_proven_to_somebody_who_has_nothing_else(run: Path) -> None:
    proof, entry, policy = (run.with_name(name) for name in ("0.tlog-proof", "0.entry", "policy"))
    detent("prove", run, "decision:0", "-o", proof, "--entry", entry)
    policy.write_text(f"log {(run / 'log.vkey').read_text().strip()}\nquorum none\n")
    assert "the entry is number" in detent("verify", proof, entry, "--policy", policy)
    entry.write_bytes(entry.read_bytes() + b" ")
    detent("verify", proof, entry, "--policy", policy, code=4)
    said = detent("prove", run, "0", "-o", proof, "--receipt", run.with_name("0.cbor"), code=2)
    assert "pip install 'detent[cose]'" in said
    said = detent("sign-model", run, 0, "-o", run.with_name("model.sig"), code=2)
    assert "pip install 'detent[model-signing]'" in said


def a_run_is_looked_at(run: Path) -> None:
    assert "ladder" in detent("status", run)
    assert Path(detent("report", run).strip()).is_file()
    assert 'name = "small"' in detent("charter", "show", run)
    assert "nobody was asked" in detent("requests", run)
    assert "nothing was deleted" in detent("gc", run, "--dry-run")


def people_steer_it(run: Path) -> None:
    assert "on the ledger" in detent("pause", run, "--because", "a look")
    assert "on the ledger" in detent("resume", run, "--because", "looked")
    assert "on the ledger" in detent("lease", run, "--generations", 1)
    detent("key", "new", "ada")
    detent("verify", run)


def what_needs_a_model_says_what_to_install_and_does_nothing(run: Path) -> None:
    before = (run / "ledger" / "checkpoint").read_bytes()
    for words in (("run", run), ("try", run, "C12=")):
        said = detent(*words, code=2)
        assert "detent[train] expected" in said, said
        assert "pip install 'detent[train]'" in said, said
    assert (run / "ledger" / "checkpoint").read_bytes() == before


CLAIMS: tuple[Callable[[Path], None], ...] = (
    nothing_is_installed_that_loads_a_model,
    a_run_is_verified,
    what_was_tampered_with_is_found,
    a_bundle_is_made_and_verified,
    one_entry_is_proven_to_somebody_who_has_nothing_else,
    a_run_is_looked_at,
    people_steer_it,
    what_needs_a_model_says_what_to_install_and_does_nothing,
)


def main() -> None:
    """Try every claim, in order, on one run."""
    began = time.monotonic()
    with TemporaryDirectory() as home:
        os.environ["DETENT_DATA"] = f"{home}/data"
        run = make_run(Path(home))
        for claim in CLAIMS:
            claim(run)
            sys.stdout.write(f"{claim.__name__.replace('_', ' ')}\n")
    seconds = time.monotonic() - began
    assert seconds < SECONDS, f"{seconds:.0f} s"
    sys.stdout.write(f"{len(CLAIMS)} claims hold, in {seconds:.0f} s\n")


if __name__ == "__main__":
    main()
