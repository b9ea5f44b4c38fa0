"""What a judge's word taught, once more: the answers it preferred, the trainings, and what they made right and wrong.

On the machine's own kind the same file and the same weights must come of the same jobs. Elsewhere each preference must
be one that the same candidates and the same judge could have made: both answers are written again, and the first is
preferred again. Weights are not compared there, since the last digits of a training are others.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from detent.audit.constitutions import constitution_of
from detent.audit.differences import Difference, Remade, judged, not_made
from detent.audit.findings import counted
from detent.audit.preferring import rows_of, said_by_teacher
from detent.audit.servers import kept_rows
from detent.audit.tuning import METHODS, job_of, tuned_in
from detent.audit.turns import Turn, completions
from detent.errors import EngineError, TrustError
from detent.evaluate import judged as marked
from detent.evaluate import profile_items, public_number, public_stream
from detent.propose import (
    STREAMS,
    Asked,
    Contested,
    Question,
    apart,
    as_rows,
    audited_rungs,
    better,
    chosen,
    compared_rungs,
    contested,
    contested_again,
    contests,
    counted_as,
    flips_label,
    flips_of,
    log_odds,
    pooled,
    principle_of,
    question_of,
    questions,
    ruled,
    sample_jobs,
    sources_for,
    won,
    writable,
)
from detent.tasks import TaskSource, is_principle, shown
from detent.values import (
    AnswerJob,
    DataMade,
    Flipped,
    Item,
    Preference,
    PreferJob,
    Proposed,
    ReinforceJob,
    Sampled,
    Scored,
    ScoreJob,
    TrainedModel,
    Tuned,
    Tuning,
    server_named,
)
from detent.values.folder import folder_digest

NEAR = 1e-3
"""Nats by which a judge's odds may differ on another kind of machine."""


class _Again(NamedTuple):
    """What candidates answered again, and how likely their judge finds each answer to be right."""

    asked: list[Asked]
    chances: dict[Question, float]


def tuned_again(turn: Turn) -> Iterator[Remade]:
    """All that the charter's methods taught in the generation, in the order in which they did."""
    yield from _preferences_again(turn)
    for method in METHODS:
        models = tuned_in(turn.entries, method)
        if models:
            yield _trained_again(turn, method, models)
            yield from _flips_again(turn, method, models)


def _preferences_again(turn: Turn) -> Iterator[Remade]:
    made, proposed = turn.entry("data/v1/preferred", DataMade), turn.entry("proposal/v1", Proposed)
    if made is None or proposed is None:
        return
    asked = (*made.origin.labellers, made.origin.judge)
    if gone := turn.gone([model for model in asked if not server_named(model)]):
        yield not_made("preferences", gone)
        return
    try:
        rows = rows_of(turn.case, made.digest)
    except TrustError as error:
        yield not_made("preferences", str(error))
        return
    if rows is None:
        yield not_made("preferences", turn.case.without(f"data/{made.digest}.jsonl"))
        return
    differing = _preferred_again(turn, made, proposed, rows)
    models = counted(len(made.origin.labellers), "model")
    detail = f"{counted(len(rows), 'preference')} in data/{made.digest[:8]}..., asked again of {models} and a judge"
    steps = turn.places("data/v1/preferred")
    yield judged("preferences", detail, differing, asked=len(rows), rule=turn.rule, steps=steps)


def _preferred_again(
    turn: Turn, made: DataMade, proposed: Proposed, rows: Sequence[Preference]
) -> list[Difference]:
    feedback, exact = turn.signed.charter.feedback, turn.rule.exact
    items = apart(_drawn(turn, proposed, "dpo", STREAMS["dpo"]).items)
    sampled = _sampled_again(turn, made, items)
    if not feedback.compares:
        again = _scored_again(turn, made, pooled(items, sampled))
        return _differing(rows, chosen(*again, feedback.least_odds)) if exact else _strange(rows, again)
    constitution, asked = constitution_of(turn.case, turn.signed), contested(items, sampled)
    if server_named(made.origin.judge):
        return _compared_again(turn, items, asked)
    rulings = ruled(
        contests(asked, constitution),
        lambda job: turn.engine.run(job, turn.means.watch),
        made.origin.judge,
        feedback.judge_form,
    )
    # Elsewhere the last digits are others: what is preferred there by hardly less than the least counts too.
    least = feedback.least_odds if exact else max(0.0, feedback.least_odds - NEAR)
    wanted = won(asked, rulings, constitution, least)
    return _differing(rows, wanted) if exact else _unwon(rows, wanted)


