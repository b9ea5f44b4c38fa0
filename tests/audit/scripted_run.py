"""A run of the real loop with scripted models: two leases, three generations, promoted, carried on, screened out.

Its tripwires are scripted as well: which of them fires in which generation.

    >>> run = make_run(folder)          # charter, ledger, seal, models, data and answers, all real but the weights
    >>> verify(run.evidence()).faults
    []

A model is a strength: it answers a problem of level n right with the chance strength - n + 1, within 0 and 1;
which problems, a hash of the prompt decides, the same for all models, so that stronger ones rarely lose an item.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from detent.assembly.principles import (
    charter_constitution,
    principle_sources,
    readable_constitutions,
    readable_principles,
)
from detent.audit import Evidence
from detent.charter import (
    Catalogue,
    Charter,
    LimitForm,
    SignedCharter,
    WireForm,
    claimed,
    complete,
    endorse,
    grant,
    hours_after,
    verified,
)
from detent.engine import DataStore, FakeEngine, ModelStore
from detent.errors import DetentError
from detent.evaluate import Chain, evaluator_digest, least_first_limit
from detent.ledger import Ledger, LedgerReader
from detent.ledger._files import Files
from detent.loop import Book, Parts, drive
from detent.loop.parts import Outsiders, Wire
from detent.signing import SigningKey, canonical
from detent.tasks import BUILTINS, CHECKERS, PROBES, TaskSource, builtin
from detent.testing.models import write_model
from detent.testing.toy_inside import toy_inside
from detent.values import (
    PROCESSOR,
    AnswerJob,
    Answers,
    BuildJob,
    BuiltModel,
    CharterSigned,
    ElicitJob,
    Entry,
    Example,
    InterpretJob,
    Job,
    JobFailure,
    LabelJob,
    Labels,
    LeaseGranted,
    Profile,
    Reading,
    Result,
    Scored,
    ScoreJob,
    SessionStarted,
    TrainedModel,
    TrainJob,
    decode_entry,
    entry_document,
    sha256_hex,
)

CATALOGUE = Catalogue(
    tasks=tuple(BUILTINS),
    least_limit=least_first_limit,
    tripwires={
        "label_avalanche": WireForm("pause", {"tolerated": LimitForm(0.3, 0.0, 1.0)}),
        "drift": WireForm("pause", {"most": LimitForm(1.0, 0.0, 10.0)}),
        "gap": WireForm("record", {"most": LimitForm(1.0, 0.0, 10.0)}),
        "break_in": WireForm("halt"),
        "threshold_early_warning": WireForm("pause"),
    },
    probes=tuple(PROBES),
    checkers=tuple(CHECKERS),
)
STEWARD, LOG, STRANGER = (
    SigningKey.from_seed(name, name.encode().ljust(32)) for name in ("ada", "detent/small/log", "eve")
)
SECRET = b"seal".ljust(32)
SOFTWARE = {"detent": "0", PROCESSOR: "abacus"}
"""What a session says that it runs on."""
INITIALS = {"C": "copy", "R": "reverse", "S": "sort"}

DRAFT = """\
name = "small"
purpose = "To be verified"
[stewards]
quorum = 1
[pace]
lease = { generations = 2 }
[direction]
improve = { copy = 4, reverse = 4 }
[constraints]
non_inferiority_margin = 0.2
mastery_floor = 0.8
[recipe]
seed_levels = 2
seed_problems = 20
seed_steps = 3
steps = 2
profile_problems = 32
audit = 20
label_prompts = 60
label_keep = 40
review_prompts = 20
[gate]
items = { superiority = 200, non_inferiority = 200 }
"""


@dataclass(frozen=True)
class Model:
    """How good a scripted model is; with `luck` it has chances of its own, so that it disagrees with the others."""

    strength: float
    luck: str = ""


MODELS = (
    *(Model(2.5), Model(2.4)),
    *(Model(3.5), Model(3.4)),
    *(Model(3.5, "4"), Model(3.3)),
    *(Model(3.2), Model(3.1)),
)
"""In the order in which they are trained, two a generation: as begun; better; as good in the end, but luckier on
the visible problems; worse."""


class QuickFiles(Files):
    """A disk that does not wait: nobody pulls the plug here."""

    def write_durably(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


Fires = Collection[tuple[str, int]]
"""Which wire fires in which generation."""


def never(_job: Job) -> bool:
    """No job fails."""
    return False


def nobody(_signed: SignedCharter, _ledger: Ledger) -> Outsiders | None:
    return None


def silent(_news: object) -> None:
    """Nobody is watching."""


@dataclass
class ScriptedWorker:
    """Does jobs without a model; `FakeEngine`'s handler.

    failing: jobs in which a task's code is found to be wrong.
    """

    models: Path
    staging: Path
    trained: Iterator[Model]
    failing: Callable[[Job], bool] = never
    names: Iterator[int] = field(default_factory=count)
    known: dict[str, Model] = field(default_factory=dict)

    def do(self, job: Job) -> Result:  # noqa: PLR0911  one a kind of job
        if self.failing(job):
            return JobFailure(error="TaskError", message="the task's code raised")
        match job:
            case BuildJob():
                return BuiltModel(folder=self._write(Model(0.0)), parameters=1000)
            case TrainJob():
                folder = self._write(next(self.trained))
                return TrainedModel(
                    folder=folder, parameters=1000, losses=(1.0, 0.5), flops=1e9, change={"w": 0.1}
                )
            case LabelJob():
                return self._labels(job)
            case AnswerJob() | ElicitJob():
                return Answers(completions=tuple(self.say(job.model, prompt) for prompt in job.prompts))
            case ScoreJob():
                return Scored(log_likelihoods=(0.0,) * len(job.rows))
            case InterpretJob():
                alike = [0.5] * len(job.prompts)
                return toy_inside(job, alike, alike)
            case _:
                raise NotImplementedError(f"a job with a script expected, got {type(job).__name__}")

    def say(self, model: str, prompt: str) -> str:
        right = answer_to(prompt)
        said = self._model(model)
        chance = int.from_bytes(hashlib.sha256((said.luck + prompt).encode()).digest()[:6], "big") / 2**48
        return right if chance < said.strength - len(right) + 1 else right[:-1] + "x"

    def _labels(self, job: LabelJob) -> Labels:
        kept: list[Example] = []
        for task, recipe in job.recipes.items():
            for rung in recipe.rungs:
                asked = job.prompts[task][str(rung.level)]
                agreed = [p for p in asked if len({self.say(model, p) for model in job.models}) == 1]
                kept += [
                    Example(task, rung.level, prompt, self.say(job.models[0], prompt), confidence=0.95)
                    for prompt in agreed[: rung.filter.keep or None]
                ]
        offered = {
            task: {level: len(row) for level, row in rows.items()} for task, rows in job.prompts.items()
        }
        return Labels(kept=tuple(kept), offered=offered)

    def _model(self, digest: str) -> Model:
        if digest not in self.known:
            data = (self.models / digest / "model.safetensors").read_bytes()
            _, strength, luck = json.loads(data[8 + int.from_bytes(data[:8], "little") :])
            self.known[digest] = Model(strength, luck)
        return self.known[digest]

    def _write(self, model: Model) -> str:
        number = next(self.names)
        write_model(self.staging / f"model-{number}", weights_of(number, model))
        return f"model-{number}"


def weights_of(number: int, model: Model) -> bytes:
    """All of one shape."""
    return json.dumps([number, model.strength, model.luck]).encode().ljust(64)


def answer_to(prompt: str) -> str:
    """What the task calls right."""
    digits = prompt[1:-1]
    return {"C": digits, "R": digits[::-1], "S": "".join(sorted(digits))}[prompt[0]]


@dataclass(frozen=True)
class ScriptedRun:
    """A run folder, and the keys of everyone who has one."""

    folder: Path
    signed: SignedCharter

    def evidence(self) -> Evidence:
        """What `verify` is given."""
        return Evidence(
            ledger=self.folder / "ledger",
            log_key=LOG.verify_key,
            charter=_text(self.folder / "charter.toml"),
            envelope=_text(self.folder / "charter.dsse"),
            models=self.folder / "models",
            data=self.folder / "data",
            answers=self.folder / "answers",
            tasks={**self.tasks(), **self.principles()},
            catalogue=CATALOGUE,
            constitutions=readable_constitutions(self.charters(), self.folder / "tasks"),
        )

    def tasks(self) -> dict[str, TaskSource]:
        """The code of every task that a charter of the run can name."""
        return {name: builtin(name) for name in BUILTINS}

    def principles(self) -> dict[str, TaskSource]:
        """What asks the principles of every charter of the run."""
        return {
            f"{source.name} {source.digest}": source
            for charter in self.charters()
            for source in readable_principles(charter, self.folder / "tasks", self.tasks())
        }

    def charters(self) -> list[Charter]:
        """Every charter on the ledger, without those that a test made unreadable."""
        found = [self.signed.charter]
        if not (self.folder / "ledger" / "checkpoint").is_file():
            return found  # where a test put a pipe, a reader would wait for ever
        with suppress(DetentError):
            found += [
                claimed(entry.envelope, CATALOGUE).charter
                for entry in self.entries()
                if isinstance(entry, CharterSigned)
            ]
        return found

    def entries(self) -> list[Entry]:
        """What stands on the ledger."""
        return [decode_entry(data) for data in self.record()]

    def record(self) -> list[bytes]:
        """The ledger's entries as they were written."""
        return list(LedgerReader(self.folder / "ledger", LOG.verify_key).entries())

    def rewrite(self, entries: Sequence[Entry | bytes]) -> None:
        """Replace the ledger by a sound one of these entries, signed with the log's key: what its holder can do."""
        shutil.rmtree(self.folder / "ledger")
        with Ledger.create(self.folder / "ledger", LOG, LOG.name, QuickFiles) as ledger:
            ledger.extend(
                entry if isinstance(entry, bytes) else canonical(entry_document(entry)) for entry in entries
            )

    def copy(self, folder: Path) -> "ScriptedRun":
        """The same run elsewhere, to be tampered with."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return ScriptedRun(folder, self.signed)


def make_run(
    folder: Path,
    draft: str = DRAFT,
    trained: Sequence[Model] = MODELS,
    leases: Sequence[int] = (2, 1),
    *,
    confined: bool = True,
    failing: Callable[[Job], bool] = never,
    fires: Fires = (),
    outsiders: Callable[[SignedCharter, Ledger], Outsiders | None] = nobody,
    worker_kind: "type[ScriptedWorker] | None" = None,
    constitution: str = "",
) -> ScriptedRun:
    """Make a run folder and turn the loop, a session a lease, until every lease is spent.

    constitution: text of the file that [constitution] of the draft names.

    A `KeyboardInterrupt` out of `failing` ends a session; the next one goes on.
    """
    signed = sign(draft, constitution)
    for name in ("models", "data", "answers", "staging"):
        (folder / name).mkdir(parents=True)
    (folder / "charter.toml").write_text(signed.text)
    (folder / "charter.dsse").write_text(signed.envelope)
    if signed.charter.constitution is not None:
        (folder / "tasks").mkdir()
        (folder / "tasks" / signed.charter.constitution.path).write_text(constitution)
    if signed.charter.feedback.judge_given:
        write_model(folder / "judge", weights_of(-1, Model(9.0)))
    kind = worker_kind or ScriptedWorker
    worker = kind(folder / "models", folder / "staging", iter(trained), failing)
    ticks = (f"2026-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z" for n in count())
    with Ledger.create(folder / "ledger", LOG, LOG.name, QuickFiles) as ledger:
        book = Book(ledger, ticks.__next__)
        book.write(CharterSigned(version=1, digest=signed.digest, envelope=signed.envelope))
        for number, generations in enumerate(leases, 1):
            book.write(lease(signed, number, generations, book))
            while book.state.lease_left(book.now) or book.state.slots:
                book = Book(ledger, ticks.__next__)  # a session knows what the ledger says and nothing else
                with suppress(KeyboardInterrupt):
                    parts = session(folder, signed, book, worker, confined=confined, fires=fires)
                    go_on(replace(parts, outsiders=outsiders(signed, ledger)))
    return ScriptedRun(folder, signed)


def lease(
    signed: SignedCharter, number: int, generations: int, book: Book, key: SigningKey = STEWARD
) -> LeaseGranted:
    """A lease of a day, as the steward grants it."""
    at, size = book.now, book.state.entries
    root = book.record.root(size).hex()
    envelope = grant(
        signed, number, generations, hours=24.0, petaflop=0.2, at=at, size=size, root=root, keys=[key]
    )
    return LeaseGranted(
        number=number, generations=generations, expires=hours_after(at, 24.0), petaflop=0.2, envelope=envelope
    )


def go_on(parts: Parts) -> None:
    """Turn until the lease is spent."""
    drive(parts, None, lambda decided: parts.models.set_incumbent(decided.incumbent))


def sign(draft: str, constitution: str = "") -> SignedCharter:
    """The charter of a draft without tasks of its own, signed by the steward."""
    chain = Chain(SECRET, 100)
    pins = (sha256_hex(constitution.encode()), dict[str, str]()) if constitution else None
    text = complete(draft, [str(STEWARD.verify_key)], chain.tip.hex(), chain.length, {}, constitution=pins)
    return verified(endorse(text, [STEWARD]), CATALOGUE)


def session(
    folder: Path,
    signed: SignedCharter,
    book: Book,
    worker: ScriptedWorker,
    *,
    confined: bool = True,
    fires: Fires = (),
) -> Parts:
    """A session's parts, its entry written."""
    run = signed.charter.run
    book.write(
        SessionStarted(
            software=SOFTWARE,
            seed=run.seed,
            threads=run.threads,
            confined=confined,
            unconfined_because="" if confined else "bubblewrap is not installed",
            evaluator=evaluator_digest(),
        )
    )
    tasks: Mapping[str, TaskSource] = {name: builtin(name) for name in signed.charter.direction.improve}
    read = charter_constitution(signed.charter, folder / "tasks")
    return Parts(
        signed=signed.charter,
        charter_digest=signed.digest,
        book=book,
        engine=FakeEngine(worker.do),
        models=ModelStore(folder / "models"),
        data=DataStore(folder / "data", folder / "answers"),
        given_judge=folder / "judge" if signed.charter.feedback.judge_given else None,
        servers=dict.fromkeys(signed.charter.asked_servers, getattr(worker, "server", None)),  # type: ignore[arg-type]
        tasks=tasks,
        constitution=read.constitution if read else None,
        principles=principle_sources(read, tasks),
        chain=None if signed.charter.auditor else Chain(SECRET, 100),
        staging=folder / "staging",
        watch=silent,
        note=silent,
        wires=tuple(scripted_wire(name, signed, fires) for name in signed.charter.tripwires),
    )


def scripted_wire(name: str, signed: SignedCharter, fires: Fires) -> Wire:
    """One that reads what `scripted_reading` says."""

    def read(parts: Parts, _profiles: Sequence[Profile], _before: Sequence[Reading]) -> Reading:
        return scripted_reading(name, signed, parts.book.state.generation, fires)

    return Wire(name, signed.charter.wire(name).action, read)


def scripted_reading(name: str, signed: SignedCharter, generation: int, fires: Fires) -> Reading:
    """A wire measures 2 where it fires, and else 0.5; one without a limit has found something, or nothing."""
    limit = next(iter(signed.charter.wire(name).limits.values()), None)
    fired = (name, generation) in fires
    statistic = None if limit is None else limit * (2.0 if fired else 0.5)
    about = tuple(signed.charter.direction.improve) if fired else ()
    said = f"{name} looked at {statistic}"
    return Reading(name, "fired" if fired else "quiet", said, statistic, limit, "nats", about)


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
