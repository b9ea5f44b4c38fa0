"""An honest run verifies: whole, cut short anywhere, killed and resumed, with a void opening, and unconfined."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from tests.audit.forging import finding, places
from tests.audit.scripted_run import DRAFT, Model, ScriptedRun, make_run

from detent.audit import Evidence, Finding, Findings, verify
from detent.audit.verify import BY_THEMSELVES, UNDER_THE_CHARTER
from detent.charter import default_text
from detent.loop import judge
from detent.values import AnswerJob, Decided, Job, OutcomeWritten, TrainJob, decode_entry, fold

SECONDS = 2.0
"""Far more than a run of this size takes; a default one, a hundred times larger, must take less than 3."""


def test_an_honest_run_verifies(honest: ScriptedRun) -> None:
    began = time.monotonic()
    findings = verify(honest.evidence())
    assert not findings.faults
    assert time.monotonic() - began < SECONDS


def test_the_order_in_which_a_charter_names_its_tasks_does_not_matter(tmp_path: Path) -> None:
    draft = DRAFT.replace("copy = 4, reverse = 4", "reverse = 4, copy = 4")
    assert not verify(make_run(tmp_path / "run", draft).evidence()).faults


T = TypeVar("T")


def spent(work: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and the seconds of processor time that it took."""
    began = time.process_time()
    return work(), time.process_time() - began


def counting() -> int:
    """A tenth of a second's work for a processor of 2024, by which others are measured."""
    return sum(number * number for number in range(2_000_000))


@pytest.mark.long
def test_a_default_run_verifies_within_three_seconds_on_a_processor_of_today(tmp_path: Path) -> None:
    """Eight openings of some 3,600 answers and 75,000 examples; a slow or laden machine has as much more time.

    By labels alone: what is scripted here writes no answers for a judge to prefer among.
    """
    by_labels = default_text().replace('["self_label", "dpo"]', '["self_label"]')
    trained = [
        Model(strength + gain * generation, str(generation))
        for generation in range(9)
        for strength, gain in ((6.2, 0.35), (6.1, 0.3))
    ]
    run = make_run(tmp_path / "run", by_labels, trained, leases=(8,))
    _, before = spent(counting)
    findings, seconds = spent(lambda: verify(run.evidence()))
    _, after = spent(counting)
    assert seconds < 30 * max(0.1, before, after)
    assert not findings.faults
    assert fold(run.entries()).openings >= 5


def test_each_check_has_its_line_and_names_itself(honest: ScriptedRun) -> None:
    findings = verify(honest.evidence())
    names = [*BY_THEMSELVES, *UNDER_THE_CHARTER]
    assert [one.check for one in findings.made] == names
    assert findings.checks == len(names)
    assert [line.split()[0] for line in findings.lines[: len(names)]] == names


def test_the_run_that_is_verified_has_every_verdict_decision_and_kind_of_entry(honest: ScriptedRun) -> None:
    entries = honest.entries()
    assert {e.decision for e in entries if isinstance(e, Decided)} == {"promote", "carry", "discard"}
    assert [e.outcome.verdict for e in entries if isinstance(e, OutcomeWritten)] == ["better", "undecided"]
    assert len({entry.kind for entry in entries}) == 16


def test_verifying_changes_nothing(honest: ScriptedRun) -> None:
    def everything() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in honest.folder.rglob("*") if path.is_file()}

    before = everything()
    verify(honest.evidence())
    assert everything() == before


def test_what_is_never_proven_is_always_said(honest: ScriptedRun) -> None:
    said = "\n".join(verify(honest.evidence()).lines)
    for limit in (
        *("mode a", "33 %", "86 %", "whole ledger", "machine's clock", "not asked again"),
        *("not measured again", "nothing ran elsewhere"),
    ):
        assert limit in said
    assert "sealed against the model" not in said