def _compared_again(turn: Turn, items: Sequence[Item], asked: Sequence[Contested]) -> list[Difference]:
    """A server's judge is not asked again: that the answers it compared are the candidates' is all that can be."""
    kept = kept_rows(turn.case, turn.steps["data/v1/preferred"], "preferences")
    if kept is None:
        return []
    return [
        Difference(f"{was.item.problem.prompt!r}: other answers compared on record than are written again")
        for was, now in zip(contested_again(items, kept), asked, strict=True)
        if was.pairs != now.pairs
    ]


def _sampled_again(turn: Turn, made: DataMade, items: Sequence[Item]) -> list[Sampled]:
    feedback, extra = turn.signed.charter.feedback, turn.signed.charter.subject.room
    prompts = [item.problem.prompt for item in items]

    def number(label: str) -> int:
        return public_number(turn.signed.charter.run.seed, label, turn.generation)

    sampled = []
    candidates = [model for model in made.origin.labellers if not server_named(model)]
    jobs = sample_jobs(candidates, prompts, number, feedback, extra)
    for result in turn.engine.run_all(jobs, turn.means.watch):
        if not isinstance(result, Sampled):
            raise EngineError(f"samples expected from a sample job, got {type(result).__name__}; run again")
        sampled.append(writable(result, prompts, turn.signed.charter.subject))
    if feedback.teacher:  # who is a server, and not asked again
        taught = said_by_teacher(turn.case, turn.signed, turn.steps["data/v1/preferred"], items)
        sampled += [taught] if taught is not None else []
    return sampled


def _scored_again(turn: Turn, made: DataMade, asked: list[Asked]) -> _Again:
    every = questions(asked)
    if not every:
        return _Again(asked, {})
    scored = turn.engine.run(ScoreJob(model=made.origin.judge, rows=as_rows(every)), turn.means.watch)
    if not isinstance(scored, Scored):
        raise EngineError(f"scores expected from a score job, got {type(scored).__name__}; run again")
    return _Again(asked, dict(zip(every, scored.log_likelihoods, strict=True)))


class _Drawn(NamedTuple):
    """Problems, and what they are drawn from and marked by."""

    items: list[Item]
    sources: dict[str, TaskSource]


def _drawn(turn: Turn, proposed: Proposed, method: Tuning, label: str, *, audited: bool = False) -> _Drawn:
    stream = public_stream(turn.signed.charter.run.seed, label, turn.generation)
    constitution, drawn = (
        constitution_of(turn.case, turn.signed),
        audited_rungs if audited else compared_rungs,
    )
    rungs = drawn(proposed.proposal, method, turn.signed.charter, constitution)
    sources = sources_for(rungs, constitution, {**turn.tasks, **turn.principles})
    return _Drawn(profile_items(shown(sources) if audited else sources, rungs, stream), sources)


def _differing(recorded: Sequence[Preference], again: Sequence[Preference]) -> list[Difference]:
    """Row by row: what was recorded and is not preferred so again, and what is and was left out."""
    said = defaultdict[tuple[str, str], list[Preference]](list)  # a prompt may be drawn more than once
    for row in again:
        said[row.task, row.prompt].append(row)
    known = {(row.task, row.prompt) for row in recorded}
    found = [
        Difference(
            f"line {line}: {_shown(row)} recorded, "
            f"{' or '.join(map(_shown, said[row.task, row.prompt])) or 'nothing that was preferred'} again"
        )
        for line, row in enumerate(recorded, 1)
        if row not in said[row.task, row.prompt]
    ]
    found += [
        Difference(f"{_shown(row)} again, left out of the record")
        for row in again
        if (row.task, row.prompt) not in known
    ]
    if not found and list(recorded) != list(again):
        found.append(Difference("the order of preferences expected in which they are made, got another"))
    return found


def _strange(recorded: Sequence[Preference], again: _Again) -> list[Difference]:
    """What the candidates do not write again, or the judge does not prefer again."""
    answers = defaultdict[tuple[str, str], list[Asked]](list)  # a prompt may be drawn more than once
    for one in again.asked:
        answers[one.item.slice.task, one.item.problem.prompt].append(one)
    found = []
    for line, row in enumerate(recorded, 1):
        wrote = answers[row.task, row.prompt]
        mine = [one for one in wrote if {row.chosen, row.rejected} <= {*one.answers}]
        if not mine:
            written = " or ".join(str(one.answers) for one in wrote) or "nothing"
            found.append(Difference(f"line {line}: {_shown(row)} recorded, of {written} again"))
            continue
        up, down = (
            log_odds(again.chances[question_of(mine[0].item, text)]) for text in (row.chosen, row.rejected)
        )
        if not better(row.task, up, down, NEAR):
            found.append(Difference(f"line {line}: {_shown(row)} recorded, not preferred again"))
    return found


