"""Whoever holds the log's key rewrites what was found inside. Each is named, or is what `replay` is for."""

from typing import Any

import pytest
from msgspec import UNSET, structs
from tests.audit.forging import Forgery, assert_found, forge, places, without
from tests.audit.forging_people import nth
from tests.audit.scripted_run import ScriptedRun

from detent.audit import verify
from detent.tripwires import reference_divergence, representation_shift
from detent.values import Explained, Interpreted, Reading, Requested, Watched

FIRST, LATER = 0, 2
"""Looks: of generation 1, and of one whose incumbent is no longer generation 0's model."""


def refound(run: ScriptedRun, number: int, section: str, **figures: Any) -> None:
    """Other figures in one section of the nth look."""
    changed: Interpreted = nth(run, Explained, number).changed
    other = structs.replace(getattr(changed, section), **figures)
    forge(run, Explained, number, changed=structs.replace(changed, **{section: other}))


def read_otherwise(run: ScriptedRun, wire: str, value: float | None) -> None:
    """The first watch has a reading of a wire that no look has found."""
    readings = nth(run, Watched, 0).readings
    reading = Reading(wire, "unmeasured" if value is None else "quiet", "as ever", value, unit="nats")
    forge(run, Watched, 0, readings=(*readings, reading))


def unlooked(run: ScriptedRun) -> None:
    """Neither a look in the first turn nor wires that read one."""
    without(run, Explained, FIRST)
    forge(run, Watched, FIRST, readings=(), actions={})


def swap(run: ScriptedRun, number: int) -> None:
    """The nth look stands after its watch."""
    record, place = run.record(), places(run, Explained)[number]
    record.insert(place + 1, record.pop(place))
    run.rewrite(record)


FORGERIES: dict[str, Forgery] = {
    "nobody looked inside": Forgery(
        lambda run: without(run, Explained, FIRST), "inside", "a look inside before the tripwires are read"
    ),
    "nobody looked inside, and the wires are gone with it": Forgery(
        unlooked,
        "inside",
        "a look inside before the decision on what was trained expected, got none",
    ),
    "somebody looked at another model": Forgery(
        lambda run: forge(run, Explained, FIRST, candidate=nth(run, Explained, FIRST).incumbent),
        "inside",
        "a look at the candidate that leads",
    ),
    "the candidate is held against itself": Forgery(
        lambda run: forge(run, Explained, FIRST, incumbent=nth(run, Explained, FIRST).candidate),
        "inside",
        "a look at the incumbent",
    ),
    "the first model is another one": Forgery(
        lambda run: forge(run, Explained, LATER, first=nth(run, Explained, LATER).candidate),
        "inside",
        "a look at generation 0's model",
    ),
    "it is said to descend from another model": Forgery(
        lambda run: forge(run, Explained, LATER, basis=nth(run, Explained, LATER).first),
        "inside",
        "a look at what the candidate descends from",
    ),
    "what changed since the first model is left out": Forgery(
        lambda run: forge(run, Explained, LATER, since=UNSET), "inside", "each model once"
    ),
    "a look that goes deeper where nobody was asked": Forgery(
        lambda run: forge(run, Explained, FIRST, depth="deeper"), "inside", "after the watch expected"
    ),
    "the look came after the watch": Forgery(
        lambda run: swap(run, FIRST), "inside", "a look inside before the tripwires are read expected"
    ),
    "a section is left out": Forgery(
        lambda run: forge(
            run, Explained, FIRST, changed=structs.replace(nth(run, Explained, FIRST).changed, weights=UNSET)
        ),
        "inside",
        "figures or a reason for each of weights",
    ),
    "a section is absent for no reason": Forgery(
        lambda run: forge(
            run,
            Explained,
            FIRST,
            changed=structs.replace(
                nth(run, Explained, FIRST).changed, weights=UNSET, absent={"weights": ""}
            ),
        ),
        "inside",
        "a reason for each section that is absent",
    ),
    "figures that nothing can have": Forgery(
        lambda run: refound(run, FIRST, "words", flips=1.5), "inside", "shares of flips from 0 to 1"
    ),
    "a wire reads a table of layers that are not there": Forgery(
        lambda run: refound(run, FIRST, "layers", matched=((0, 0), (99, 99))),
        "inside",
        "a pair for each layer of the shallower model",
    ),
    "a wire reads a table with a hole": Forgery(
        lambda run: refound(run, FIRST, "layers", similarity=((1.0,), ()), matched=((0, 0), (1, 0))),
        "inside",
        "a pair for each layer of the shallower model",
    ),
    "the layer that changed most is left out, and the wire reads the others": Forgery(
        lambda run: refound(run, FIRST, "layers", matched=((0, 0),)),
        "inside",
        "a pair for each layer of the shallower model",
    ),
    "a lens of layers that are not there": Forgery(
        lambda run: refound(run, FIRST, "lens", layers=((0, 0), (7, 7))),
        "inside",
        "a lens of the layers that correspond",
    ),
    "a lens of fewer texts than none": Forgery(
        lambda run: refound(run, FIRST, "lens", counts=(-5,)), "inside", "texts at a place from 0"
    ),
    "all weights together moved less than not at all": Forgery(
        lambda run: refound(run, FIRST, "weights", share=-3.0), "inside", "changes of weights from 0"
    ),
    "a look of every generation says what was gained": Forgery(
        lambda run: forge(run, Explained, FIRST, gained=5), "inside", "0 to 0 prompts that were gained"
    ),
    "more was gained than was asked": Forgery(
        lambda run: forge(run, Explained, deeper(run), gained=10**15),
        "inside",
        "0 to 64 prompts that were gained",
    ),
    "less was gained than nothing": Forgery(
        lambda run: forge(run, Explained, deeper(run), gained=-10),
        "inside",
        "0 to 64 prompts that were gained",
    ),
    "a wire says other than the look found": Forgery(
        lambda run: read_otherwise(run, reference_divergence.NAME, 0.5),
        "inside",
        "as the look inside found expected of reference_divergence, got 0.5",
    ),
    "a wire was not measured though the look had it": Forgery(
        lambda run: read_otherwise(run, representation_shift.NAME, None),
        "inside",
        "as the look inside found expected of representation_shift, got nothing measured",
    ),
    "the look took nothing": Forgery(
        lambda run: forge(run, Explained, FIRST, flops=0.0), "compute", "floating point operations"
    ),
    "a person was asked without a deeper look": Forgery(
        lambda run: without(run, Explained, deeper(run)),
        "inside",
        "a deeper look inside before a person is asked",
    ),
}


def deeper(run: ScriptedRun) -> int:
    """The number of the first look that went deeper."""
    looks = [entry for entry in run.entries() if isinstance(entry, Explained)]
    return next(number for number, look in enumerate(looks) if look.depth == "deeper")


@pytest.mark.parametrize("name", FORGERIES)
def test_what_was_found_inside_cannot_be_rewritten(peopled: ScriptedRun, name: str) -> None:
    assert_found(peopled, FORGERIES[name])


def test_an_honest_run_is_looked_into_in_every_generation_and_deeper_before_each_question(
    peopled: ScriptedRun,
) -> None:
    looks = [entry for entry in peopled.entries() if isinstance(entry, Explained)]
    asked = places(peopled, Requested)
    assert len([look for look in looks if look.depth == "always"]) == len(places(peopled, Watched))
    assert len([look for look in looks if look.depth == "deeper"]) == len(asked) > 0
    assert not verify(peopled.evidence()).faults
