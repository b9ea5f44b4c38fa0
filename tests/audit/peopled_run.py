"""A run in which people do all that they may do, through the functions that the product uses.

0  the first team
1  a threshold warns: two approve; promoted. Then a pause, and it ends
2  drift: one denies; discarded
3  promoted
4  cut short within its opening, and rolled back to 1
5  drift: nobody answers; discarded
6  a break-in halts the run; lifted, approved; promoted. Old answers are let go, and still there
7  cut short, and put back by an amendment that changes a key; a lease of a stranger is refused
8  nothing fires
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.audit.scripted_run import (
    CATALOGUE,
    LOG,
    SECRET,
    Model,
    QuickFiles,
    ScriptedRun,
    ScriptedWorker,
    session,
)

from detent.charter import (
    Command,
    Question,
    SignedCharter,
    answer,
    complete,
    endorse,
    grant,
    order,
    rotate,
    verified,
)
from detent.errors import DetentError
from detent.evaluate import Chain
from detent.ledger import Ledger
from detent.loop import Book, drive
from detent.oversight import Desk, Pending, Stop, may_go, received, type_of
from detent.signing import SigningKey, peek_envelope
from detent.values import (
    Answered,
    CharterSigned,
    Collected,
    Entry,
    Job,
    LabelJob,
    LeaseGranted,
    Ordered,
    Refused,
    decode_entry,
    sha256_hex,
)

ADA, BOB, CY, DAN, EVE = (
    SigningKey.from_seed(name, f"peopled {name}".encode().ljust(32))
    for name in ("ada", "bob", "cy", "dan", "eve")
)

DRAFT = """\
name = "peopled"
purpose = "To be verified"
[stewards]
quorum = 2
[pace]
lease = { generations = 9 }
answer_hours = 1.0
[direction]
improve = { copy = 5, reverse = 5 }
[[direction.threshold]]
task = "copy"
horizon = 4.0
quorum = 2
[constraints]
non_inferiority_margin = 0.3
mastery_floor = 0.8
[tripwires.drift]
action = "pause"
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
items = { superiority = 80, non_inferiority = 40 }
[retention]
answers = "last 2"
"""

MODELS = tuple(
    Model(strength - behind) for strength in (2.5, 3.5, 4.4, 4.3, 4.9, 4.4, 4.5, 5.0) for behind in (0.0, 0.1)
)
"""Two a generation."""

FIRES = (("threshold_early_warning", 1), ("drift", 2), ("gap", 3), ("drift", 5), ("break_in", 6))


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self) -> None:
        self._at = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> str:
        return self._at.strftime("%Y-%m-%dT%H:%M:%SZ")

    def go_on(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)


@dataclass
class Office:
    """A run folder with everyone who has a key; `hand_in` does what the run's inbox does."""

    folder: Path
    signed: SignedCharter
    ledger: Ledger
    clock: Clock
    killed: Callable[[Job], bool] = lambda _: False
    worker: ScriptedWorker = field(init=False)
    book: Book = field(init=False)

    def __post_init__(self) -> None:
        staging, models = self.folder / "staging", self.folder / "models"
        self.worker = ScriptedWorker(models, staging, iter(MODELS), self._works)
        self.book = Book(self.ledger, self.clock)

    def _works(self, job: Job) -> bool:
        self.clock.go_on(1)
        if self.killed(job):
            raise KeyboardInterrupt
        return False

    def turn(self, generations: int = 1) -> Stop | None:
        """A session; None when it was killed."""
        self.book = Book(self.ledger, self.clock)
        parts = session(self.folder, self.signed, self.book, self.worker, fires=FIRES)
        with suppress(KeyboardInterrupt):
            return drive(parts, generations, lambda decided: parts.models.set_incumbent(decided.incumbent))
        return None

    def turn_until(self, killed: Callable[[Job], bool]) -> None:
        """A session that is killed in a job."""
        self.killed = killed
        assert self.turn() is None
        self.killed = lambda _: False

    def hand_in(self, envelope: str) -> Entry:
        """Write down what an envelope amounts to, or that it was refused."""
        self.clock.go_on(60)
        try:
            found = received(envelope, self.desk())
        except DetentError as error:
            digest = sha256_hex(envelope.encode())
            return self.book.write(Refused(what="a file", digest=digest, because=str(error)))
        assert not isinstance(found, Pending), found
        return self.book.write(found)

    def let_go(self) -> None:
        """Write down that what the charter lets go was deleted; it is not, as when `gc` was killed then."""
        gone = may_go(self.book.state, self.signed.charter.retention)
        models, data, answers = (tuple(sorted(some)) for some in (gone.models, gone.data, gone.answers))
        assert answers
        self.book.write(Collected(models=models, data=data, answers=answers, because="room"))

    def desk(self) -> Desk:
        """Where the run stands."""
        entries = [decode_entry(data) for data in self.ledger.entries()]
        obeyed = frozenset(payload_of(e.envelope) for e in entries if isinstance(e, SIGNED))
        return Desk(self.signed, self.book.state, CATALOGUE, self.ledger.root, obeyed, self.book.now)

    def lease(self, generations: int, *keys: SigningKey) -> str:
        """A lease of a day from now."""
        number, at, size = self.book.state.leases + 1, self.book.now, self.book.state.entries
        root = self.ledger.root(size).hex()
        terms: dict[str, Any] = {"hours": 24.0, "petaflop": 0.2, "at": at, "size": size, "root": root}
        return grant(self.signed, number, generations, **terms, keys=keys)

    def order(self, command: Command, *keys: SigningKey, to: int | None = None) -> str:
        """An order given in sight of the whole ledger."""
        size = self.book.state.entries
        root = self.ledger.root(size).hex()
        return order(self.signed, command, "to see what happens", size=size, root=root, keys=keys, to=to)

    def answer(self, verdict: str, *keys: SigningKey) -> str:
        """An answer to the request that waits."""
        state = self.book.state
        assert state.request is not None
        root = self.ledger.root(state.request_index + 1).hex()
        question = Question(
            request=state.request.number,
            candidate=state.request.candidate,
            root=root,
            expires=state.request.expires,
        )
        return answer(self.signed, question, verdict, "so be it", keys)  # type: ignore[arg-type]

    def amend(self, text: str, *keys: SigningKey) -> None:
        """Amend the charter, and the folder's copies of it."""
        written = self.hand_in(endorse(text, keys))
        assert isinstance(written, CharterSigned)
        before = self.signed
        self.signed = verified(written.envelope, CATALOGUE)
        assert self.signed.charter.version == before.charter.version + 1
        write_copies(self.folder, self.signed)


