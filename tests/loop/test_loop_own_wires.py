"""A tripwire of the author's own in a run of the toy world: read after all others, at every generation."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.loop.test_loop_wires import charter, readings, turn

from detent.loop import wires_of
from detent.tasks import Limits, lookout
from detent.testing.toy import ToyRules
from detent.tripwires import CATALOGUE
from detent.values import Audited, Profiled, State

MakeRun = Callable[..., Any]
Watched = Callable[..., State]

OWN = (
    '[tripwires.{name}]\nsource = "{name}.py:watch"\nsha256 = "{sha}"\naction = "{action}"\n\n[constraints] '
)


@pytest.fixture
def watched(make_run: MakeRun, tmp_path: Path) -> Watched:
    """Turn a run whose charter names the given functions, each by its wire's name."""

    def go(generations: int, action: str = "record", **bodies: str) -> State:
        tables = "".join(
            OWN.format(name=name, sha="0" * 64, action=action).removesuffix("[constraints] ")
            for name in bodies
        )
        run = make_run(rules=ToyRules(), charter={"direction": {"improve": {"copy": 12}}})
        run.charter = charter(("[constraints] ", f"{tables}[constraints] "))
        for name, body in bodies.items():
            (tmp_path / f"{name}.py").write_text(f"import json\ndef watch(numbers):\n    {body}\n")
        lookouts = {
            name: lookout(name, f"{name}.py:watch", tmp_path, limits=Limits(seconds=2.0)) for name in bodies
        }
        return turn(run, generations, wires=wires_of(run.charter, lookouts))

    return go


def test_it_is_read_after_the_built_in_ones_at_every_generation(watched: Watched) -> None:
    state = watched(2, mine="return None")
    assert [list(one) for one in readings(state)] == [[*CATALOGUE, "mine"]] * 2
    assert [one["mine"].status for one in readings(state)] == ["quiet"] * 2


def test_it_is_given_this_generations_totals(watched: Watched) -> None:
    body = (
        "return json.dumps([numbers['generation'], numbers['promoted'], numbers['ladder'], "
        "numbers['tasks']['copy']['visible'][:2], numbers['tasks']['copy']['fresh'][:2], "
        "numbers['tasks']['copy']['audit']])"
    )
    state = watched(2, mine=body)
    slots = state.history[2]
    fresh, audited = slots["profile/v1/fresh"], slots["audit/v1"]
    visible = [slots[f"profile/v1/visible/{member}"] for member in range(2)]
    assert isinstance(fresh, Profiled)
    assert isinstance(audited, Audited)
    best = max((one.profile for one in visible if isinstance(one, Profiled)), key=lambda one: one.ladder())
    before = [
        (generation, state.history[generation]["profile/v1/fresh"].profile.ladder())  # type: ignore[attr-defined]
        for generation in (0, 1)
    ]
    said = json.loads(readings(state)[1]["mine"].said)
    assert said[:2] == [2, True]
    assert said[2] == {
        "incumbent": before[-1][1],
        "candidate": fresh.profile.ladder(),
        "earlier": [list(one) for one in before],
    }
    assert said[3] == [[score.right, score.asked] for score in best.scores["copy"][:2]]
    assert said[4] == [[score.right, score.asked] for score in fresh.profile.scores["copy"][:2]]
    assert said[5] == [audited.labels["copy"].right, audited.labels["copy"].asked]


def test_it_sees_the_built_in_readings_and_no_other_of_the_authors(watched: Watched) -> None:
    state = watched(1, one="return 'one'", two="return ','.join(numbers['readings'])")
    assert readings(state)[0]["two"].said == ",".join(CATALOGUE)


STOPS = {
    "it says a sentence": ("pause", "return 'too slow'", "fired", "too slow", "asked"),
    "it says a sentence, and halts": ("halt", "return 'too slow'", "fired", "too slow", "halted"),
    "it raises": ("pause", "return numbers['loss']", "unmeasured", "mine.py:3: KeyError: 'loss'", "asked"),
    "it hangs": ("pause", "while True: pass", "unmeasured", "no result after 2 seconds", "asked"),
    "it says a sentence that is only recorded": ("record", "return 'too slow'", "fired", "too slow", ""),
}


@pytest.mark.parametrize("case", STOPS)
def test_when_it_fires_or_fails_its_action_is_taken(watched: Watched, case: str) -> None:
    action, body, status, said, stop = STOPS[case]
    state = watched(1, action, mine=body)
    reading = readings(state)[0]["mine"]
    assert reading.status == status
    assert said in reading.said
    assert (state.hold is not None) == (stop == "halted")
    assert (state.request is not None) == (stop == "asked")
    assert state.generation == (1 if stop else 2)
    if state.request:
        assert any(said in reason for reason in state.request.reasons)
