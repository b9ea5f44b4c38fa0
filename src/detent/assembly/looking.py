"""`inspect`: what changed inside, between the model of a generation and one before it; nothing is written into the run.

    >>> looked = look_inside(folder, 3, None, (*ALWAYS, *DEEPER), False, print)
    >>> looked.against, looked.found.words.flips
    (2, 0.125)

A look has two controls. The model against itself, which must read zero: it costs little, and is made each time. And the
model before against the same training with another seed, on request: a figure that is no larger than that one's is
what training does, and not what this training did.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import UNSET

from detent.assembly import places, running
from detent.assembly.controls import trained_again
from detent.assembly.picking import pick, with_weights
from detent.assembly.places import RunFolder
from detent.assembly.reading import LedgerAt, ledger_at, log_verify_key, signed_charter
from detent.assembly.tasks import charter_sources, closing
from detent.charter import Charter, SignedCharter
from detent.engine import Ask, Engine, ModelStore, check_libraries, confinement, figures_of
from detent.errors import DetentError, EngineError, UsageError
from detent.evaluate import Inquiry, Lineage, deeper_job
from detent.report import plain
from detent.signing import SigningKey
from detent.tasks import TaskSource
from detent.tripwires.looks import probe_prompts
from detent.values import AnswerJob, Answers, Interpreted, InterpretJob
from detent.values.inside import ALWAYS, Section

Say = Callable[[str], None]

LOG_BYTES, LOG_LINES = 8192, 20
"""Of the workers' log, how much of its end is told where something goes wrong."""

_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found. before, after: digests. generation: whose model is after. against: at whose end before was.

    trained_from: whether before is what after was trained from, and was not the model in force then.
    control: before against the generation's training made again with another seed; None where it was not asked for.
    copy: after against itself, the cheap sections that were asked for, or else what it says; it reads zero.
    seconds: what all of it took.
    """

    before: str
    after: str
    found: Interpreted
    control: Interpreted | None
    seconds: float
    generation: int
    against: int
    copy: Interpreted
    trained_from: bool = False


def look_inside(  # noqa: PLR0917  as the command has them
    folder: Path,
    generation: int,
    against: int | None,
    sections: tuple[Section, ...],
    control: bool,
    say: Say,
) -> Looked:
    """Look inside a generation's candidate, promoted or not, and the model that it had to beat.

    Args:
        folder: of the run, which may be at work; it is only read.
        generation: which; one in progress once its candidates are measured.
        against: the generation whose model in force, at its end, is compared instead.
        sections: which; one at least.
        control: whether the training is made again with another seed, and looked at too.
        say: told, in lines, what is left out, and what the control costs before it is trained.

    Raises:
        UsageError: no such run or generation; weights or data that are needed were let go; nothing to compare on.
        SubjectError: the models' vocabularies differ, or weights are gone for another reason.
        TrustError: ledger, charter or weights cannot be believed.
        TaskError: a task's code went wrong.
        EngineError: a worker died, or an untouched copy did not read zero.
    """
    began = time.monotonic()
    check_libraries()
    run = RunFolder(folder)
    signed = signed_charter(run)
    ledger = ledger_at(run)
    picked = pick(ledger.state, generation, against)
    store = ModelStore(run.models)
    lineage, left_out = with_weights(picked.lineage, ledger.state, store, probed="probes" in sections)
    for line in left_out:
        say(line)
    if because := confinement().because:
        say(f"note        nothing confines the workers that load these models: {because}")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="detent-inspect-")))
        stack.enter_context(_log_told(scratch / "worker.log", say))
        tasks = stack.enter_context(closing(_sources(run, signed, ledger, say)))
        asked = inquiry_of(signed.charter, tasks, sections)
        found, copy = _looked(run.models, run.data, signed.charter, scratch, lineage, asked)
        other = None
        if control:
            beside = _needed(lineage, asked)
            made = stack.enter_context(trained_again(run, generation, lineage.after, beside, scratch, say))
            again = lineage._replace(after=made.digest)
            other, _ = _looked(made.models, run.data, signed.charter, scratch, again, asked)
    return Looked(
        before=lineage.before,
        after=lineage.after,
        found=found,
        control=other,
        seconds=time.monotonic() - began,
        generation=picked.generation,
        against=picked.against,
        trained_from=picked.trained_from,
        copy=copy,
    )


@contextmanager
def _log_told(log: Path, say: Say) -> Iterator[None]:
    """Where something goes wrong, the end of what workers printed: their log goes with its folder."""
    try:
        yield
    except DetentError:
        if log.is_file():
            for line in log.read_bytes()[-LOG_BYTES:].decode(errors="replace").splitlines()[-LOG_LINES:]:
                say(f"log         {plain(line)}")
        raise


def _sources(run: RunFolder, signed: SignedCharter, ledger: LedgerAt, say: Say) -> Mapping[str, TaskSource]:
    """The charter's tasks. A folder may be a stranger's: its code is not run where it could reach anything."""
    found = charter_sources(signed.charter, run.tasks)
    if confinement().confined or _is_own(run, signed, ledger):
        return found
    foreign = [name for name, own in signed.charter.tasks.items() if name in found and not own.of_rows]
    for name in foreign:
        found.pop(name).close()
        say(f"note        task {name} is left out: a stranger's code is not run unconfined (make confine)")
    if not found:
        raise UsageError(
            "a task to ask expected, got only a stranger's code, which is not run unconfined; install bubblewrap "
            "(make confine)"
        )
    return found


def _is_own(run: RunFolder, signed: SignedCharter, ledger: LedgerAt) -> bool:
    """Whether this user's own key signs the ledger, and the charter is the one on it."""
    charter = ledger.state.charter
    try:
        key = SigningKey.load(places.log_key_path(signed.charter.seal.tip))
    except DetentError:
        return False
    return (
        str(key.verify_key) == str(log_verify_key(run))
        and charter is not None
        and charter.digest == signed.digest
    )


