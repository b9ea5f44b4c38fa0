"""Whoever holds the log's key rewrites what models were taught, and the models themselves. Each is named."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs
from tests.audit.forging import (
    Forgery,
    assert_found,
    data_file,
    finding,
    forge,
    forge_data,
    places,
    rename_data,
    without,
)
from tests.audit.scripted_run import ScriptedRun, answer_to

from detent.audit import verify
from detent.evaluate import public_stream
from detent.tasks import builtin
from detent.values import (
    Audited,
    CandidateTrained,
    DataMade,
    DataProposal,
    Diagnosed,
    Diagnosis,
    Example,
    Origin,
    Proposed,
    Score,
    Slice,
    Source,
    SubjectBuilt,
    fold,
)
from detent.values.jobs import Optimizer

SEED, LABELS = 0, 1
"""Which data file: the true answers, the first self-made labels."""

Examples = list[Example]


def first(change: Callable[[Example], Example]) -> Callable[[Examples], Examples]:
    """Change the first example."""
    return lambda examples: [change(examples[0]), *examples[1:]]


def last(change: Callable[[Example], Example]) -> Callable[[Examples], Examples]:
    """Change the last example."""
    return lambda examples: [*examples[:-1], change(examples[-1])]


def with_(**fields: Any) -> Callable[[Example], Example]:
    """Change fields of an example."""
    return lambda example: structs.replace(example, **fields)


def harder(_: Example) -> Example:
    """A true answer above the seed levels."""
    problem = builtin("copy").problems([(3, b"true")])[0]
    return Example("copy", 3, problem.prompt, problem.answer)


def on_data(nth: int, change: Callable[[Examples], Examples]) -> Callable[[ScriptedRun], None]:
    """Change a data file and everything that names it."""
    return lambda run: forge_data(run, nth, change)


def say_of_data(nth: int, **fields: Any) -> Callable[[ScriptedRun], None]:
    """Change what the record says of a data file."""
    return lambda run: forge(run, DataMade, nth, **fields)


def labelled_by(run: ScriptedRun, nth: int, *labellers: str) -> None:
    """Labels claim other labellers."""
    entry = run.entries()[places(run, DataMade)[nth]]
    assert isinstance(entry, DataMade)
    forge(run, DataMade, nth, origin=structs.replace(entry.origin, labellers=labellers))


def hide(run: ScriptedRun) -> None:
    """A line of the data is written another way: room for a message to whoever trains on it."""
    content = data_file(run, SEED).read_bytes()
    rename_data(run, SEED, content.replace(b'{"task"', b'{  "task"', 1))


def true_labels(run: ScriptedRun) -> None:
    """The second generation is taught true answers, and says so."""
    forge(run, DataMade, LABELS, origin=Origin("seed"))


DATA: dict[str, Forgery] = {
    "a data file is missing": Forgery(
        lambda run: data_file(run, LABELS).unlink(), "data", "expected, got none"
    ),
    "a data file is changed": Forgery(
        lambda run: data_file(run, SEED).write_bytes(b""), "data", "with that SHA-256 expected"
    ),
    "a data file is something else": Forgery(
        lambda run: rename_data(run, LABELS, b"\x00\x01"), "data", "JSON is malformed"
    ),
    "seed data has a wrong answer": Forgery(
        on_data(SEED, first(with_(completion="7"))), "data", "line 1: 'C"
    ),
    "seed data has a wrong answer in its last line": Forgery(
        on_data(SEED, last(with_(completion="77"))), "data", "line 80: 'R"
    ),
    "seed data has a true answer above the seed levels": Forgery(
        on_data(SEED, last(harder)), "data", "true answers on levels 1 to 2 alone expected, got some on [3]"
    ),
    "seed data is of a task that the charter does not improve": Forgery(
        on_data(SEED, last(with_(task="sort"))),
        "data",
        "a rung of the charter's ladders expected, got sort 2",
    ),
    "seed data has examples too many": Forgery(
        on_data(SEED, lambda examples: [*examples, examples[0]]), "data", "80 examples expected, got 81"
    ),
    "seed data has examples too few": Forgery(
        on_data(SEED, lambda examples: examples[:-1]), "data", "80 examples expected, got 79"
    ),
    "seed data is drawn from another stream": Forgery(say_of_data(SEED, stream="00" * 32), "data", "stream "),
    "seed data claims labellers": Forgery(
        say_of_data(SEED, origin=Origin("seed", ("ab" * 32,))),
        "data",
        "by nobody's labels, expected, got others",
    ),
    "true answers are taught in a later generation": Forgery(
        true_labels, "data", "true answers in generation 0 alone"
    ),
    "counts are not those of the file": Forgery(
        say_of_data(LABELS, counts={"copy": {"3": 1}}), "data", "counts {"
    ),
    "a data file hides more than examples": Forgery(hide, "data", "examples and nothing else expected"),
    "labels are of prompts of the operator's choice": Forgery(
        on_data(LABELS, first(with_(prompt="C000=", completion="000"))),
        "data",
        "a prompt that was drawn for the labellers expected, got ('copy', 3, 'C000=')",
    ),
    "a prompt was labelled more often than it was drawn": Forgery(
        on_data(LABELS, lambda examples: [examples[0], *examples[:-1]]),
        "data",
        "line 2: a prompt that was drawn for the labellers expected",
    ),
    "a label is less sure than the filter allows": Forgery(
        on_data(LABELS, first(with_(confidence=0.1))), "data", "line 1: an example that Filter("
    ),
    "a label has fewer votes than the filter asks for": Forgery(
        on_data(LABELS, first(with_(agreement=0.5))), "data", "line 1: an example that Filter("
    ),
    "labels are on a level that was not proposed": Forgery(
        on_data(LABELS, first(with_(level=1))), "data", "line 1: a prompt that was drawn for the labellers"
    ),
    "labels are by somebody else": Forgery(
        lambda run: labelled_by(run, LABELS, "ab" * 32), "data", "labels by the team"
    ),
    "labels are by one of the team alone": Forgery(
        lambda run: labelled_by(run, LABELS, fold(run.entries()[:12]).team[0]), "data", "labels by the team"
    ),
    "labels are drawn from another stream": Forgery(say_of_data(LABELS, stream="00" * 32), "data", "stream "),
    "fewer prompts were offered than proposed": Forgery(
        say_of_data(LABELS, offered={"copy": {"3": 1}}), "data", "prompts offered {"
    ),
    "an audit is better than its labels": Forgery(
        lambda run: forge(run, Audited, 0, labels={"copy": Score(20, 20), "reverse": Score(20, 20)}),
        "data",
        "the audit's totals {",
    ),
    "an audit leaves a task out": Forgery(
        lambda run: forge(run, Audited, 0, labels={}), "data", "the audit's totals {"
    ),
    "an audit drew the labels it liked": Forgery(
        lambda run: forge(run, Audited, 0, stream="00" * 32), "data", "an audit of"
    ),
    "an audit is of another file": Forgery(
        lambda run: forge(run, Audited, 0, data="ab" * 32), "data", "got abab"
    ),
    "an audit is of no file": Forgery(
        lambda run: without(run, DataMade, LABELS), "data", "an audit of this generation's data expected"
    ),
}


def proposal_of(run: ScriptedRun) -> DataProposal:
    """The first proposal."""
    return next(entry.proposal for entry in run.entries() if isinstance(entry, Proposed))


def diagnosis_of(run: ScriptedRun) -> Diagnosis:
    """The first diagnosis."""
    return next(entry.diagnosis for entry in run.entries() if isinstance(entry, Diagnosed))


def doubled(run: ScriptedRun) -> tuple[Source, ...]:
    """The first candidate's data, the first of them drawn twice as often."""
    first, *rest = next(entry.data for entry in run.entries() if isinstance(entry, CandidateTrained))
    return (structs.replace(first, weight=2 * first.weight), *rest)