def _unwon(recorded: Sequence[Preference], again: Sequence[Preference]) -> list[Difference]:
    """What does not win again."""
    said = {(row.task, row.prompt, row.chosen, row.rejected) for row in again}
    return [
        Difference(f"line {line}: {_shown(row)} recorded, not preferred again")
        for line, row in enumerate(recorded, 1)
        if (row.task, row.prompt, row.chosen, row.rejected) not in said
    ]


def _shown(row: Preference) -> str:
    by = f" by {principle_of(row.task)}" if is_principle(row.task) else ""
    return f"{row.prompt!r}: {row.chosen!r} before {row.rejected!r}{by}, {row.odds:.9g} nats"


def _trained_again(turn: Turn, method: Tuning, models: Sequence[Tuned]) -> Remade:
    """The same weights of the same job."""
    slots = [one.slot for one in models]
    if not turn.rule.exact:
        return not_made("tuned", f"training by {method} gives other last digits: {turn.rule.because}")
    if gone := turn.gone(
        [model for one in models for model in (one.parent, one.judge) if not server_named(model)]
    ):
        return not_made("tuned", gone)
    lacking = [digest for one in models for digest in one.data if not _there(turn, digest)]
    if lacking:
        return not_made("tuned", f"data/{lacking[0]}.jsonl is no longer there")
    jobs = tuning_jobs(turn, method, models)
    differing = []
    for one, result in zip(models, turn.engine.run_all(jobs, turn.means.watch), strict=True):
        if not isinstance(result, TrainedModel):
            raise EngineError(f"a model expected from a train job, got {type(result).__name__}; run again")
        got = folder_digest(turn.means.staging / result.folder)
        if got != one.digest:
            differing.append(
                Difference(f"member {one.member}: the weights {one.digest} recorded, {got} again")
            )
    detail = f"{counted(len(models), 'model')} taught again by {method}"
    return judged("tuned", detail, differing, asked=len(models), rule=turn.rule, steps=turn.places(*slots))


def tuning_jobs(turn: Turn, method: Tuning, models: Sequence[Tuned]) -> list[PreferJob | ReinforceJob]:
    """The jobs that record and charter make of models that a method taught."""
    proposed = turn.entry("proposal/v1", Proposed)
    assert proposed is not None  # noqa: S101  the record was found in order
    prompts: tuple[str, ...] = ()
    if method == "grpo" and models:
        items = _drawn(turn, proposed, method, STREAMS[method]).items
        prompts = tuple(item.problem.prompt for item in items)
    return [job_of(turn.steps[one.slot], one, turn.signed, prompts) for one in models]


def _there(turn: Turn, digest: str) -> bool:
    return (turn.case.evidence.data / f"{digest}.jsonl").is_file()


def _flips_again(turn: Turn, method: Tuning, models: Sequence[Tuned]) -> Iterator[Remade]:
    """What all members answered before and after."""
    slot = f"flips/v1/{method}"
    made, proposed = turn.entry(slot, Flipped), turn.entry("proposal/v1", Proposed)
    if made is None or proposed is None:
        return
    every = [model for one in models for model in (one.parent, one.digest)]
    if gone := turn.gone(every):
        yield not_made("flips", gone)
        return
    label = flips_label(method, [one.digest for one in models])
    items, sources = _drawn(turn, proposed, method, label, audited=True)
    jobs: list[AnswerJob] = [turn.job(model, items) for model in every]
    results = turn.engine.run_all(jobs, turn.means.watch)
    marks = [marked(items, completions(result), sources) for result in results]
    again = flips_of([counted_as(item.slice.task) for item in items], marks[::2], marks[1::2])
    differing = [
        Difference(
            f"{method}, {task}: {was.helped} made right and {was.harmed} wrong recorded, {now.helped} and "
            f"{now.harmed} again",
            max(1, abs(was.helped - now.helped) + abs(was.harmed - now.harmed)),
        )
        for task, now in again.items()
        for was in [made.flips[task]]
        if was != now
    ]
    asked = len(items) * len(every)
    models_asked = counted(len(every), "model")
    detail = f"{counted(len(items), 'problem')} answered again by {models_asked}, before and after {method}"
    yield judged("flips", detail, differing, asked=asked, rule=turn.rule, steps=turn.places(slot))
