"""A run in a world where models are numbers: the real ledger, seal, gate and stores, a FakeEngine for workers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from detent.charter import Charter
from detent.engine import DataStore, FakeEngine, ModelStore
from detent.evaluate import Chain
from detent.ledger import Ledger
from detent.loop import Book, Parts
from detent.signing import SigningKey
from detent.tasks import TaskSource, builtin
from detent.testing.toy import ToyRules, ToyWorld
from detent.values import CharterSigned, LeaseGranted, State

CLOCK = "2026-01-31T12:00:00Z"

CHARTER = {
    "name": "toy",
    "purpose": "Test the loop's rules",
    "stewards": {"quorum": 1, "keys": [str(SigningKey.from_seed("steward-1", b"p" * 32).verify_key)]},
    "pace": {"lease": {"generations": 3}},
    "direction": {"improve": {"copy": 12, "reverse": 12}},
    "recipe": {
        "seed_problems": 5,
        "label_prompts": 100,
        "label_keep": 60,
        "review_prompts": 10,
        "profile_problems": 64,
        "audit": 30,
    },
    "seal": {"tip": "0" * 64, "length": 400},
}


@dataclass
class ToyRun:
    """A run folder and everything to turn it."""

    folder: Path
    world: ToyWorld
    engine: FakeEngine
    charter: Charter
    key: SigningKey

    def parts(self, ledger: Ledger, clock: str = CLOCK, **changes: object) -> Parts:
        """Open parts over a ledger that is open."""
        chain = Chain(b"s" * 32, 400)
        given = {
            "signed": self.charter,
            "charter_digest": "c" * 64,
            "book": Book(ledger, lambda: clock),
            "engine": self.engine,
            "models": ModelStore(self.folder / "models"),
            "data": DataStore(self.folder / "data", self.folder / "answers"),
            "tasks": self.world.tasks,
            "chain": chain,
            "staging": self.folder / "staging",
            "watch": lambda _: None,
            "note": lambda _: None,
        }
        return Parts(**(given | changes))  # type: ignore[arg-type]

    def open(self) -> Ledger:
        """Open the ledger for writing."""
        return Ledger.open(self.folder / "ledger", self.key)

    def lease(self, generations: int) -> None:
        """Grant another lease, whose envelope nobody looks at."""
        with self.open() as ledger:
            book = Book(ledger, lambda: CLOCK)
            number = book.state.leases + 1
            book.write(
                LeaseGranted(
                    number=number,
                    generations=generations,
                    expires="2026-02-01T12:00:00Z",
                    petaflop=0.2,
                    envelope="",
                )
            )

    def state(self) -> State:
        """What the ledger adds up to now."""
        with self.open() as ledger:
            return Book(ledger, lambda: CLOCK).state


MakeRun = Callable[..., ToyRun]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A function that makes a new toy run."""

    def make(
        name: str = "run", rules: ToyRules | None = None, charter: dict[str, object] | None = None
    ) -> ToyRun:
        folder = tmp_path / name
        for part in ("models", "data", "answers", "staging"):
            (folder / part).mkdir(parents=True)
        parsed = Charter.model_validate(CHARTER | (charter or {}))
        tasks: dict[str, TaskSource] = {task: builtin(task) for task in parsed.direction.improve}
        world = ToyWorld(folder, tasks, rules or ToyRules())
        key = SigningKey.from_seed("detent/toy", b"k" * 32)
        with Ledger.create(folder / "ledger", key, "detent/toy") as ledger:
            book = Book(ledger, lambda: CLOCK)
            book.write(CharterSigned(version=1, digest="c" * 64, envelope=""))
            granted = parsed.pace.lease.generations
            book.write(
                LeaseGranted(
                    number=1, generations=granted, expires="2026-02-01T12:00:00Z", petaflop=0.2, envelope=""
                )
            )
        return ToyRun(folder, world, FakeEngine(world.answer), parsed, key)

    return make
