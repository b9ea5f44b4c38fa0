"""[servers.NAME]: what an author may write of a server, and what is refused before anything is asked."""

from typing import get_args

import pytest
from tests.charter.charter_faults import faults
from tests.charter.charter_texts import CATALOGUE, DRAFT

from detent.charter import parse_draft
from detent.values.serving import Purpose

SERVER = """
[servers.wise]
url = "https://judge.example:8000/v1"
model = "Qwen/Qwen3-8B"
budget = { tokens = 1000 }
"""


def draft(server: str = SERVER, methods: str = '["self_label", "dpo"]', rest: str = "") -> str:
    judge = f'judge_source = "server:wise"\nforms = "words"\n{rest}'
    return f"{DRAFT}\n[feedback]\nmethods = {methods}\n{judge}\n{server}"


def changed(old: str, new: str) -> str:
    assert old in SERVER
    return draft(SERVER.replace(old, new))


def test_a_server_judges_in_words_and_is_no_folder() -> None:
    found = parse_draft(draft(), CATALOGUE)
    feedback = found.feedback
    assert (feedback.judge_server, feedback.judge_given, feedback.compares, feedback.judged) == (
        "wise",
        False,
        True,
        False,
    )
    connection = found.servers["wise"].connection("wise", "key", 7, 8)
    assert (connection.url, connection.model, connection.key) == (
        "https://judge.example:8000/v1",
        "Qwen/Qwen3-8B",
        "key",
    )
    assert (connection.budget.tokens, connection.spent_read, connection.spent_written) == (1000, 7, 8)


EXPLORING = """
[constraints]
changes = ["data", "feedback"]
[explore]
proposers = ["rules", "model"]
server = "server:wise"
"""
ADVISED = DRAFT.replace("[pace]\n", "[pace]\ncandidates = 4\n") + EXPLORING + SERVER + "max_tokens = 2048\n"


def test_a_server_may_propose_changes_and_nothing_else() -> None:
    found = parse_draft(ADVISED, CATALOGUE)
    asked = {purpose: found.server_for(purpose) for purpose in get_args(Purpose)}
    assert asked == {"exam": "", "answers": "", "preferences": "", "proposals": "wise"}
    assert found.asked_servers == {"wise"}


REFUSED = {
    "what proposes is no server of the charter's": (
        ADVISED.replace("[servers.wise]", "[servers.other]"),
        "explore.server: server:NAME of a server that [servers] names expected",
    ),
    "what proposes is a path": (
        ADVISED.replace('"server:wise"', '"/etc/passwd"'),
        'explore.server: "server:NAME", or nothing, expected',
    ),
    "a model proposes and no server is named": (
        ADVISED.replace('server = "server:wise"\n', ""),
        'explore.server: "server:NAME" with "model" among explore.proposers',
    ),
    "a server is named and no model proposes": (
        ADVISED.replace('["rules", "model"]', '["rules"]'),
        'explore.server: "server:NAME" with "model" among explore.proposers',
    ),
    "what proposes has no room for an answer": (
        ADVISED.replace("max_tokens = 2048\n", ""),
        "servers.wise.max_tokens: at least 1024 expected of a server that proposes changes",
    ),
    "nothing is tried that it could propose": (
        ADVISED.replace("candidates = 4\n", ""),
        "explore.server: nothing expected with pace.candidates = 1",
    ),
    "what proposes may cost, and nobody says what": (
        ADVISED.replace("tokens = 1000", "tokens = 1000, money = 1.0"),
        "servers.wise.budget.money: price_in and price_out above 0",
    ),
    "there is no such server": (
        draft(""),
        "feedback.judge_source: server:NAME of a server that [servers] names expected",
    ),
    "its name is left out": (
        draft().replace('"server:wise"', '"server:"'),
        'servers.wise: feedback.judge_source = "server:wise", or teacher, or explore.server, expected',
    ),
    "nothing asks it": (
        f"{DRAFT}\n{SERVER}",
        'servers.wise: feedback.judge_source = "server:wise", or teacher, or explore.server, expected, got none',
    ),
    "it is to score in the middle of a training": (
        draft(methods='["self_label", "grpo"]'),
        'feedback.methods: no "grpo" expected',
    ),
    "it is asked in signs": (draft().replace('forms = "words"\n', ""), 'feedback.forms: "words" expected'),
    "there is a password in its address": (
        changed("https://", "https://me:secret@"),
        "servers.wise.url: a URL beginning",
    ),
    "there is a key in its address": (changed("/v1", "/v1?key=secret"), "servers.wise.url: a URL beginning"),
    "its address is a file": (changed("https://", "file://"), "servers.wise.url: a URL beginning"),
    "its key stands in the charter": (
        changed("budget", 'key = "sk-secret"\nbudget'),
        "servers.wise.key: a key of [servers.wise] expected",
    ),
    "a key stands where its variable should": (
        changed("budget", 'key_env = "sk-secret"\nbudget'),
        "servers.wise.key_env: the name of an environment variable",
    ),
    "it has no budget": (
        changed("budget = { tokens = 1000 }\n", ""),
        "servers.wise.budget: a table with tokens expected, got nothing",
    ),
    "its budget is in money alone": (
        changed("tokens = 1000", "money = 5.0, price_in = 1.0, price_out = 1.0"),
        "servers.wise.budget.tokens: an integer of at least 1 expected, got nothing",
    ),
    "nobody says what tokens cost": (
        changed("tokens = 1000", "tokens = 1000, money = 5.0"),
        "servers.wise.budget.money: price_in and price_out above 0 beside it expected",
    ),
    "nobody knows the teacher": (
        draft(rest='teacher = "server:other"\n'),
        "feedback.teacher: server:NAME of a server that [servers] names expected",
    ),
    "the teacher is no server": (
        draft(rest='teacher = "models/wise"\n'),
        'feedback.teacher: "server:NAME", or nothing, expected',
    ),
    "nobody compares the teacher's answers": (
        draft(methods='["self_label"]', rest='teacher = "server:wise"\n'),
        'feedback.teacher: "dpo" among the methods, and a judge in words, expected beside it',
    ),
    "a verdict that is only said is to be sure": (
        draft(SERVER + 'verdicts = "text"\n', rest="least_odds = 2.0\n"),
        "feedback.least_odds: at most 1 expected with servers.wise.verdicts",
    ),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_charter_is_refused_when(text: str, said: str) -> None:
    assert any(said in line for line in faults(text)), faults(text)
