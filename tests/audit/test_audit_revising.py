"""Models that revise their answers learn from what they agree on; what it made right and wrong is on the record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from msgspec import structs
from tests.audit.forging import Forgery, assert_found, forge, forge_data, places, without
from tests.audit.revising_run import REVISING, revising_run
from tests.audit.scripted_run import ScriptedRun

from detent.audit import verify
from detent.values import (
    CandidateTrained,
    DataMade,
    Entry,
    Example,
    Flipped,
    Flips,
    Origin,
    Proposed,
    Source,
    SubjectBuilt,
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
