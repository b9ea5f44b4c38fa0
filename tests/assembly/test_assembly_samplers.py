"""What `init` says of model servers: which host will be asked what, for how much, and whether the key is here."""

from pathlib import Path

import pytest
from tests.attacks.attacks_world import ADA, BOB, CHARTER, CY, Scene

from detent.assembly import create_run
from detent.assembly.samplers import told_servers
from detent.assembly.tasks import catalogue
from detent.charter import parse_draft

SERVED = (
    CHARTER
    + """
[feedback]
methods = ["self_label", "dpo"]
judge_source = "server:wise"
teacher = "server:wise"
forms = "words"

[servers.wise]
url = "https://judges.example.org:8443/v1"
model = "org/judge"
key_env = "WISE_KEY"
budget = { tokens = 5_000_000, money = 20.0, price_in = 0.5, price_out = 1.5 }
"""
)
SAID = (
    "server wise: org/judge at judges.example.org:8443 will be asked for verdicts on pairs of answers, its exam and "
    "answers of its own, within 5,000,000 tokens and 20 of money; "
)


def said(text: str) -> list[str]:
    return list(told_servers(parse_draft(text, catalogue())))


def test_a_server_that_proposes_is_said_to() -> None:
    advised = SERVED.replace("[servers.wise]\n", "[servers.wise]\nmax_tokens = 2048\n").replace(
        "[pace]\n", "[pace]\ncandidates = 3\n"
    )
    changes = '\n[explore]\nproposers = ["model"]\nserver = "server:wise"\n'
    (sentence,) = said(_changing(advised) + changes)
    assert "its exam and answers of its own and changes to try, within" in sentence


def _changing(text: str) -> str:
    """A charter that allows changes beside the data."""
    if "[constraints]\n" in text:
        return text.replace("[constraints]\n", '[constraints]\nchanges = ["data", "feedback"]\n')
    return text + '\n[constraints]\nchanges = ["data", "feedback"]\n'


KEYS = {
    "a key that is there": ("sk-secret", "its key is in WISE_KEY"),
    "none": (None, "its key is NOT here: export WISE_KEY=... before detent run"),
    "an empty one": ("", "its key is NOT here: export WISE_KEY=... before detent run"),
    "what is no key": ("two words", "its key is NOT here: export WISE_KEY=... before detent run"),
}


@pytest.mark.parametrize("case", KEYS)
def test_host_budget_and_variable_are_said_and_never_the_key(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, end = KEYS[case]
    monkeypatch.delenv("WISE_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("WISE_KEY", key)
    assert said(SERVED) == [SAID + end]


def test_a_server_that_wants_no_key_is_said_to_want_none() -> None:
    (sentence,) = said(SERVED.replace('key_env = "WISE_KEY"\n', ""))
    assert sentence.endswith("; it wants no key")


def test_a_charter_without_servers_says_nothing() -> None:
    assert said(CHARTER) == []


def test_a_run_is_made_without_the_key_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WISE_KEY", raising=False)
    scene, home = Scene(tmp_path), tmp_path / "home"
    home.mkdir()
    (home / "charter.toml").write_text(SERVED)
    keys = [home / f"{key.name}.pem" for key in (ADA, BOB, CY)]
    for key, path in zip((ADA, BOB, CY), keys, strict=True):
        key.save(path)
    with scene.here():
        made = create_run(scene.run, source=str(home / "charter.toml"), key_paths=keys)
    assert made.servers == (SAID + KEYS["none"][1],)
    assert scene.folder.envelope.is_file()
