"""What each job asks of a server, and what its answers amount to: rulings in both orders, answers, samples."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from detent.errors import UsageError
from detent.feedback import Filled, JudgeRule, Pair, Template, joined, judge
from detent.sampler._answers import Answers as KeptAnswers
from detent.sampler._answers import Reply
from detent.sampler._client import Answered, Client, Question, greet
from detent.sampler._pace import Pace
from detent.sampler._purse import Purse
from detent.sampler._reading import odds_of
from detent.values import (
    AnswerJob,
    Answers,
    Judged,
    JudgeJob,
    Room,
    Ruling,
    Sample,
    Sampled,
    SampleJob,
    sha256_hex,
)
from detent.values.room import LONGEST_TOKEN, room_after
from detent.values.serving import Ask, Connection, Greeted, Report, Served

Tell = Callable[[int, int], None]
"""Told how many questions of how many are answered; now and then while none is, too, so that silence is a fault."""

BREATH = 2.0
"""Seconds between two words of one who waits."""

ALONE = "Answer with the answer alone: no explanation, no words before it or after it."
"""Said to a server before a prompt, which a model of the run would go on writing after."""

TOLD = 20
"""Likeliest first tokens that are asked for."""

MOST_NAMES, OTHERS = 16, "others"
"""Names of what answered that a report has at the most; what all others are called together."""

_TOKENS = {"logprobs": 1, "text": 8, "json": 24}


class Desk:
    """Where one server's jobs are done."""

    def __init__(self, connection: Connection, purse: Purse, kept: KeptAnswers) -> None:
        self._connection, self._purse, self._kept = connection, purse, kept
        self._pace = Pace(connection.requests_per_minute)

    def done(self, ask: Ask, tell: Tell) -> Served:
        """The job's result, with what came of its questions.

        Raises:
            DetentError: as `Client.ask`; the first that failed ends the others.
        """
        match ask.job:
            case JudgeJob() as job:
                return self._judged(job, ask.turn, tell)
            case AnswerJob() as job:
                return self._answered(job, ask.turn, tell)
            case SampleJob() as job:
                return self._sampled(job, ask.turn, tell)

    def greeted(self) -> Greeted:
        """The server is there, and takes the key; nothing is asked, and nothing paid.

        Raises:
            PeerError: nobody answers there, or somebody who serves no models.
            UsageError: it refuses the key.
        """
        asyncio.run(greet(self._connection))
        return Greeted()

    def _judged(self, job: JudgeJob, turn: str, tell: Tell) -> Served:
        rule = JudgeRule(Template(job.form.text, fenced=job.form.fenced), job.verdicts, job.margin)
        reports: list[Report] = []

        def asked(filled: Sequence[Filled], verdicts: Sequence[str], /) -> list[tuple[float, ...] | None]:
            questions = [self._verdict(joined(one), verdicts) for one in filled]
            answers, digests = self._asked(questions, turn, tell)
            odds = [odds_of(one.reply, verdicts, self._connection.verdicts) for one in answers]
            alone = dict(zip(digests, odds, strict=True))
            reports.append(_report(answers, digests, abstained=list(alone.values()).count(None)))
            # Half of the log-odds each: only their difference is ever read.
            return [None if one is None else (one / 2, -one / 2) for one in odds]

        pairs = [Pair(one.prompt, one.first, one.second, one.principle) for one in job.pairs]
        found = judge(asked, pairs, rule)
        rulings = tuple(Ruling(one.verdict, one.odds) for one in found)
        return Served(result=Judged(rulings=rulings), report=reports[0] if reports else _report([], []))

    def _answered(self, job: AnswerJob, turn: str, tell: Tell) -> Served:
        if job.noise:
            raise UsageError("an answer job without noise expected for a server, got one with; ask a model")
        questions = [Question(prompt, self._connection.max_tokens, ALONE) for prompt in job.prompts]
        answers, digests = self._asked(questions, turn, tell)
        texts = tuple(
            _clipped(one.reply, prompt, job.extra_tokens)[0]
            for prompt, one in zip(job.prompts, answers, strict=True)
        )
        return Served(result=Answers(completions=texts), report=_report(answers, digests))

    def _sampled(self, job: SampleJob, turn: str, tell: Tell) -> Served:
        every = [
            Question(
                prompt,
                self._connection.max_tokens,
                ALONE,
                {"temperature": job.temperature, "seed": (job.seed + number) % (1 << 31)},
            )
            for prompt in job.prompts
            for number in range(job.samples)
        ]
        answers, digests = self._asked(every, turn, tell)
        # A server's own confidence is not asked for: 0, the least, promises nothing.
        prompts = (prompt for prompt in job.prompts for _ in range(job.samples))
        samples = [
            Sample(*_clipped(one.reply, prompt, job.extra_tokens), 0.0)
            for prompt, one in zip(prompts, answers, strict=True)
        ]
        rows = [tuple(samples[at : at + job.samples]) for at in range(0, len(samples), job.samples)]
        return Served(result=Sampled(samples=tuple(rows)), report=_report(answers, digests))

    def _verdict(self, text: str, verdicts: Sequence[str]) -> Question:
        by = self._connection.verdicts
        more: dict[str, Any] = {}
        if by == "logprobs":
            more = {"logprobs": True, "top_logprobs": TOLD}
        if by == "json":
            more = {"response_format": _schema(verdicts)}
            text += '\nWrite it as a JSON object with the key "verdict".\n'
        return Question(text, _TOKENS[by], more=more)

    def _asked(
        self, questions: Sequence[Question], turn: str, tell: Tell
    ) -> tuple[list[Answered], list[str]]:
        return asyncio.run(self._together(questions, turn, tell))

    async def _together(
        self, questions: Sequence[Question], turn: str, tell: Tell
    ) -> tuple[list[Answered], list[str]]:
        client = Client(self._connection, self._purse, self._kept, self._pace, turn)
        done = 0

        async def one(question: Question) -> Answered:
            nonlocal done
            answered = await client.ask(question)
            done += 1
            return answered

        async def breathe() -> None:
            while True:
                tell(done, len(questions))
                await asyncio.sleep(BREATH)

        digests = [client.digest(question) for question in questions]
        alone = dict(zip(digests, questions, strict=True))  # what is asked twice is paid once
        breath = asyncio.create_task(breathe())
        try:
            found = dict(zip(alone, await _all([one(question) for question in alone.values()]), strict=True))
        finally:
            breath.cancel()
            with suppress(asyncio.CancelledError):
                await breath
            await client.close()
        tell(len(questions), len(questions))
        return [found[digest] for digest in digests], digests


