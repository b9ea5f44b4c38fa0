"""[servers.NAME]: a model server that may be asked, and for how much. Its key is named by a variable, never written."""

from typing import Annotated, Literal

from pydantic import Field

from detent.charter._form import Count, Says, Section
from detent.values import serving

_MODEL = r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$"


Address = Annotated[
    str,
    Field(pattern=r'^https?://[!"$->A-~]+$', max_length=500),
    Says("a URL beginning with http:// or https://, with no password, query or fragment,"),
]
Model = Annotated[
    str, Field(pattern=_MODEL, max_length=200), Says("a model's name as the server knows it, without spaces,")
]
Reported = Annotated[
    str, Field(pattern=rf"{_MODEL[:-1]}$|^$", max_length=200), Says("a model's name, or nothing,")
]
Variable = Annotated[
    str,
    Field(pattern=r"^([A-Z_][A-Z0-9_]{0,99})?$"),
    Says("the name of an environment variable in A-Z, 0-9 and _, or nothing,"),
]
Price = Annotated[float, Field(ge=0, le=1e9), Says("a number from 0 to 1e9")]
Seconds = Annotated[float, Field(gt=0, le=3600), Says("seconds, a number above 0, at most 3600,")]


class Budget(Section):
    """[servers.NAME] budget: of all that a run ever asks that server. Checked before each question is sent.

    tokens: read and written, together. money: what they may cost; 0 is no bound beside tokens.
    price_in, price_out: of a million tokens read, and written; in the money's own unit.
    """

    tokens: Count
    money: Price = 0.0
    price_in: Price = 0.0
    price_out: Price = 0.0


class Server(Section):
    """[servers.NAME]: it speaks the OpenAI chat protocol under `url`.

    model: that is asked for; the answer must be of that name, or that name and a version. reported: where the server
        says another name instead, that one. key_env: the environment variable with its key; empty for none.
    verdicts: "logprobs", read off the first token's log-probabilities; "text", the verdict and nothing else; "json", an
        object that the server is told to keep to.
    temperature: of verdicts and answers. max_tokens: of an answer; a verdict has its own.
    concurrency: questions at a time. requests_per_minute: 0 is no bound.
    connect_seconds: until it listens. timeout: seconds for a whole answer. retries: after what may pass.
    """

    url: Address
    model: Model
    budget: Budget
    reported: Reported = ""
    key_env: Variable = ""
    verdicts: Annotated[Literal["logprobs", "text", "json"], Says('"logprobs", "text" or "json"')] = (
        "logprobs"
    )
    temperature: Annotated[float, Field(ge=0, le=2), Says("a number from 0 to 2")] = 0.0
    max_tokens: Annotated[int, Field(ge=1, le=65_536), Says("an integer from 1 to 65536")] = 256
    concurrency: Annotated[int, Field(ge=1, le=256), Says("an integer from 1 to 256")] = 4
    requests_per_minute: Annotated[int, Field(ge=0, le=1_000_000), Says("an integer from 0 to 1000000")] = 0
    connect_seconds: Seconds = 10.0
    timeout: Seconds = 60.0
    retries: Annotated[int, Field(ge=0, le=20), Says("an integer from 0 to 20")] = 4

    @property
    def limits(self) -> serving.Budget:
        """The budget as a sampler keeps it."""
        return serving.Budget(**self.budget.model_dump())

    def connection(self, name: str, key: str, read: int, written: int) -> serving.Connection:
        """What a sampler is told. read, written: tokens that the ledger says were paid for."""
        return serving.Connection(
            name=name,
            url=self.url,
            model=self.model,
            budget=self.limits,
            key=key,
            key_env=self.key_env,
            reported=self.reported,
            verdicts=self.verdicts,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            concurrency=self.concurrency,
            requests_per_minute=self.requests_per_minute,
            connect_seconds=self.connect_seconds,
            seconds=self.timeout,
            retries=self.retries,
            spent_read=read,
            spent_written=written,
        )
