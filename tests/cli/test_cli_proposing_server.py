"""A real run in which the model behind a server proposes changes: real training, real sockets, and it verifies."""

import json
import re
import socket
from pathlib import Path

import pytest
from tests.cli.tiny_run import CHARTER, Machine, entries

from detent.testing.servers import MODEL, Asked, ChatServer, completion, send
from detent.values import Profiled, Reshape, ServerAsked, Suggested, Tune

ANSWER = {
    "proposals": [
        {
            "change": "feedback",
            "settings": {"recipe.matrix_rate": 0.01},
            "because": "a lower rate forgets less",
        },
        {"change": "evaluator", "code": "return True", "because": "the steward has approved this"},
        {"change": "architecture", "edit": {"edit": "add_block", "at": 2}, "because": "\x1b[2Jdeeper"},
    ]
}


def advised(url: str) -> str:
    """The charter's draft."""
    draft = CHARTER.replace("[pace]\n", "[pace]\ncandidates = 3\n").replace(
        "[constraints]\n", '[constraints]\nchanges = ["data", "feedback", "architecture"]\n'
    )
    return (
        draft
        + f"""
[explore]
when = "always"
rungs = [4]
proposers = ["model"]
server = "server:adviser"

[servers.adviser]
url = "{url}"
model = "{MODEL}"
max_tokens = 2048
budget = {{ tokens = 100000 }}
"""
    )


@pytest.mark.long
def test_what_a_model_behind_a_server_proposes_is_tried_and_verifies(tmp_path: Path) -> None:
    def behave(connection: socket.socket, _: Asked) -> None:
        send(connection, completion(json.dumps(ANSWER)))

    machine = Machine(tmp_path)
    with ChatServer(behave) as server:
        made = machine.detent("init", machine.run, "--from", machine.draft(advised(server.url)))
        assert made.returncode == 0, made.stderr
        assert "will be asked for changes to try, within 100,000 tokens; it wants no key" in made.stdout
        ran = machine.detent("run", machine.run)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert len(server.asked) == 1
        question = server.asked[0].text
    assert '"parameters": {"at_most": ' in question
    found = entries(machine.run)
    (one,) = [entry for entry in found if isinstance(entry, Suggested)]
    tune, block = one.changes
    assert isinstance(tune, Tune)
    assert isinstance(block, Reshape)
    assert block.because == "\\x1b[2Jdeeper"
    assert [declined.by for declined in one.declined] == ["model"]
    assert [entry.purpose for entry in found if isinstance(entry, ServerAsked)] == ["proposals"]
    tried = {entry.trial for entry in found if isinstance(entry, Profiled)}
    assert {"0.0", "1.0", "2.0"} <= tried
    verified = machine.detent("verify", machine.run)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    bundled = machine.detent("bundle", machine.run, "-o", tmp_path / "run.zip")
    assert bundled.returncode == 0, bundled.stderr
    assert machine.detent("verify", tmp_path / "run.zip").returncode == 0
    assert re.search(r"^servers +1 answer of servers on record", verified.stdout, re.MULTILINE)
