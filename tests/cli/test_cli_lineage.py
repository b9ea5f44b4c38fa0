"""No true answer above the seed levels reaches training, and no check of a single example decides about it.

A finished run turns one generation more while somebody looks at every job and every check. Then its record is
held against the models: what the labels say they wrote, they write, and what the lineage says was trained on,
gives those weights.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.cli.tiny_run import Machine, entries

from detent.assembly import open_run
from detent.assembly.places import RunFolder
from detent.assembly.reading import signed_charter
from detent.assembly.tasks import charter_sources, closing
from detent.charter import Charter
from detent.engine import Ask, DataStore, Engine, LocalEngine, ModelStore
from detent.evaluate import profile_items, public_number, public_stream
from detent.tasks import TaskSource
from detent.tasks.base import Ask as Drawing
from detent.values import (
    AnswerJob,
    Answers,
    Audited,
    CandidateTrained,
    DataMade,
    Entry,
    Example,
    Item,
    Job,
    LabelJob,
    Labels,
    Optimizer,
    Problem,
    Proposed,
    Result,
    Source,
    SubjectBuilt,
    TrainedModel,
    TrainJob,
)

Checks = list[tuple[Problem, str]]


@dataclass(frozen=True)
class Checked:
    """A task was asked which completions are right."""

    task: str
    pairs: Checks
    slots: frozenset[str]


Event = Job | Checked


@dataclass
class WatchedTask:
    """A task whose every check is written down, with what the turn had recorded by then."""

    task: TaskSource
    events: list[Event]
    slots: Callable[[], frozenset[str]]

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def digest(self) -> str:
        return self.task.digest

    def problems(self, asks: Sequence[Drawing]) -> list[Problem]:
        return self.task.problems(asks)

    def right(self, pairs: Sequence[tuple[Problem, str]]) -> list[bool]:
        self.events.append(Checked(self.name, list(pairs), self.slots()))
        return self.task.right(pairs)

    def space(self, level: int) -> float | None:
        return self.task.space(level)

    def close(self) -> None:
        self.task.close()


@dataclass
class WatchedEngine:
    """An engine whose every job is written down."""

    engine: Engine
    events: list[Event]

    @property
    def confined(self) -> bool:
        return self.engine.confined

    @property
    def unconfined_because(self) -> str:
        return self.engine.unconfined_because

    @property
    def width(self) -> int:
        return self.engine.width

    def run(self, job: Job, watch: Callable[..., None]) -> Result:
        self.events.append(job)
        return self.engine.run(job, watch)

    def run_all(self, jobs: Sequence[Job], watch: Callable[..., None]) -> list[Result]:
        self.events += jobs
        return self.engine.run_all(jobs, watch)

    @contextmanager
    def opening(self) -> Iterator[Ask]:
        with self.engine.opening() as ask:
            yield ask

    def close(self) -> None:
        self.engine.close()


@dataclass
class Watched:
    """The run, its record, and what happened in its last generation, in order."""

    folder: Path
    charter: Charter
    entries: list[Entry]
    events: list[Event] = field(default_factory=list)

    def of(self, kind: type[Entry]) -> list[Entry]:
        return [entry for entry in self.entries if isinstance(entry, kind)]

    @property
    def store(self) -> DataStore:
        return DataStore(self.folder / "data", self.folder / "answers")


@pytest.fixture(scope="module")
def watched(leased: Machine, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    machine = leased.copy(tmp_path_factory.mktemp("watched") / "machine")
    events: list[Event] = []
    with pytest.MonkeyPatch.context() as patch:
        for name, value in machine.environment.items():
            patch.setenv(name, value)
        with open_run(machine.run, watch=lambda _: None, say=lambda _: None) as run:
            book = run.parts.book

            def slots() -> frozenset[str]:
                return frozenset(book.state.slots)

            tasks = {name: WatchedTask(task, events, slots) for name, task in run.parts.tasks.items()}
            engine = WatchedEngine(run.parts.engine, events)
            replace(run, parts=replace(run.parts, tasks=tasks, engine=engine)).go(1)
    charter = signed_charter(RunFolder(machine.run)).charter
    return Watched(machine.run, charter, entries(machine.run), events)


@pytest.fixture(scope="module")
def tasks(watched: Watched) -> Iterator[dict[str, TaskSource]]:
    with closing(charter_sources(watched.charter, watched.folder / "tasks")) as sources:
        yield dict(sources)


@pytest.fixture(scope="module")
def engine(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    place = tmp_path_factory.mktemp("engine")
    engine = LocalEngine(
        models=watched.folder / "models",
        data=watched.folder / "data",
        staging=place / "staging",
        log=place / "log",
        threads=watched.charter.run.threads,
    )
    yield engine
    engine.close()


def asked(watched: Watched, made: DataMade, tasks: dict[str, TaskSource]) -> tuple[Proposed, list[Item]]:
    """The proposal that self-made data came from, and the problems whose prompts were labelled."""
    (proposed,) = (
        entry
        for entry in watched.entries
        if isinstance(entry, Proposed) and entry.generation == made.generation
    )
    rungs = {
        task: {rung.level: rung.prompts for rung in recipe.rungs}
        for task, recipe in proposed.proposal.recipes.items()
    }
    return proposed, profile_items(tasks, rungs, bytes.fromhex(made.stream))


def data_of(watched: Watched, source: str) -> list[tuple[DataMade, list[Example]]]:
    return [
        (entry, watched.store.read(entry.digest))
        for entry in watched.entries
        if isinstance(entry, DataMade) and entry.origin.source == source
    ]


def newest(watched: Watched) -> DataMade:
    return [entry for entry in watched.entries if isinstance(entry, DataMade)][-1]


def quiet(_: object) -> None:
    return


def test_the_run_has_labels_of_its_own_to_look_at(watched: Watched) -> None:
    assert [entry.generation for entry in watched.of(DataMade)] == [0, 1, 2]
    sizes = [len(rows) for _, rows in data_of(watched, "self")]
    assert min(sizes) >= 2
    assert sum(sizes) >= 20, sizes


def test_only_seed_examples_have_true_answers_and_only_on_seed_levels(
    watched: Watched, tasks: dict[str, TaskSource]
) -> None:
    ((made, rows),) = data_of(watched, "seed")
    levels = range(1, watched.charter.recipe.seed_levels + 1)
    assert made.generation == 0
    assert {row.level for row in rows} == set(levels)
    rungs = {task: dict.fromkeys(levels, watched.charter.recipe.seed_problems) for task in tasks}
    drawn = profile_items(tasks, rungs, bytes.fromhex(made.stream))
    assert [(row.prompt, row.completion) for row in rows] == [
        (item.problem.prompt, item.problem.answer) for item in drawn
    ]


def test_every_self_made_example_is_above_the_seed_levels_and_of_its_recorded_stream(
    watched: Watched, tasks: dict[str, TaskSource]
) -> None:
    for made, rows in data_of(watched, "self"):
        assert made.stream == public_stream(watched.charter.run.seed, "labels", made.generation).hex()
        _, items = asked(watched, made, tasks)
        prompts = {(item.slice.task, item.slice.level, item.problem.prompt) for item in items}
        assert {(row.task, row.level, row.prompt) for row in rows} <= prompts
        assert min(row.level for row in rows) > watched.charter.recipe.seed_levels


def test_every_self_made_completion_is_what_each_of_its_labellers_writes(
    watched: Watched, engine: LocalEngine
) -> None:
    for made, rows in data_of(watched, "self"):
        assert len(set(made.origin.labellers)) == watched.charter.recipe.team
        for labeller in made.origin.labellers:
            job = AnswerJob(labeller, tuple(row.prompt for row in rows), watched.charter.subject.extra_tokens)
            answers = engine.run(job, quiet)
            assert isinstance(answers, Answers)
            assert [row.completion for row in rows] == list(answers.completions)


def test_the_recorded_filter_keeps_exactly_those_examples(
    watched: Watched, tasks: dict[str, TaskSource], engine: LocalEngine
) -> None:
    """So nothing but the models' own numbers selected them: the job is made of public records alone."""
    for made, rows in data_of(watched, "self"):
        proposed, items = asked(watched, made, tasks)
        prompts: dict[str, dict[str, list[str]]] = {}
        for item in items:
            levels = prompts.setdefault(item.slice.task, {})
            levels.setdefault(str(item.slice.level), []).append(item.problem.prompt)
        job = LabelJob(
            models=made.origin.labellers,
            prompts={
                task: {level: tuple(row) for level, row in rungs.items()} for task, rungs in prompts.items()
            },
            recipes=proposed.proposal.recipes,
            seed=public_number(watched.charter.run.seed, "labels", made.generation),
            extra_tokens=watched.charter.subject.extra_tokens,
        )
        labels = engine.run(job, quiet)
        assert isinstance(labels, Labels)
        assert list(labels.kept) == rows


def test_every_model_was_trained_on_data_recorded_before_it(watched: Watched) -> None:
    known: set[str] = set()
    for entry in watched.entries:
        if isinstance(entry, DataMade):
            known.add(entry.digest)
        if isinstance(entry, SubjectBuilt | CandidateTrained):
            assert {source.data for source in entry.data} <= known


def test_the_recorded_lineage_makes_those_weights(
    watched: Watched, engine: LocalEngine, tmp_path: Path
) -> None:
    """Nothing else went into them: not into the first model's, not into the last candidate's."""
    recipe = watched.charter.recipe
    optimizer = Optimizer(matrix_rate=recipe.matrix_rate, other_rate=recipe.other_rate, batch=recipe.batch)
    models = ModelStore(tmp_path)
    trained = [entry for entry in watched.entries if isinstance(entry, SubjectBuilt | CandidateTrained)]
    for entry in (trained[0], trained[-1]):
        kept = entry.optimizer if isinstance(entry, CandidateTrained) else optimizer
        job = TrainJob(entry.parent, entry.data, entry.steps, entry.seed, kept)
        result = engine.run(job, quiet)
        assert isinstance(result, TrainedModel)
        assert models.admit(engine._staging / result.folder) == entry.digest


def test_between_labels_and_weights_no_check_was_made_but_the_audit(watched: Watched) -> None:
    events = watched.events
    kinds = [type(event).__name__ for event in events]
    labelled, last = kinds.index("LabelJob"), len(kinds) - kinds[::-1].index("TrainJob")
    window = events[labelled + 1 : last]
    audits = [event for event in window if isinstance(event, Checked)]
    assert [type(event) for event in window] == [Checked] * len(audits) + [
        TrainJob
    ] * watched.charter.recipe.team
    assert {audit.task: len(audit.pairs) for audit in audits} == {
        task: min(watched.charter.recipe.audit, sum(levels.values()))
        for task, levels in newest(watched).counts.items()
    }


