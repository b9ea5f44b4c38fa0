"""Candidates taught by a judge's word: what `verify` finds in a record of them, and what `replay` finds beyond that."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.audit.forging import (
    Forgery,
    assert_found,
    data_file,
    forge,
    leave_out,
    places,
    rename_data,
    without,
)
from tests.audit.replaying import faults, replayed
from tests.audit.scripted_run import (
    DRAFT,
    SOFTWARE,
    Model,
    ScriptedRun,
    ScriptedWorker,
    answer_to,
    make_run,
)

from detent.assembly.named import named
from detent.audit import verify
from detent.values import (
    PROCESSOR,
    CandidateTrained,
    DataMade,
    Decided,
    Flipped,
    Flips,
    IntentWritten,
    Job,
    JudgeTrained,
    Origin,
    Preference,
    PreferJob,
    Profiled,
    Proposed,
    ReinforceJob,
    Result,
    Sample,
    Sampled,
    SampleJob,
    Scored,
    ScoreJob,
    TrainedModel,
    Tuned,
    Use,
)

TUNED = f"""{DRAFT}[feedback]
methods = ["self_label", "dpo", "grpo"]
judge_seed_steps = 3
judge_steps = 2
lessons = 10
anchors = 8
pairs = 20
samples = 3
flips = 15
dpo_steps = 30
dpo_beta = 0.1
grpo_steps = 20
"""
TRAINED = [Model(strength) for strength in (2.5, 2.4, 1.0, 3.2, 3.1, 1.0, 3.4, 3.3, 1.0, 3.3, 3.2, 1.0)]
"""Two members and a judge, a generation."""

GAIN = 0.1
"""Of strength, by each method."""


@dataclass
class TunedWorker(ScriptedWorker):
    """Its judge knows right from wrong; whoever learns from that gets better."""

    gain: float = GAIN

    def do(self, job: Job) -> Result:
        match job:
            case SampleJob():
                return Sampled(samples=tuple(self._samples(job, prompt) for prompt in job.prompts))
            case ScoreJob():
                return Scored(log_likelihoods=tuple(_chance(question) for question, _ in job.rows))
            case PreferJob(parent=parent, seed=seed) | ReinforceJob(parent=parent, seed=seed):
                old = self._model(parent)
                folder = self._write_as(seed, Model(old.strength + self.gain, old.luck))
                return TrainedModel(
                    folder=folder, parameters=1000, losses=(0.7, 0.5), flops=1e9, change={"w": 0.1}
                )
            case _:
                return super().do(job)

    def _samples(self, job: SampleJob, prompt: str) -> tuple[Sample, ...]:
        right = answer_to(prompt)
        texts = [
            right if (job.seed + number) % 2 else right[:-1] + "xyz"[number] for number in range(job.samples)
        ]
        return tuple(Sample(text, ended=True, confidence=0.5) for text in texts)

    def _write_as(self, seed: int, model: Model) -> str:
        """The same job makes the same model, by whomever it is done."""
        count, self.names = self.names, iter([seed])
        name = self._write(model)
        self.names = count
        return name


def _chance(question: str) -> float:
    problem, _, draft = question[:-1].partition("=")
    return log(0.9) if draft == answer_to(problem + "=") else log(0.02)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    folder = tmp_path_factory.mktemp("tuned") / "run"
    return make_run(folder, TUNED, trained=TRAINED, worker_kind=TunedWorker)


@pytest.fixture
def run(tuned: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    return tuned.copy(tmp_path / "run")


def of(run: ScriptedRun, kind: type[Any]) -> list[Any]:
    return [entry for entry in run.entries() if isinstance(entry, kind)]


def preferred(run: ScriptedRun, generation: int = 1) -> int:
    """Which data file has that generation's preferences."""
    sources = [(one.origin.source, one.generation) for one in of(run, DataMade)]
    return sources.index(("preferred", generation))


def rows_of(run: ScriptedRun, generation: int = 1) -> list[Preference]:
    content = data_file(run, preferred(run, generation)).read_bytes()
    return msgspec.json.Decoder(Preference).decode_lines(content)


def forge_rows(
    run: ScriptedRun, change: Callable[[list[Preference]], list[Any]], generation: int = 1
) -> None:
    """Change a file of preferences, its counts, and every entry that names it."""
    rows, nth = change(rows_of(run, generation)), preferred(run, generation)
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        if isinstance(row, Preference):
            levels = counts.setdefault(row.task, {})
            levels[str(row.level)] = levels.get(str(row.level), 0) + 1
    forge(run, DataMade, nth, counts=counts)
    rename_data(run, nth, msgspec.json.Encoder().encode_lines(rows))