SIGNED = CharterSigned | LeaseGranted | Ordered | Answered


DRIFT = '[tripwires.drift]\naction = "pause"'


def make_peopled_run(
    folder: Path, edit: tuple[str, str] = (DRIFT, DRIFT.replace("pause", "halt"))
) -> ScriptedRun:
    """Make the run folder of the story above. edit: what the amendment changes beside the key."""
    for name in ("models", "data", "answers", "staging"):
        (folder / name).mkdir(parents=True)
    signed = first_charter()
    write_copies(folder, signed)
    with Ledger.create(folder / "ledger", LOG, LOG.name, QuickFiles) as ledger:
        office = Office(folder, signed, ledger, Clock())
        office.book.write(CharterSigned(version=1, digest=signed.digest, envelope=signed.envelope))
        office.hand_in(office.lease(9, ADA, BOB))
        _asked_and_stopped(office)
        _back_and_halted(office)
        _amended(office, edit)
    run = ScriptedRun(folder, office.signed)
    run.rewrite(run.record())  # a tile for every size that it had would make each copy slow
    return run


def _asked_and_stopped(office: Office) -> None:
    assert office.turn() == "asked"
    office.hand_in(office.answer("approve", ADA, BOB))
    assert office.turn() == "enough"
    office.hand_in(office.order("pause", CY))
    assert office.turn() == "paused"
    office.hand_in(office.order("resume", BOB, CY))
    assert office.turn() == "asked"
    office.hand_in(office.answer("deny", CY))
    assert office.turn(2) == "enough"


def _back_and_halted(office: Office) -> None:
    office.turn_until(lambda _: office.book.state.open_intent)
    office.hand_in(office.order("rollback", ADA, CY, to=1))
    assert office.turn() == "asked"
    office.clock.go_on(3601)
    assert office.turn() == "enough"
    assert office.turn() == "halted"
    office.hand_in(office.order("lift", ADA, BOB))
    assert office.turn() == "asked"
    office.hand_in(office.answer("approve", ADA, CY))
    assert office.turn() == "enough"
    office.let_go()


def _amended(office: Office, edit: tuple[str, str]) -> None:
    office.turn_until(lambda job: isinstance(job, LabelJob))
    text = rotate(office.signed.text, CY.verify_key, DAN.verify_key)
    assert edit[0] in text
    office.amend(text.replace(*edit), ADA, BOB)
    office.hand_in(office.lease(3, EVE))
    office.hand_in(office.lease(2, ADA, DAN))
    assert office.turn() == "enough"


def first_charter(draft: str = DRAFT, keys: Sequence[SigningKey] = (ADA, BOB)) -> SignedCharter:
    """The charter that the run begins with."""
    chain = Chain(SECRET, 100)
    stewards = [str(key.verify_key) for key in (ADA, BOB, CY)]
    text = complete(draft, stewards, chain.tip.hex(), chain.length, {})
    return verified(endorse(text, keys), CATALOGUE)


def write_copies(folder: Path, signed: SignedCharter) -> None:
    """charter.toml and charter.dsse."""
    (folder / "charter.toml").write_text(signed.text)
    (folder / "charter.dsse").write_text(signed.envelope)


def payload_of(envelope: str) -> str:
    """SHA-256 of what was signed."""
    return sha256_hex(peek_envelope(envelope, type_of(envelope)))
