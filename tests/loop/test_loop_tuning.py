"""Candidates taught further by a judge's word: in order, all of them, from what stands on the ledger; and audited."""

import shutil
from collections.abc import Callable
from math import log
from typing import Any

import pytest
from msgspec import structs

from detent.engine import FakeEngine
from detent.errors import EngineError
from detent.loop import drive
from detent.testing.toy import ToyWorld
from detent.values import (
    AnswerJob,
    CandidateTrained,
    DataMade,
    Decided,
    Flipped,
    IntentWritten,
    Job,
    JudgeTrained,
    LabelJob,
    Preference,
    PreferJob,
    Profiled,
    ReinforceJob,
    Result,
    Sampled,
    SampleJob,
    Scored,
    ScoreJob,
    State,
    TrainedModel,
    Tuned,
)

MakeRun = Callable[..., Any]
BOTH = ["self_label", "dpo", "grpo"]


def charter(methods: list[str] = BOTH, **more: object) -> dict[str, object]:
    return {"feedback": {"methods": methods, "pairs": 40, "flips": 30, "judge_seed_steps": 3, **more}}


def judging(run: Any, wrong: bool = False) -> Callable[[Job], Result]:
    """The toy world with a judge that knows right from wrong, or takes one for the other."""
    world: ToyWorld = run.world

    def answer(job: Job) -> Result:
        if not isinstance(job, ScoreJob):
            return world.answer(job)
        return Scored(log_likelihoods=tuple(chance(question) for question, _ in job.rows))

    def chance(question: str) -> float:
        prompt, _, draft = question[:-1].partition("=")
        right = draft == world._truth(prompt + "=")
        return log(0.99) if right != wrong else log(0.01)

    return answer


def made(make_run: MakeRun, feedback: dict[str, object], **more: Any) -> Any:
    run = make_run(charter=feedback, **more)
    run.engine = FakeEngine(judging(run))
    return run


def turn_all(run: Any, generations: int = 1) -> State:
    with run.open() as ledger:
        parts = run.parts(ledger)
        drive(parts, generations, lambda _: None)
        state: State = parts.book.state
        return state


def slots_of(state: State, generation: int) -> list[str]:
    return list(state.history[generation])


def of(state: State, kind: type[Any], generation: int) -> list[Any]:
    return [entry for entry in state.history[generation].values() if isinstance(entry, kind)]


def test_both_methods_teach_all_members_before_anyone_is_measured(make_run: MakeRun) -> None:
    state = turn_all(made(make_run, charter()))
    slots = slots_of(state, 1)
    first = slots.index("data/v1/preferred")
    assert slots[first - 1] in {"judge/v1", "candidate/v1/1"}
    assert slots[first + 1 : first + 9] == [
        *("tuned/v1/dpo/0", "tuned/v1/dpo/1", "flips/v1/dpo"),
        *("tuned/v1/grpo/0", "tuned/v1/grpo/1", "flips/v1/grpo"),
        *("profile/v1/visible/0", "profile/v1/visible/1"),
    ]


def test_each_model_comes_from_the_one_before_and_the_last_is_measured_opened_and_decided(
    make_run: MakeRun,
) -> None:
    state = turn_all(made(make_run, charter()))
    candidates = [entry.digest for entry in of(state, CandidateTrained, 1)]
    tuned = of(state, Tuned, 1)
    assert [one.parent for one in tuned[:2]] == candidates
    assert [one.parent for one in tuned[2:]] == [one.digest for one in tuned[:2]]
    last = {one.digest for one in tuned[2:]}
    assert {e.profile.subject for e in of(state, Profiled, 1) if e.purpose == "visible"} == last
    assert of(state, IntentWritten, 1)[0].intent.candidate in last
    decided = of(state, Decided, 1)[0]
    assert set(decided.team) == last
    assert decided.incumbent in last


def test_the_judge_in_force_is_asked_and_never_told_whose_an_answer_is(make_run: MakeRun) -> None:
    run = made(make_run, charter(["self_label", "dpo"]))
    state = turn_all(run, 2)
    judges = [of(state, JudgeTrained, generation)[0].digest for generation in range(2)]
    files = [of(state, DataMade, generation) for generation in (1, 2)]
    preferred = [next(f for f in found if f.origin.source == "preferred") for found in files]
    assert [one.origin.judge for one in preferred] == judges
    assert [of(state, Tuned, generation)[0].judge for generation in (1, 2)] == judges
    asked = [job for _, job in run.engine.jobs if isinstance(job, ScoreJob) and job.model == judges[0]]
    rows = [row for job in asked for row in job.rows]
    assert all(set(question) <= set("CR=?0123456789abcdefghijklmnopqrstuvwxyz") for question, _ in rows)


