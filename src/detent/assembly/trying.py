"""`try`: ask the model in force, beside a run if there is one; plainly, or so that it revises its answer."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from detent.assembly.places import RunFolder
from detent.assembly.principles import charter_constitution
from detent.assembly.reading import entries_of, signed_charter
from detent.assembly.running import worker_engine
from detent.charter import Charter
from detent.engine import ModelStore, check_libraries
from detent.errors import EngineError, UsageError
from detent.propose import Posed, revise_job
from detent.tasks import source_name
from detent.values import AnswerJob, Answers, Job, Result, Revised, Revision, Slice, fold


class _Incumbent(NamedTuple):
    run: RunFolder
    charter: Charter
    digest: str


def answer_prompt(folder: Path, prompt: str) -> str:
    """The incumbent's answer.

    Raises:
        UsageError: there is no incumbent yet, or the libraries of the learning side are not installed.
    """
    found = _incumbent(folder)
    extra = found.charter.subject.room
    result = _asked(found, AnswerJob(model=found.digest, prompts=(prompt,), extra_tokens=extra))
    if not isinstance(result, Answers):
        raise EngineError(f"an answer expected, got {type(result).__name__}; try again")
    return result.completions[0]


def revise_prompt(folder: Path, prompt: str, principle: str = "") -> Revision:
    """The incumbent's draft, its critiques and revisions, by the charter's [feedback].

    principle: name of one of the charter's constitution, to revise by; "" for none.

    Raises:
        UsageError: there is no incumbent yet, its models are not taught to revise, or there is no such principle.
    """
    found = _incumbent(folder)
    feedback = found.charter.feedback
    wanted = "constitution" if principle else "refine"
    if feedback.forms == "characters" and wanted not in feedback.methods:
        raise UsageError(
            f'a charter whose feedback.methods has "{wanted}" expected, got {list(feedback.methods)}: this model '
            "was not taught to revise so; leave the option out"
        )
    read = charter_constitution(found.charter, found.run.tasks)
    constitution = read.constitution if read else None
    names = list(constitution.principles) if constitution else []
    if principle and principle not in names:
        raise UsageError(f"one of {', '.join(names) or 'no principles'} expected, got {principle}")
    asked = [Posed(Slice(source_name(principle) if principle else "", 1), prompt)]
    job = revise_job(found.digest, asked, feedback, found.charter.subject.room, constitution)
    result = _asked(found, job)
    if not isinstance(result, Revised):
        raise EngineError(f"a revision expected, got {type(result).__name__}; try again")
    return result.revisions[0]


def _incumbent(folder: Path) -> _Incumbent:
    check_libraries()
    run = RunFolder(folder)
    signed = signed_charter(run)
    digest = fold(entries_of(run)).incumbent
    if not digest:
        raise UsageError(f"a run with an incumbent expected, got {folder} before generation 0; run it first")
    ModelStore(run.models).path(digest)
    return _Incumbent(run, signed.charter, digest)


def _asked(found: _Incumbent, job: Job) -> Result:
    with TemporaryDirectory(prefix="detent-") as staging:  # a run's own belongs to its engine
        engine = worker_engine(found.run, Path(staging), found.charter)
        try:
            return engine.run(job, lambda _: None)
        finally:
            engine.close()
