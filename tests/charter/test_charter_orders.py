"""Any one steward stops a run; to let it go on takes what the charter says. Orders mean what they were signed for."""

from collections.abc import Sequence
from typing import NamedTuple, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.charter.charter_attacks import OTHER, with_payload
from tests.charter.charter_texts import ADA, BOB, CYD, DEE, EVE, SAFE, team_charter

from detent.charter import (
    ANSWER_TYPE,
    COMMANDED,
    ORDER_TYPE,
    Command,
    SignedCharter,
    order,
    verified_order,
)
from detent.errors import TrustError, UsageError
from detent.signing import SigningKey, add_signature, canonical, merge_envelopes, seal_envelope

CHARTER = team_charter()
ROOT = "ab" * 32
COMMANDS: tuple[Command, ...] = get_args(Command)


def ordered(
    command: Command, by: Sequence[SigningKey], to: int | None = None, charter: SignedCharter = CHARTER
) -> str:
    return order(charter, command, "the news", size=58, root=ROOT, keys=by, to=to)


def test_an_order_comes_back_as_it_was_given_with_those_who_gave_it() -> None:
    given_order, signers = verified_order(ordered("rollback", [ADA, DEE], to=2), CHARTER)
    assert given_order.model_dump() == {
        "charter": CHARTER.digest,
        "size": 58,
        "root": ROOT,
        "order": "rollback",
        "to": 2,
        "because": "the news",
    }
    assert signers == ("ada", "dee")


@pytest.mark.parametrize("steward", [ADA, BOB, CYD, DEE], ids=lambda key: key.name)
@pytest.mark.parametrize("command", ["pause", "halt"])
def test_any_one_steward_stops(command: Command, steward: SigningKey) -> None:
    assert verified_order(ordered(command, [steward]), CHARTER).signers == (steward.name,)


def test_every_command_has_an_act_whose_rule_it_takes() -> None:
    assert set(COMMANDED) == set(COMMANDS)


GOING_ON: dict[str, tuple[str, tuple[SigningKey, ...], str]] = {
    "an operator resumes": ("resume", (ADA,), "signed by 0/1 safety; a valid signature is missing from cyd"),
    "safety lifts a halt alone": ("lift", (CYD,), "signed by 1/2 stewards"),
    "an operator puts a generation back alone": ("rollback", (ADA,), "signed by 1/2 stewards"),
    "the recovery key lifts a halt beside one steward": ("lift", (ADA, SAFE), "signed by 1/2 stewards"),
    "the recovery key resumes": ("resume", (SAFE,), "signed by 0/1 safety"),
    "a stranger resumes with safety's name": (
        "resume",
        (SigningKey("cyd", EVE.private),),
        "signed by 0/1 safety",
    ),
    "a stranger stops": ("halt", (EVE,), "signed by 0/1 stewards"),
    "the recovery key stops": ("pause", (SAFE,), "signed by 0/1 stewards"),
}


@pytest.mark.parametrize("case", GOING_ON)
def test_an_order_is_not_obeyed_when(case: str) -> None:
    command, by, says = GOING_ON[case]
    to = 1 if command == "rollback" else None
    with pytest.raises(TrustError) as caught:
        verified_order(ordered(command, by, to), CHARTER)  # type: ignore[arg-type]
    assert says in str(caught.value)


def test_an_order_is_signed_one_after_another() -> None:
    lift, other = ordered("lift", [BOB]), ordered("lift", [DEE])
    with pytest.raises(TrustError, match="signed by 1/2"):
        verified_order(lift, CHARTER)
    assert verified_order(add_signature(lift, ORDER_TYPE, ADA), CHARTER).signers == ("ada", "bob")
    assert verified_order(merge_envelopes(lift, other, ORDER_TYPE), CHARTER).signers == ("bob", "dee")


def signed(payload_type: str = ORDER_TYPE, **changes: object) -> str:
    document: dict[str, object] = {
        "charter": CHARTER.digest,
        "size": 58,
        "root": ROOT,
        "order": "halt",
        "to": None,
        "because": "the news",
    }
    return seal_envelope(canonical(document | changes), payload_type, [ADA, BOB, CYD])


class Attack(NamedTuple):
    """An envelope that three stewards signed, and how it is refused."""

    envelope: str
    says: str


FORM = "an order with charter, size, root, order, to and because expected"

ATTACKS = {
    "an order given under another charter is shown here": Attack(
        ordered("halt", [ADA], charter=OTHER), "an order under charter"
    ),
    "a pause is turned into its end": Attack(
        with_payload(signed(order="pause"), lambda p: p.replace(b"pause", b"resume")), "signed by 0/1"
    ),
    "a rollback goes nowhere": Attack(signed(order="rollback"), FORM),
    "a halt goes somewhere": Attack(signed(to=3), FORM),
    "a rollback goes before the first generation": Attack(signed(order="rollback", to=-1), FORM),
    "an order that there is not is given": Attack(signed(order="promote"), FORM),
    "an order gives no reason": Attack(signed(because=""), FORM),
    "a reason draws over the terminal": Attack(signed(because="\x1b[2J"), FORM),
    "an order is of no ledger": Attack(signed(root=""), FORM),
    "an order is of an empty ledger": Attack(signed(size=0), FORM),
    "an order has something more in it": Attack(signed(until="tomorrow"), FORM),
    "an order is spelled otherwise": Attack(
        with_payload(signed(), lambda p: p.replace(b":58", b": 58")), "an order in canonical JSON expected"
    ),
    "an answer is shown as an order": Attack(signed(ANSWER_TYPE), "it was signed to mean something else"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_order_is_refused_when(attack: str) -> None:
    with pytest.raises(TrustError) as caught:
        verified_order(ATTACKS[attack].envelope, CHARTER)
    assert ATTACKS[attack].says in str(caught.value)


MISTAKES: dict[str, tuple[dict[str, object], str]] = {
    "a rollback without a generation": (
        {"command": "rollback"},
        "a value of to that an order takes expected",
    ),
    "a halt with a generation": ({"command": "halt", "to": 1}, "`to` beside a rollback, and nowhere else"),
    "no reason": ({"because": ""}, "one line of text, 1 to 1000 characters,"),
    "a root that is no hash": ({"root": "AB"}, "64 lower-case hex digits"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_no_order_is_signed_with(mistake: str) -> None:
    changes, says = MISTAKES[mistake]
    usual = {"command": "halt", "because": "the news", "size": 58, "root": ROOT, "keys": [ADA]}
    with pytest.raises(UsageError) as caught:
        order(CHARTER, **(usual | changes))  # type: ignore[arg-type]
    assert says in str(caught.value)


@given(
    st.sampled_from(COMMANDS),
    st.integers(1, 2**53 - 1),
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=200),
    st.integers(0, 10**6),
)
def test_every_order_survives_its_envelope(command: Command, size: int, because: str, to: int) -> None:
    goes = to if command == "rollback" else None
    envelope = order(CHARTER, command, because, size=size, root=ROOT, keys=[ADA, CYD], to=goes)
    found = verified_order(envelope, CHARTER).order
    assert (found.order, found.size, found.because, found.to) == (command, size, because, goes)
