"""`replay`: a run folder's models asked again, with nothing written into it and no key or secret opened."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from detent.assembly import running
from detent.assembly.places import RunFolder
from detent.assembly.sources import opened
from detent.assembly.tasks import closing, readable_wires
from detent.assembly.verifying import evidence_of
from detent.audit import (
    Case,
    Findings,
    Means,
    NotRead,
    Rerun,
    Step,
    believed_principles,
    checked,
    constitution_of,
    read,
    replay,
    task_digest,
)
from detent.charter import SignedCharter
from detent.engine import DataStore, Engine, ModelStore, confinement
from detent.errors import StorageError, SubjectError, TrustError, UsageError
from detent.evaluate import Chain
from detent.evaluate.seal import LINK_BYTES
from detent.loop import OF_THE_MACHINE, Book, Parts, look_again, wires_of
from detent.loop.parts import Wire
from detent.values import Decided, Device, Entry, Profile, Profiled, Reading, Watched

Say = Callable[[str], None]

UNCONFINED = "its code is not run where nothing confines it: install bubblewrap (make confine)"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was made again. differing, missing: how many things differ, and cannot be made again."""

    reruns: tuple[Rerun, ...]

    @property
    def differing(self) -> int:
        """Things that differ more than they may."""
        return sum(len(rerun.differing) for rerun in self.reruns)

    @property
    def missing(self) -> int:
        """Things that are no longer re-runnable."""
        return sum(len(rerun.missing) for rerun in self.reruns)


def replay_run(source: str, generation: int | None, *, every: bool, say: Say) -> Replayed:
    """Ask the models of a run again, and compare all that follows with what is on record.

    The record is verified first. Where it does not hold by itself no model is asked: there would be nothing to
    compare with.

    Args:
        source: a run folder, a bundle, or an address; it is not written into, and may be running meanwhile.
        generation: which; None for the one whose model is in force.
        every: all closed generations instead.
        say: told every line.

    Raises:
        UsageError: no run, no such generation, or none that was closed.
        TrustError: the record does not hold; the lines said why.
        EngineError: a worker died; nothing follows for the record.
    """
    with ExitStack() as stack:
        found = stack.enter_context(opened(source))
        run = found.run
        case = read(stack.enter_context(evidence_of(run, found.left_out)))
        _check_record(case, source, say)
        bench = Bench(run, case, Path(stack.enter_context(TemporaryDirectory(prefix="detent-"))))
        stack.callback(bench.close)
        means = Means(
            engine=bench.engine,
            models=bench.models,
            staging=bench.staging,
            alarms=bench.alarms,
            here=running.surroundings(),
            watch=lambda _: None,
        )
        if because := confinement().because:
            say(f"note        nothing confines the workers that load these models: {because}")
        reruns = []
        for number in _generations(case, generation, every=every):
            rerun = replay(case, number, means)
            for line in rerun.lines():
                say(line)
            reruns.append(rerun)
    return Replayed(tuple(reruns))


def _check_record(case: Case, source: str, say: Say) -> None:
    findings = checked(case)
    lacking = [what for finding in findings.made if finding.check == "tasks" for what in finding.unchecked]
    if lacking and not findings.faults:
        raise UsageError(
            f"the code of every task expected, got none of {'; '.join(lacking)}: no model was asked"
        )
    if not findings.faults:
        say(f"record      all {findings.checks} checks of `detent verify {source}` hold")
        return
    for line in Findings(tuple(findings.faults)).lines:
        say(line)
    raise TrustError(
        f"a record that holds by itself expected, got {len(findings.faults)} of {findings.checks} checks failed: see "
        "the lines above; no model was asked"
    )


def _generations(case: Case, generation: int | None, *, every: bool) -> list[int]:
    closed = [number for number in case.state.history if not _rolled_back(case, number)]
    if generation is not None:
        return [generation]
    if not closed:
        raise UsageError("a run with a closed generation expected, got none; run it first")
    return closed if every else [case.state.incumbent_generation]


def _rolled_back(case: Case, generation: int) -> bool:
    """It did nothing but put models back, and was given up before anything was measured."""
    slots = case.state.history[generation]
    return set(slots) == {"decision/v1"} and _is_rollback(slots["decision/v1"])


def _is_rollback(entry: Entry) -> bool:
    return isinstance(entry, Decided) and entry.decision == "rollback"


