"""[stewards]: whose signatures count, who has which role, and which act takes how many of whom."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from detent.charter._form import Says, Section
from detent.errors import UsageError
from detent.signing import VerifyKey

Role = Literal["operator", "approver", "safety", "auditor"]
"""operator: runs the loop and grants leases. approver: answers when a person is asked. safety: looks at what a step
could harm. auditor: checks the record. What a role may do is for [stewards.rules] to say; anyone may stop."""

Signer = Literal["steward", "operator", "approver", "safety", "auditor"]
"""Of whom a rule asks signatures: of holders of a role, or of any steward."""


def _verify_key(text: str) -> str:
    try:
        VerifyKey.parse(text)
    except UsageError as error:
        raise ValueError(text) from error
    return text


Quorum = Annotated[int, Field(ge=1, le=64), Says("an integer from 1 to 64")]
Key = Annotated[str, AfterValidator(_verify_key), Says('a verify key "name+hash+base64"')]
Keys = Annotated[tuple[Key, ...], Field(strict=False, min_length=1, max_length=64)]
KeyName = Annotated[str, Field(pattern=r"^[^+\s]+$"), Says("a steward's name, as in stewards.keys,")]
KeyNames = Annotated[tuple[KeyName, ...], Field(strict=False, max_length=64)]
SignerName = Annotated[Signer, Says("one of steward, operator, approver, safety and auditor")]
Some = Field(min_length=1)


class Roles(Section):
    """[stewards.roles]: names of the keys that have each role. Without the table every steward has every role."""

    operator: KeyNames = ()
    approver: KeyNames = ()
    safety: KeyNames = ()
    auditor: KeyNames = ()


class Rules(Section):
    """[stewards.rules]: act = how many signers of which role. An act without a rule takes the quorum."""

    approve: Annotated[Mapping[SignerName, Quorum], Some] = {}
    lease: Annotated[Mapping[SignerName, Quorum], Some] = {}
    resume: Annotated[Mapping[SignerName, Quorum], Some] = {}
    rollback: Annotated[Mapping[SignerName, Quorum], Some] = {}


class DraftStewards(Section):
    """[stewards] as an author writes it: how many of them must sign, and perhaps who they are.

    recovery: a key that stands in for the quorum when the charter is amended, and for nothing else; "" for none.
    """

    quorum: Quorum
    keys: Keys = ()
    recovery: Key = ""
    roles: Roles | None = None
    rules: Rules = Rules()

    def holders(self, signer: Signer) -> tuple[str, ...]:
        """Names of those who count for that part of a rule."""
        if signer == "steward" or self.roles is None:
            return tuple(key.partition("+")[0] for key in self.keys)
        held: tuple[str, ...] = getattr(self.roles, signer)
        return held


class Stewards(DraftStewards):
    """[stewards]: whose signatures count, and how many must be there."""

    keys: Keys
