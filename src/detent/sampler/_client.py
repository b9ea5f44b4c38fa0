"""One question to a server, through the openai client: asked again where that may help, paid for, and kept.

Whatever a server does ends within `seconds` times one more than `retries`, and the waits between: with a reply, or an
error that says who must act. The key is in no message: what holds it is not passed on.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import httpx2 as httpx
import msgspec
import openai

from detent.errors import DetentError, PeerError, UsageError
from detent.sampler._answers import Answers, Reply
from detent.sampler._pace import LONGEST_WAIT, Pace, backoff, retry_after
from detent.sampler._purse import Held, Purse
from detent.sampler._reading import MalformedError, read, shown
from detent.sampler._transport import TooLargeError, http_client
from detent.values import sha256_hex
from detent.values.serving import Connection

_AGAIN = {408, 409, 425, 429}
_REFUSED = {401, 403}
_SERVERS_FAULT = 500
_REDIRECTS = range(300, 400)
HIDDEN = "[key]"
_SECRET = 12  # characters: local servers take any word for a key, and may well say that word
_PART = (
    16  # characters of a key in a row that are no accident, nor the beginning that all keys of a maker have
)
_SAID_PART = 8  # the same of a refusal, which can be done without
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\(.)")


class Question(NamedTuple):
    """What is asked. most_written: tokens. more: parameters beside those that every question has."""

    text: str
    most_written: int
    system: str = ""
    more: Mapping[str, Any] = {}


class Answered(NamedTuple):
    """A reply, and whether it was kept from before."""

    reply: Reply
    kept: bool


class Client:
    """One server, for one job: its connections belong to the event loop that it is used in."""

    def __init__(self, connection: Connection, purse: Purse, answers: Answers, pace: Pace, turn: str) -> None:
        self._connection, self._purse, self._answers, self._pace = connection, purse, answers, pace
        self._turn = turn
        self._http = http_client(connection)
        self._openai = openai.AsyncOpenAI(
            api_key=connection.key or "none",
            base_url=connection.url,
            http_client=self._http,
            max_retries=0,  # tries are counted, and paid for, here
            timeout=self._http.timeout,
        )
        self._free = asyncio.Semaphore(connection.concurrency)

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def ask(self, question: Question) -> Answered:
        """The answer: one that was kept, else the server's.

        Raises:
            CharterError: the budget does not reach.
            UsageError: the server refuses the key or the question.
            PeerError: no answer that can be used, within the tries there are.
            StorageError: the disk refuses.
        """
        digest = self.digest(question)
        async with self._free:
            if (kept := self._answers.get(digest)) is not None:
                return Answered(kept, kept=True)
            reply = await self._tried(question)
        self._answers.put(digest, reply)
        return Answered(reply, kept=False)

    def digest(self, question: Question) -> str:
        """Of all that an answer depends on, and of the turn; not of the key."""
        return sha256_hex(msgspec.json.encode([self._turn, self._connection.url, self._body(question)]))

    def _body(self, question: Question) -> dict[str, Any]:
        system = [{"role": "system", "content": question.system}] if question.system else []
        return {
            "model": self._connection.model,
            "messages": [*system, {"role": "user", "content": question.text}],
            "max_tokens": question.most_written,
            "temperature": self._connection.temperature,
            **question.more,
        }

    async def _tried(self, question: Question) -> Reply:
        tried = 0
        while True:
            try:
                return await self._once(question)
            except _AgainError as again:
                problem = again
            tried += 1
            if tried > self._connection.retries:
                self._fail(f"{problem} {tried} times; is it up?")
            if problem.wait is None:
                await asyncio.sleep(backoff(tried - 1))
            elif problem.wait > LONGEST_WAIT:
                self._fail(f"asked for {problem.wait:.0f} s of quiet; run again later")
            else:
                self._pace.quiet(problem.wait)

    async def _once(self, question: Question) -> Reply:
        """One try.

        Raises:
            _AgainError: another may help.
        """
        await self._pace.turn()
        held = self._purse.hold(question.system + question.text, question.most_written)
        settled = False
        try:
            content = await self._sent(question)
            reply = self._read(question, content, held)
            settled = True  # also where paying finds that it was too much
            self._purse.pay(held, reply.read, reply.written)
        except openai.APIStatusError as error:
            self._purse.free(held)
            settled = True
            self._refused(error)
        except openai.APIConnectionError as error:
            settled = isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout)
            if settled:
                self._purse.free(held)
            self._broken(error)
        except TimeoutError as error:
            raise _AgainError(f"gave no whole answer in {self._connection.seconds:g} s") from error
        except MalformedError as error:
            raise _AgainError(f"gave something else: {error}") from error
        finally:
            if not settled:
                self._purse.lose(held)
        return reply

    async def _sent(self, question: Question) -> bytes:
        async with asyncio.timeout(self._connection.seconds):
            raw = await self._openai.chat.completions.with_raw_response.create(**self._body(question))
            content: bytes = raw.http_response.content
        return content

    def _read(self, question: Question, content: bytes, held: Held) -> Reply:
        self._without_key(content.decode(errors="replace"))
        reply = read(content, self._connection, *held)
        if question.more.get("logprobs") and reply.top is None:
            raise PeerError(
                f"log-probabilities of the first token expected from {self._name}, got none; start the server with "
                'them, or write verdicts = "text"'
            )
        return reply

    def _without_key(self, said: str) -> None:
        key = self._connection.key
        if len(key) >= _SECRET and _has_part(said, key, min(_PART, len(key))):
            raise PeerError(
                f"an answer without the key expected from {self._name}, got one that holds it, or part of it; nothing "
                "of it is kept: change the key, and ask who runs the server"
            )

    def _refused(self, error: openai.APIStatusError) -> NoReturn:
        """What a status says, for whoever must act."""
        status = error.status_code
        if status in _AGAIN or status >= _SERVERS_FAULT:
            raise _AgainError(
                f"answered {status}", retry_after(error.response.headers.get("retry-after"))
            ) from error
        if status in _REFUSED:  # what it says then often has part of the key in it, and is not passed on
            held = (
                f"the variable {self._connection.key_env}"
                if self._connection.key_env
                else "key_env, which is empty"
            )
            raise UsageError(
                f"a key that {self._name} takes expected in {held}, got {status}; put a key of that server there"
            ) from error
        if status in _REDIRECTS:
            raise UsageError(
                f"an answer from {self._name} itself expected, got a redirect ({status}), which is not followed: the "
                "key is for that server; correct url"
            ) from error
        said = shown(self.hidden(error.response.text))
        key = self._connection.key
        if len(key) >= _SECRET and _has_part(error.response.text, key, _SAID_PART):
            said = "something with part of the key in it, which is not repeated"
        raise UsageError(
            f"a question that {self._name} takes expected, got {status}; it says: {said or 'nothing'}; see url, model "
            "and verdicts"
        ) from error

    def _broken(self, error: openai.APIConnectionError) -> NoReturn:
        """What became of a connection."""
        cause = error.__cause__
        if isinstance(cause, TooLargeError):
            self._fail(f"sent what is no answer: {cause}")
        said = f"{type(cause or error).__name__}: {shown(self.hidden(str(cause or error)))}"
        raise _AgainError(f"gave no whole answer ({said})") from error

    def _fail(self, what: str) -> NoReturn:
        raise PeerError(f"an answer expected from {self._name}, which {self.hidden(what)}")

    def hidden(self, text: str) -> str:
        """The same without the key."""
        return text.replace(self._connection.key, HIDDEN) if self._connection.key else text

    @property
    def _name(self) -> str:
        return f"servers.{self._connection.name}"


async def greet(connection: Connection) -> None:
    """Return when a server of models answers at the address, and takes the key.

    What may pass (it is busy, or ill) is no reason to stop a run that has not asked it yet.

    Raises:
        PeerError: nobody answers there, or somebody who serves no models.
        UsageError: it refuses the key.
    """
    name, headers = f"servers.{connection.name}", {"authorization": f"Bearer {connection.key or 'none'}"}
    client = http_client(connection)
    try:
        said = await client.get(f"{connection.url.rstrip('/')}/models", headers=headers)
    except httpx.HTTPError as error:
        why = type(error).__name__
        raise PeerError(
            f"{name} expected at its url, got no answer ({why}); is it up, is url right?"
        ) from error
    finally:
        await client.aclose()
    if said.status_code in _REFUSED:
        raise UsageError(
            f"a key that {name} takes expected in the variable {connection.key_env or 'key_env'}, got "
            f"{said.status_code}; export another"
        )
    lasting = said.status_code < _SERVERS_FAULT and said.status_code not in _AGAIN
    if lasting and not said.is_success:
        raise PeerError(
            f"{name} expected at its url, got {said.status_code} for {{url}}/models; correct url: most end in /v1"
        )


def _has_part(said: str, key: str, least: int) -> bool:
    """Whether `least` characters in a row of the key are in it, as they are or as JSON may write them."""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], said)
    parts = (key[start : start + least] for start in range(len(key) - least + 1))
    return any(part in said or part in plain for part in parts)


class _AgainError(DetentError):
    """A try that failed, and another may not. wait: seconds that the server asks for."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait
