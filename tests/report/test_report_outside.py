"""What servers were paid, and which base adapters belong to, in `status` and in the report."""

from typing import Any

import pytest
from msgspec import structs
from tests.report.synthetic_run import TOP, ledger

from detent.report import (
    Budget,
    adapter_document,
    render,
    servers_document,
    status_document,
    status_text,
    tell,
)
from detent.report.servers import server_text, servers
from detent.values import Entry, Lora, ModelFetched, ServerAsked, SubjectBuilt, fold
from detent.values.serving import Budget as ServerBudget
from detent.values.serving import Report

NOW = "2026-01-01T12:00:00Z"
BUDGETS = {"wise": ServerBudget(5_000_000, 20.0, 0.5, 1.5)}
REPORT = Report(
    asked=400, kept=7, abstained=3, reported={"judge, fp": 400}, read=9000, written=345, questions="ab" * 32
)


def asked(generation: int = 1, **more: Any) -> ServerAsked:
    return structs.replace(
        ServerAsked(
            generation=generation,
            purpose="preferences",
            server="wise",
            url="http://127.0.0.1:8000/v1",
            model="org/judge",
            verdicts="logprobs",
            temperature=0.0,
            reports=(REPORT, REPORT),
            money=0.25,
            record="cd" * 32,
        ),
        **more,
    )


def test_what_was_spent_is_added_up_beside_the_budget() -> None:
    (found,) = servers_document([asked(), asked(2)], BUDGETS).values()
    assert found == {
        "model": "org/judge",
        "answers": 1600,
        "abstained": 12,
        "tokens": 4 * 9345,
        "unrecorded_tokens": 0,
        "money": 0.5,
        "budget_tokens": 5_000_000,
        "budget_money": 20.0,
    }


def test_a_server_that_was_never_asked_has_spent_nothing_and_one_that_is_gone_has_no_budget() -> None:
    found = servers_document([asked(server="other")], BUDGETS)
    assert (found["wise"]["tokens"], found["wise"]["budget_tokens"]) == (0, 5_000_000)
    assert (found["other"]["tokens"], found["other"]["budget_tokens"]) == (2 * 9345, None)


def test_what_a_sampler_paid_and_nobody_wrote_down_yet_is_said_apart() -> None:
    (found,) = servers_document([asked()], BUDGETS, {"wise": 20_000}).values()
    assert (found["tokens"], found["unrecorded_tokens"]) == (18_690, 1_310)
    assert "0.25 of 20 money, and 1,310 tokens that are not on the ledger yet; 800" in server_text(found)
    (found,) = servers_document([asked()], BUDGETS, {"wise": 5}).values()
    assert found["unrecorded_tokens"] == 0


def test_the_report_has_a_row_each_time_and_one_for_the_budget() -> None:
    table = servers([asked(), asked(2)], BUDGETS)
    assert table is not None
    assert [row[0] for row in table.rows] == ["1", "2", "all"]
    assert table.rows[-1][-2:] == ("37,380 of 5,000,000", "0.5 of 20")
    assert servers([], BUDGETS) is None


def with_adapter(entries: list[Entry], *, fetched: bool) -> list[Entry]:
    """The run, whose first models are adapters of a base that was fetched, or was not."""
    place, first = next((at, one) for at, one in enumerate(entries) if isinstance(one, SubjectBuilt))
    changed: list[Entry] = list(entries)
    changed[place] = structs.replace(first, lora=Lora(rank=8, alpha=16.0))
    note = ModelFetched(repo="org/model", revision="c0ffee" + "0" * 34, digest=first.parent, at=entries[1].at)
    return [*changed[:1], *([note] if fetched else []), *changed[1:]]


def test_status_and_report_say_rank_base_and_bill() -> None:
    entries = with_adapter(list(ledger(generations=2, seed=1)), fetched=False)
    document = status_document(fold(entries), "ready", Budget(0.05, 0.001, {}), NOW)
    adapter = adapter_document(entries)
    assert adapter is not None
    document |= {"adapter": adapter, "servers": servers_document([asked()], BUDGETS)}
    said = status_text(document)
    assert f"rank 8, alpha 16, on all-linear; base {adapter['base'][:8]}" in said
    assert "server wise" in said
    assert "18,690 of 5,000,000 tokens, 0.25 of 20 money; 800 answers, 6 abstained (org/judge)" in said
    story = structs.replace(tell(entries, "r", "p", TOP), served=(asked(),), budgets=BUDGETS)
    page = render(story)
    assert "Each model is an adapter: rank 8" in page
    assert "18,690 of 5,000,000" in page


def test_a_base_that_was_fetched_is_named() -> None:
    found = adapter_document(with_adapter(list(ledger(generations=2, seed=1)), fetched=True))
    assert found is not None
    assert (found["repo"], found["revision"][:6]) == ("org/model", "c0ffee")


def test_whole_models_have_no_adapter_and_a_run_without_servers_no_bill() -> None:
    entries = list(ledger(generations=2, seed=1))
    assert adapter_document(entries) is None
    assert servers_document(entries, {}) == {}
    assert "Model servers" not in render(tell(entries, "r", "p", TOP))


HOSTILE = {
    "markup": "<script>alert(1)</script>",
    "a control character": "x\x1b[2Jy",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_a_ledger_says_of_a_server_is_text_and_nothing_else(case: str) -> None:
    entries = list(ledger(generations=2, seed=1))
    hostile = asked(model=HOSTILE[case], server=HOSTILE[case])
    page = render(structs.replace(tell(entries, "r", "p", TOP), served=(hostile,)))
    document = status_document(fold(entries), "ready", Budget(0.05, 0.001, {}), NOW)
    said = status_text(document | {"servers": servers_document([hostile], {})})
    for shown in (page, said):
        assert "\x1b" not in shown
    assert "<script>alert" not in page
