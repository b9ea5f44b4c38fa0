"""A run that tries changes beside the data, through the functions that the product uses; models are numbers.

0  the first team, with rotary positions, which are what holds it back
1  positions off is chosen of three changes; a model that says something else then: two approve; promoted
2  a lower rate is chosen of two; promoted, and carried on
3  nothing is better than the plan as it is; promoted
4  under an amended charter, without the settings of the one before; promoted as the plan is

    >>> verify(make_exploring_run(folder).evidence()).faults
    []
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.audit.peopled_run import ADA, BOB, CY, DAN, Clock, Office, first_charter, write_copies
from tests.audit.scripted_run import LOG, Model, QuickFiles, ScriptedRun, never, session

from detent.charter import rotate
from detent.ledger import Ledger
from detent.loop import Book, drive
from detent.oversight import Stop, may_go
from detent.tasks import TaskSource, builtin
from detent.testing.toy import ToyRules, ToyWorld
from detent.values import CharterSigned, Collected, Job, JobFailure, Result, TrainedModel, TrainJob

DRAFT = """\
name = "exploring"
purpose = "To be verified"
[stewards]
quorum = 2
[pace]
lease = { generations = 9 }
candidates = 4
answer_hours = 1.0
[direction]
improve = { copy = 14 }
[constraints]
changes = ["data", "architecture", "feedback"]
non_inferiority_margin = 0.2
mastery_floor = 0.8
[explore]
when = "always"
rungs = [10, 20]
retrain_steps = 40
proposers = ["rules"]
edits = ["rotary"]
settings = ["recipe.matrix_rate"]
[recipe]
seed_levels = 3
seed_problems = 20
seed_steps = 3
steps = 20
profile_problems = 40
audit = 20
label_prompts = 60
label_keep = 40
review_prompts = 20
[gate]
items = { superiority = 800, non_inferiority = 400 }
"""

RULES = ToyRules(rotary=True, rotary_ceiling=3.6, seed_horizon=3.5, step=1.6)
LOWER = 0.015
"""A rate that forgets less."""


class Learner(ToyWorld):
    """As the toy world, and a lower rate of learning teaches more; its models go where its engine's do."""

    staging: Path

    def _train(self, job: TrainJob) -> TrainedModel:
        trained = super()._train(job)
        if (job.optimizer.matrix_rate or 1.0) > LOWER:
            return trained
        path = self.staging / trained.folder / "toy.json"
        said = json.loads(path.read_text())
        config = self._config(job.parent)
        if not any(config["no_rope_layers"]):
            said["horizons"] = {task: level + 1.6 for task, level in said["horizons"].items()}
        path.write_text(json.dumps(said))
        return trained

    def _save(self, horizons: Mapping[str, float], seed: int, config: Mapping[str, Any]) -> str:
        name = super()._save(horizons, seed, config)
        made = self.folder / "staging" / name
        if made.parent != self.staging:
            shutil.move(made, self.staging / name)
        return name


class Explorer:
    """Does jobs as the toy world does; in the place of a `ScriptedWorker`."""

    def __init__(
        self, models: Path, staging: Path, trained: Iterator[Model], failing: Callable[[Job], bool] = never
    ) -> None:
        tasks: dict[str, TaskSource] = {"copy": builtin("copy")}
        self.world = Learner(models.parent, tasks, RULES)
        self.world.staging = staging
        self.failing, self.trained = failing, trained

    def do(self, job: Job) -> Result:
        """A `FakeEngine`'s handler."""
        if self.failing(job):
            return JobFailure(error="TaskError", message="the task's code raised")
        return self.world.answer(job)


class Workshop(Office):
    """An office in which nothing fires, and models are numbers."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.worker = Explorer(self.folder / "models", self.folder / "staging", iter(()), self._works)  # type: ignore[assignment]

    def delete(self) -> None:
        """What `detent gc` does: write down what the charter lets go, and delete it."""
        gone = may_go(self.book.state, self.signed.charter.retention)
        models, data, answers = (tuple(sorted(some)) for some in (gone.models, gone.data, gone.answers))
        self.book.write(Collected(models=models, data=data, answers=answers, because="room"))
        for digest in models:
            shutil.rmtree(self.folder / "models" / digest)
        for digest in data:
            (self.folder / "data" / f"{digest}.jsonl").unlink()
        for digest in answers:
            (self.folder / "answers" / digest).unlink()

    def turn(self, generations: int = 1) -> Stop | None:
        """A session; None when it was killed."""
        self.book = Book(self.ledger, self.clock)
        parts = session(self.folder, self.signed, self.book, self.worker)
        with suppress(KeyboardInterrupt):
            return drive(parts, generations, lambda decided: parts.models.set_incumbent(decided.incumbent))
        return None


RETENTION = """\
[retention]
models = "promoted"
data = "in_force"
answers = "last 1"
"""


def make_exploring_run(folder: Path, *, let_go: bool = False) -> ScriptedRun:
    """Make the run folder of the story above. let_go: what a rule of retention lets go is deleted in the end."""
    for name in ("models", "data", "answers", "staging"):
        (folder / name).mkdir(parents=True)
    signed = first_charter(DRAFT + RETENTION * let_go)
    write_copies(folder, signed)
    with Ledger.create(folder / "ledger", LOG, LOG.name, QuickFiles) as ledger:
        office = Workshop(folder, signed, ledger, Clock())
        office.book.write(CharterSigned(version=1, digest=signed.digest, envelope=signed.envelope))
        office.hand_in(office.lease(9, ADA, BOB))
        assert office.turn() == "asked"
        office.hand_in(office.answer("approve", ADA, BOB))
        assert office.turn(3) == "enough"
        office.amend(rotate(office.signed.text, CY.verify_key, DAN.verify_key), ADA, BOB)
        office.hand_in(office.lease(1, ADA, BOB))
        office.turn()
        assert office.book.state.generation == 5
        if let_go:
            office.delete()
    run = ScriptedRun(folder, office.signed)
    run.rewrite(run.record())  # a tile for every size that it had would make each copy slow
    return run