def repropose(run: ScriptedRun, **fields: Any) -> None:
    """Change the first proposal."""
    forge(run, Proposed, 0, proposal=structs.replace(proposal_of(run), **fields))


def with_prompts(run: ScriptedRun, prompts: int, level: int = 3) -> None:
    """The first proposal asks for that many prompts on that level."""
    recipe = proposal_of(run).recipes["copy"]
    rung = structs.replace(recipe.rungs[0], prompts=prompts, level=level)
    repropose(run, recipes={**proposal_of(run).recipes, "copy": structs.replace(recipe, rungs=(rung,))})


def train_on(run: ScriptedRun, kind: type[SubjectBuilt | CandidateTrained], *data: str) -> None:
    """The first model of that kind names other data."""
    forge(run, kind, 0, data=tuple(Source(each, 1.0) for each in data))


def digest_of(run: ScriptedRun, nth: int) -> str:
    """Of the nth data file."""
    return data_file(run, nth).stem


LINEAGE: dict[str, Forgery] = {
    "a candidate was trained on data that nobody recorded": Forgery(
        lambda run: train_on(run, CandidateTrained, "ab" * 32),
        "lineage",
        "data with an entry before the model's",
    ),
    "a candidate was trained on data that came later": Forgery(
        lambda run: train_on(run, CandidateTrained, digest_of(run, 2)),
        "lineage",
        "data with an entry before the",
    ),
    "a candidate was trained on rungs that its data has not": Forgery(
        lambda run: forge(
            run, CandidateTrained, 0, data=(Source(digest_of(run, SEED), 1.0, (Slice("copy", 4),)),)
        ),
        "lineage",
        "has, and a share of 0 or more, expected, got Source(",
    ),
    "a candidate was trained on nothing": Forgery(
        lambda run: train_on(run, CandidateTrained), "lineage", "data that the model was trained on expected"
    ),
    "a first model was trained on labels": Forgery(
        lambda run: train_on(run, SubjectBuilt, digest_of(run, 1)),
        "lineage",
        "data with an entry before the model's",
    ),
    "a candidate has another parent": Forgery(
        lambda run: forge(run, CandidateTrained, 0, parent="ab" * 32),
        "lineage",
        "as the parent expected, got abab",
    ),
    "a candidate is of no member": Forgery(
        lambda run: forge(run, CandidateTrained, 1, member=5),
        "lineage",
        "no model of member 5 as the parent expected",
    ),
    "a candidate was trained from a seed of the operator's choice": Forgery(
        lambda run: forge(run, CandidateTrained, 0, seed=1), "lineage", "2 steps from seed"
    ),
    "a candidate was trained for longer": Forgery(
        lambda run: forge(run, CandidateTrained, 0, steps=200), "lineage", "got 200 from"
    ),
    "a candidate was trained by another recipe": Forgery(
        lambda run: forge(run, CandidateTrained, 0, optimizer=Optimizer(batch=1)),
        "lineage",
        "the charter's Optimizer(",
    ),
    "a model is larger than the charter allows": Forgery(
        lambda run: forge(run, CandidateTrained, 0, parameters=2_000_000),
        "lineage",
        "1 to 1,000,000 parameters",
    ),
    "a candidate has the digest of another model": Forgery(
        lambda run: forge(run, CandidateTrained, 1, digest=fold(run.entries()[:12]).incumbent),
        "lineage",
        "a new model expected, got that of entry 4 again",
    ),
    "a first model was trained from another seed": Forgery(
        lambda run: forge(run, SubjectBuilt, 0, seed=1), "lineage", "3 steps from seed"
    ),
    "there is a first model more": Forgery(
        lambda run: forge(run, SubjectBuilt, 1, member=2),
        "lineage",
        "a first model of 2 in generation 0 expected",
    ),
    "a candidate was trained without a proposal": Forgery(
        lambda run: without(run, Proposed, 0), "lineage", "a proposal before its candidates expected"
    ),
    "labels were made without a proposal": Forgery(
        lambda run: without(run, Proposed, 0), "data", "a proposal before its labels expected"
    ),
    "a proposal trains longer than the charter's recipe": Forgery(
        lambda run: repropose(run, steps=5000), "lineage", "the rule's proposal expected, with steps"
    ),
    "a proposal labels more than the charter's recipe": Forgery(
        lambda run: with_prompts(run, 99), "lineage", "the rule's proposal expected, with recipes"
    ),
    "a diagnosis is not what the profile shows": Forgery(
        lambda run: forge(
            run, Diagnosed, 0, diagnosis=structs.replace(diagnosis_of(run), reading="all is well")
        ),
        "lineage",
        "the rule's diagnosis expected, with reading",
    ),
    "a candidate's training data have other shares than the mix makes": Forgery(
        lambda run: forge(run, CandidateTrained, 0, data=doubled(run)),
        "lineage",
        "the data and shares that the proposal's mix makes",
    ),
    "a proposal is of another team": Forgery(
        lambda run: repropose(run, team=("ab" * 32, "cd" * 32)), "lineage", "in the proposal, got"
    ),
    "a proposal asks for labels without end": Forgery(
        lambda run: with_prompts(run, 10**15), "data", "1 to 100000 prompts expected at copy 3"
    ),
    "a proposal asks for labels above the ladder": Forgery(
        lambda run: with_prompts(run, 10, level=10**12),
        "data",
        "a rung of the charter's ladders expected, got copy",
    ),
}


