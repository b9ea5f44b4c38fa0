"""`run` and `try`: the real parts, opened in order and closed in reverse."""

import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from detent import errors
from detent.assembly import places
from detent.assembly.clock import now
from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of, log_key, render_report, save_report, signed_charter
from detent.assembly.tasks import charter_sources, closing
from detent.assembly.timing import Stopwatch, TimedEngine
from detent.assembly.watermark import Watermarked
from detent.charter import Charter, SignedCharter
from detent.engine import DataStore, LocalEngine, ModelStore
from detent.evaluate import evaluator_digest, open_chain
from detent.ledger import Ledger
from detent.loop import Book, Parts, drive
from detent.oversight import check_grants
from detent.report import generation_line, tell_turn
from detent.values import AnswerJob, Answers, Decided, Progress, SessionStarted, decode_entry, fold

Watch = Callable[[Progress], None]
Say = Callable[[str], None]

SOFTWARE = ("detent", "torch", "transformers", "safetensors", "tokenizers", "cryptography", "msgspec")


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is open and ready to turn."""

    folder: RunFolder
    signed: SignedCharter
    parts: Parts
    say: Say
    stopwatch: Stopwatch

    def go(self, generations: int | None) -> str:
        """Turn the cycle; returns the sentence that says why it stopped."""
        if self.parts.book.state.history:
            self._report()  # a crash may have come between the last decision and its report
        stop = drive(self.parts, generations, self.told)
        self.say(self.stopwatch.sentence())
        self.stopwatch.append_to(self.folder.log.with_name("timing.jsonl"))
        state, root = self.parts.book.state, self.folder.root
        match stop:
            case "lease_spent":
                largest = self.signed.charter.pace.lease.generations
                return (
                    f"the lease is spent: {state.spent} of {state.granted} generations. "
                    f"Grant another with: detent lease {root} --generations {largest}"
                )
            case "finished":
                return "every task is at the top of its ladder: nothing left to climb under this charter"
            case "enough":
                return f"done as asked; {state.lease_left} generations left. Go on with: detent run {root}"

    def told(self, decided: Decided) -> None:
        """A generation is closed: say so, point models/incumbent at the model in force, write the report."""
        book = self.parts.book
        turn = tell_turn(book.state.history[decided.generation])
        if turn is not None:
            self.say(generation_line(turn))
        self.parts.models.set_incumbent(decided.incumbent)
        self._report()

    def _report(self) -> None:
        entries = [decode_entry(data) for data in self.parts.book.record.entries()]
        save_report(self.folder, render_report(self.signed, entries))


@contextmanager
def open_run(folder: Path, *, watch: Watch, say: Say) -> Iterator[Run]:
    """Open a run for turning: its lock, ledger, seal, tasks and workers.

    Raises:
        UsageError: this is no run folder.
        BusyError: another process runs it.
        TrustError: charter, ledger or seal cannot be believed.
    """
    run = RunFolder(folder)
    signed = signed_charter(run)
    charter = signed.charter
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(run.ledger, log_key(signed)))
        book = Book(Watermarked(ledger, places.mark_path(charter.seal.tip)), now)
        check_charter(book, signed)
        check_grants(map(decode_entry, ledger.entries()), signed)
        chain = open_chain(
            places.seal_path(charter.seal.tip), charter.seal.length, bytes.fromhex(charter.seal.tip)
        )
        tasks = stack.enter_context(closing(charter_sources(charter, run.tasks)))
        stopwatch = Stopwatch()
        engine = TimedEngine(_engine(run, run.staging, charter), stopwatch)
        stack.callback(engine.close)
        parts = Parts(
            charter=charter,
            charter_digest=signed.digest,
            book=book,
            engine=engine,
            models=ModelStore(run.models),
            data=DataStore(run.data, run.answers),
            tasks=tasks,
            chain=chain,
            staging=run.staging,
            watch=watch,
            note=lambda _: None,
            given_subject=None if charter.subject.built else run.subject,
        )
        if book.state.incumbent:  # a crash may have come between the last decision and the link
            parts.models.set_incumbent(book.state.incumbent)
        book.write(session(parts))  # last: what cannot begin counts as no session
        yield Run(run, signed, parts, say, stopwatch)


def _engine(run: RunFolder, staging: Path, charter: Charter) -> LocalEngine:
    """A worker for each member of the team, as far as there are threads."""
    return LocalEngine(
        models=run.models,
        data=run.data,
        staging=staging,
        log=run.log,
        threads=charter.run.threads,
        workers=min(charter.recipe.team, charter.run.threads),
    )


def session(parts: Parts) -> SessionStarted:
    """What this session runs on, for the record."""
    engine = parts.engine
    versions = {name: metadata.version(name) for name in SOFTWARE} | {"python": platform.python_version()}
    return SessionStarted(
        software=versions,
        seed=parts.charter.run.seed,
        threads=parts.charter.run.threads,
        confined=engine.confined,
        unconfined_because=engine.unconfined_because,
        evaluator=evaluator_digest(),
    )


def check_charter(book: Book, signed: SignedCharter) -> None:
    """The charter on disk must be the one the ledger says is in force."""
    recorded = book.state.charter
    if recorded is None or recorded.digest != signed.digest:
        got = recorded.digest[:12] if recorded else "none"
        raise errors.TrustError(
            f"the charter {got} of the ledger expected in charter.dsse, got {signed.digest[:12]}; restore it"
        )


def answer_prompt(folder: Path, prompt: str) -> str:
    """The incumbent's answer; asks a worker of its own, beside a run if there is one."""
    run = RunFolder(folder)
    signed = signed_charter(run)
    digest = fold(entries_of(run)).incumbent
    if not digest:
        raise errors.UsageError(
            f"a run with an incumbent expected, got {folder} before generation 0; run it first"
        )
    ModelStore(run.models).path(digest)
    job = AnswerJob(model=digest, prompts=(prompt,), extra_tokens=signed.charter.subject.extra_tokens)
    with TemporaryDirectory(prefix="detent-") as staging:  # a run's own belongs to its engine
        engine = _engine(run, Path(staging), signed.charter)
        try:
            result = engine.run(job, lambda _: None)
        finally:
            engine.close()
    if not isinstance(result, Answers):
        raise errors.EngineError(f"an answer expected, got {type(result).__name__}; try again")
    return result.completions[0]
