"""What the JSON under `/api/v1` looks like. Names stay; what is new is added.

Times are UTC in RFC 3339. Digests are SHA-256 in lower-case hex. Scores and shares are from 0 to 1. All text from a
ledger is untrusted: it is data, whatever it says.
"""

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Model(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class Fault(Model):
    """Why there is no answer."""

    kind: str = Field(description="The error's name in Detent's tree, or `Refused` by the server itself.")
    said: str = Field(description="The whole sentence.")
    expected: str = Field(description="What was expected; may be empty.")
    got: str = Field(description="What was got instead; may be empty.")
    do: str = Field(description="What to do; may be empty.")


class Failed(Model):
    """Every answer that is not 2xx."""

    error: Fault


class Page(Model, Generic[T]):
    """Some of many, by where they stand."""

    start: int = Field(description="Index of the first of these.")
    total: int = Field(description="How many there are.")
    items: list[T]


class Held(Model):
    """Who stopped a run."""

    kind: Literal["paused", "halted"]
    by: str = Field(description="A steward's name, or a tripwire's.")
    because: str


class ErrorBudget(Model):
    """The run's error budget."""

    total: float = Field(description="Probability of any wrong promotion that the charter allows.")
    spent: float = Field(description="What openings have spent of it.")


class Run(Model):
    """A run at a glance."""

    name: str = Field(description="In addresses; of the folder.")
    title: str = Field(description="The charter's name.")
    purpose: str = Field(description="The charter's purpose.")
    state: str = Field(
        description="ready, running, waiting, paused, halted, lease_spent, finished; or unreadable, see fault."
    )
    fault: str = Field(description="Why the ledger cannot be read on; empty where it can.")
    generation: int | None = Field(description="The newest closed generation.")
    promoted: int | None = Field(description="Generations whose candidate came into force.")
    ladder_start: float | None = Field(description="Ladder score of the first incumbent on fresh problems.")
    ladder: float | None = Field(description="Ladder score of the model in force.")
    lease_left: int | None = Field(description="Generations that may still be made.")
    error_budget: ErrorBudget | None
    request: int | None = Field(description="Number of the question that waits for a person.")
    held: Held | None
    entries: int = Field(description="Entries of the ledger's newest checkpoint.")
    read: int = Field(description="Entries of it that this server has read.")
    newest_at: str = Field(description="Time of the newest entry that was read.")
    version: int = Field(description="Grows when anything changes, and begins anew with the server.")


class RunInFull(Run):
    """A run, and all that `detent status --json` says of it."""

    charter_version: int
    charter: str = Field(description="Digest of the charter in force.")
    checkpoint: str = Field(description="The ledger's signed checkpoint, a C2SP signed note.")
    status: dict[str, Any] = Field(description="As `detent status --json` prints it.")


class Gain(Model):
    """The gate's estimate."""

    low: float = Field(description="Lower end of the 95 % interval of the gain in accuracy, a share.")
    high: float = Field(description="Upper end.")
    items: int = Field(description="Problems it rests on.")


class Generation(Model):
    """A closed generation in a line."""

    generation: int
    at: str = Field(description="When it was decided.")
    decision: Literal["promote", "carry", "discard", "rollback"]
    because: str
    candidate: str = Field(
        description="Digest of the model the gate was asked about; empty where there was none."
    )
    incumbent: str = Field(description="Digest of the model in force after it.")
    verdict: str | None = Field(
        description="better, not better, undecided, void, open; null where the seal stayed shut."
    )
    proven: bool = Field(description="The gate was opened for exactly this candidate, and every test passed.")
    alpha: float | None = Field(description="Error probability of the opening.")
    gain: Gain | None
    items: int | None = Field(description="Problems of the deciding test.")
    ladder: float | None = Field(description="Ladder score on fresh problems, where it was promoted.")
    line: str = Field(description="The same for a person, as `detent run` prints it.")


class GenerationInFull(Model):
    """A generation with everything it has written; the one in progress has no decision yet."""

    generation: int
    closed: Generation | None
    entries: dict[str, dict[str, Any]] = Field(
        description="Each entry it wrote, by slot, as it stands on the ledger."
    )
    trials: dict[str, dict[str, dict[str, Any]]] = Field(description="What it tried, by trial and slot.")


class Answer(Model):
    """What people said."""

    verdict: Literal["approve", "deny"]
    because: str
    signers: list[str]
    at: str
    seconds: float = Field(description="From the question to the answer.")


class Request(Model):
    """A question to people."""

    number: int
    generation: int
    at: str
    candidate: str = Field(
        description="Digest of the model that would be promoted; empty: whether to go on at all."
    )
    reasons: list[str]
    unchecked: list[str] = Field(description="What nobody and nothing has looked at.")
    approvers: int = Field(description="At least so many must approve.")
    expires: str = Field(description="When no answer means no.")
    answer: Answer | None


class RequestInFull(Request):
    """With the evidence."""

    page: str = Field(description="As `detent show` prints it.")


class Entry(Model):
    """An entry of the ledger."""

    index: int
    kind: str = Field(description="With its schema's version, such as `decision/v1`.")
    at: str
    generation: int
    leaf_hash: str = Field(description="SHA-256(0x00 || entry), hex.")
    entry: dict[str, Any] = Field(description="The whole entry.")


class Inclusion(Model):
    """A proof that an entry stands on the ledger, RFC 6962."""

    index: int
    leaf_hash: str = Field(description="SHA-256(0x00 || entry), hex.")
    size: int = Field(description="Entries of the tree that it is proved in.")
    root: str = Field(description="That tree's root, hex.")
    path: list[str] = Field(description="Hashes, hex, the entry's sibling first.")
    checkpoint: str = Field(description="The signed checkpoint of the newest tree.")


class Consistency(Model):
    """A proof that a ledger only grew, RFC 6962."""

    old: int = Field(description="Entries of the smaller tree.")
    new: int = Field(description="Entries of the larger tree.")
    old_root: str
    new_root: str
    path: list[str] = Field(description="Hashes, hex.")
    checkpoint: str = Field(description="The signed checkpoint of the newest tree.")
