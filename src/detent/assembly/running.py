"""`run` and `try`: the real parts, opened in order and closed in reverse."""

import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from detent import errors
from detent.assembly.endings import ending
from detent.assembly.inbox import Inbox, Taken
from detent.assembly.office import Office, open_office
from detent.assembly.outsiders import Outsiders, outsiders_of
from detent.assembly.places import RunFolder
from detent.assembly.principles import charter_constitution, principle_sources
from detent.assembly.reading import (
    moved_aside,
    render_report,
    save_report,
    see_to,
    write_report,
)
from detent.assembly.refusing import recording, see_clock
from detent.assembly.samplers import sampler_of
from detent.assembly.sentinel import Interrupted, Sentinel
from detent.assembly.tasks import catalogue, charter_proxies, charter_sources, charter_wires, closing
from detent.assembly.timing import Stopwatch, TimedEngine, TimedServer
from detent.assembly.tracking import report_to
from detent.assembly.watermark import kept_heads
from detent.charter import Charter, SignedCharter
from detent.engine import (
    ClusterEngine,
    ClusterTerms,
    DataStore,
    LocalEngine,
    ModelStore,
    RayCrew,
    StateStore,
    check_libraries,
    processor,
)
from detent.evaluate import evaluator_digest
from detent.loop import Book, Parts, drive, wires_of, witness_waiting
from detent.oversight import Stop, why_stop
from detent.report import generation_line, tell_turn
from detent.values import (
    PROCESSOR,
    Decided,
    Device,
    Progress,
    Refused,
    ServerAsked,
    SessionStarted,
    decode_entry,
)

Watch = Callable[[Progress], None]
Say = Callable[[str], None]

SOFTWARE = ("detent", "torch", "transformers", "safetensors", "tokenizers", "cryptography", "msgspec")


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a run stopped. sentence: for a person, what it means and what to do."""

    stop: Stop
    sentence: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is open and ready to turn."""

    folder: RunFolder
    signed: SignedCharter
    parts: Parts
    say: Say
    stopwatch: Stopwatch
    outsiders: Outsiders | None = None

    def go(self, generations: int | None) -> Ended:
        """Turn the cycle until something says stop."""
        if self.parts.book.state.history:
            self._report()  # a crash may have come between the last decision and its report
        stop = drive(self.parts, generations, self.told)
        self.say(self.stopwatch.sentence())
        self.stopwatch.append_to(self.folder.log.with_name("timing.jsonl"))
        return Ended(stop, ending(stop, self.parts.book.state, self.signed.charter, self.folder.root))

    def told(self, decided: Decided) -> None:
        """A generation is closed: say so, point models/incumbent at the model in force, write the report."""
        book = self.parts.book
        turn = tell_turn(book.state.history[decided.generation])
        if turn is not None:
            self.say(generation_line(turn))
        point(self.folder, self.parts.models, decided.incumbent, self.say)
        self._report()
        for tracker in self.signed.charter.run.report_to:
            if said := report_to(self.folder.root, tracker, decided.generation):
                self.say(said)
        if self.outsiders is not None:
            self.outsiders.keep_up()

    def _report(self) -> None:
        entries = [decode_entry(data) for data in self.parts.book.record.entries()]
        save_report(self.folder, render_report(self.signed, entries), self.say)


def run_loop(folder: Path, generations: int | None, *, watch: Watch, say: Say) -> Ended:
    """Turn the cycle in a run folder until something says stop, as people let it go on.

    What was handed in is taken in first. A halt that comes meanwhile, or the end of the lease, ends what is being
    done, from the middle of it; what was written down stays.

    Raises:
        KeyboardInterrupt: Ctrl-C; nothing is lost.
        UsageError: the libraries of the learning side are not installed; nothing was looked at.
        DetentError: as `open_run`, and whatever the loop met.
    """
    check_libraries()
    if (held := _taken_in(folder, say)) is not None:
        return held
    with open_run(folder, watch=watch, say=say) as run:
        book = run.parts.book
        with Sentinel(Inbox(run.folder.inbox), book, run.signed, catalogue()) as sentinel:
            try:
                return run.go(generations)
            except Interrupted:
                pass
    # From the ledger anew: what was being written when the sentinel interrupted may have been cut short.
    held = _taken_in(folder, say)
    return held or Ended("halted", f"stopped by the {sentinel.reason}; see: detent status {folder}")


