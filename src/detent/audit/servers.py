"""What a server said: asked as the charter in force says, within its budget, and kept as it was said.

Nobody can know what weights answered, so nothing of it is asked again. What followed from it is computed again, by
`judge` and `data`; here are the entries, and the files that they name.
"""

from collections import defaultdict
from collections.abc import Iterator

from detent.audit.evidence import Case
from detent.audit.files import named_file
from detent.audit.findings import Finding, counted, missing
from detent.audit.signatures import Charters
from detent.audit.steps import Step
from detent.charter import SignedCharter
from detent.errors import DetentError, TrustError
from detent.values import JudgeTested, ServerAsked, server_named
from detent.values.serving import Heard, Kept, Purpose, Wrote, decode_kept

_FOLLOWS: dict[Purpose, str] = {
    "exam": "health/v1",
    "answers": "data/v1/preferred",
    "preferences": "data/v1/preferred",
    "proposals": "suggested/v1",
}
"""What follows from it, and so stands after it."""


def kept_rows(case: Case, step: Step, purpose: Purpose) -> list[Kept] | None:
    """What a server said in a step's turn; None where the file is rightly not at hand.

    Raises:
        TrustError: it was not asked before the step; the file is missing, was changed or holds something else.
    """
    asked = step.before.slots.get(f"asked/v1/{purpose}")
    if not isinstance(asked, ServerAsked):
        raise TrustError(f"a server that was asked before, asked/v1/{purpose}, expected, got none")
    return _read(case, asked)


def _read(case: Case, asked: ServerAsked) -> list[Kept] | None:
    if case.without(f"answers/{asked.record}") and not (case.evidence.answers / asked.record).exists():
        return None
    return decode_kept(named_file(case.evidence.answers, asked.record, ""))


def check_servers(case: Case, charters: Charters) -> Finding:
    """Each server was the charter's, asked no more than it allows, and what it said is there, as it was said."""
    faults: list[str] = []
    lacking: list[str] = []
    spent: defaultdict[str, list[float]] = defaultdict(lambda: [0, 0.0])
    questions = 0
    for step, asked in case.all(ServerAsked):
        questions += sum(one.asked for one in asked.reports)
        tokens, money = spent[asked.server]
        spent[asked.server] = [tokens + asked.tokens, money + asked.money]
        try:
            wrong = list(_faults(case, charters.at(step), step, asked, *spent[asked.server]))
            if _read(case, asked) is None:
                lacking.append(case.without(f"answers/{asked.record}"))
        except DetentError as error:
            wrong = [str(error)]
        faults += [f"{step.place}: {fault}" for fault in wrong]
    faults += [
        f"{step.place}: a server's exam, asked/v1/exam, before the exam's figures expected, got none"
        for step, tested in case.all(JudgeTested)
        if server_named(tested.judge) and "asked/v1/exam" not in step.before.slots
    ]
    took = ", ".join(f"{tokens:,.0f} tokens of {name}" for name, (tokens, _) in sorted(spent.items()))
    detail = f"{counted(questions, 'answer')} of servers on record, none asked again{took and f'; {took}'}"
    return Finding("servers", detail, tuple(faults), missing("record of a server's answers", lacking))


def _faults(  # noqa: PLR0917
    case: Case, signed: SignedCharter, step: Step, asked: ServerAsked, tokens: float, money: float
) -> Iterator[str]:
    charter = signed.charter
    server, named = charter.servers.get(asked.server), charter.server_for(asked.purpose)
    if server is None or asked.server != named:
        yield f"the server {named or 'nobody'} of the charter expected, got {asked.server}"
        return
    wanted = (server.url, server.model, server.verdicts, server.temperature)
    if (asked.url, asked.model, asked.verdicts, asked.temperature) != wanted:
        yield f"a server asked as {wanted} expected, got {asked.url}, {asked.model}, {asked.verdicts}"
    if _FOLLOWS[asked.purpose] in step.before.slots:
        yield f"what a server said before {_FOLLOWS[asked.purpose]} expected, got it later"
    counts = [n for one in asked.reports for n in (one.asked, one.kept, one.abstained, one.read, one.written)]
    if min(counts, default=0) < 0 or any(
        one.kept > one.asked or one.abstained > one.asked or sum(one.reported.values()) != one.asked
        for one in asked.reports
    ):
        yield "counts of questions and tokens that go together expected, got others"
        return
    read, written = (sum(getattr(one, name) for one in asked.reports) for name in ("read", "written"))
    if asked.money != (cost := server.limits.cost(read, written)):
        yield f"{cost:g} for these tokens expected, got {asked.money:g}"
    if tokens > server.budget.tokens or (server.budget.money and money > server.budget.money):
        most = f"{server.budget.tokens} tokens, which cost {server.budget.money:g},"
        yield f"{most} at the most expected, got {tokens:g} and {money:g}"
    rows = _read(case, asked)
    if rows is not None:
        yield from _row_faults(asked, rows)


def _row_faults(asked: ServerAsked, rows: list[Kept]) -> Iterator[str]:
    """No more was heard than was asked: of each pair both orders, of each prompt an answer."""
    heard = [row for row in rows if isinstance(row, Heard)]
    wrote = sum(isinstance(row, Wrote) and server_named(row.model) == asked.server for row in rows)
    most, questions = 2 * len(heard) + wrote, sum(one.asked for one in asked.reports)
    unfit, abstained = sum(not row.odds for row in heard), sum(one.abstained for one in asked.reports)
    if questions > most or (heard and not questions):
        yield f"at most {most} questions for what was heard expected, got {questions}"
    if any(len(row.odds) not in {0, 2} for row in heard):
        yield "log-odds in both orders, or none, expected, got others"
    if abstained > 2 * unfit or unfit > 2 * abstained:
        yield f"abstentions for {unfit} pairs without a verdict expected, got {abstained}"
