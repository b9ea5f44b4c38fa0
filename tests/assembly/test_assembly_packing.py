"""Closed generations that are kept packed are the same to whoever reads them."""

import pytest
from tests.report.explored_run import explored
from tests.report.synthetic_run import EVENTFUL, ledger

from detent.assembly import packing
from detent.assembly.packing import PackedTrials, PackedTurns
from detent.errors import TrustError
from detent.report import Teller, tell
from detent.values import Entry, State, fold

LEDGERS = {"a run": ledger(8, EVENTFUL), "a run that tried changes": explored()}


@pytest.mark.parametrize("name", LEDGERS)
def test_what_was_packed_comes_out_as_it_went_in(name: str) -> None:
    plain = fold(LEDGERS[name])
    packed = fold(LEDGERS[name], State(history=PackedTurns(), tried=PackedTrials()))
    assert dict(packed.history) == dict(plain.history)
    assert dict(packed.tried) == dict(plain.tried)
    assert [list(slots) for slots in packed.history.values()] == [
        list(slots) for slots in plain.history.values()
    ]
    assert (packed.past, packed.models, packed.sizes) == (plain.past, plain.models, plain.sizes)


def test_all_lengths_are_kept() -> None:
    turns = PackedTurns()
    slots = fold(LEDGERS["a run"]).history
    one = turns.then(slots[0])
    two = one.then(slots[1])
    other = one.then(slots[2])
    assert (len(turns), len(one), len(two)) == (0, 1, 2)
    assert (two[1], other[1]) == (slots[1], slots[2])
    with pytest.raises(KeyError):
        _ = two[2]
    with pytest.raises(KeyError):
        _ = one[0]["no slot"]


def test_what_was_written_and_decided_is_known_without_unpacking(monkeypatch: pytest.MonkeyPatch) -> None:
    state = fold(LEDGERS["a run"], State(history=PackedTurns()))
    monkeypatch.setattr(packing, "_turn", None)
    for slots in state.history.values():
        assert slots["decision/v1"]
        assert slots.get("request/v1") is None
        assert "diagnosis/v1" in slots or "subject/v1/0" in slots
    assert len(state.past) == 9


def test_a_run_told_piece_by_piece_is_told_the_same_at_every_length() -> None:
    entries: list[Entry] = LEDGERS["a run that tried changes"]
    teller = Teller(State(history=PackedTurns(), tried=PackedTrials()))
    for length, entry in enumerate(entries, 1):
        teller.add([entry])
        if length % 7 == 0 or length == len(entries):
            told = teller.story("demo", "to see", {"copy": 15})
            expected = tell(entries[:length], "demo", "to see", {"copy": 15})
            for field in told.__struct_fields__:
                if field == "state":
                    assert dict(told.state.history) == dict(expected.state.history)
                elif field == "screenings":
                    assert tuple(told.screenings) == tuple(expected.screenings)
                else:
                    assert getattr(told, field) == getattr(expected, field), field


def test_an_entry_that_is_refused_changes_nothing() -> None:
    entries = LEDGERS["a run"]
    teller = Teller()
    teller.add(entries[:40])
    before = teller.story("demo", "", {})
    with pytest.raises(TrustError):
        teller.add([entries[20]])
    after = teller.story("demo", "", {})
    assert (after.turns, after.batches, after.state.entries) == (
        before.turns,
        before.batches,
        before.state.entries,
    )
    teller.add(entries[40:])
    assert teller.story("demo", "", {}).turns == tell(entries, "demo", "", {}).turns
