"""What people's browsers send when they decide, and what they are told: nothing in it is a private key."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["approve", "deny", "pause", "halt", "resume", "rollback", "lease", "countersign"]


class Body(BaseModel):
    """What is posted: no field that is not listed, none of another type."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


Text = Annotated[str, Field(max_length=2_000)]


class Wanted(Body):
    """What somebody wants to sign. request: of an answer. to: of a rollback. digest: of what waits, its beginning.

    because: the reason; of a lease and of what waits there is none. generations, hours, petaflop: of a lease.
    """

    kind: Kind
    because: Text = ""
    request: int | None = None
    to: int | None = None
    generations: int | None = None
    hours: float | None = None
    petaflop: float | None = None
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")] = ""


class Signed(Body):
    """An envelope (DSSE JSON as text), signed elsewhere."""

    envelope: str


class Newcomer(Body):
    """A code, and the verify key (`name+hash+base64`) that it is to enrol."""

    code: Annotated[str, Field(max_length=200)]
    key: Annotated[str, Field(max_length=1_000)]


class Enrolled(Newcomer):
    """The same with the amendment's envelope, signed by that key."""

    envelope: str


class Drafted(BaseModel):
    """What is to be signed. payload: base64. pae_sha256: of DSSE's encoding, which a signature is over (hex).

    says: what it says, as this server puts it; a reader decodes the payload. stewards: verify keys that count.
    in_force: the charter's text, of an amendment.
    """

    payload: str
    payload_type: str
    digest: str
    pae_sha256: str
    says: list[str]
    stewards: list[str]
    in_force: str | None


class Became(BaseModel):
    """What became of an envelope. entry: its kind on the ledger. why: for what it waits, or why it was refused."""

    became: Literal["on the ledger", "waits", "refused"]
    digest: str
    entry: str = ""
    at: str = ""
    why: str = ""


class Waiting(BaseModel):
    """Something that waits for signatures. signers: stewards who signed."""

    digest: str
    payload_type: str
    signers: list[str]
    says: list[str]


class WaitingKey(BaseModel):
    """An enrolment: the amendment that the quorum is to sign."""

    digest: str
    next: str


class Fault(BaseModel):
    """What was expected, what was got, what to do. kind: whose mistake it is, as `detent.errors` draws it."""

    kind: str
    said: str
    expected: str
    got: str
    do: str


class Faulty(BaseModel):
    """An answer that is a fault."""

    error: Fault
