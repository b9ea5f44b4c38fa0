"""A judge behind a server: its words are on record, all else follows from them, and whoever changes either is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.audit.compared_run import TRAINED
from tests.audit.forging import Forgery, assert_found, forge, without
from tests.audit.replaying import faults, replayed
from tests.audit.scripted_run import ScriptedRun, make_run
from tests.audit.served_run import A_QUESTION, SERVED, ServedWorker
from tests.audit.test_audit_tuned import first, forge_rows, of, origin, rows_of

from detent.assembly.named import named
from detent.assembly.samplers import spent_on
from detent.audit import verify
from detent.errors import PeerError
from detent.values import DataMade, JudgeTested, JudgeTrained, ServerAsked, Tuned, kept, sha256_hex
from detent.values.serving import Compared, Heard, Kept, Wrote, decode_kept, encode_kept


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    folder = tmp_path_factory.mktemp("served") / "run"
    return make_run(folder, SERVED, trained=TRAINED, worker_kind=ServedWorker)


@pytest.fixture
def run(served: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    return served.copy(tmp_path / "run")


def asked(run: ScriptedRun) -> list[ServerAsked]:
    found: list[ServerAsked] = of(run, ServerAsked)
    return found


def said(run: ScriptedRun, nth: int) -> list[Kept]:
    return decode_kept((run.folder / "answers" / asked(run)[nth].record).read_bytes())


def test_a_run_judged_by_a_server_verifies_and_takes_no_judge_in(served: ScriptedRun) -> None:
    findings = verify(served.evidence())
    assert not findings.faults, findings.lines
    assert not of(served, JudgeTrained)
    lines = "\n".join(findings.lines)
    total = sum(one.asked for entry in asked(served) for one in entry.reports)
    assert (
        f"{total} answers of servers on record, none asked again; {total * sum(A_QUESTION):,} tokens of wise"
        in lines
    )


def test_the_server_stands_where_a_judges_digest_would(served: ScriptedRun) -> None:
    assert {one.judge for one in (*of(served, Tuned), *of(served, JudgeTested))} == {"server:wise"}
    preferred = [one for one in of(served, DataMade) if one.origin.source == "preferred"]
    assert {one.origin.judge for one in preferred} == {"server:wise"}


def test_the_exam_is_asked_again_in_every_generation(served: ScriptedRun) -> None:
    exams = [one for one in asked(served) if one.purpose == "exam"]
    assert [one.generation for one in exams] == [1, 2, 3]
    assert all(one.reports[0].asked for one in exams)


def test_its_own_answers_are_examined_too(served: ScriptedRun) -> None:
    for tested in of(served, JudgeTested):
        assert tested.own is not None
        assert tested.own.pairs.items
    wrote = [row for row in said(served, 0) if isinstance(row, Wrote)]
    assert {row.model == "server:wise" for row in wrote} == {True, False}


def test_address_model_and_cost_are_on_the_ledger_and_no_key_is(served: ScriptedRun) -> None:
    for entry in asked(served):
        assert (entry.url, entry.model) == ("https://judge.example/v1", "wise-1b")
        questions = sum(one.asked for one in entry.reports)
        assert entry.money == pytest.approx(questions * (50 * 2.0 + 1 * 4.0) / 1e6)
    spent = spent_on("wise", served.record())
    assert sum(spent) == sum(entry.tokens for entry in asked(served))
    assert spent_on("other", served.record()) == (0, 0)


def test_what_was_said_goes_into_a_bundle_and_is_kept_whatever_retention_says(served: ScriptedRun) -> None:
    files = {entry.record for entry in asked(served)}
    assert files <= set(named(served.record()).answers)
    state = verify_state(served)
    assert files <= kept(state, models="last 1", data="in_force", answers="last 1").answers


def verify_state(run: ScriptedRun) -> Any:
    from detent.audit import read  # noqa: PLC0415

    return read(run.evidence()).state


@pytest.mark.parametrize("generation", [1, 2, 3])
def test_replay_says_that_a_server_is_not_asked_again_and_makes_the_rest(
    served: ScriptedRun, generation: int
) -> None:
    rerun = replayed(served, generation, kind=ServedWorker)
    assert rerun.differing == []
    (missing,) = rerun.missing
    assert missing.finding.check == "judge"
    assert "what a server says is recorded" in missing.missing
    made = [remade.finding.check for remade in rerun.made]
    assert [one for one in made if one in {"preferences", "tuned", "flips"}] == [
        "preferences",
        "tuned",
        "flips",
    ]


def forge_said(run: ScriptedRun, nth: int, change: Callable[[list[Kept]], list[Kept]]) -> None:
    """Change what a server is said to have said, and the entry that names it."""
    old = run.folder / "answers" / asked(run)[nth].record
    content = encode_kept(change(said(run, nth)))
    old.unlink()
    (old.parent / sha256_hex(content)).write_bytes(content)
    forge(run, ServerAsked, nth, record=sha256_hex(content))


def turn_over(rows: list[Kept]) -> list[Kept]:
    """The first ruling is the other way round."""
    place = next(n for n, row in enumerate(rows) if isinstance(row, Heard) and min(row.odds, default=0) > 0)
    row = rows[place]
    assert isinstance(row, Heard)
    turned = structs.replace(row, odds=tuple(-one for one in row.odds))
    return [*rows[:place], turned, *rows[place + 1 :]]


def unsaid(rows: list[Kept]) -> list[Kept]:
    """A ruling is missing."""
    place = next(n for n, row in enumerate(rows) if isinstance(row, Heard))
    return rows[:place] + rows[place + 1 :]


def other_pairs(rows: list[Kept]) -> list[Kept]:
    place = next(n for n, row in enumerate(rows) if isinstance(row, Compared) and row.pairs)
    row = rows[place]
    assert isinstance(row, Compared)
    backwards = structs.replace(row, pairs=tuple((second, first) for first, second in row.pairs))
    return [*rows[:place], backwards, *rows[place + 1 :]]


def forge_report(run: ScriptedRun, **fields: Any) -> None:
    entry = asked(run)[0]
    forge(run, ServerAsked, 0, reports=(structs.replace(entry.reports[0], **fields), *entry.reports[1:]))


def lose(run: ScriptedRun) -> None:
    (run.folder / "answers" / asked(run)[0].record).unlink()


def spoil(run: ScriptedRun) -> None:
    path = run.folder / "answers" / asked(run)[0].record
    path.write_bytes(path.read_bytes().replace(b"3.0", b"2.0", 1))


FORGED = {
    "another server was asked": Forgery(
        lambda run: forge(run, ServerAsked, 0, server="other"), "servers", "the server wise of the charter"
    ),
    "it was asked under another address": Forgery(
        lambda run: forge(run, ServerAsked, 0, url="https://else.example/v1"), "servers", "a server asked as"
    ),
    "another model was asked for": Forgery(
        lambda run: forge(run, ServerAsked, 0, model="cheap"), "servers", "a server asked as"
    ),
    "it was asked at another temperature": Forgery(
        lambda run: forge(run, ServerAsked, 0, temperature=1.0), "servers", "a server asked as"
    ),
    "it cost less than its tokens do": Forgery(
        lambda run: forge(run, ServerAsked, 0, money=0.0), "servers", "for these tokens expected"
    ),
    "more was asked than the budget allows": Forgery(
        lambda run: forge_report(run, read=10**9), "servers", "100000 tokens"
    ),
    "tokens were given back": Forgery(lambda run: forge_report(run, read=-5), "servers", "that go together"),
    "more was asked than was heard": Forgery(
        lambda run: forge_report(run, asked=10**6, reported={"wise-1b": 10**6}),
        "servers",
        "questions for what was heard",
    ),
    "it is said to have abstained": Forgery(
        lambda run: forge_report(run, abstained=12), "servers", "abstentions for"
    ),
    "others answered than were asked": Forgery(
        lambda run: forge_report(run, reported={"wise-1b": 1}), "servers", "that go together"
    ),
    "what it said in its exam is lost": Forgery(lose, "servers", "expected, got none"),
    "what it said in its exam was changed": Forgery(spoil, "servers", "it was changed"),
    "that it was asked before its exam is left out": Forgery(
        lambda run: without(run, ServerAsked, 0), "servers", "before the exam's figures"
    ),
    "the figures of its exam are better than its words": Forgery(
        lambda run: forge_said(run, 0, turn_over), "judge", "follow from what the server said"
    ),
    "a word of its exam is missing": Forgery(
        lambda run: forge_said(run, 0, unsaid), "judge", "expected on record, got nothing"
    ),
    "it preferred the other answer": Forgery(
        lambda run: forge_said(run, 1, turn_over), "data", "that follow from what the server said"
    ),
    "a preference is made up": Forgery(
        lambda run: forge_rows(run, first(odds=2.5)), "data", "that follow from what the server said"
    ),
    "a preference is left out": Forgery(
        lambda run: forge_rows(run, lambda rows: rows[1:]), "data", "that follow from what the server said"
    ),
    "a word about a pair is missing": Forgery(
        lambda run: forge_said(run, 1, unsaid), "data", "expected on record, got nothing"
    ),
    "other answers were compared": Forgery(
        lambda run: forge_said(run, 1, other_pairs), "data", "pairs of neighbours"
    ),
    "other problems were compared on": Forgery(
        lambda run: forge_said(run, 1, lambda rows: rows[1:]), "data", "problems that were drawn"
    ),
    "the incumbent preferred": Forgery(
        lambda run: origin(run, judge=of(run, Tuned)[0].parent), "data", "preferences as"
    ),
    "the server's exam is said to have taken compute of the run": Forgery(
        lambda run: forge(run, JudgeTested, 0, flops=1e12), "judge", "for these cases expected"
    ),
}


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED.keys())
def test_it_is_found_that(forgery: Forgery, run: ScriptedRun) -> None:
    assert_found(run, forgery)


def test_answers_that_the_candidates_do_not_write_are_found_when_they_are_asked_again(
    run: ScriptedRun,
) -> None:
    def strange(rows: list[Kept]) -> list[Kept]:
        place = next(n for n, row in enumerate(rows) if isinstance(row, Compared) and row.pairs)
        row = rows[place]
        assert isinstance(row, Compared)
        (one, other) = row.pairs[0]
        pairs = ((one + "!", one + "~"), *row.pairs[1:])[:1]
        ruling = next(
            r for r in rows if isinstance(r, Heard) and (r.contest.first, r.contest.second) == (one, other)
        )
        more = structs.replace(
            ruling, contest=structs.replace(ruling.contest, first=pairs[0][0], second=pairs[0][1])
        )
        return [
            *rows[:place],
            structs.replace(row, pairs=pairs),
            *rows[place + 1 :],
            structs.replace(more, odds=()),
        ]

    row = rows_of(run)[0]
    forge_said(run, 1, strange)
    left = [one for one in rows_of(run) if one.prompt != row.prompt]
    forge_rows(run, lambda _: left)
    assert "other answers compared on record" in faults(replayed(run, 1, kind=ServedWorker), "preferences")


def test_a_server_that_fails_in_the_middle_of_a_turn_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    calls = iter(range(100))

    def fails() -> None:
        if next(calls) in {1, 5}:
            raise KeyboardInterrupt from PeerError("an answer expected from servers.wise, which answered 503")

    def worker(models: Path, staging: Path, trained: Any, failing: Any) -> ServedWorker:
        return ServedWorker(models, staging, trained, failing, failing_server=fails)

    run = make_run(tmp_path / "run", SERVED, trained=TRAINED, worker_kind=worker)  # type: ignore[arg-type]
    findings = verify(run.evidence())
    assert not findings.faults, findings.lines
    assert [one.purpose for one in asked(run)] == ["exam", "preferences"] * 3