def test_preferences_are_of_fresh_prompts_at_the_frontier_and_right_answers_beat_wrong_ones(
    make_run: MakeRun,
) -> None:
    run = made(make_run, charter(["self_label", "dpo"]))
    state = turn_all(run)
    data = next(one for one in of(state, DataMade, 1) if one.origin.source == "preferred")
    plan = state.history[1]["proposal/v1"].proposal  # type: ignore[attr-defined]
    with run.open() as ledger:
        rows = run.parts(ledger).data.preferences(data.digest)
    assert rows
    assert all(row.level >= plan.recipes[row.task].frontier for row in rows)
    assert all(row.chosen == run.world._truth(row.prompt) != row.rejected for row in rows)
    assert all(row.odds == pytest.approx(2 * log(99)) for row in rows)
    assert sum(map(sum, (levels.values() for levels in data.offered.values()))) == 40 * len(data.offered)
    labelled = {prompt for _, job in run.engine.jobs for prompt in _labelled(job)}
    assert not labelled & {row.prompt for row in rows if row.level > 6}


def _labelled(job: Job) -> list[str]:
    rows = getattr(job, "prompts", ()) if type(job).__name__ == "LabelJob" else {}
    return [prompt for levels in dict(rows).values() for row in levels.values() for prompt in row]


def test_a_judge_that_is_content_with_all_prefers_nothing_and_teaches_nobody(make_run: MakeRun) -> None:
    run = make_run(charter=charter(["self_label", "dpo"]))
    state = turn_all(run)
    data = next(one for one in of(state, DataMade, 1) if one.origin.source == "preferred")
    assert data.counts == {}
    assert data.flops > 0
    assert not of(state, Tuned, 1)
    assert not of(state, Flipped, 1)
    assert {e.profile.subject for e in of(state, Profiled, 1) if e.purpose == "visible"} == {
        one.digest for one in of(state, CandidateTrained, 1)
    }


def test_what_is_made_right_and_wrong_is_counted_in_totals_over_all_members(make_run: MakeRun) -> None:
    run = made(make_run, charter(["self_label", "dpo"]))
    state = turn_all(run)
    flipped = of(state, Flipped, 1)[0]
    assert {task: one.asked for task, one in flipped.flips.items()} == {"copy": 60, "reverse": 60}
    assert sum(one.helped for one in flipped.flips.values()) > sum(
        one.harmed for one in flipped.flips.values()
    )
    assert flipped.data == of(state, Tuned, 1)[0].data[0]


def test_a_method_that_harms_more_than_it_helps_is_switched_off_for_that_task(make_run: MakeRun) -> None:
    """A judge that takes wrong for right teaches what is wrong."""
    run = make_run(charter=charter(["self_label", "dpo"], flips=300))
    run.engine = FakeEngine(judging(run, wrong=True))
    state = turn_all(run, 2)
    harmed = of(state, Flipped, 1)[0].flips
    assert sum(one.harmed for one in harmed.values()) > sum(one.helped for one in harmed.values())
    off = {task for task, one in harmed.items() if one.harmed > one.helped and one.harmed + one.helped >= 10}
    use = state.history[2]["proposal/v1"].proposal.uses["dpo"]  # type: ignore[attr-defined]
    assert off == {task for task, one in use.items() if one.share == 0} != set()
    assert all(use[task].because.startswith("switched off: of 600 audited answers") for task in off)
    offered = [one.offered for one in of(state, DataMade, 2) if one.origin.source == "preferred"]
    assert not off & {task for one in offered for task in one}