def _taken_in(folder: Path, say: Say) -> Ended | None:
    """Take in what was handed in; why the run may not go on, so that no session is begun that could do nothing."""
    with open_office(folder) as opened:
        see_clock(opened.book)
        office, taken = opened.take_in()
        _tell(taken, say)
        state, charter = office.book.state, office.signed.charter
        stop = why_stop(state, charter, office.book.now, enough=False)
        if stop is None:
            return None
        if state.incumbent:  # a crash may have come between the last decision, the link and the report
            point(office.run, ModelStore(office.run.models), state.incumbent, say)
            write_report(folder, say)
        return Ended(stop, ending(stop, state, charter, folder))


@contextmanager
def open_run(folder: Path, *, watch: Watch, say: Say) -> Iterator[Run]:
    """Open a run for turning: its lock, ledger, seal, tasks and workers.

    What ends it because it cannot be believed, or may not be, leaves a refusal on the ledger.

    Raises:
        UsageError: this is no run folder.
        BusyError: another process runs it.
        TrustError: charter, ledger or seal cannot be believed.
    """
    with ExitStack() as stack:
        office = stack.enter_context(open_office(folder))
        run, signed, book = office.run, office.signed, office.book
        stack.enter_context(recording(book))
        charter = signed.charter
        chain = office.chain
        tasks = stack.enter_context(closing(charter_sources(charter, run.tasks)))
        lookouts = stack.enter_context(closing(charter_wires(charter, run.tasks)))
        proxies = stack.enter_context(closing(charter_proxies(charter, run.tasks)))
        read = charter_constitution(charter, run.tasks)
        principles = stack.enter_context(closing(principle_sources(read, tasks)))
        _own_logs(run, say)
        stopwatch = Stopwatch()
        workers = run_engine(run, charter)
        engine = TimedEngine(workers, stopwatch)
        stack.callback(engine.close)
        if charter.constraints.confined and not engine.confined:
            raise errors.CharterError(
                "confined workers expected, as constraints.confined says, got unconfined ones: "
                f"{engine.unconfined_because}; install bubblewrap (make confine), or amend the charter"
            )
        outsiders, models = outsiders_of(charter, office.ledger, say), ModelStore(run.models)
        parts = Parts(
            signed=charter,
            charter_digest=signed.digest,
            book=book,
            engine=engine,
            models=models,
            data=DataStore(run.data, run.answers),
            states=StateStore(run.states, models) if charter.recipe.carry_optimizer else None,
            tasks=tasks,
            constitution=read.constitution if read else None,
            principles=principles,
            proxies=proxies,
            chain=chain,
            staging=run.staging,
            watch=watch,
            note=lambda _: None,
            say=say,
            take_orders=lambda: _take_orders(office, say),
            wires=wires_of(charter, lookouts),
            surroundings=_software,
            heads=lambda: [*kept_heads(charter), *(outsiders.heads() if outsiders else ())],
            outsiders=outsiders,
            given_subject=None if charter.subject.built else run.subject,
            given_judge=run.judge if charter.feedback.judge_given else None,
            servers=_servers(stack, run, charter, book, stopwatch),
        )
        if book.state.incumbent:  # a crash may have come between the last decision and the link
            point(run, parts.models, book.state.incumbent, say)
        _clear(parts)
        witness_waiting(parts)
        kinds = workers.processor if isinstance(workers, ClusterEngine) else processor()
        book.write(session(parts, kinds))  # last: what cannot begin counts as no session
        yield Run(run, signed, parts, say, stopwatch, outsiders)


def point(run: RunFolder, models: ModelStore, digest: str, say: Say) -> None:
    """Let models/incumbent lead to the model in force; what lay there and is no link is moved aside, and said."""
    aside = models.set_incumbent(digest)
    if aside is not None:
        say(moved_aside(run.models / "incumbent", aside))


def _servers(
    stack: ExitStack, run: RunFolder, charter: Charter, book: Book, stopwatch: Stopwatch
) -> dict[str, TimedServer]:
    """The sampler of each server that is asked, with its key; one that was never asked is seen to be there first.

    A judge or teacher is asked after a generation was trained: that it cannot be is to be known before. Where a server
    proposes changes only, the run goes on without it.
    """
    found, entries = {}, map(decode_entry, book.record.entries())
    known = {entry.server for entry in entries if isinstance(entry, ServerAsked)}
    for name in sorted(charter.asked_servers):
        sampler = sampler_of(run, charter, name, book.record.entries())
        stack.callback(sampler.close)
        if name in {charter.feedback.judge_server, charter.feedback.teacher_server} - known:
            sampler.greet()
        found[name] = TimedServer(sampler, stopwatch)
    return found