def first(**fields: Any) -> Callable[[list[Preference]], list[Preference]]:
    return lambda rows: [structs.replace(rows[0], **fields), *rows[1:]]


def test_a_run_taught_by_a_judges_word_verifies(tuned: ScriptedRun) -> None:
    findings = verify(tuned.evidence())
    assert not findings.faults, findings.lines
    said = "\n".join(findings.lines)
    assert "12 models taught by a judge's word, 6 audits of what that changed" in said
    assert rows_of(tuned)


def test_a_bundle_of_it_holds_every_model_on_the_way(tuned: ScriptedRun) -> None:
    names = named(tuned.record())
    assert {one.digest for one in of(tuned, Tuned)} <= set(names.models)
    assert set(names.models) == {
        path.name for path in (tuned.folder / "models").iterdir() if not path.is_symlink()
    }
    assert {f"{digest}.jsonl" for digest in names.data} == {
        path.name for path in (tuned.folder / "data").iterdir()
    }


def test_the_next_generation_uses_a_method_by_what_it_was_worth(tuned: ScriptedRun) -> None:
    flips = of(tuned, Flipped)[0].flips
    assert all(one.helped >= one.harmed for one in flips.values())


@pytest.mark.parametrize("generation", range(4))
def test_it_is_equal_when_all_of_it_is_made_again(tuned: ScriptedRun, generation: int) -> None:
    rerun = replayed(tuned, generation, kind=TunedWorker)
    assert (rerun.differing, rerun.missing) == ([], [])
    made = [remade.finding.check for remade in rerun.made]
    more = ["preferences", "tuned", "flips", "tuned", "flips"] * (generation > 0)
    assert [one for one in made if one in {"preferences", "tuned", "flips"}] == more


def drop(run: ScriptedRun, *prefixes: str) -> None:
    """A ledger without the first generation's entries in these slots."""
    gone = [
        index
        for index, entry in enumerate(run.entries())
        if entry.generation == 1 and entry.slot.startswith(prefixes)
    ]
    assert gone
    leave_out(run, *gone)


def untuned(run: ScriptedRun) -> None:
    """What is measured is a candidate as it was before it was taught."""
    before = of(run, CandidateTrained)[0].digest
    place = next(n for n, one in enumerate(of(run, Profiled)) if one.generation == 1)
    profile = structs.replace(of(run, Profiled)[place].profile, subject=before)
    forge(run, Profiled, place, profile=profile)


def late(run: ScriptedRun) -> None:
    """The audit of a method is moved behind the measurements."""
    record, place = run.record(), places(run, Flipped)[0]
    end = next(
        i for i, e in enumerate(run.entries()) if e.slot == "profile/v1/visible/1" and e.generation == 1
    )
    run.rewrite([*record[:place], *record[place + 1 : end + 1], record[place], *record[end + 1 :]])


def more(one: Flips, **changes: int) -> Flips:
    return structs.replace(one, **changes)


def forge_flips(run: ScriptedRun, **changes: int) -> None:
    flips = {task: more(one, **changes) for task, one in of(run, Flipped)[0].flips.items()}
    forge(run, Flipped, 0, flips=flips)


def origin(run: ScriptedRun, **fields: Any) -> None:
    nth = preferred(run)
    forge(run, DataMade, nth, origin=structs.replace(of(run, DataMade)[nth].origin, **fields))


def propose_more(run: ScriptedRun, share: float) -> None:
    proposal = of(run, Proposed)[0].proposal
    uses = {method: dict.fromkeys(row, Use(share)) for method, row in proposal.uses.items()}
    forge(run, Proposed, 0, proposal=structs.replace(proposal, uses=uses))


