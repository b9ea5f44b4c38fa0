"""What a turn works with. `assembly` builds one; tests build one with a FakeEngine."""

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from msgspec import UNSET, UnsetType

from detent.charter import Charter, Constitution, set_by
from detent.coordinate import Asked
from detent.engine import DataStore, Engine, ModelStore, StateStore
from detent.errors import StorageError, SubjectError, TrustError, UsageError
from detent.evaluate import Chain, label_of, public_number, public_stream
from detent.ledger import CosignerKey
from detent.loop.book import Book
from detent.propose import optimizer_of
from detent.signing import VerifyKey
from detent.tasks import Proxy, TaskSource
from detent.values import (
    Action,
    AnswerJob,
    BeaconDrawn,
    BuildJob,
    ElicitJob,
    GivenAs,
    InterpretJob,
    Job,
    JudgeJob,
    LabelJob,
    MergeJob,
    Optimizer,
    PreferJob,
    Profile,
    Progress,
    Reading,
    ReinforceJob,
    ReshapeJob,
    Result,
    ReviseJob,
    Round,
    SampleJob,
    ScoreJob,
    Served,
    SuggestJob,
    TrainJob,
    left_states,
)
from detent.values.folder import folder_digest
from detent.values.inside import models_of as interpreted_models

GIGABYTE = 1e9


@dataclass(frozen=True, slots=True)
class Wire:
    """A tripwire as the charter set it: what an alarm does, and how it is read from the run as it stands.

    read: gets the parts, the candidates' visible profiles, a member of the team each, and what the wires before it
        read in this generation.
    """

    name: str
    action: Action
    read: Callable[["Parts", Sequence[Profile], Sequence[Reading]], Reading]


class Outsiders(Protocol):
    """Who stands outside of the run: witnesses of its ledger; a beacon and an auditor where the charter names one.

    Errors of all: PeerError, too few of them answer. TrustError, one of them saw another ledger of this name.
    """

    @property
    def log(self) -> VerifyKey:
        """The key that signs the ledger's checkpoints."""

    def cosign(self, size: int, all_of: Sequence[str]) -> str:
        """The checkpoint of the first `size` entries, cosigned by all those (verify keys); by a quorum for ()."""

    def draw(self, wanted: Round) -> BeaconDrawn:
        """The beacon's round, once it is out."""

    def met(self, keys: Collection[CosignerKey]) -> bool:
        """Whether the witnesses with these keys are a quorum."""

    def release(self, asked: Asked, intent: bytes, cosigned: str) -> str:
        """The auditor's note with the seal's link for this intent: its entry, and the cosigned checkpoint it ends."""


