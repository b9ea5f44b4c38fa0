"""A deeper look made again: what was gained is counted again, and of other rows no share is compared."""

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from detent.audit import relooking
from detent.audit.differences import Remade, Rule
from detent.values import Explained, Interpreted
from detent.values.inside import Heads, Splice, Splices

HERE, ELSEWHERE = Rule(exact=True, because=""), Rule(exact=False, because="another kind of processor")
FOUND = Interpreted(heads=Heads(heads=(), places=9), splices=Splices(1.2, 12, (Splice("block 1", 0.8, 0.7),)))
OTHER = structs.replace(FOUND, splices=Splices(1.5, 13, (Splice("block 1", 0.6, 0.7),)))


def again(
    rule: Rule, found: Interpreted, gained: int, monkeypatch: pytest.MonkeyPatch, asked: int = 480
) -> Remade:
    """A look with 12 prompts gained, made again with so many."""
    entry = Explained(
        depth="deeper",
        candidate="c",
        incumbent="b",
        first="a",
        basis="b",
        changed=FOUND,
        models=("a", "b"),
        gained=12,
    )
    turn: Any = SimpleNamespace(
        entry=lambda slot, _: entry if slot == entry.slot else None,
        gone=lambda _: "",
        rule=rule,
        places=lambda *_: (7,),
    )
    made = relooking._Made({"changed": found}, gained, asked)
    monkeypatch.setattr(relooking, "_models", lambda *_: ("a", "b"))
    monkeypatch.setattr(relooking, "_deeper", lambda *_: made)
    (remade,) = relooking.looks_again(turn)
    return remade


def test_the_same_look_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for rule in (HERE, ELSEWHERE):
        made = again(rule, FOUND, 12, monkeypatch)
        assert made.ok
        assert not made.tolerated


def test_what_was_gained_cannot_be_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    made = again(HERE, FOUND, 13, monkeypatch)
    assert made.finding.faults == ("12 prompts that were gained recorded, 13 again",)


def test_an_answer_that_another_machine_turns_over_is_no_fault_of_the_shares_of_other_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = again(ELSEWHERE, OTHER, 13, monkeypatch)
    assert made.ok
    assert "12 prompts that were gained recorded, 13 again" in made.tolerated


def test_many_answers_are_and_so_are_shares_of_as_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert again(ELSEWHERE, OTHER, 30, monkeypatch).finding.faults
    assert again(ELSEWHERE, OTHER, 12, monkeypatch).finding.faults
    assert again(HERE, OTHER, 12, monkeypatch).finding.faults


def test_what_is_not_of_those_rows_is_compared_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = structs.replace(OTHER, heads=Heads(heads=(), places=99))
    assert "heads" in again(ELSEWHERE, moved, 13, monkeypatch).finding.faults[0]
