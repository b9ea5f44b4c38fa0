"""A run that attacks are tried on: a real run folder, its people and secrets, and a toy world for its models.

    >>> scene.turn()                        # a session of one generation, as `detent run` makes it
    >>> scene.hand_in(envelope)             # puts something into the inbox, as anybody who can write there may
    >>> scene.rewrite(entries)              # what the holder of the ledger's key can do

Everything is what `detent` uses, but for the models: one is a number (`detent.testing.toy`).
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from detent.assembly import charter_of, create_run, founding, give_answer, run_loop, running, verify_run
from detent.assembly.inbox import Inbox
from detent.assembly.places import RunFolder, log_key_path, secrets_folder
from detent.assembly.reading import LedgerAt, ledger_at, log_verify_key
from detent.assembly.running import Ended
from detent.audit import Findings
from detent.charter import SignedCharter
from detent.engine import Engine, FakeEngine
from detent.evaluate import new_chain
from detent.ledger import Ledger, LedgerReader
from detent.signing import SigningKey, canonical
from detent.testing.toy import ToyRules, ToyWorld
from detent.values import Entry, Job, Result, State, entry_document

CLOCK = "2026-01-31T12:00:00Z"

ADA, BOB, CY, EVE = (
    SigningKey.from_seed(name, f"attacks {name}".encode().ljust(32)) for name in ("ada", "bob", "cy", "eve")
)
"""The operator, the approver, who looks at safety, and a stranger."""

CHARTER = f"""\
name = "attacked"
purpose = "Be attacked"

[stewards]
quorum = 2
keys = ["{ADA.verify_key}", "{BOB.verify_key}", "{CY.verify_key}"]

[stewards.roles]
operator = ["ada"]
approver = ["bob"]
safety = ["cy"]

[stewards.rules]
lease = {{ operator = 1 }}
approve = {{ approver = 1 }}

[pace]
lease = {{ generations = 9 }}

[direction]
improve = {{ copy = 8 }}

[constraints]
non_inferiority_margin = 0.3
mastery_floor = 0.5
error_budget = 0.5

[recipe]
team = 1
seed_levels = 3
seed_problems = 10
seed_steps = 1
steps = 1
batch = 1
profile_problems = 32
audit = 10
label_prompts = 40
label_keep = 30
review_prompts = 5

[gate]
items = {{ superiority = 200, non_inferiority = 200 }}

[run]
threads = 1
"""


ASKING = """
[tripwires.asks]
source = "asks.py:watch"
"""

ASKS = """\
def watch(numbers):
    return "look at it" if numbers["generation"] in (2, 3) else None
"""

ECHO = """\
from detent.tasks import Problem


class Echo:
    name = "echo"

    def problem(self, level, rng):
        digits = "".join(str(rng.randrange(10)) for _ in range(level))
        return Problem(f"E{digits}=", digits)

    def check(self, problem, completion):
        return completion == problem.answer
"""
"""A task of the user's own: say it again."""

_numbers = count(1)

Twist = Callable[[Job, Result], Result]


def silent(_: object) -> None:
    """Nobody is watching."""


def honest(_: Job, result: Result) -> Result:
    """What the worker says, as it is."""
    return result


class Dying(FakeEngine):
    """Killed when an opening begins: its intent stands on the ledger."""

    def opening(self) -> Any:
        raise KeyboardInterrupt