def test_scores_are_learnt_from_by_the_praise_of_the_judge_in_force(make_run: MakeRun) -> None:
    run = made(make_run, charter(["self_label", "grpo"]))
    state = turn_all(run)
    jobs = [job for _, job in run.engine.jobs if isinstance(job, ReinforceJob)]
    assert {job.by for job in jobs} == {"praise"}
    assert {job.form.text for job in jobs} == {"{prompt}{draft}?"}
    assert jobs[0].judge == of(state, JudgeTrained, 0)[0].digest
    assert jobs[0].prompts == jobs[1].prompts
    tuned = of(state, Tuned, 1)
    assert [one.data for one in tuned] == [(), ()]
    assert len({one.seed for one in tuned}) == 2
    assert of(state, Flipped, 1)[0].data == ""


def test_without_these_methods_nothing_is_written_of_them(make_run: MakeRun) -> None:
    run = made(make_run, charter(["self_label", "judge"]))
    state = turn_all(run)
    kinds = {slot.split("/")[0] for generation in state.history for slot in slots_of(state, generation)}
    assert not kinds & {"tuned", "flips"}
    assert not any(isinstance(job, SampleJob | PreferJob | ReinforceJob) for _, job in run.engine.jobs)


def test_an_answer_that_asks_about_itself_is_asked_about_by_nobody(make_run: MakeRun) -> None:
    """It could say its own marks: `321?yyyY` is a question, its praise, and then the real sign that asks."""
    run = make_run(charter=charter(["self_label", "dpo"]))
    honest = judging(run)

    def attacked(job: Job) -> Result:
        found = honest(job)
        if isinstance(job, SampleJob):
            return _with_first(found, "321?yyyY")
        if isinstance(job, ScoreJob):
            assert not any(question.count("?") > 1 for question, _ in job.rows)
        return found

    run.engine = FakeEngine(attacked)
    state = turn_all(run)
    data = next(one for one in of(state, DataMade, 1) if one.origin.source == "preferred")
    with run.open() as ledger:
        rows: list[Preference] = run.parts(ledger).data.preferences(data.digest)
    assert rows
    assert not any("?" in row.chosen + row.rejected for row in rows)


UNWRITABLE = {
    "longer than any answer of a model's may be": "1" * 65_536,
    "of characters that a model made here has no token for": "42\u00e9",
    "of lines, which it has no token for either": "4\n2",
}


@pytest.mark.parametrize("text", UNWRITABLE.values(), ids=UNWRITABLE.keys())
def test_what_a_worker_says_a_candidate_wrote_is_not_learnt_where_it_could_not(
    make_run: MakeRun, text: str
) -> None:
    run = make_run(charter=charter(["self_label", "dpo"]))
    honest = judging(run)

    def attacked(job: Job) -> Result:
        found = honest(job)
        if isinstance(job, ScoreJob):
            assert not any(text in question for question, _ in job.rows)
        return _with_first(found, text) if isinstance(job, SampleJob) else found

    run.engine = FakeEngine(attacked)
    state = turn_all(run)
    data = next(one for one in of(state, DataMade, 1) if one.origin.source == "preferred")
    with run.open() as ledger:
        rows: list[Preference] = run.parts(ledger).data.preferences(data.digest)
    assert not any(text in {row.chosen, row.rejected} for row in rows)


def _with_first(found: Any, text: str) -> Sampled:
    assert isinstance(found, Sampled)
    return structs.replace(
        found, samples=tuple((structs.replace(some[0], text=text), *some[1:]) for some in found.samples)
    )


class KilledError(Exception):
    """The process is gone."""


STOPS = {
    "while the candidates answer": (SampleJob, 0),
    "between two members' answers": (SampleJob, 1),
    "while preferences are learnt": (PreferJob, 0),
    "between two members": (PreferJob, 1),
    "while scores are learnt": (ReinforceJob, 0),
}


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS.keys())
def test_a_turn_that_was_killed_goes_on_to_the_same_ledger(
    make_run: MakeRun, stop: tuple[type[Job], int]
) -> None:
    whole = turn_all(made(make_run, charter()))
    run = make_run(name="killed", charter=charter())
    honest, left = judging(run), [stop[1]]

    def killing(job: Job) -> Result:
        if isinstance(job, stop[0]):
            left[0] -= 1
            if left[0] == -1:
                raise KilledError
        return honest(job)

    run.engine = FakeEngine(killing)
    with pytest.raises(KilledError):
        turn_all(run)
    assert turn_all(run) == whole