def _own_logs(run: RunFolder, say: Say) -> None:
    try:
        see_to(run.log.parent, say)
    except OSError as error:
        raise errors.StorageError(
            f"a folder {run.log.parent} expected, got: {error}; free or mend the disk"
        ) from error


def run_engine(run: RunFolder, charter: Charter) -> LocalEngine | ClusterEngine:
    """What a run's jobs run on: this machine, or the cluster that the charter names."""
    asked = charter.run.ray
    if asked is None:
        return worker_engine(run, run.staging, charter)
    terms = ClusterTerms(
        store=asked.store,
        address=asked.address,
        width=asked.jobs or charter.recipe.team,
        cpus=asked.cpus_per_job or float(charter.run.threads),
        gpus=asked.gpus_per_job,
        retries=asked.retries,
    )
    return ClusterEngine(
        RayCrew(terms),
        terms,
        models=run.models,
        data=run.data,
        staging=run.staging,
        threads=charter.run.threads,
        device=device_of(charter),
    )


def worker_engine(run: RunFolder, staging: Path, charter: Charter) -> LocalEngine:
    """Workers that leave what they make in `staging`; outside of the run's own they train nothing."""
    trains = staging == run.staging and charter.recipe.carry_optimizer
    return engine_of(run.models, run.data, staging, run.log, charter, run.states if trains else None)


def engine_of(  # noqa: PLR0917
    models: Path, data: Path, staging: Path, log: Path, charter: Charter, states: Path | None = None
) -> LocalEngine:
    """A worker for each member of the team, as far as there are threads; on this machine, whatever the charter says.

    What ran on a cluster ran with all the threads for each job, and so it does here, one after the other.
    states: None where no training goes on from any.
    """
    alone = charter.run.engine == "ray"
    return LocalEngine(
        models=models,
        data=data,
        staging=staging,
        log=log,
        threads=charter.run.threads,
        workers=1 if alone else min(charter.recipe.team, charter.run.threads),
        device=device_of(charter),
        states=states,
    )


def device_of(charter: Charter) -> Device:
    """What workers compute on: the small model that is made here is faster, and the same everywhere, on a processor."""
    return "cpu" if charter.subject.built and charter.run.device == "auto" else charter.run.device


def _clear(parts: Parts) -> None:
    """Remove weights that no entry names: a step that was cut short leaves some, and is made again.

    Where none was cut short somebody may have put them there, which is on record.
    """
    state = parts.book.state
    under_way = bool(state.slots) or state.generation == 0
    for digest in parts.models.digests():
        if digest not in state.models:
            parts.models.remove(digest)
            because = "weights that no recorded job made were removed"
            if not under_way:
                parts.book.write(Refused(what=f"models/{digest}", digest=digest, because=because))
    if parts.states is not None:
        for digest in set(parts.states.digests()) - set(parts.states_left().values()):
            parts.states.remove(digest)


def session(parts: Parts, processors: str) -> SessionStarted:
    """What this session runs on, for the record. processors: their kind, where workers run."""
    engine = parts.engine
    return SessionStarted(
        software=_software() | {PROCESSOR: processors},
        seed=parts.charter.run.seed,
        threads=parts.charter.run.threads,
        confined=engine.confined,
        unconfined_because=engine.unconfined_because,
        evaluator=evaluator_digest(),
        tasks={name: source.digest for name, source in sorted(parts.tasks.items())},
    )


def surroundings() -> dict[str, str]:
    """What the bits of a result depend on, by name: versions, and the kind of processor."""
    return _software() | {PROCESSOR: processor()}


def _software() -> dict[str, str]:
    """Versions of what work depends on, by name."""
    return {name: _version(name) for name in SOFTWARE} | {"python": platform.python_version()}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def _take_orders(office: Office, say: Say) -> bool:
    """Between turns: write down what people handed in meanwhile; whether the charter is another one now."""
    after, taken = office.take_in()
    _tell(taken, say)
    return after.signed.digest != office.signed.digest


def _tell(taken: Iterable[Taken], say: Say) -> None:
    for one in taken:
        if one.said:
            say(one.said)