class Bench:
    """Workers, models and tripwires of a run folder that somebody may look at and nobody may change."""

    def __init__(self, run: RunFolder, case: Case, scratch: Path) -> None:
        self.models = ModelStore(run.models)
        self._run, self._case, self._scratch = run, case, scratch
        self.staging = self._made("staging")
        self._engine: tuple[tuple[str, int, int, Device], Engine] | None = None

    def engine(self, signed: SignedCharter) -> Engine:
        """As the run itself has them, but for what they may write to."""
        charter = signed.charter
        settings = (charter.run.engine, charter.run.threads, charter.recipe.team, running.device_of(charter))
        if self._engine is not None and self._engine[0] == settings:
            return self._engine[1]
        self.close()
        # A bundle without training data has no such folder; workers want one.
        data = self._run.data if self._run.data.is_dir() else self._made("data")
        log = self._scratch / "worker.log"
        engine = running.engine_of(self._run.models, data, self.staging, log, signed.charter)
        self._engine = (settings, engine)
        return engine

    def close(self) -> None:
        """End the workers."""
        if self._engine is not None:
            self._engine[1].close()

    def alarms(self, watched: Step, engine: Engine) -> Mapping[str, Reading | NotRead]:
        """As `detent.audit.turns.Alarms`."""
        entry, charters = watched.entry, self._case.charters
        assert isinstance(entry, Watched)  # noqa: S101  what the caller found in the watch's slot
        assert charters is not None  # noqa: S101  the record was found in order
        charter = charters.at(watched).charter
        # A folder that is replayed may be a stranger's: its code is not run where it could reach anything.
        codes = readable_wires(charter, self._run.tasks) if engine.confined else {}
        with closing(codes) as lookouts:
            parts = self._parts(charters.at(watched), watched, engine)
            parts = replace(parts, wires=wires_of(charter, lookouts))
            read: dict[str, Reading | NotRead] = {
                wire.name: self._read(wire, parts, watched, entry) for wire in parts.wires
            }
        missing = [name for name, wire in charter.tripwires.items() if wire.own and name not in read]
        because = "its file is no longer there" if engine.confined else UNCONFINED
        return read | {name: NotRead(because, gone=True) for name in missing}

    def _read(self, wire: Wire, parts: Parts, watched: Step, entry: Watched) -> Reading | NotRead:
        if wire.name in OF_THE_MACHINE:
            return NotRead("it looked at the machine as it was")
        profiles = _visible(watched)
        for digest in self._looked_at(watched, profiles):
            try:
                self.models.path(digest)
            except SubjectError:
                return NotRead(f"the weights models/{digest} are no longer there", gone=True)
        try:
            return look_again(wire, parts, profiles, entry)
        except StorageError as error:
            return NotRead(str(error), gone=True)

    def _looked_at(self, watched: Step, profiles: Sequence[Profile]) -> list[str]:
        """The models that a wire may ask: the candidates, the one in force, and the first."""
        before = watched.before
        first = before.history[0]["decision/v1"]
        assert isinstance(first, Decided)  # noqa: S101  the slot's own kind
        return [*(profile.subject for profile in profiles), before.incumbent, first.incumbent]

    def _parts(self, signed: SignedCharter, watched: Step, engine: Engine) -> Parts:
        """The run as it stood before that entry, its models and files as they are now."""
        charter, sources = signed.charter, self._case.evidence.tasks.values()
        tasks = {
            name: next(s for s in sources if (s.name, s.digest) == (name, task_digest(name, signed)))
            for name in charter.direction.improve
        }
        return Parts(
            signed=charter,
            charter_digest=signed.digest,
            book=Book(_Until(self._case, watched.index), lambda: watched.entry.at),
            engine=engine,
            models=self.models,
            data=DataStore(self._run.data, self._run.answers),
            tasks=tasks,
            constitution=constitution_of(self._case, signed),
            principles=believed_principles(self._case, signed),
            chain=Chain(bytes(LINK_BYTES), 1),  # no wire opens a seal
            staging=self.staging,
            watch=lambda _: None,
            note=lambda _: None,
        )

    def _made(self, name: str) -> Path:
        path = self._scratch / name
        path.mkdir(exist_ok=True)
        return path


class _Until:
    """The record up to an entry, as a `Book` reads it; nothing is written."""

    def __init__(self, case: Case, size: int) -> None:
        self._case, self._size = case, size

    def append(self, entry: bytes) -> int:
        """There is nothing to append to."""
        raise UsageError(f"nothing to be written while a run is replayed expected, got {len(entry)} bytes")

    def entries(self, start: int = 0) -> Iterable[bytes]:
        """As in `Record`."""
        return [step.data for step in self._case.steps[start : self._size]]  # whole, also the enclosed ones

    def root(self, size: int | None = None) -> bytes:
        """As in `Record`."""
        return self._case.tree.roots[self._size if size is None else size]

    def leaf_hash(self, index: int) -> bytes:
        """As in `Record`."""
        return self._case.tree.leaf(index)


def _visible(watched: Step) -> list[Profile]:
    """The candidates' visible profiles, by member."""
    found = [e for e in watched.before.slots.values() if isinstance(e, Profiled) and e.purpose == "visible"]
    return [entry.profile for entry in sorted(found, key=lambda entry: entry.member)]