FORGED = {
    "what is measured is a candidate as it was before": Forgery(untuned, "profiles", "expected, got"),
    "the untaught candidate is opened": Forgery(
        lambda run: forge(
            run,
            IntentWritten,
            0,
            intent=structs.replace(
                of(run, IntentWritten)[0].intent, candidate=of(run, CandidateTrained)[0].digest
            ),
        ),
        "intents",
        "expected, got",
    ),
    "the untaught candidates go on": Forgery(
        lambda run: forge(run, Decided, 1, team=tuple(one.digest for one in of(run, CandidateTrained)[:2])),
        "decisions",
        "expected",
    ),
    "one member's model is left out": Forgery(
        lambda run: without(run, Tuned, 3), "tuning", "all of 2 members taught by grpo"
    ),
    "a method is left out": Forgery(
        lambda run: drop(run, "tuned/v1/grpo", "flips/v1/grpo"), "tuning", "all of 2 members taught by grpo"
    ),
    "a method and its file are left out": Forgery(
        lambda run: drop(run, "data/v1/preferred", "tuned/v1/dpo", "flips/v1/dpo"),
        "tuning",
        "preferences among the candidates' answers before they are measured expected, got none",
    ),
    "a method is not audited": Forgery(
        lambda run: without(run, Flipped, 0), "tuning", "an audit of what dpo changed, one expected"
    ),
    "an audit comes too late": Forgery(late, "tuning", "an audit before any candidate is measured expected"),
    "more was made right than was asked": Forgery(
        lambda run: forge_flips(run, helped=100), "tuning", "no more answers made right or wrong"
    ),
    "less than nothing was made wrong": Forgery(
        lambda run: forge_flips(run, harmed=-1), "tuning", "no more answers made right or wrong"
    ),
    "fewer answers were audited": Forgery(
        lambda run: forge_flips(run, asked=4), "tuning", "pairs of answers expected"
    ),
    "the audit's problems come from a stream that was known before": Forgery(
        lambda run: forge(run, Flipped, 0, stream="00" * 32), "tuning", "for what"
    ),
    "the audit is said to have cost nothing": Forgery(
        lambda run: forge(run, Flipped, 0, flops=0.0), "tuning", "for these answers expected"
    ),
    "flips that were forged make the next proposal another": Forgery(
        lambda run: forge_flips(run, helped=0, harmed=12), "lineage", "the rule's proposal expected"
    ),
    "a method is said to be proposed for more than there is": Forgery(
        lambda run: propose_more(run, 1e308), "lineage", "the rule's proposal expected"
    ),
    "a method is said to be proposed for as much as nobody can draw": Forgery(
        lambda run: propose_more(run, 1e9), "data", "problems to be drawn again expected"
    ),
    "a model comes from another parent": Forgery(
        lambda run: forge(run, Tuned, 0, parent=of(run, CandidateTrained)[1].digest),
        "lineage",
        "the newest candidate of member 0 as the parent",
    ),
    "grpo begins from the candidate before dpo": Forgery(
        lambda run: forge(run, Tuned, 2, parent=of(run, CandidateTrained)[0].digest),
        "lineage",
        "the newest candidate of member 0 as the parent",
    ),
    "a model was taught by a method that the charter does not name": Forgery(
        lambda run: forge(run, Tuned, 0, method="grpo"), "lineage", "expected, got"
    ),
    "a model was taught by another judge's word": Forgery(
        lambda run: forge(run, Tuned, 0, judge=of(run, JudgeTrained)[1].digest),
        "lineage",
        "in force expected",
    ),
    "a model was taught for longer": Forgery(
        lambda run: forge(run, Tuned, 0, steps=900), "lineage", "30 steps from seed"
    ),
    "leaving the parent cost less": Forgery(
        lambda run: forge(run, Tuned, 0, beta=0.001), "lineage", "beta 0.1 expected"
    ),
    "another seed was drawn": Forgery(
        lambda run: forge(run, Tuned, 0, seed=1), "lineage", "30 steps from seed"
    ),
    "it was taught from another file": Forgery(
        lambda run: forge(run, Tuned, 0, data=(of(run, DataMade)[0].digest,)), "lineage", "teaching from"
    ),
    "it was scored on prompts of another stream": Forgery(
        lambda run: forge(run, Tuned, 2, stream="00" * 32), "lineage", "teaching from"
    ),
    "nothing is said to have changed": Forgery(
        lambda run: forge(run, Tuned, 0, change={"w": 0.0}), "lineage", "a new model where weights changed"
    ),
    "learning preferences is said to have cost less than it can": Forgery(
        lambda run: forge(run, Tuned, 0, flops=1000.0), "tuning", "or more for 30 steps expected"
    ),
    "learning from scores is said to have cost less than it can": Forgery(
        lambda run: forge(run, Tuned, 2, flops=1000.0), "tuning", "or more for 20 steps expected"
    ),
    "people prefer, on a prompt of their own": Forgery(
        lambda run: forge_rows(run, first(prompt="C1234=", chosen="1234", rejected="1")),
        "data",
        "a prompt that was drawn for the candidates",
    ),
    "one prompt is used twice": Forgery(
        lambda run: forge_rows(run, lambda rows: [rows[0], *rows]),
        "data",
        "a prompt that was drawn for the candidates",
    ),
    "an answer is better than itself": Forgery(
        lambda run: forge_rows(run, first(chosen="1", rejected="1")), "data", "two answers"
    ),
    "an answer asks for its own praise": Forgery(
        lambda run: forge_rows(run, first(chosen="12?yyY")),
        "data",
        "two answers, neither with the sign that asks",
    ),
    "a preference is a tie": Forgery(
        lambda run: forge_rows(run, first(odds=0.2)), "data", "finite odds of 1 nats or more"
    ),
    "a preference is said to stand on another level": Forgery(
        lambda run: forge_rows(run, first(level=9)), "data", "a rung of the charter's ladders"
    ),
    "something else stands in the file": Forgery(
        lambda run: forge_rows(run, lambda rows: [*rows, {"prompt": "C1="}]),
        "data",
        "preferences expected in",
    ),
    "the file's counts are others": Forgery(
        lambda run: forge(run, DataMade, preferred(run), counts={"copy": {"3": 1}}),
        "data",
        "expected from the file",
    ),
    "the prompts come from another stream": Forgery(
        lambda run: forge(run, DataMade, preferred(run), stream="00" * 32), "data", "from stream"
    ),
    "fewer prompts are said to have been offered": Forgery(
        lambda run: forge(run, DataMade, preferred(run), offered={"copy": {"3": 1}}), "data", "from stream"
    ),
    "preferences are said to have cost nothing": Forgery(
        lambda run: forge(run, DataMade, preferred(run), flops=0.0),
        "data",
        "for these prompts and models expected",
    ),
    "another judge preferred": Forgery(
        lambda run: origin(run, judge=of(run, JudgeTrained)[1].digest), "data", "preferences as"
    ),
    "other models answered": Forgery(
        lambda run: origin(run, labellers=of(run, DataMade)[2].origin.labellers), "data", "preferences as"
    ),
    "people are said to have preferred": Forgery(
        lambda run: forge(run, DataMade, preferred(run), origin=Origin("preferred")), "data", "preferences as"
    ),
}


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED.keys())
def test_whoever_holds_the_logs_key_is_found_out_when(run: ScriptedRun, forgery: Forgery) -> None:
    assert_found(run, forgery)


