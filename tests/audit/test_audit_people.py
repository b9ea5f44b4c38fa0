"""A run in which people stopped, asked, answered, rolled back and amended verifies, and what went on is said."""

from pathlib import Path
from typing import get_args

import pytest
from msgspec import structs
from tests.audit.forging import finding, forge, places, without
from tests.audit.peopled_run import first_charter, make_peopled_run, write_copies
from tests.audit.scripted_run import ScriptedRun, make_run

from detent.audit import Findings, verify
from detent.audit.evidence import read
from detent.values import (
    Answered,
    CharterSigned,
    Collected,
    Decided,
    Entry,
    Ordered,
    OutcomeWritten,
    Refused,
    Requested,
    Watched,
    decode_entry,
    fold,
)
from detent.values.entries import AnyEntry


def test_it_verifies(honest_peopled: ScriptedRun) -> None:
    assert not verify(honest_peopled.evidence()).faults


def test_it_has_every_kind_of_entry_and_of_what_people_do(honest_peopled: ScriptedRun) -> None:
    entries = honest_peopled.entries()
    elsewhere = {
        "cosigned/v1",
        "beacon/v1",
        "released/v1",
        "enclosed/v1",
        "judge/v1",
        "health/v1",
        "tuned/v1",
        "flips/v1",
        "fetched/v1",
        "given/v1",
        "inspected/v1",
        "asked/v1",
        "suggested/v1",
        "withdrawn/v1",
        "reshaped/v1",
    }
    assert len({entry.kind for entry in entries}) == len(get_args(AnyEntry)) - len(elsewhere)
    assert {e.order for e in entries if isinstance(e, Ordered)} == {"pause", "resume", "rollback", "lift"}
    assert [e.verdict for e in entries if isinstance(e, Answered)] == ["approve", "deny", "approve"]
    assert [e.decision for e in entries if isinstance(e, Decided)] == [
        *("promote", "promote", "discard", "promote", "rollback", "discard", "promote", "rollback", "promote")
    ]
    assert [e.outcome.verdict for e in entries if isinstance(e, OutcomeWritten)].count("void") == 1


@pytest.mark.parametrize("kind", [Ordered, Requested, Answered, CharterSigned, Refused, Collected, Watched])
def test_it_verifies_when_it_is_cut_short_where_people_act(peopled: ScriptedRun, kind: type[Entry]) -> None:
    """With the charter's copies of before an amendment that was the last thing to be written down."""
    whole, charters = peopled.record(), places(peopled, CharterSigned)
    for place in places(peopled, kind)[-2:]:
        write_copies(peopled.folder, first_charter() if place <= charters[1] else peopled.signed)
        cut_short(peopled, whole, place + 1)
        assert not verify(peopled.evidence()).faults, f"after entry {place}"


def test_the_copies_of_an_earlier_charter_are_a_fault_once_the_run_has_gone_on(peopled: ScriptedRun) -> None:
    write_copies(peopled.folder, first_charter())
    found = finding(verify(peopled.evidence()).faults, "charter")
    assert found
    assert len(found.faults) == 2


def test_what_waits_for_people_is_said(peopled: ScriptedRun) -> None:
    whole = peopled.record()
    write_copies(peopled.folder, first_charter())

    def noted(kind: type[Entry], nth: int) -> str:
        cut_short(
            peopled,
            whole,
            [i for i, data in enumerate(whole) if isinstance(decode_entry(data), kind)][nth] + 1,
        )
        findings = verify(peopled.evidence())
        assert not findings.faults
        return "\n".join(findings.notes)

    assert "the run is paused by cy: to see what happens" in noted(Ordered, 0)
    assert "request 1 waits for an answer until 2026-01-01T" in noted(Requested, 0)
    assert "the rollback to generation 1 is not carried out yet" in noted(Ordered, 2)
    assert "the run is halted by break_in" in noted(Watched, 4)


def test_what_was_refused_is_said_and_no_fault(peopled: ScriptedRun) -> None:
    (before,) = (e for e in peopled.entries() if isinstance(e, Refused))
    last = peopled.entries()[-1]
    again = [structs.replace(before, at=last.at, generation=9, because=f"reason {n}") for n in range(3)]
    peopled.rewrite([*peopled.record(), *again])
    findings = verify(peopled.evidence())
    assert not findings.faults
    (note,) = (note for note in findings.notes if "refused" in note)
    assert note.startswith("4 things handed to the run were refused: ")
    assert note.endswith("; reason 0; reason 1; ...")