def test_an_unconfined_session_is_said_to_leave_the_seal_open_to_the_model(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", leases=(1,), confined=False)
    findings = verify(run.evidence())
    assert not findings.faults
    assert "sealed against the model" in findings.unproven[0]
    assert "bubblewrap is not installed" in findings.unproven[0]


def test_a_run_cut_short_after_any_entry_verifies(run: ScriptedRun) -> None:
    whole = run.record()
    for size in range(2, len(whole)):
        run.rewrite(whole[:size])
        incumbent = fold(decode_entry(data) for data in whole[:size]).incumbent
        link_to(run, incumbent)
        assert not verify(run.evidence()).faults, f"after {size} entries"


def test_a_run_cut_short_between_a_decision_and_the_link_verifies(run: ScriptedRun) -> None:
    decided = places(run, Decided)[1]
    before = fold(run.entries()[:decided]).incumbent
    run.rewrite(run.record()[: decided + 1])
    link_to(run, before)
    assert not verify(run.evidence()).faults


@pytest.mark.parametrize("stops", [[0], [3, 4], [7, 8, 9], [11], [13]])
def test_a_run_that_was_killed_and_went_on_verifies(tmp_path: Path, stops: list[int]) -> None:
    jobs = iter(range(10_000))

    def killed(_job: Job) -> bool:
        if next(jobs) in stops:
            raise KeyboardInterrupt
        return False

    run = make_run(tmp_path / "run", leases=(1,), failing=killed)
    assert not verify(run.evidence()).faults


def test_a_void_opening_verifies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "SESSIONS_BEFORE_VOID", 0)  # the worker's first failure is final
    calls: Iterator[int] = iter(range(10_000))
    trained = 0

    def failing(job: Job) -> bool:
        nonlocal trained
        trained += isinstance(job, TrainJob)
        # Opening 1 asks for 200 answers at once; nothing else of this run does.
        return isinstance(job, AnswerJob) and len(job.prompts) == 200 and next(calls) == 0

    run = make_run(tmp_path / "run", leases=(1,), failing=failing)
    outcomes = [e.outcome.verdict for e in run.entries() if isinstance(e, OutcomeWritten)]
    assert (trained, outcomes) == (4, ["void"])
    assert not verify(run.evidence()).faults


def test_an_append_that_was_cut_short_is_a_note(run: ScriptedRun) -> None:
    record = run.record()
    whole = run.folder / "whole"
    shutil.move(run.folder / "ledger", whole)
    run.folder.joinpath("ledger").mkdir()
    run.rewrite(record[:-1])
    torn = f"tile/entries/000.p/{len(record)}"
    shutil.copy(whole / torn, run.folder / "ledger" / torn)
    findings = verify(run.evidence())
    assert not findings.faults
    assert any("1 entry beyond the checkpoint" in note for note in findings.notes)


def test_old_models_may_go_and_that_is_said(run: ScriptedRun) -> None:
    state = fold(run.entries())
    for folder in (run.folder / "models").iterdir():
        if not folder.is_symlink() and folder.name not in {state.incumbent, *state.team}:
            shutil.rmtree(folder)
    findings = verify(run.evidence())
    assert not findings.faults
    assert any("no longer there, and no entry says that they were deleted" in note for note in findings.notes)


def test_files_that_no_entry_names_are_said(run: ScriptedRun) -> None:
    (run.folder / "answers" / ("ab" * 32)).write_bytes(b"")
    findings = verify(run.evidence())
    assert not findings.faults
    assert any("answers/ that no entry names" in note for note in findings.notes)


def test_nothing_at_all_is_a_fault_in_every_check_that_needs_something(
    tmp_path: Path, honest: ScriptedRun
) -> None:
    nowhere = tmp_path / "nowhere"
    known = honest.evidence()
    nothing = Evidence(nowhere, None, "", "", nowhere, nowhere, nowhere, {}, known.catalogue)
    findings = verify(nothing)
    assert [one.check for one in findings.faults] == ["ledger", "charter", *UNDER_THE_CHARTER]


def test_without_a_believable_charter_what_hangs_on_it_counts_as_failed(run: ScriptedRun) -> None:
    run.rewrite(run.record()[1:])
    findings = verify(run.evidence())
    assert {one.check for one in findings.faults} >= {"charter", *UNDER_THE_CHARTER}
    gates = finding(findings.faults, "gates")
    assert gates
    assert "no charter" in gates.faults[0]


def test_a_finding_shows_the_first_faults_and_counts_the_others() -> None:
    many = Finding("seal", "40 reveals", tuple(f"fault {number}" for number in range(40)))
    findings = Findings((many, Finding("gates", "all of them")))
    assert findings.faults == [many]
    assert "WRONG: 40 faults in 40 reveals" in findings.lines[0]
    assert findings.lines[-2].endswith("and 20 more")
    assert findings.lines[-1] == "gates       all of them"


def link_to(run: ScriptedRun, digest: str) -> None:
    """Let models/incumbent lead to a model, or to nothing."""
    link = run.folder / "models" / "incumbent"
    link.unlink(missing_ok=True)
    if digest:
        link.symlink_to(digest)