def inquiry_of(charter: Charter, tasks: Mapping[str, TaskSource], sections: tuple[Section, ...]) -> Inquiry:
    """What is asked of the models of a run: its frozen prompts, and which sections."""
    tops = {name: top for name, top in charter.direction.improve.items() if name in tasks}
    return Inquiry(
        tasks=tasks,
        tops=tops,
        seed=charter.run.seed,
        room=charter.subject.room,
        prompts=probe_prompts(tasks, tops, charter.run.seed),
        sections=sections,
    )


def _needed(lineage: Lineage, asked: Inquiry) -> tuple[str, ...]:
    """The models that a look at this lineage reads."""
    earlier = () if lineage.earlier is UNSET else lineage.earlier
    probed = lineage.probed if "probes" in asked.sections else (lineage.before, lineage.after)
    return tuple(dict.fromkeys((*earlier, *probed)))


def _looked(  # noqa: PLR0917
    models: Path, data: Path, charter: Charter, scratch: Path, lineage: Lineage, asked: Inquiry
) -> tuple[Interpreted, Interpreted]:
    """What changed, and the copy's reading, in one opening."""
    with _engine(models, data, charter, scratch) as engine, engine.opening() as ask:
        job = deeper_job(lineage, asked, lambda model, prompts: _answers(ask, model, prompts, charter))
        found = figures_of(ask(job, lambda _: None))
        cheap = tuple(name for name in ALWAYS if name in asked.sections) or ("words",)
        same = InterpretJob(
            models=(lineage.after, lineage.after),
            prompts=asked.prompts,
            sections=cheap,
            extra_tokens=asked.room,
            seed=job.seed,
        )
        copy = figures_of(ask(same, lambda _: None))
    if sentence := not_zero(copy):
        raise EngineError(
            f"an untouched copy that reads zero expected, got {sentence}; no figure of this look is to be believed: "
            "report it, with the log"
        )
    return found, copy


@contextmanager
def _engine(models: Path, data: Path, charter: Charter, scratch: Path) -> Iterator[Engine]:
    """Workers that read models and data, and leave nothing: what they could write to is no part of the run."""
    engine = running.engine_of(models, data, scratch / "staging", scratch / "worker.log", charter)
    try:
        yield engine
    finally:
        engine.close()


def _answers(ask: Ask, model: str, prompts: Sequence[str], charter: Charter) -> Sequence[str]:
    job = AnswerJob(model=model, prompts=tuple(prompts), extra_tokens=charter.subject.room)
    result = ask(job, lambda _: None)
    if not isinstance(result, Answers):
        raise EngineError(f"answers expected, got {type(result).__name__}; run again")
    return result.completions


def not_zero(copy: Interpreted) -> str:
    """What does not read zero of a model against itself, as a clause; "" where all does."""
    found: dict[str, float] = {}
    if copy.layers is not UNSET:
        table = copy.layers.similarity
        found["layers that are unlike themselves"] = max(
            abs(1.0 - table[i][j]) for i, j in copy.layers.matched
        )
    if copy.weights is not UNSET:
        moved = [copy.weights.share, *(one.share for one in copy.weights.modules)]
        found["weights that moved"] = max(moved)
    if copy.lens is not UNSET:
        found["a lens that diverges"] = max((one for row in copy.lens.divergence for one in row), default=0.0)
    if copy.words is not UNSET:
        found["words that diverge"] = max(copy.words.divergence, copy.words.flips)
    return "; ".join(f"{what} by {size:.3g}" for what, size in found.items() if abs(size) > _ROUNDING)
