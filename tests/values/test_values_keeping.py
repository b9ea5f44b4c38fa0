"""What a rule of retention keeps, and what a run needs whatever the rule."""

import pytest
from msgspec import structs

from detent.values import (
    CandidateTrained,
    DataMade,
    Decided,
    Entry,
    Files,
    Intent,
    IntentWritten,
    Lora,
    Optimizer,
    Origin,
    Outcome,
    OutcomeWritten,
    Reshaped,
    State,
    SubjectBuilt,
    bases,
    kept,
    lost,
    needed,
    recorded,
)
from detent.values.lasting import Lasting
from detent.values.shape import AddBlock


def name(kind: str, generation: int) -> str:
    """A digest that can be read: m3 is the model that generation 3 made."""
    return f"{kind}{generation}"


def model(generation: int) -> CandidateTrained | SubjectBuilt:
    if generation == 0:
        return SubjectBuilt(
            digest="m0",
            parent="u0",
            parameters=1,
            data=(),
            steps=1,
            seed=1,
            flops=0.0,
            precision="",
            losses=(),
        )
    return CandidateTrained(
        digest=name("m", generation),
        parent=name("m", generation - 1),
        data=(),
        steps=1,
        seed=1,
        optimizer=Optimizer(matrix_rate=0.1, other_rate=0.1, batch=1),
        parameters=1,
        flops=0.0,
        precision="",
        losses=(),
        change={},
    )


def data(generation: int) -> DataMade:
    return DataMade(
        generation=generation,
        digest=name("d", generation),
        origin=Origin("seed" if generation == 0 else "self"),
        counts={},
        offered={},
        stream="",
    )


def opening(generation: int) -> OutcomeWritten:
    outcome = Outcome(
        k=generation,
        verdict="better",
        results=(),
        gain=None,
        reveal="",
        because="",
        answers=name("a", generation),
    )
    return OutcomeWritten(outcome=outcome)


def decided(generation: int, kind: str, incumbent: str, team: str, to: int | None = None) -> Decided:
    return Decided(
        generation=generation,
        decision=kind,  # type: ignore[arg-type]
        incumbent=incumbent,
        candidate=name("m", generation),
        team=(team,),
        because="",
        to=to,
    )


def turn(generation: int, kind: str, incumbent: str, team: str) -> dict[str, Entry]:
    """A generation that made labels and a model, and opened the seal."""
    made: list[Entry] = [data(generation), model(generation), decided(generation, kind, incumbent, team)]
    made += [opening(generation)] if generation else []
    return {entry.slot: entry for entry in made}


def noted(*turns: dict[str, Entry]) -> Lasting[dict[str, Entry]]:
    """Closed turns, from generation 0 on."""
    history: Lasting[dict[str, Entry]] = Lasting()
    for slots in turns:
        history = history.then(slots)
    return history


STATE = State(
    generation=6,
    incumbent="m5",
    team=("m5",),
    data=(data(0), data(1), data(5)),
    slots={"data/v1": data(6), "candidate/v1/0": model(6)},
    history=noted(
        turn(0, "promote", "m0", "m0"),
        turn(1, "promote", "m1", "m1"),
        turn(2, "carry", "m1", "m2"),
        turn(3, "promote", "m3", "m3"),
        {"decision/v1": decided(4, "rollback", "m1", "m1", to=1)},
        turn(5, "promote", "m5", "m5"),
    ),
)
"""Generations 2 and 3 were undone by a rollback to 1; 6 is in progress."""


def test_the_record_names_everything_that_was_ever_made() -> None:
    assert recorded(STATE) == Files(
        models=frozenset({"u0", "m0", "m1", "m2", "m3", "m4", "m5", "m6"}),  # m4 by name: the parent of m5
        data=frozenset({"d0", "d1", "d2", "d3", "d5", "d6"}),
        answers=frozenset({"a1", "a2", "a3", "a5"}),
    )


def test_a_run_needs_what_is_in_force_what_came_first_and_the_turn_in_progress() -> None:
    assert needed(STATE) == Files(
        models=frozenset({"m0", "m5", "m6"}), data=frozenset({"d0", "d1", "d5", "d6"}), answers=frozenset()
    )


def test_the_base_of_adapters_is_needed_as_long_as_there_is_a_run() -> None:
    first = model(0)
    assert isinstance(first, SubjectBuilt)
    adapter = structs.replace(first, lora=Lora())
    beginning = State(generation=0, slots={adapter.slot: adapter})
    assert "u0" in needed(beginning).models
    later = State(
        generation=1,
        incumbent="m0",
        team=("m0",),
        history=noted(turn(0, "promote", "m0", "m0") | {adapter.slot: adapter}),
    )
    assert "u0" in needed(later).models
    assert bases(later) == {"u0"}
    assert bases(STATE) == frozenset()


MODELS = {
    "all": {"u0", "m0", "m1", "m2", "m3", "m4", "m5", "m6"},
    "promoted": {"m0", "m1", "m3", "m5"},
    "last 1": {"m5"},
    "last 2": {"m5", "m1"},  # the generations that led here: 0, 1, 5
    "last 99": {"m5", "m1", "m0"},
}


