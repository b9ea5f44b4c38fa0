"""A scripted run, replayed by honest workers, and what whoever makes a whole run up can put on its record.

>>> replayed(run, 1).differing
[]
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

from msgspec import structs
from tests.audit.scripted_run import (
    DRAFT,
    LOG,
    SOFTWARE,
    Fires,
    Model,
    ScriptedRun,
    ScriptedWorker,
    answer_to,
    scripted_reading,
)

from detent.audit import Means, NotRead, Rerun, Step, read, replay
from detent.engine import Engine, FakeEngine, ModelStore
from detent.evaluate import Row, fresh_stream
from detent.ledger import Ledger
from detent.signing import canonical
from detent.values import (
    Entry,
    Job,
    Labels,
    Mastered,
    Profiled,
    Reading,
    Result,
    Watched,
    decode_entry,
    entry_document,
)

Twist = Callable[[Job, Result], Result]


def honest(_: Job, result: Result) -> Result:
    """What the model says."""
    return result


def replayed(
    run: ScriptedRun,
    generation: int,
    twist: Twist = honest,
    *,
    fires: Fires = (),
    here: Mapping[str, str] = SOFTWARE,
    unread: Mapping[str, NotRead] | None = None,
    kind: type[ScriptedWorker] = ScriptedWorker,
) -> Rerun:
    """Replay a generation. twist: what becomes of a worker's result. fires: which wires do, when read again."""
    case = read(run.evidence())
    scratch = Path(mkdtemp(dir=run.folder.parent))
    worker = kind(run.folder / "models", scratch, iter(()))
    engine = FakeEngine(lambda job: twist(job, worker.do(job)))

    def alarms(watched: Step, _: Engine) -> Mapping[str, Reading | NotRead]:
        assert isinstance(watched.entry, Watched)
        again: dict[str, Reading | NotRead] = {
            name: scripted_reading(name, run.signed, watched.before.generation, fires)
            for name in run.signed.charter.tripwires
        }
        return {**again, **(unread or {})}

    means = Means(lambda _: engine, ModelStore(run.folder / "models"), scratch, alarms, here, lambda _: None)
    return replay(case, generation, means)


WATCHED = DRAFT + "[tripwires.drift]\nmost = 1.0\n"
"""A charter with a tripwire of the scripted catalogue."""

FLATTERED = (Model(2.5), Model(2.4), Model(2.55), Model(2.45))
"""A generation after the first: no better than it, and said to be a level better."""


@dataclass
class Flatterer(ScriptedWorker):
    """Tells the loop more than models say: true labels, and a level more of those whose strength ends in a 5."""

    def do(self, job: Job) -> Result:
        result = super().do(job)
        if isinstance(result, Labels):
            true = tuple(structs.replace(one, completion=answer_to(one.prompt)) for one in result.kept)
            return structs.replace(result, kept=true)
        return result

    def _model(self, digest: str) -> Model:
        said = super()._model(digest)
        return replace(said, strength=said.strength + 1) if round(said.strength * 100) % 10 else said


def fit(run: ScriptedRun, entries: Sequence[Entry | bytes]) -> None:
    """A ledger of these entries whose problems after a freeze are said to come from its own roots, as they must."""
    old = run.folder / "ledger"
    old.rename(run.folder / "old")
    with Ledger.create(run.folder / "ledger", LOG, LOG.name) as ledger:
        for entry in entries:
            known = decode_entry(entry) if isinstance(entry, bytes) else entry
            ledger.append(canonical(entry_document(fitted(known, ledger))))


def fitted(entry: Entry, ledger: Ledger) -> Entry:
    """With the stream that the ledger's root gives now."""
    match entry:
        case Profiled(purpose="fresh"):
            return structs.replace(entry, stream=fresh_stream(ledger.root(), entry.profile.subject).hex())
        case Mastered():
            return structs.replace(entry, stream=fresh_stream(ledger.root(), entry.subject).hex())
        case _:
            return entry


def otherwise_wrong(rows: list[Row]) -> list[Row]:
    """One wrong answer of the candidate becomes another wrong one: no mark and no count changes."""
    place = next(i for i, row in enumerate(rows) if not row.candidate_right)
    changed = structs.replace(rows[place], candidate=rows[place].candidate + "?")
    return [*rows[:place], changed, *rows[place + 1 :]]


def faults(rerun: Rerun, check: str) -> str:
    """What a check of a rerun found."""
    return " | ".join(f for r in rerun.made if r.finding.check == check for f in r.finding.faults)