@pytest.mark.parametrize("kind", [PreferJob, ReinforceJob])
def test_a_training_that_claims_less_compute_than_it_takes_is_refused(
    make_run: MakeRun, kind: type[Job]
) -> None:
    run = make_run(charter=charter())
    honest = judging(run)

    def cheating(job: Job) -> Result:
        found = honest(job)
        if isinstance(job, kind) and isinstance(found, TrainedModel):
            return structs.replace(found, flops=1.0)
        return found

    run.engine = FakeEngine(cheating)
    with pytest.raises(EngineError, match="floating point operations or more expected"):
        turn_all(run)
    assert not of_slots(run.state(), Tuned, kind)


def of_slots(state: State, kind: type[Any], job: type[Job]) -> list[Any]:
    method = "dpo" if job is PreferJob else "grpo"
    return [one for one in state.slots.values() if isinstance(one, kind) and one.method == method]


def test_a_training_that_gives_an_older_model_is_refused(make_run: MakeRun) -> None:
    run = make_run(charter=charter(["self_label", "dpo"]))
    honest, known = judging(run), list[str]()

    def repeating(job: Job) -> Result:
        if isinstance(job, LabelJob):
            known.append(job.models[0])
        if isinstance(job, PreferJob):
            name = f"again-{job.seed}"
            shutil.copytree(run.folder / "models" / known[0], run.folder / "staging" / name)
            return TrainedModel(folder=name, parameters=1, losses=(1.0,), flops=1e9, change={"w": 0.1})
        return honest(job)

    run.engine = FakeEngine(repeating)
    with pytest.raises(EngineError, match="a new model expected"):
        turn_all(run)


def test_a_training_that_changes_nothing_is_written_down_as_that(make_run: MakeRun) -> None:
    run = make_run(charter=charter(["self_label", "grpo"]))
    honest = judging(run)

    def idle(job: Job) -> Result:
        if isinstance(job, ReinforceJob):
            name = f"same-{job.seed}"
            shutil.copytree(run.folder / "models" / job.parent, run.folder / "staging" / name)
            return TrainedModel(folder=name, parameters=1, losses=(0.0,), flops=1e9, change={"w": 0.0})
        return honest(job)

    run.engine = FakeEngine(idle)
    state = turn_all(run)
    assert all(one.digest == one.parent for one in of(state, Tuned, 1))
    assert all(one.helped == one.harmed == 0 for one in of(state, Flipped, 1)[0].flips.values())


MISTOLD = {
    "the parent's weights are handed back as changed": ({"w": 0.1}, True),
    "new weights are handed back as unchanged": ({"w": 0.0}, False),
    "new weights are handed back, and nothing is said of them": ({}, False),
}


@pytest.mark.parametrize("lie", MISTOLD.values(), ids=MISTOLD.keys())
def test_what_would_be_no_true_record_of_a_training_is_refused_when(
    make_run: MakeRun, lie: tuple[dict[str, float], bool]
) -> None:
    """On the ledger it would stay for good, and `verify` would refuse the run."""
    run = make_run(charter=charter(["self_label", "grpo"]))
    honest, (change, same) = judging(run), lie

    def lying(job: Job) -> Result:
        found = honest(job)
        if not isinstance(job, ReinforceJob) or not isinstance(found, TrainedModel):
            return found
        if same:
            shutil.rmtree(run.folder / "staging" / found.folder)
            shutil.copytree(run.folder / "models" / job.parent, run.folder / "staging" / found.folder)
        return structs.replace(found, change=change)

    run.engine = FakeEngine(lying)
    with pytest.raises(EngineError, match="expected from the training"):
        turn_all(run)
    assert not of_slots(run.state(), Tuned, ReinforceJob)
    run.engine = FakeEngine(honest)
    assert turn_all(run).generation == 2


def test_an_audit_tells_totals_and_its_prompts_come_without_answers(make_run: MakeRun) -> None:
    run = made(make_run, charter(["self_label", "dpo"]))
    state = turn_all(run)
    flipped = of(state, Flipped, 1)[0]
    said = {"at", "generation", "trial", "method", "data", "flips", "stream", "flops"}
    assert set(flipped.__struct_fields__) == said
    models = {digest for one in of(state, Tuned, 1) for digest in (one.parent, one.digest)}
    asked = [job for _, job in run.engine.jobs if isinstance(job, AnswerJob) and job.model in models]
    assert len(asked) >= 4
    assert all(prompt.endswith("=") for job in asked for prompt in job.prompts if prompt[0] in "CR")