class Server(Protocol):
    """A sampler, which asks the charter's server. PeerError: no answer. CharterError: the budget does not reach."""

    def ask(
        self, job: JudgeJob | AnswerJob | SampleJob, turn: str, watch: Callable[[Progress], None]
    ) -> Served:
        """The server's answers to a job. turn: what they are kept under, so that none is paid twice."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The real things, already checked against the charter.

    signed: the charter as people signed it; what is in force of it, with what was changed since, is `charter`.
    charter_digest: SHA-256 of the signed charter's bytes.
    watch: told how a job goes on. note: told one line of where the gate stands. say: of what is tried, for people.
    constitution: the charter's; None where it names none.
    principles: sources of the probes of its guarded principles, by their own names.
    proxies: the author's own checkers that self-made labels must please, by name.
    wires: the tripwires, in the order in which they are read.
    take_orders: writes down what people handed in meanwhile, between turns; True when the charter is another one now.
    surroundings: the versions of the libraries that this session runs on, by name.
    heads: (who keeps it, size, root in hex) of the ledger's heads that are kept elsewhere.
    chain: the seal; None where an auditor holds it.
    counted: what wires have counted of files that do not change.
    outsiders: witnesses, beacon and auditor; None where the charter names none.
    states: what optimizers remember; None where the charter has none of it carried on.
    given_subject, given_judge: the folders of the first model and of the judge where the charter names one.
    trial: of the turn, whose work this is; "" for the turn itself.
    servers: who asks each server that the charter has judge or teach, by its name.
    """

    signed: Charter
    charter_digest: str
    book: Book
    engine: Engine
    models: ModelStore
    data: DataStore
    tasks: Mapping[str, TaskSource]
    chain: Chain | None
    staging: Path
    watch: Callable[[Progress], None]
    note: Callable[[str], None]
    constitution: Constitution | None = None
    principles: Mapping[str, TaskSource] = field(default_factory=dict)
    proxies: Mapping[str, Proxy] = field(default_factory=dict)
    wires: "tuple[Wire, ...]" = ()
    take_orders: Callable[[], bool] = lambda: False
    surroundings: Callable[[], Mapping[str, str]] = dict
    heads: Callable[[], Sequence[tuple[str, int, str]]] = tuple
    counted: dict[str, Any] = field(default_factory=dict)
    outsiders: Outsiders | None = None
    states: StateStore | None = None
    given_subject: Path | None = None
    given_judge: Path | None = None
    servers: Mapping[str, Server] = field(default_factory=dict)
    trial: str = ""
    say: Callable[[str], None] = lambda _: None

    @property
    def charter(self) -> Charter:
        """The charter with what changes of the feedback loop have set in its recipe and feedback."""
        return set_by(self.signed, self.book.state.set_now)

    @property
    def known_models(self) -> frozenset[str]:
        """Digests of the models on record that nothing new may be; in a trial without those of other trials."""
        state = self.book.state
        return state.models_before_trials if self.trial else state.models

    def within(self, trial: str, engine: Engine) -> "Parts":
        """The same as a trial of the turn in progress works with, whose jobs go to `engine`."""
        return replace(self, book=self.book.trial(trial), trial=trial, engine=engine)

    @property
    def tops(self) -> dict[str, int]:
        """Improved tasks and the top level of each ladder."""
        return dict(self.charter.direction.improve)

    @property
    def asked(self) -> dict[str, TaskSource]:
        """Everything that an opening draws from: tasks and principles, which can never be called alike."""
        return {**self.tasks, **self.principles}

    def stream(self, label: str) -> bytes:
        """A public problem stream of the generation in progress."""
        return public_stream(self.signed.run.seed, label_of(label, self.trial), self.book.state.generation)

    def number(self, label: str) -> int:
        """A job's seed in the generation in progress."""
        return public_number(self.signed.run.seed, label_of(label, self.trial), self.book.state.generation)

    @property
    def optimizer(self) -> Optimizer:
        """How models are trained."""
        return optimizer_of(self.charter)

    def disk_gb(self) -> float:
        """What the run folder takes on disk, in 1e9 bytes, links not followed."""
        found = self.staging.parent.rglob("*")
        return sum(path.lstat().st_size for path in found if not path.is_symlink()) / GIGABYTE

    @contextmanager
    def opening(self) -> Iterator[Callable[[Job], Result]]:
        """A worker that has run no job before; it answers, and is gone when the block ends."""
        with self.engine.opening() as ask:

            def checked(job: Job) -> Result:
                self._check_files(job)
                return ask(job, self.watch)

            yield checked

    def admit(self, folder: str) -> str:
        """Take a model a worker left in staging among the models; returns its digest."""
        return self.models.admit(self.staging / folder)

    def admit_state(self, folder: str, model: str) -> str:
        """Take what a worker left of a model's training among the states; returns its digest."""
        if self.states is None:
            raise UsageError("a store of states expected where recipe.carry_optimizer is set, got none")
        return self.states.admit(self.staging / folder, of=model)

    def state_left(self, model: str) -> str | UnsetType:
        """Digest of what a model's own training left for its next one; UNSET where nothing is carried on, or left."""
        return UNSET if self.optimizer.carry is UNSET else self.states_left().get(model, UNSET)

    def states_left(self) -> dict[str, str]:
        """Digest of what each model's own training left, by the model's."""
        return left_states((*self.book.state.history.values(), self.book.state.slots))

    def admit_given(self, folder: Path, given_as: GivenAs) -> str:
        """Take a copy of a model that the charter names among the models; returns its digest.

        Raises:
            TrustError: it is another than the one that was given when the run began.
            SubjectError: there is no such folder, or it holds something else.
            StorageError: the disk refuses.
        """
        if not folder.is_dir():
            raise SubjectError(f"the given model expected in {folder}, got none; restore it from a copy")
        digest = folder_digest(folder)
        if digest != (wanted := self.book.state.given.get(given_as, digest)):
            # Stops the world: people signed for a run that begins with that model.
            raise TrustError(
                f"the {given_as} that was given, digest {wanted}, expected in {folder}, got {digest}; restore its "
                "files"
            )
        if digest in self.models.digests():  # every member of a team is made from it
            self.models.path(digest)
            return digest
        # Beside staging, not in it: workers write there, and could put a link where a file is about to be written.
        copy = self.staging.with_name(".given")
        shutil.rmtree(copy, ignore_errors=True)
        try:
            shutil.copytree(folder, copy)
        except OSError as error:
            raise StorageError(f"a copy of {folder} expected, got: {error}; free or mend the disk") from error
        return self.models.admit(copy)

    def ask(self, job: Job) -> Result:
        """Give a job to a long-lived worker."""
        self._check_files(job)
        return self.engine.run(job, self.watch)

    def ask_all(self, jobs: Sequence[Job]) -> list[Result]:
        """Give jobs to long-lived workers, side by side; results in order."""
        for job in jobs:
            self._check_files(job)
        return self.engine.run_all(jobs, self.watch)

    def _check_files(self, job: Job) -> None:
        """Believe a job's files on this side: a worker's word is not enough to say that the record is at fault."""
        models, data = _files_of(job)
        for digest in models:
            self.models.path(digest)
        for digest in sorted(data):
            self.data.path(digest)
        if isinstance(job, TrainJob) and job.state is not UNSET and self.states is not None:
            self.states.path(job.state)


def _files_of(job: Job) -> tuple[Sequence[str], AbstractSet[str]]:  # noqa: PLR0911  one a kind of job
    """Digests of the models and data files that a job names."""
    match job:
        case AnswerJob() | ScoreJob() | SampleJob() | ReviseJob() | JudgeJob() | MergeJob():
            return [job.model], set()
        case TrainJob(parent=model, sources=sources) | ElicitJob(model=model, sources=sources):
            return [model], {source.data for source in sources}
        case ReshapeJob():
            return [job.parent], set()
        case PreferJob():
            return [job.parent], set(job.data)
        case ReinforceJob():
            return [job.parent, job.judge], set()
        case InterpretJob():
            return interpreted_models(job), set()
        case LabelJob():
            return [*job.models, *([job.judge] if job.judge else [])], set()
        case BuildJob() | SuggestJob():
            return [], set()