@dataclass(frozen=True)
class Scene:
    """A machine with one run folder and its user's data folder."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.run)

    @property
    def signed(self) -> SignedCharter:
        return charter_of(self.run)

    @property
    def secrets(self) -> Path:
        """Where the run's seal, its mark and its ledger's key lie."""
        return secrets_folder(self.signed.charter.seal.tip)

    @property
    def log_key(self) -> SigningKey:
        return SigningKey.load(log_key_path(self.signed.charter.seal.tip))

    def at(self) -> LedgerAt:
        return ledger_at(self.folder)

    def state(self) -> State:
        return self.at().state

    def entries(self) -> list[Entry]:
        return self.at().entries

    def record(self) -> list[bytes]:
        return list(LedgerReader(self.folder.ledger, log_verify_key(self.folder)).entries())

    def copy(self, root: Path) -> "Scene":
        """The same machine elsewhere."""
        shutil.copytree(self.root, root, symlinks=True, dirs_exist_ok=True)
        return Scene(root)

    @contextmanager
    def here(self) -> Iterator[None]:
        """The user's data folder is this machine's."""
        before, os.environ["DETENT_DATA"] = os.environ.get("DETENT_DATA", ""), str(self.root / "data")
        try:
            yield
        finally:
            os.environ["DETENT_DATA"] = before

    def engine(
        self, twist: Twist = honest, kind: type[FakeEngine] = FakeEngine, rules: ToyRules | None = None
    ) -> FakeEngine:
        """Workers of a toy world; `twist` changes what they say."""
        world = ToyWorld(self.run, dict.fromkeys(self.signed.charter.direction.improve), rules or ToyRules())  # type: ignore[arg-type]
        world.made = next(_numbers) * 1000
        return kind(lambda job: twist(job, world.answer(job)))

    def turn(self, generations: int = 1, engine: Engine | None = None) -> Ended:
        """`detent run`, with these workers in place of its own."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(running, "worker_engine", lambda *_: engine or self.engine())
            return run_loop(self.run, generations, watch=silent, say=silent)

    def killed_in_an_opening(self) -> None:
        """A session that ends when its opening begins."""
        with pytest.raises(KeyboardInterrupt):
            self.turn(engine=self.engine(kind=Dying))

    def hand_in(self, envelope: str, name: str = "") -> None:
        """Put something into the inbox, as anybody who can write there may; the next session takes it in."""
        if name:
            (self.folder.inbox / name).write_text(envelope)
        else:
            Inbox(self.folder.inbox).put(envelope)

    def rewrite(self, entries: Sequence[Entry | bytes]) -> None:
        """Replace the ledger by a sound one of these entries, signed with its key: what its holder can do."""
        key = self.log_key
        shutil.rmtree(self.folder.ledger)
        with Ledger.create(self.folder.ledger, key, key.name) as ledger:
            ledger.extend(
                one if isinstance(one, bytes) else canonical(entry_document(one)) for one in entries
            )

    def append(self, *entries: Entry) -> None:
        """Put entries at the ledger's end, past everything that Detent would look at."""
        with Ledger.open(self.folder.ledger, self.log_key) as ledger:
            ledger.extend(canonical(entry_document(entry)) for entry in entries)

    def verified(self) -> Findings:
        return verify_run(self.run)

    def answered(self) -> None:
        """The approver says yes to what the run asks, when it asks anything."""
        asked = self.state().request
        if asked is not None and self.state().answer is None:
            give_answer(self.run, asked.number, "approve", "looked at it", keys=[BOB])


def found(root: Path, charter: str = CHARTER, files: dict[str, str] | None = None) -> Scene:
    """A new run; every key and secret of it is the same each time, and so is what comes of it."""
    scene = Scene(root)
    home = root / "home"
    home.mkdir(parents=True)
    for name, text in {"charter.toml": charter, **(files or {})}.items():
        (home / name).write_text(text)
    keys = [home / f"{key.name}.pem" for key in (ADA, BOB, CY)]
    for key, path in zip((ADA, BOB, CY), keys, strict=True):
        key.save(path)
    with scene.here(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("secrets.token_bytes", lambda size: b"s" * size)
        patch.setattr(founding, "new_chain", lambda path: new_chain(path, 100))
        create_run(scene.run, source=str(home / "charter.toml"), key_paths=keys)
    return scene


def grown_from(scene: Scene) -> Scene:
    """Generations 0 and 1 are closed."""
    with scene.here():
        scene.turn()
    return scene


def text_of(entry: Entry) -> str:
    """An entry as its reader sees it."""
    return json.dumps(entry_document(entry), ensure_ascii=False)