def incumbent(run: ScriptedRun) -> str:
    """The model in force."""
    return fold(run.entries()).incumbent


def relink(run: ScriptedRun, target: str) -> None:
    """Let models/incumbent lead elsewhere."""
    link = run.folder / "models" / "incumbent"
    link.unlink()
    if target:
        link.symlink_to(target)


def another(run: ScriptedRun) -> str:
    """A model that is not in force."""
    return next(entry.digest for entry in run.entries() if isinstance(entry, SubjectBuilt))


def alter(run: ScriptedRun, digest: str) -> None:
    """Change a model's weights by one byte."""
    weights = run.folder / "models" / digest / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")


def unlinked(run: ScriptedRun) -> None:
    """models/incumbent is a copy, not a link: nothing says of what."""
    relink(run, "")
    shutil.copytree(run.folder / "models" / incumbent(run), run.folder / "models" / "incumbent")


def shrink(run: ScriptedRun) -> None:
    """The first candidate's file says that it has fewer numbers than it has bytes."""
    entry = run.entries()[places(run, CandidateTrained)[0]]
    assert isinstance(entry, CandidateTrained)
    weights = run.folder / "models" / entry.digest / "model.safetensors"
    weights.write_bytes(weights.read_bytes().replace(b'"shape": [64]', b'"shape": [-4]'))


