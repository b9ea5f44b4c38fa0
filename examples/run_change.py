"""Run an example in which a model's shape changes, as a person would: start it, look when asked, say yes, go on.

    python examples/run_change.py positions --folder my-positions       # some 12 minutes on two processors
    python examples/run_change.py positions --tiny --folder tiny        # a minute: smaller models, fewer levels

It types the commands and shows what they say. When people are asked about another shape it shows what there is to see,
with `detent show`, and approves, which is yours to do otherwise. The folder gets `data` (keys) and `run`, with the
report in `run/reports`.
"""

import argparse
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from run_example import with_values

HERE = Path(__file__).parent
NAMES = ("positions", "positions_twin", "grow")
ASKED = 11
"""How `detent run` ends where a person is asked."""

MOST_QUESTIONS = 8

TINY: Mapping[str, Mapping[str, str]] = {
    name: {
        "pace.lease": "{ generations = 2, hours = 1, petaflop = 0.1 }",
        "pace.candidates": "3",
        "direction.improve": "{ copy = 6, sort = 6 }" if name != "grow" else "{ sort = 6 }",
        "constraints.mastery_floor": "0.8",
        "subject.layers": "2" if name != "grow" else "1",
        "subject.hidden": "32",
        "subject.intermediate": "64",
        "subject.heads": "2",
        "recipe.seed_levels": "3",
        "recipe.seed_problems": "400",
        "recipe.seed_steps": "150",
        "recipe.steps": "30",
        "recipe.batch": "64",
        "recipe.label_prompts": "100",
        "recipe.label_keep": "50",
        "recipe.review_prompts": "20",
        "recipe.audit": "20",
        "explore.rungs": "[80]",
        "explore.retrain_steps": "150",
        "gate.items": "{ superiority = 1000, non_inferiority = 400 }",
        "tripwires.label_avalanche.action": '"record"',
        "run.threads": "2",
    }
    for name in NAMES
}
"""Values of a tiny form, by the charter's keys: enough to see every step, not to learn much by."""


def main(words: Sequence[str] | None = None) -> None:
    """Run one; ends with an error where a command does not end as it should."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--tiny", action="store_true", help="smaller models and fewer levels: a minute")
    parser.add_argument("--folder", type=Path, required=True, help="a new folder for all of it")
    options = parser.parse_args(words)
    if options.folder.exists():
        parser.error(f"a folder that does not exist yet expected, got {options.folder}; name another")
    options.folder.mkdir(parents=True)
    run_change(options.name, options.folder.absolute(), tiny=options.tiny)


def run_change(name: str, folder: Path, *, tiny: bool) -> None:
    """From a charter to a report and a record that verifies."""
    environment = os.environ | {"DETENT_DATA": str(folder / "data")}
    charter, run = HERE / name / "charter.toml", folder / "run"
    if tiny:
        written = folder / "charter.toml"
        written.write_text(with_values(charter.read_text("utf-8"), TINY[name]), "utf-8")
        charter = written
    detent("init", run, "--from", charter, environment=environment)
    for number in range(1, MOST_QUESTIONS + 1):
        if detent("run", run, environment=environment, ends={0, ASKED}) != ASKED:
            break
        detent("show", run, str(number), environment=environment)
        because = "looked at what was tried, the gate and the wires"
        detent("approve", run, str(number), "--because", because, environment=environment)
    detent("status", run, environment=environment)
    detent("report", run, environment=environment)
    detent("verify", run, environment=environment)


def detent(*words: str | Path, environment: Mapping[str, str], ends: set[int] | None = None) -> int:
    """Type a command, show what it says, and stop where it ends otherwise than it may; returns its exit code."""
    print(f"$ detent {' '.join(map(str, words))}", flush=True)
    program = Path(sysconfig.get_path("scripts")) / "detent"
    ended = subprocess.run([program, *words], env=environment, check=False).returncode
    if ended not in (ends or {0}):
        sys.exit(f"exit code {sorted(ends or {0})} of `detent {words[0]}` expected, got {ended}")
    return ended


if __name__ == "__main__":
    main()