def test_before_the_labels_nothing_was_checked(watched: Watched) -> None:
    """What is proposed rests on profiles that were made, and counted, in generations before."""
    assert isinstance(watched.events[0], LabelJob)


def test_the_audit_came_when_the_labels_were_recorded_and_says_totals_only(watched: Watched) -> None:
    labels = newest(watched)
    audits = [event for event in watched.events if isinstance(event, Checked)][: len(labels.counts)]
    assert all("data/v1" in audit.slots and "candidate/v1/0" not in audit.slots for audit in audits)
    (audited,) = [entry for entry in watched.entries if isinstance(entry, Audited)][-1:]
    assert audited.data == labels.digest
    assert {task: score.asked for task, score in audited.labels.items()} == {
        audit.task: len(audit.pairs) for audit in audits
    }


def test_what_was_labelled_is_what_was_trained_on(watched: Watched) -> None:
    """No example was dropped or weighed after the audit: a source is a file, its rungs, and one share for all."""
    labels = newest(watched)
    jobs = [event for event in watched.events if isinstance(event, TrainJob)]
    assert len({job.sources for job in jobs}) == 1
    sources: list[Source] = [source for source in jobs[0].sources if source.data == labels.digest]
    rungs = [(rung.task, str(rung.level)) for source in sources for rung in source.rungs]
    assert sorted(rungs) == sorted(
        (task, level) for task, levels in labels.counts.items() for level in levels
    )
