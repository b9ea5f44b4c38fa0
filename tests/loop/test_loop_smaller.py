"""A run that takes blocks out of its model: tried in the open, and held by the gate to be as good."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from detent.engine import FakeEngine
from detent.loop import drive
from detent.testing.toy import ToyRules, ToyWorld
from detent.values import Decided, IntentWritten, Proposed, Reshape, State

MakeRun = Callable[..., Any]

SMALLER: dict[str, object] = {
    "pace": {"lease": {"generations": 2}, "candidates": 3},
    "direction": {"improve": {"copy": 12, "reverse": 12}, "objective": "better_or_smaller"},
    "constraints": {"changes": ["data", "architecture"]},
    "explore": {
        "when": "always",
        "rungs": [10, 20],
        "proposers": ["rules"],
        "edits": ["remove_block"],
        "approval": "none",
    },
}
STILL = ToyRules(step=0.0)
"""It learns the seed levels, in whatever shape, and nothing more."""


class BlocksWorld(ToyWorld):
    """A model has a hundred parameters a block."""

    def _save(self, horizons: Mapping[str, float], seed: int, config: Mapping[str, Any]) -> str:
        name = super()._save(horizons, seed, config)
        blocks = range(config["num_hidden_layers"])
        tensors = {
            f"model.layers.{n}.w": {"dtype": "U8", "shape": [100], "data_offsets": [100 * n, 100 * n + 100]}
            for n in blocks
        }
        header = json.dumps(tensors).encode()
        content = len(header).to_bytes(8, "little") + header + b"\0" * 100 * len(blocks)
        (self.folder / "staging" / name / "model.safetensors").write_bytes(content)
        return name


class StrangeWorld(ToyWorld):
    """What it makes of a model is never what follows from the edit."""

    def _save(self, horizons: Mapping[str, float], seed: int, config: Mapping[str, Any]) -> str:
        return super()._save(horizons, seed, {**config, "hidden_act": f"act {config['num_hidden_layers']}"})


def turned(make_run: MakeRun, charter: dict[str, object], kind: type[ToyWorld] = BlocksWorld) -> State:
    run = make_run(rules=STILL, charter=charter)
    world = kind(run.folder, run.world.tasks, run.world.rules)
    run = replace(run, world=world, engine=FakeEngine(world.answer))
    with run.open() as ledger:
        parts = run.parts(ledger)
        drive(parts, None, lambda _: None)
        state: State = parts.book.state
    return state


def test_a_block_that_is_not_needed_is_taken_out_and_the_gate_holds_it_to_be_as_good(
    make_run: MakeRun,
) -> None:
    state = turned(make_run, SMALLER)
    slots = state.history[1]
    proposed, intent, decided = (slots[f"{kind}/v1"] for kind in ("proposal", "intent", "decision"))
    assert isinstance(proposed, Proposed)
    assert isinstance(proposed.proposal.change, Reshape)
    assert isinstance(intent, IntentWritten)
    assert intent.intent.smaller
    assert isinstance(decided, Decided)
    assert decided.decision == "promote"
    assert decided.because.startswith("as good with 100 parameters in place of 200")
    first = state.history[0]["decision/v1"]
    assert isinstance(first, Decided)
    assert (state.anchor, state.incumbent) == (first.incumbent, decided.incumbent)


def test_where_the_charter_promotes_only_what_is_better_it_keeps_all_its_blocks(make_run: MakeRun) -> None:
    better = SMALLER | {"direction": {"improve": {"copy": 12, "reverse": 12}}}
    state = turned(make_run, better)
    assert state.promoted == 0
    assert state.sizes[state.incumbent] == 200


def test_where_no_change_can_be_tried_to_the_end_the_plan_goes_on(make_run: MakeRun) -> None:
    state = turned(make_run, SMALLER, StrangeWorld)
    tried = state.tried[1]
    assert {name for name, slots in tried.items() if "withdrawn/v1" in slots} == {"1.0", "2.0"}
    proposed = state.history[1]["proposal/v1"]
    assert isinstance(proposed, Proposed)
    assert proposed.proposal.kind == "data"
    assert state.generation == 3