def test_each_entry_is_judged_by_the_charter_that_was_in_force_then(honest_peopled: ScriptedRun) -> None:
    case = read(honest_peopled.evidence())
    assert case.charters
    (amended,) = case.charters.since[1:]
    versions = [case.charters.at(step).charter.version for step in case.steps]
    assert versions == [1] * (amended + 1) + [2] * (len(versions) - amended - 1)


EDITS: dict[str, tuple[str, str]] = {
    "the gate's items and the run's seed change": (
        "superiority = 80, non_inferiority = 40 }",
        "superiority = 90, non_inferiority = 40 }\n[run]\nseed = 9",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_run_verifies_after_an_amendment_by_which(tmp_path: Path, edit: str) -> None:
    run = make_peopled_run(tmp_path / "run", EDITS[edit])
    assert not verify(run.evidence()).faults


def test_an_amendment_that_cannot_be_believed_is_not_in_force(peopled: ScriptedRun) -> None:
    forge(peopled, CharterSigned, 1, digest="ab" * 32)
    case = read(peopled.evidence())
    assert case.charters
    assert [signed.charter.version for signed in case.charters.signed] == [1]


def test_what_cannot_stand_without_something_else_is_one_fault_and_counted(peopled: ScriptedRun) -> None:
    place = places(peopled, Decided)[2]
    without(peopled, Decided, 2)
    findings = verify(peopled.evidence())
    order = finding(findings.faults, "order")
    assert order
    (fault,) = order.faults
    assert fault.startswith(f"entry {place}: generation 2 expected, got diagnosis/v1 of generation 3")
    assert "entries after it cannot stand without it" in fault
    assert failed(findings).isdisjoint({"sessions", "decisions", "lineage", "profiles"})


def test_places_that_the_state_remembers_are_right_after_an_entry_that_it_did_not_take(
    peopled: ScriptedRun,
) -> None:
    """An order and an answer name roots of the ledger; one stray entry before them must not make them wrong."""
    record = peopled.record()
    stray = structs.replace(peopled.entries()[3], at=peopled.entries()[27].at)
    peopled.rewrite([*record[:28], stray, *record[28:]])
    steps = read(peopled.evidence()).steps
    assert [step.index for step in steps if step.refused] == [28]
    assert all(step.before.entries == step.index for step in steps)


def test_a_wire_that_was_written_down_as_quiet_is_not_seen_and_that_is_said(
    tmp_path: Path,
) -> None:
    """Only what comes after hangs on it: in the newest generation nothing does."""
    run = make_run(tmp_path / "run", leases=(1,), fires=[("gap", 1)])
    readings = next(e for e in run.entries() if isinstance(e, Watched)).readings
    assert [reading.wire for reading in readings if reading.fired] == ["gap"]
    quiet = [structs.replace(r, status="quiet", statistic=0.5) if r.wire == "gap" else r for r in readings]
    forge(run, Watched, 0, readings=tuple(quiet), actions={})
    findings = verify(run.evidence())
    assert not findings.faults
    assert any("could have been written down as quiet" in limit for limit in findings.unproven)


def test_a_wire_rewritten_in_an_earlier_generation_shows_in_what_came_after(peopled: ScriptedRun) -> None:
    """The problems of later openings and profiles come from the ledger's root."""
    readings = next(e for e in peopled.entries() if isinstance(e, Watched) and "gap" in e.actions).readings
    place = next(i for i, e in enumerate(peopled.entries()) if isinstance(e, Watched) and "gap" in e.actions)
    quiet = [structs.replace(r, status="quiet", statistic=0.5) if r.wire == "gap" else r for r in readings]
    changed = structs.replace(peopled.entries()[place], readings=tuple(quiet), actions={})
    peopled.rewrite([*peopled.record()[:place], changed, *peopled.record()[place + 1 :]])
    assert {"profiles", "answers", "people"} <= failed(verify(peopled.evidence()))


def failed(findings: Findings) -> set[str]:
    """Names of the checks that failed."""
    return {one.check for one in findings.faults}


def cut_short(run: ScriptedRun, whole: list[bytes], size: int) -> None:
    """Only the first so many entries, and the link where it was then."""
    run.rewrite(whole[:size])
    link, incumbent = run.folder / "models" / "incumbent", fold(map(decode_entry, whole[:size])).incumbent
    link.unlink(missing_ok=True)
    if incumbent:
        link.symlink_to(incumbent)