async def _all(asked: Sequence[Awaitable[Answered]]) -> list[Answered]:
    """All answers; the first failure ends the others, and is raised."""
    tasks = [asyncio.ensure_future(one) for one in asked]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _clipped(reply: Reply, prompt: str, room: Room) -> tuple[str, bool]:
    """The text, and whether it ended; one that no model of the run could write is cut, so that a record stays small."""
    text, most = reply.text.strip(), LONGEST_TOKEN * room_after(len(prompt), room)
    return (text, reply.ended) if len(text) <= most else (text[: most + 1], False)


def _few(reported: dict[str, int]) -> dict[str, int]:
    """The names that most answers came by; the others are counted together. A server may have one for each answer."""
    most = sorted(reported, key=lambda name: (-reported[name], name))
    few = {name: reported[name] for name in most[: MOST_NAMES if len(most) <= MOST_NAMES else MOST_NAMES - 1]}
    if rest := sum(reported.values()) - sum(few.values()):
        few[OTHERS] = few.get(OTHERS, 0) + rest
    return dict(sorted(few.items()))


def _report(answers: Sequence[Answered], digests: Sequence[str], abstained: int = 0) -> Report:
    """What came of the questions; each counts once, however often it was asked in the job."""
    alone = dict(zip(digests, answers, strict=True))
    reported: dict[str, int] = {}
    for one in alone.values():
        name = ", ".join(filter(None, (one.reply.model, one.reply.fingerprint)))
        reported[name] = reported.get(name, 0) + 1
    return Report(
        asked=len(alone),
        kept=sum(one.kept for one in alone.values()),
        abstained=abstained,
        reported=_few(reported),
        read=sum(one.reply.read for one in alone.values()),
        written=sum(one.reply.written for one in alone.values()),
        questions=sha256_hex(msgspec.json.encode(list(digests))),
    )


def _schema(verdicts: Sequence[str]) -> dict[str, Any]:
    properties = {"verdict": {"type": "string", "enum": list(verdicts)}}
    schema = {
        "type": "object",
        "properties": properties,
        "required": ["verdict"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": schema}}
