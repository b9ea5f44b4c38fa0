"""Stage a failure in a run of its own, and see which tripwire stops it.

    python examples/staged/stage.py jump --severity 2 --seed 1            # the harm
    python examples/staged/stage.py jump --severity 2 --seed 1 --twin     # the same without the harm
    python examples/staged/stage.py --all                                 # everything that is missing, then the table

Each is a run folder under staged/, that `detent status`, `show`, `report` and `verify` read. Subjects are made once a
seed. A run takes up to a minute. `verify` finds fault where problems were not drawn as the record says.
"""

import argparse
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import avalanche
import collapse
import contaminated
import jump
import reward_hacking
import sandbagger
from staging import Failure, Stage
from subjects import subject

from detent.assembly import create_run, open_run
from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of
from detent.loop import drive
from detent.values import Decided, Profiled, State, Watched, fold

FAILURES = {
    one.FAILURE.name: one.FAILURE
    for one in (avalanche, reward_hacking, contaminated, collapse, sandbagger, jump)
}
HERE = Path(__file__).parent
SEVERITIES, SEEDS = (1, 2, 3), (1, 2, 3)


@dataclass(frozen=True)
class Found:
    """What came of one run. fired: the generation in which something first fired, and what did; None when nothing did.

    ladders: fresh ladder score of every model that came into force.
    """

    failure: str
    severity: int
    seed: int
    twin: bool
    stop: str
    fired: int | None
    wires: tuple[str, ...]
    ladders: tuple[float, ...]
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("failure", nargs="?", choices=list(FAILURES))
    parser.add_argument("--severity", type=int, choices=SEVERITIES, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--twin", action="store_true", help="the same intervention without the harm")
    parser.add_argument(
        "--all", action="store_true", help="what is missing of all failures, severities and seeds"
    )
    parser.add_argument("--only", default=",".join(FAILURES), help="with --all: of these failures")
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    parser.add_argument("--home", type=Path, default=Path("staged"), help="where run folders are put")
    options = parser.parse_args()
    options.home.mkdir(exist_ok=True)
    os.environ.setdefault("DETENT_DATA", str(options.home.absolute() / "data"))
    if options.all:
        for name in options.only.split(","):
            for severity, seed, twin in ((v, s, t) for v in SEVERITIES for s in SEEDS for t in (False, True)):
                print(stage(FAILURES[name], severity, seed, twin, options.home), flush=True)
    elif options.failure:
        print(stage(FAILURES[options.failure], options.severity, options.seed, options.twin, options.home))
    elif not options.table:
        parser.error("a failure's name, --all or --table expected")
    if options.all or options.table:
        print(table(options.home))


def stage(failure: Failure, severity: int, seed: int, twin: bool, home: Path) -> Found:
    """Run one, or read what was found when it ran."""
    folder = _folder(failure, severity, seed, twin, home)
    kept = folder.with_suffix(".json")
    if kept.exists():
        return _kept(kept)
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    one = failure.stage(severity, not twin)
    _found(one, seed, home, folder)
    others = tuple(subject(kind, seed, home) for kind in one.others)
    with open_run(folder, watch=lambda _: None, say=print) as run, one.hands(run.parts, others) as parts:
        stop = drive(parts, failure.generations, run.told)
        state = parts.book.state
        print(run.stopwatch.sentence(), flush=True)
    wires = fired(state)
    first = min(wires, default=None)
    found = Found(
        failure.name,
        severity,
        seed,
        twin,
        stop,
        first,
        () if first is None else wires[first],
        ladders(state),
        round(time.monotonic() - began, 1),
    )
    kept.write_text(json.dumps(asdict(found)))
    return found


def _folder(failure: Failure, severity: int, seed: int, twin: bool, home: Path) -> Path:
    """Where a run lies. Some failures have one twin for all severities, which is run once."""
    if twin and failure.stage(severity, False) == failure.stage(1, False):
        severity = 1
    return home / f"{failure.name}-{severity}-{seed}{'-twin' if twin else ''}"


def _kept(path: Path) -> Found:
    found = json.loads(path.read_text())
    return Found(**found | {"wires": tuple(found["wires"]), "ladders": tuple(found["ladders"])})


def _found(one: Stage, seed: int, home: Path, folder: Path) -> None:
    """A run folder from the charter with the stage's changes."""
    with TemporaryDirectory() as place:
        charter = Path(place) / "charter.toml"
        charter.write_text(charter_text(one, seed))
        (Path(place) / "subject").symlink_to(subject(one.subject, seed, home).absolute())
        for file in one.files:
            shutil.copy(file, place)
        create_run(folder, source=str(charter))


def charter_text(one: Stage, seed: int) -> str:
    """The common charter with the stage's changes."""
    text = (HERE / "charter.toml").read_text()
    for old, new in (("seed = 1\n", f"seed = {seed}\n"), *one.charter):
        if old not in text:
            raise SystemExit(f"{old!r} expected in charter.toml, which has changed: mend the failure's file")
        text = text.replace(old, new, 1)
    return text


def fired(state: State) -> dict[int, tuple[str, ...]]:
    """The wires that fired, by generation."""
    turns = state.history | {state.generation: state.slots}
    watched = {generation: slots.get("watch/v1") for generation, slots in turns.items()}
    return {
        generation: names
        for generation, watch in watched.items()
        if isinstance(watch, Watched) and (names := tuple(r.wire for r in watch.readings if r.fired))
    }


def ladders(state: State) -> tuple[float, ...]:
    turns = [slots for _, slots in sorted(state.history.items())] + [state.slots]
    fresh = [slots.get("profile/v1/fresh") for slots in turns]
    return tuple(round(one.profile.ladder(), 3) for one in fresh if isinstance(one, Profiled))


def _lost(folder: Path) -> float:
    """Ladder score on fresh problems by which the model in force is worse at the end than the best before it."""
    state = fold(entries_of(RunFolder(folder)))
    in_force = [
        fresh.profile.ladder()
        for _, slots in sorted(state.history.items())
        if isinstance(fresh := slots.get("profile/v1/fresh"), Profiled)
        and isinstance(decided := slots.get("decision/v1"), Decided)
        and decided.decision == "promote"
    ]
    return max(in_force) - in_force[-1] if in_force else 0.0


def table(home: Path) -> str:
    """As Markdown: a line for each failure and severity, its seeds together."""
    rows = [
        "| failure | severity | stopped | in generation (harm from) | by | ladder lost before | twins that fired |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for failure in FAILURES.values():
        for severity in SEVERITIES:
            harmed, twins = (
                [
                    _kept(path)
                    for seed in SEEDS
                    if (path := _folder(failure, severity, seed, twin, home).with_suffix(".json")).exists()
                ]
                for twin in (False, True)
            )
            seen = [one for one in harmed if one.fired is not None]
            late = f"{', '.join(str(one.fired) for one in seen) or '-'} ({failure.begins})"
            lost = ", ".join(
                f"{_lost(_folder(failure, severity, one.seed, False, home)):.3f}" for one in harmed
            )
            by = ", ".join(dict.fromkeys(wire for one in seen for wire in one.wires)) or "-"
            cried = [one for one in twins if one.fired is not None]
            rows.append(
                f"| {failure.name} | {failure.severities[severity - 1]} | {len(seen)} of {len(harmed)} | {late} | "
                f"{by} | {lost} | {len(cried)} of {len(twins)} |"
            )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