@pytest.mark.parametrize("rule", MODELS)
def test_models(rule: str) -> None:
    assert kept(STATE, models=rule, data="all", answers="all").models == MODELS[rule]


@pytest.mark.parametrize(("rule", "keeps"), {"all": recorded(STATE).data, "in_force": frozenset()}.items())
def test_data(rule: str, keeps: frozenset[str]) -> None:
    assert kept(STATE, models="all", data=rule, answers="all").data == keeps


@pytest.mark.parametrize(
    ("rule", "keeps"), {"all": {"a1", "a2", "a3", "a5"}, "last 1": {"a5"}, "last 2": {"a3", "a5"}}.items()
)
def test_answers(rule: str, keeps: set[str]) -> None:
    assert kept(STATE, models="all", data="all", answers=rule).answers == keeps


def test_a_rollback_needs_the_models_and_the_data_of_its_generation() -> None:
    assert lost(STATE, frozenset()) == []
    assert lost(STATE, frozenset({"m2"})) == [2]
    assert lost(STATE, frozenset({"d2"})) == [2, 3]
    assert lost(STATE, frozenset({"m0"})) == [0]
    assert lost(STATE, frozenset({"a1", "u0", "m6"})) == []


def test_nothing_is_needed_of_a_run_that_has_not_begun() -> None:
    assert recorded(State()) == needed(State()) == kept(State(), "last 1", "in_force", "last 1") == Files()


def test_files_add_up() -> None:
    one, other = (
        Files(models=frozenset("a"), data=frozenset("b")),
        Files(models=frozenset("a"), answers=frozenset("c")),
    )
    assert (len(one), len(one | other), len(one - other)) == (2, 3, 1)


def test_an_opening_in_progress_keeps_its_answers() -> None:
    intent = Intent(6, 0.1, "m6", "m5", 1, charter="", targets=(), tasks={}, evaluator="")
    slots = {**STATE.slots, "intent/v1": IntentWritten(intent=intent), "outcome/v1": opening(6)}
    now = State(**{field: getattr(STATE, field) for field in STATE.__struct_fields__} | {"slots": slots})
    assert needed(now).answers == {"a6"}


def tried(generation: int, trial: str) -> dict[str, Entry]:
    """What a trial of a generation made: a reshaped model, one trained from it, and labels of its own."""
    label = f"{generation}.{trial}"
    reshaped = Reshaped(
        generation=generation,
        trial=trial,
        digest=f"r{label}",
        parent=name("m", generation - 1),
        edit=AddBlock(0),
        seed=1,
        parameters=1,
        distance=0.0,
        flops=0.0,
    )
    made = structs.replace(model(generation), trial=trial, digest=f"t{label}", parent=reshaped.digest)
    labels = structs.replace(data(generation), trial=trial, digest=f"l{label}")
    return {entry.slot: entry for entry in (reshaped, made, labels)}


def trying() -> State:
    """Two trials in generation 5, which is closed, and two in the turn in progress, which has proposed nothing yet."""
    every: Lasting[dict[str, dict[str, Entry]]] = Lasting()
    for generation in range(6):
        trials = ("0.0", "1.0") if generation == 5 else ()
        every = every.then({trial: tried(generation, trial) for trial in trials})
    return structs.replace(
        STATE, tried=every, slots={}, trials={trial: tried(6, trial) for trial in ("0.0", "1.0")}
    )


def test_models_and_labels_of_trials_are_on_record() -> None:
    found = recorded(trying())
    for label in ("5.0.0", "5.1.0", "6.0.0", "6.1.0"):
        assert {f"r{label}", f"t{label}"} <= found.models
        assert f"l{label}" in found.data


def test_trials_of_the_turn_in_progress_are_needed_and_those_of_closed_turns_are_not() -> None:
    found = needed(trying())
    assert {"r6.0.0", "t6.0.0", "r6.1.0", "t6.1.0"} <= found.models
    assert {"l6.0.0", "l6.1.0"} <= found.data
    assert not {digest for digest in found.models | found.data if digest[1:].startswith("5.")}


@pytest.mark.parametrize("rule", ["promoted", "last 1", "last 9"])
def test_a_rule_lets_go_of_what_was_tried_in_closed_turns(rule: str) -> None:
    state = trying()
    stays = kept(state, models=rule, data="in_force", answers="all") | needed(state)
    gone = recorded(state) - stays
    assert {"r5.0.0", "t5.0.0", "r5.1.0", "t5.1.0"} <= gone.models
    assert {"l5.0.0", "l5.1.0"} <= gone.data
    assert not {digest for digest in gone.models | gone.data if digest[1:].startswith("6.")}
    assert "r5.0.0" in kept(state, models="all", data="all", answers="all").models


def test_no_rollback_asks_for_what_was_only_tried() -> None:
    assert lost(trying(), frozenset({"r5.0.0", "t5.1.0", "l5.0.0"})) == []
