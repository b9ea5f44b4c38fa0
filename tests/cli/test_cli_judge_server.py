"""A real run whose judge is the model behind a server: it verifies, says what it cost, and betrays no key."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.test_cli_judge_in_words import judges_of
from tests.cli.test_cli_replay import a_stranger
from tests.cli.tiny_run import Machine, entries
from tests.cli.words_run import IN_WORDS, write_home

from detent.testing.servers import MODEL, ChatServer, kind, send
from detent.values import DataMade, JudgeTested, JudgeTrained, ServerAsked, SessionStarted

KEY = "sk-secret-0123456789-abcdef"
VARIABLE = "WISE_KEY"


def by_server(url: str, tokens: int = 5_000_000) -> str:
    """The charter's draft."""
    return (
        IN_WORDS.replace('judge_source = "incumbent"', 'judge_source = "server:wise"')
        + f"""
[servers.wise]
url = "{url}"
model = "{MODEL}"
key_env = "{VARIABLE}"
concurrency = 8
budget = {{ tokens = {tokens}, money = 100.0, price_in = 2.5, price_out = 10.0 }}
"""
    )


@dataclass(frozen=True)
class Keyed(Machine):
    """A machine whose user has exported the server's key."""

    key: str = KEY

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | ({VARIABLE: self.key} if self.key else {})


def founded(root: Path, url: str, tokens: int = 5_000_000) -> Keyed:
    machine = Keyed(root)
    made = machine.detent("init", machine.run, "--from", write_home(root / "home", by_server(url, tokens)))
    assert made.returncode == 0, made.stderr
    assert f"within {tokens:,} tokens and 100 of money; its key is in {VARIABLE}" in made.stdout
    return machine


def everything(folder: Path) -> bytes:
    return b"".join(
        path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    )


@pytest.mark.long
def test_a_run_judged_by_a_server_verifies_and_what_was_said_is_not_asked_again(tmp_path: Path) -> None:
    with ChatServer(kind()) as server:
        machine = founded(tmp_path / "machine", server.url)
        ran = machine.detent("run", machine.run)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        questions = len(server.asked)
        authorised = {one.headers["authorization"] for one in server.asked}
    assert authorised == {f"Bearer {KEY}"}
    found = entries(machine.run)
    assert judges_of(found) == {"server:wise"}
    assert not any(isinstance(one, JudgeTrained) for one in found)
    asked = [one for one in found if isinstance(one, ServerAsked)]
    assert [one.purpose for one in asked] == ["exam", "preferences"]
    assert sum(report.asked for one in asked for report in one.reports) == questions
    assert all(report.reported == {f"{MODEL}, fp_1": report.asked} for one in asked for report in one.reports)
    assert sum(one.tokens for one in asked) == 51 * questions
    tested = next(one for one in found if isinstance(one, JudgeTested))
    assert tested.own is not None, "its own answers are asked for too"
    assert KEY.encode() not in everything(tmp_path), "the key lies somewhere on disk"

    # Nobody listens any more: all that follows is computed from the record.
    verified = machine.detent("verify", machine.run)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert re.search(rf"^servers +{questions} answers of servers on record", verified.stdout, re.MULTILINE)
    stranger = a_stranger(machine, tmp_path / "stranger")
    again = stranger.detent("replay", stranger.run, "--all")
    assert again.returncode == 16, (
        again.stdout + again.stderr
    )  # one thing cannot be made again, and nothing differs
    assert "what a server says is recorded, and cannot be made again" in again.stdout
    assert {"preferences", "tuned", "flips"} <= set(
        re.findall(r"^(\w+) +equal: ", again.stdout, re.MULTILINE)
    )
    bundled = machine.detent("bundle", machine.run, "-o", tmp_path / "run.zip")
    assert bundled.returncode == 0, bundled.stderr
    assert machine.detent("verify", tmp_path / "run.zip").returncode == 0
    told = machine.detent("status", machine.run)
    assert "the same in both orders" in told.stdout, told.stdout
    assert re.search(
        rf"^server wise +{51 * questions:,} of 5,000,000 tokens, [\d.]+ of 100 money; {questions:,} answers",
        told.stdout,
        re.MULTILINE,
    ), told.stdout
    assert "Model servers" in (machine.run / "reports" / "report.html").read_text()


@pytest.mark.long
def test_a_run_stops_where_its_server_fails_and_goes_on_where_it_stood(tmp_path: Path) -> None:
    """After some forty answers the key is taken back; with another the same run goes on, and pays nothing twice."""
    fine, taken = kind(), [40]

    def behave(line, asked) -> None:  # type: ignore[no-untyped-def]
        if asked.number < taken[0]:
            fine(line, asked)
        else:
            send(line, b"{}", "401 Unauthorized")

    with ChatServer(behave) as server:
        machine = founded(tmp_path / "machine", server.url)
        stopped = machine.detent("run", machine.run)
        assert stopped.returncode == 2, stopped.stdout + stopped.stderr
        assert f"a key that servers.wise takes expected in the variable {VARIABLE}, got 401" in stopped.stderr
        told = machine.detent("status", machine.run)
        found = re.search(r"and ([\d,]+) tokens that are not on the ledger yet", told.stdout)
        assert found is not None, told.stdout
        # Those of forty answers, and of each that was refused the most that it could have taken.
        assert int(found[1].replace(",", "")) > 40 * 51
        refused = sum(1 for one in server.asked if one.number >= taken[0])
        taken[0] = 10**9
        ran = machine.detent("run", machine.run)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        asked = [one for one in entries(machine.run) if isinstance(one, ServerAsked)]
        assert sum(report.asked for one in asked for report in one.reports) == len(server.asked) - refused
        assert sum(report.kept for one in asked for report in one.reports) == 40
    assert machine.detent("verify", machine.run).returncode == 0


@pytest.mark.long
def test_a_wrong_address_is_known_before_anything_is_spent(tmp_path: Path) -> None:
    with ChatServer(kind()) as server:
        machine = founded(tmp_path / "machine", server.url.replace("/v1", "/elsewhere"))
        stopped = machine.detent("run", machine.run)
        assert stopped.returncode == 15, stopped.stdout + stopped.stderr
        assert "servers.wise expected at its url, got 404" in stopped.stderr
        assert server.asked == []
    assert not any(isinstance(one, SessionStarted | DataMade) for one in entries(machine.run))
    assert machine.detent("verify", machine.run).returncode == 0


@pytest.mark.long
def test_a_run_stops_for_good_where_its_budget_ends(tmp_path: Path) -> None:
    with ChatServer(kind()) as server:
        machine = founded(tmp_path / "machine", server.url, tokens=1500)
        for _ in range(2):
            stopped = machine.detent("run", machine.run)
            assert stopped.returncode == 3, stopped.stdout + stopped.stderr
            assert "servers.wise.budget.tokens = 1500" in stopped.stderr
        assert len(server.asked) * 51 <= 1500
    assert "0 of 1,500 tokens, 0 of 100 money" in machine.detent("status", machine.run).stdout
    assert machine.detent("verify", machine.run).returncode == 0


def test_a_run_without_its_servers_key_is_not_begun_and_the_variable_is_named(tmp_path: Path) -> None:
    machine = founded(tmp_path / "machine", "http://127.0.0.1:9/v1")
    ran = Keyed(machine.root, key="").detent("run", machine.run)
    assert ran.returncode == 2
    assert f"a key in the environment variable {VARIABLE} expected" in ran.stderr
