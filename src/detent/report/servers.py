"""What model servers were asked and paid, by the ledger, beside what the charter allows: for `status` and the report.

>>> server_text(servers_document(entries, {"wise": Budget(5_000_000, 20.0, 0.5, 1.5)})["wise"])
'12,345 of 5,000,000 tokens, 0.0141 of 20 money; 812 answers, 3 abstained (Qwen/Qwen3-8B)'
"""

from collections.abc import Iterable, Mapping
from typing import Any

from detent.report import _words as words
from detent.report.figures import Table
from detent.values import Entry, ServerAsked
from detent.values.serving import Budget

PURPOSES = {
    "exam": "its exam as a judge",
    "answers": "answers",
    "preferences": "preferences",
    "proposals": "changes to try",
}
GONE = "no longer in the charter"


def servers_document(
    entries: Iterable[Entry], budgets: Mapping[str, Budget], paid: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Every server of the charter in force, and every other that was asked, by name, in plain values.

    budgets: of those in force. `budget_tokens` is None of a server that is no longer among them. paid: tokens by the
    samplers' own journals; what the ledger does not have of them yet, in a turn under way, is `unrecorded_tokens`.
    """
    asked = [entry for entry in entries if isinstance(entry, ServerAsked)]
    names = sorted({*budgets, *(entry.server for entry in asked)})
    return {
        name: _totals(
            [entry for entry in asked if entry.server == name], budgets.get(name), (paid or {}).get(name, 0)
        )
        for name in names
    }


def _totals(asked: list[ServerAsked], budget: Budget | None, paid: int) -> dict[str, Any]:
    tokens = sum(entry.tokens for entry in asked)
    reports = [report for entry in asked for report in entry.reports]
    return {
        "model": asked[-1].model if asked else "",
        "answers": sum(one.asked for one in reports),
        "abstained": sum(one.abstained for one in reports),
        "tokens": tokens,
        "unrecorded_tokens": max(0, paid - tokens),
        "money": sum(entry.money for entry in asked),
        "budget_tokens": None if budget is None else budget.tokens,
        "budget_money": None if budget is None else budget.money,
    }


def server_text(values: Mapping[str, Any]) -> str:
    """The same of one server, for a person."""
    tokens = words.count(values["tokens"])
    if values["budget_tokens"] is None:
        spent = f"{tokens} tokens, {GONE}"
    else:
        spent = f"{tokens} of {words.count(values['budget_tokens'])} tokens"
    if values["budget_money"]:
        spent += f", {values['money']:.3g} of {values['budget_money']:g} money"
    if values["unrecorded_tokens"]:
        spent += f", and {words.count(values['unrecorded_tokens'])} tokens that are not on the ledger yet"
    model = f" ({values['model']})" if values["model"] else ""
    return f"{spent}; {words.count(values['answers'])} answers, {words.count(values['abstained'])} abstained{model}"


def servers(asked: Iterable[ServerAsked], budgets: Mapping[str, Budget]) -> Table | None:
    """A row each time that a server was asked, and one for each server's total; None where none was."""
    every = list(asked)
    rows = [
        (
            str(entry.generation),
            entry.server,
            entry.model,
            PURPOSES[entry.purpose],
            words.count(sum(one.asked for one in entry.reports)),
            words.count(sum(one.abstained for one in entry.reports)),
            words.count(entry.tokens),
            f"{entry.money:.3g}",
        )
        for entry in every
    ]
    for name, total in servers_document(every, budgets).items():
        bound, money = total["budget_tokens"], total["budget_money"]
        tokens = words.count(total["tokens"]) + (f" of {words.count(bound)}" if bound is not None else "")
        cost = f"{total['money']:.3g}" + (f" of {money:g}" if money else "")
        counted = words.count(total["answers"]), words.count(total["abstained"])
        rows.append(
            (
                "all",
                name,
                total["model"],
                "of its budget" if bound is not None else GONE,
                *counted,
                tokens,
                cost,
            )
        )
    head = ("generation", "server", "model", "for what", "answers", "abstained", "tokens", "money")
    return Table(head, tuple(rows), numbers=4) if every else None
