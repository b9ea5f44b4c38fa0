"""A server is asked: what it says is kept, written down, and only then used.

    >>> rows = serving.said(parts, "exam", lambda ask: examined(sitting, cases, ask, tasks))
    >>> examined(sitting, cases, from_record(rows), tasks)

A turn that was cut short goes on from what is on record. Where nothing is yet, its questions are asked again, and those
that were answered before are answered from the sampler's folder, and not paid twice.
"""

from collections.abc import Callable, Sequence

from detent.errors import UsageError
from detent.loop.parts import Parts
from detent.propose import Keeping
from detent.values import AnswerJob, Job, JudgeJob, Result, SampleJob, ServerAsked, server_named
from detent.values.serving import Kept, Purpose, Report, decode_kept, encode_kept

Ask = Callable[[Job], Result]


def said(parts: Parts, purpose: Purpose, ask_for: Callable[[Ask], Sequence[Kept] | None]) -> list[Kept]:
    """What a server said in this turn for that purpose, as it stands on record.

    ask_for: asks all there is to ask; what it returns is kept before the answers.
    """
    entry = parts.book.once(f"asked/v1/{purpose}", lambda: _asked(parts, purpose, ask_for))
    return decode_kept(parts.data.read_bytes(entry.record))


def _asked(parts: Parts, purpose: Purpose, ask_for: Callable[[Ask], Sequence[Kept] | None]) -> ServerAsked:
    name = parts.charter.server_for(purpose)
    server, reports = parts.charter.servers[name], list[Report]()
    # Under another charter, or for something else, the same question is another one.
    turn = f"{purpose} of generation {parts.book.state.generation} under charter {parts.charter.version}"

    def ask(job: Job) -> Result:
        if not isinstance(job, JudgeJob | AnswerJob | SampleJob) or not server_named(job.model):
            return parts.ask(job)
        if name not in parts.servers:
            raise UsageError(f"a sampler of servers.{name} expected, got none; run it with: detent run")
        served = parts.servers[name].ask(job, turn, parts.watch)
        reports.append(served.report)
        return served.result

    keeping = Keeping(ask)
    before = ask_for(keeping) or ()
    read, written = sum(one.read for one in reports), sum(one.written for one in reports)
    return ServerAsked(
        purpose=purpose,
        server=name,
        url=server.url,
        model=server.model,
        verdicts=server.verdicts,
        temperature=server.temperature,
        reports=tuple(reports),
        money=server.limits.cost(read, written),
        record=parts.data.put_bytes(encode_kept([*before, *keeping.rows])),
    )