ON_DISK: dict[str, Forgery] = {
    "a model's size cannot be told": Forgery(
        shrink, "models", "a tensor whose shape and dtype give the bytes it has expected"
    ),
    "the incumbent's weights are changed": Forgery(
        lambda run: alter(run, incumbent(run)), "models", "weights with digest"
    ),
    "an old model's weights are changed": Forgery(
        lambda run: alter(run, another(run)), "models", "weights with digest"
    ),
    "a file is added to a model": Forgery(
        lambda run: (run.folder / "models" / incumbent(run) / "run_me.py").touch(),
        "models",
        "weights with digest",
    ),
    "a model's file is a link": Forgery(
        lambda run: (run.folder / "models" / incumbent(run) / "more.json").symlink_to("config.json"),
        "models",
        "regular files only expected",
    ),
    "the incumbent is missing": Forgery(
        lambda run: shutil.rmtree(run.folder / "models" / incumbent(run)),
        "models",
        "in force expected, got none",
    ),
    "a member of the team is missing": Forgery(
        lambda run: shutil.rmtree(run.folder / "models" / fold(run.entries()).team[1]),
        "models",
        "in force expected",
    ),
    "the link leads to another model": Forgery(
        lambda run: relink(run, another(run)), "models", "models/incumbent to lead to"
    ),
    "the link leads out of the folder": Forgery(
        lambda run: relink(run, "/tmp"), "models", "expected, got /tmp"
    ),
    "the link is gone": Forgery(lambda run: relink(run, ""), "models", "expected, got no link"),
    "the link is a folder": Forgery(unlinked, "models", "expected, got no link"),
}

ALL = DATA | LINEAGE | ON_DISK


@pytest.mark.parametrize("done", ALL)
def test_forged_teaching_is_found_although_the_ledger_is_sound(run: ScriptedRun, done: str) -> None:
    assert_found(run, ALL[done])


def test_true_answers_in_place_of_labels_are_beyond_what_can_be_checked(run: ScriptedRun) -> None:
    """The limit, kept as a test: that a label is its labellers' own can only be shown by asking them again."""

    def corrected(examples: Examples) -> Examples:
        truth = [structs.replace(example, completion=answer_to(example.prompt)) for example in examples]
        assert truth != examples
        return truth

    forge_data(run, LABELS, corrected)
    stream = public_stream(1, f"audit of {digest_of(run, LABELS)}", 1).hex()
    audit = next(entry for entry in run.entries() if isinstance(entry, Audited))
    all_right = {task: Score(score.asked, score.asked) for task, score in audit.labels.items()}
    forge(run, Audited, 0, labels=all_right, stream=stream)
    findings = verify(run.evidence())
    assert finding(findings.faults, "data") is None
    assert any("the models are not asked again" in limit for limit in findings.unproven)
