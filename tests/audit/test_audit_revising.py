"""Models that revise their answers learn from what they agree on; what it made right and wrong is on the record."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from msgspec import structs
from tests.audit.constitution_run import CONSTITUTION
from tests.audit.forging import Forgery, assert_found, forge, forge_data, places, without
from tests.audit.revising_run import RASH_TEAM, REVISING, RevisingWorker, revising_run
from tests.audit.scripted_run import ScriptedRun, make_run

from detent.audit import verify
from detent.values import (
    CandidateTrained,
    DataMade,
    Entry,
    Example,
    Flipped,
    Flips,
    Method,
    Origin,
    Proposed,
    Source,
    SubjectBuilt,
    Watched,
)

E = TypeVar("E", bound=Entry)
SEED, CORRECTIONS, LABELS, REVISED, PRINCIPLED = range(5)
"""Which data file."""


@pytest.fixture(scope="module")
def revising(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    return revising_run(tmp_path_factory.mktemp("revising") / "run")


@pytest.fixture
def run(revising: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    return revising.copy(tmp_path / "run")


def all_of(run: ScriptedRun, kind: type[E]) -> list[E]:
    return [entry for entry in run.entries() if isinstance(entry, kind)]


def examples(run: ScriptedRun, made: DataMade) -> list[Example]:
    return msgspec.json.Decoder(Example).decode_lines(
        (run.folder / "data" / f"{made.digest}.jsonl").read_bytes()
    )


def test_a_run_that_revises_verifies(revising: ScriptedRun) -> None:
    findings = verify(revising.evidence())
    assert not findings.faults, findings.lines


def test_revising_is_taught_in_generation_0_and_revisions_come_between_labels_and_candidates(
    revising: ScriptedRun,
) -> None:
    slots = [entry.slot for entry in revising.entries() if entry.generation == 0]
    assert slots.index("data/v1/corrections") == slots.index("data/v1") + 1
    slots = [entry.slot for entry in revising.entries() if entry.generation == 1]
    first = slots.index("data/v1/revised")
    assert slots[first - 1 : first + 5] == [
        "audit/v1",
        "data/v1/revised",
        "flips/v1/refine",
        "data/v1/principled",
        "flips/v1/constitution",
        "candidate/v1/0",
    ]


def test_what_was_revised_is_trained_on_beside_labels_seeds_and_corrections(revising: ScriptedRun) -> None:
    files = all_of(revising, DataMade)
    first = all_of(revising, CandidateTrained)[0]
    taught = {files_by_digest(files)[source.data].origin.source for source in first.data}
    assert taught == {"seed", "self", "corrections", "revised", "principled"}
    shares = all_of(revising, SubjectBuilt)[0].data
    assert shares == (Source(files[SEED].digest, 0.85), Source(files[CORRECTIONS].digest, 0.15))


def files_by_digest(files: list[DataMade]) -> dict[str, DataMade]:
    return {one.digest: one for one in files}


def test_kept_is_what_all_members_end_with_and_one_of_them_had_drafted_otherwise(
    revising: ScriptedRun,
) -> None:
    rows = examples(revising, all_of(revising, DataMade)[REVISED])
    assert rows
    assert all(row.draft not in {"", row.completion} for row in rows)


def test_a_method_that_harms_a_task_is_switched_off_there_and_the_ledger_says_so(
    revising: ScriptedRun,
) -> None:
    flips = [entry.flips for entry in all_of(revising, Flipped) if entry.method == "refine"]
    uses = [entry.proposal.uses["refine"] for entry in all_of(revising, Proposed)]
    off = next(turn for turn, use in enumerate(uses) if use["copy"].share == 0)
    assert uses[0]["copy"].share == 1.0
    assert all(one["copy"].harmed > one["copy"].helped for one in flips[:off])
    assert uses[off]["copy"].because.startswith("switched off: of ")
    assert all("copy" not in one for one in flips[off:])
    assert uses[off]["reverse"].share > 0.5
    made = [entry for entry in all_of(revising, DataMade) if entry.origin.source == "revised"]
    assert set(made[0].offered) == {"copy", "reverse"}
    assert set(made[off].offered) == {"reverse"}


def test_by_principle_answers_are_revised_as_often_as_it_weighs(revising: ScriptedRun) -> None:
    made = all_of(revising, DataMade)[PRINCIPLED]
    asked = {name: sum(row.values()) for name, row in made.offered.items()}
    assert {name.split("/")[1] for name in asked} == {"alphabet", "malformed", "unsure"}
    rows = examples(revising, made)
    assert {row.completion for row in rows} == {"?"}
    flips = next(entry.flips for entry in all_of(revising, Flipped) if entry.method == "constitution")
    assert flips["malformed"].harmed == flips["unsure"].harmed == 0
    assert flips["malformed"].helped == flips["malformed"].asked > 0


def _first(**fields: Any) -> Callable[[list[Example]], list[Example]]:
    return lambda rows: [structs.replace(rows[0], **fields), *rows[1:]]


FORGED = {
    "a correction calls right what is wrong": Forgery(
        lambda run: forge_data(run, CORRECTIONS, _first(completion="yyyyY")),
        "data",
        "corrections as the rule makes them expected, got others from line 1",
    ),
    "corrections come from another stream": Forgery(
        lambda run: forge(run, DataMade, CORRECTIONS, stream="00" * 32), "data", "corrections from stream"
    ),
    "a revision is of a prompt that nobody drew": Forgery(
        lambda run: forge_data(run, REVISED, _first(prompt="C9999999=")),
        "data",
        "drawn for revising expected",
    ),
    "a revision changes nothing": Forgery(
        lambda run: forge_data(
            run, REVISED, lambda rows: [structs.replace(rows[0], draft=rows[0].completion)]
        ),
        "data",
        "a revision that the rule keeps expected",
    ),
    "a revision that nobody was sure of is kept": Forgery(
        lambda run: forge_data(run, REVISED, _first(confidence=0.2)), "data", "that the rule keeps expected"
    ),
    "a revision by principle stands under another's name": Forgery(
        lambda run: forge_data(run, PRINCIPLED, _first(task="P/alphabet/copy")), "data", "expected"
    ),
    "revisions are said to be somebody else's": Forgery(
        lambda run: forge(run, DataMade, REVISED, origin=Origin("revised", ("00" * 32,), "by hand")),
        "data",
        "revisions by the team",
    ),
    "fewer prompts are said to have been offered": Forgery(
        lambda run: forge(run, DataMade, REVISED, offered={"copy": {"3": 1}}), "data", "as proposed, got"
    ),
    "revising is said to have cost nothing": Forgery(
        lambda run: forge(run, DataMade, REVISED, flops=0.0),
        "data",
        "floating point operations for these prompts",
    ),
    "the audit hides what was made wrong": Forgery(
        lambda run: forge(run, Flipped, 0, flips={"copy": Flips(30, 0, 30), "reverse": Flips(30, 0, 30)}),
        "data",
        "what was made right and wrong",
    ),
    "the audit drew another sample": Forgery(
        lambda run: forge(run, Flipped, 0, stream="00" * 32), "data", "flips of refine from stream"
    ),
    "the audit is left out": Forgery(
        lambda run: without(run, Flipped), "lineage", "and an audit of them, before they are trained on"
    ),
}


def _used_again(run: ScriptedRun) -> None:
    second = run.entries()[places(run, Proposed)[-1]]
    assert isinstance(second, Proposed)
    first = run.entries()[places(run, Proposed)[0]]
    assert isinstance(first, Proposed)
    forge(run, Proposed, -1, proposal=structs.replace(second.proposal, uses=first.proposal.uses))


FORGED["a method that was switched off is said to be used"] = Forgery(
    _used_again, "lineage", "the rule's proposal expected, with uses"
)


def slipped_in(run: ScriptedRun, method: Method, data: str, flops: float = 0.0) -> None:
    """One more audit, in the last generation, once all is measured."""
    place = places(run, Watched)[-1]
    record, watched = run.record(), run.entries()[place]
    entry = Flipped(
        at=watched.at,
        generation=watched.generation,
        method=method,
        data=data,
        flips={"copy": Flips(1000, 0, 1000)},
        stream="00" * 32,
        flops=flops,
    )
    run.rewrite([*record[:place], entry, *record[place:]])


STRANGE = {
    "favourable flips of a file that nobody made": ("", 0.0),
    "favourable flips of the generation's labels": ("labels", 0.0),
    "an audit that gives a lease back what was spent of it": ("", -1e18),
}


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE.keys())
@pytest.mark.parametrize("method", ["refine", "constitution"])
def test_an_audit_of_a_method_that_made_nothing_is_a_fault_such_as(
    tmp_path: Path, strange: tuple[str, float], method: Method
) -> None:
    """All flips so far say how much of a method is proposed: this one switched it on again."""
    run = revising_run(tmp_path / "run", REVISING.replace(', "refine", "constitution"', ""))
    labels = next(one for one in reversed(all_of(run, DataMade)) if one.origin.source == "self")
    slipped_in(run, method, labels.digest if strange[0] else "", strange[1])
    said = " | ".join(fault for one in verify(run.evidence()).faults for fault in one.faults)
    assert f"an audit of this generation's revisions by {method} expected" in said


@dataclass
class Content(RevisingWorker):
    """Its models leave every draft as it is."""

    def _final(self, prompt: str, draft: str, principle: str) -> str:  # noqa: ARG002
        return draft


def test_a_run_in_which_nobody_revised_anything_verifies(tmp_path: Path) -> None:
    """All its files of revisions by rule are the same one, without a row."""
    run = make_run(tmp_path / "run", REVISING, RASH_TEAM, worker_kind=Content, constitution=CONSTITUTION)
    made = [one for one in all_of(run, DataMade) if one.origin.source == "revised"]
    assert len(made) == 3
    assert len({one.digest for one in made}) == 1
    findings = verify(run.evidence())
    assert not findings.faults, findings.lines


WITHOUT_THE_FILE: dict[str, Callable[[Flips], Flips]] = {
    "more was made right than there was": lambda one: Flips(1000, one.asked - 1000, one.asked),
    "more was audited than the file had": lambda one: Flips(900, 0, one.asked + 970),
}


@pytest.mark.parametrize("change", WITHOUT_THE_FILE.values(), ids=WITHOUT_THE_FILE.keys())
def test_where_the_file_was_left_out_its_audit_still_has_to_be_one_of_it(
    run: ScriptedRun, change: Callable[[Flips], Flips]
) -> None:
    audit = all_of(run, Flipped)[0]
    path = f"data/{audit.data}.jsonl"
    (run.folder / path).unlink()
    evidence = replace(run.evidence(), left_out={path: "left out"})
    assert not verify(evidence).faults
    forge(run, Flipped, 0, flips={task: change(one) for task, one in audit.flips.items()})
    said = " | ".join(fault for one in verify(evidence).faults for fault in one.faults)
    assert "expected from the counts" in said


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED.keys())
def test_whoever_holds_the_logs_key_is_found_out_when(run: ScriptedRun, forgery: Forgery) -> None:
    assert_found(run, forgery)


def test_revisions_where_the_charter_names_no_such_method_are_a_fault(
    run: ScriptedRun, tmp_path: Path
) -> None:
    plain = revising_run(tmp_path / "plain", REVISING.replace(', "refine", "constitution"', ""))
    assert not verify(plain.evidence()).faults
    made = all_of(run, DataMade)[CORRECTIONS]
    place = places(plain, DataMade)[0]
    record, entries = plain.record(), plain.entries()
    entry = structs.replace(made, at=entries[place].at)
    (plain.folder / "data" / f"{made.digest}.jsonl").write_bytes(
        (run.folder / "data" / f"{made.digest}.jsonl").read_bytes()
    )
    plain.rewrite([*record[: place + 1], entry, *record[place + 1 :]])
    said = " | ".join(fault for one in verify(plain.evidence()).faults for fault in one.faults)
    assert "corrections in generation 0, where the charter teaches revising in signs, expected" in said