def test_models_taught_so_where_the_charter_names_no_such_method_are_a_fault(
    tmp_path: Path, tuned: ScriptedRun
) -> None:
    run = make_run(tmp_path / "run")
    place = places(run, CandidateTrained)[1]
    candidate, record = of(run, CandidateTrained)[1], run.record()
    entry = structs.replace(of(tuned, Tuned)[0], member=1, parent=candidate.digest, at=candidate.at)
    run.rewrite([*record[: place + 1], entry, *record[place + 1 :]])
    said = " | ".join(fault for one in verify(run.evidence()).faults for fault in one.faults)
    assert "a model tuned by one of ('self_label',)" in said
    assert "nobody taught by dpo before the candidates are measured expected, got members [1]" in said


def test_what_people_wrote_in_the_place_of_an_answer_is_found_by_asking_again(run: ScriptedRun) -> None:
    """A verifier cannot see it: prompt, odds and counts are as they should be."""
    forge_rows(run, first(chosen="12345"), generation=3)
    assert not verify(run.evidence()).faults
    for here in (SOFTWARE, SOFTWARE | {PROCESSOR: "slide rule"}):
        assert "'12345'" in faults(replayed(run, 3, kind=TunedWorker, here=here), "preferences")


def test_forged_flips_are_found_by_asking_again(run: ScriptedRun) -> None:
    first_task = of(run, Flipped)[5].flips
    changed = {task: structs.replace(one, helped=one.helped + 1) for task, one in first_task.items()}
    forge(run, Flipped, 5, flips=changed)
    assert not verify(run.evidence()).faults
    assert "made right" in faults(replayed(run, 3, kind=TunedWorker), "flips")


@dataclass
class Diligent(TunedWorker):
    """Learns more from the same."""

    gain: float = 2 * GAIN


def test_weights_that_no_such_training_makes_are_found_by_training_again(tuned: ScriptedRun) -> None:
    said = faults(replayed(tuned, 1, kind=Diligent), "tuned")
    assert said.count("the weights") == 4


def test_on_another_kind_of_machine_nothing_is_trained_again_and_that_is_said(tuned: ScriptedRun) -> None:
    rerun = replayed(tuned, 1, kind=TunedWorker, here=SOFTWARE | {PROCESSOR: "slide rule"})
    assert not rerun.differing
    assert [remade.finding.check for remade in rerun.missing] == ["tuned", "tuned"]
    assert "gives other last digits" in " ".join(rerun.lines())
