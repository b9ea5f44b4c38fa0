"""No phrase of the requirement is without an attack, and the page tells what the tables hold."""

from collections.abc import Iterable

from tests.attacks.attacks_page import FROM_A_PLUG_IN, PAGE, page
from tests.attacks.test_attacks_protocol import ATTACKS
from tests.attacks.test_attacks_unstopped import NOT_STOPPED
from tests.attacks.test_attacks_workers import FROM_A_JOB, HANDED_BACK

FROM_INSIDE = (
    "read the secret",
    "read the answers",
    "read a key",
    "write ledger",
    "write charter",
    "write models",
    "write evaluator",
    "open a socket",
    "outlive its job",
    "patch `generate` before the gate",
    "return a pickle",
    "return NaNs",
    "return another architecture",
    "return another tokenizer",
    "weights swapped after the freeze",
    "print 10 GB",
    "fork without end",
)
"""From inside a worker, a hostile training job, and a plug-in."""

WORKERS_ALONE = {
    "patch `generate` before the gate",
    "return a pickle",
    "return another architecture",
    "return another tokenizer",
    "weights swapped after the freeze",
}
"""A plug-in has no model: it is given numbers, or draws and checks, and hands back a sentence or a mark."""

ON_THE_PROTOCOL = (
    "reorder or stratify items",
    "rewind the ledger",
    "re-propose the same candidate until it passes",
    "propose 20 and keep the lucky one",
    "hand-pick problems",
    "open the seal early",
    "open and abort",
    "skip an index",
    "grind digests by metadata",
    "grind roots by junk entries",
    "fork the folder",
    "spend a lease twice",
    "replay or forge an approval",
    "approve one's own proposal",
    "amend with the new keys only",
    "swap what a steward signs",
    "keep a steward's no out",
    "set the clock back",
    "delete the last ledger entries",
    "edit one entry",
    "swap task code between freeze and gate",
)

ONLY_SAID = {"grind digests by metadata", "grind roots by junk entries"}
"""What mode (a) of the seal cannot stop at all."""


def phrases(attacks: Iterable[object]) -> set[str]:
    return {getattr(attack, "phrase", "") for attack in attacks}


def test_every_phrase_is_tried_from_inside_a_worker() -> None:
    assert phrases([*FROM_A_JOB.values(), *HANDED_BACK.values()]) == set(FROM_INSIDE)


def test_every_phrase_that_a_plug_in_can_try_is_tried_from_inside_one() -> None:
    assert phrases(FROM_A_PLUG_IN.values()) == set(FROM_INSIDE) - WORKERS_ALONE


def test_every_phrase_is_tried_on_the_protocol_or_it_is_said_that_it_is_not_stopped() -> None:
    assert phrases(ATTACKS.values()) == set(ON_THE_PROTOCOL) - ONLY_SAID
    assert phrases(said for _, said in NOT_STOPPED.values()) >= ONLY_SAID
    assert phrases(said for _, said in NOT_STOPPED.values()) <= set(ON_THE_PROTOCOL)


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m tests.attacks.attacks_page"
