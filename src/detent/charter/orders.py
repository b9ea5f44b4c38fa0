"""Orders: what stewards tell a run to do. Any one of them stops it; to go on takes what the charter says."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from detent.charter._form import LARGEST_EXACT, Count, Hash, Reason
from detent.charter._payloads import Payload, believed, check_signed, made, written
from detent.charter.roles import Act, rule_for
from detent.charter.signed import SignedCharter
from detent.signing import SigningKey, seal_envelope

ORDER_TYPE = "application/vnd.detent.order.v1+json"

Command = Literal["pause", "resume", "halt", "lift", "rollback"]
"""pause: no generation begins. resume: they may again. halt: nothing goes on, from the middle of what it does.
lift: ends a halt. rollback: the generation in progress ends, and an earlier one is in force again."""

COMMANDED: dict[Command, Act] = {
    "pause": "stop",
    "halt": "stop",
    "resume": "resume",
    "lift": "lift",
    "rollback": "rollback",
}
"""By which act's rule an order counts."""


class Order(Payload):
    """What stewards tell a run to do, seen from the ledger of that size and root (hex): it is given there, and once.

    to: of a rollback, the generation that is to be in force again; else None.
    """

    size: Count
    root: Hash
    order: Command
    to: Annotated[int, Field(ge=0, le=LARGEST_EXACT)] | None
    because: Reason

    @model_validator(mode="after")
    def _rollback_goes_somewhere(self) -> Self:
        if (self.order == "rollback") != (self.to is not None):
            raise ValueError("`to` beside a rollback, and nowhere else")
        return self


class GivenOrder(NamedTuple):
    """An order, and the names of the stewards who signed it."""

    order: Order
    signers: tuple[str, ...]


def order_payload(
    charter: SignedCharter, command: Command, because: str, *, size: int, root: str, to: int | None = None
) -> bytes:
    """What is signed to give an order, at the ledger of that size and root (hex).

    Raises:
        UsageError: something in it is not what an `Order` takes.
    """
    seen = {"charter": charter.digest, "size": size, "root": root}
    return written(made(Order, {**seen, "order": command, "to": to, "because": because}))


def order(
    charter: SignedCharter,
    command: Command,
    because: str,
    *,
    size: int,
    root: str,
    keys: Sequence[SigningKey],
    to: int | None = None,
) -> str:
    """The envelope of an order, signed by `keys`. Arguments and errors as `order_payload`."""
    return seal_envelope(
        order_payload(charter, command, because, size=size, root=root, to=to), ORDER_TYPE, keys
    )


def claimed_order(envelope: str, charter: SignedCharter) -> Order:
    """The order in an envelope, with no signature looked at.

    Raises:
        TrustError: it is no order, or was given under another charter.
    """
    return believed(envelope, ORDER_TYPE, Order, charter)


def verified_order(envelope: str, charter: SignedCharter) -> GivenOrder:
    """The order in an envelope, with those who gave it: any one steward stops, the rest goes by the charter's rules.

    Whether the ledger had that size and root, and whether it was obeyed before, is for the ledger to say.

    Raises:
        TrustError: it is no order, too few signed it, or it was given under another charter.
    """
    given = claimed_order(envelope, charter)
    rule = rule_for(charter.charter, COMMANDED[given.order])
    return GivenOrder(given, check_signed(envelope, ORDER_TYPE, charter, rule))
