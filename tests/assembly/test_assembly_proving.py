"""`prove`, `verify FILE ENTRY` and `verify --split`, as somebody types them, on a real run folder."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.attacks_world import CHARTER, Scene, found
from tests.cli.tiny_run import command
from tests.docs.docs_pages import ROOT
from tests.ledger.policy_people import AT, WITNESSES

from detent.assembly import prove, shown_by
from detent.assembly.reading import log_verify_key
from detent.errors import TrustError, UsageError
from detent.ledger import COSIGNED, Checkpoint, Note, Policy, Signature, verify_receipt

KEYS = "".join(f"witness {name} {key.verify_key}\n" for name, key in WITNESSES.items())
RULES = (
    "group labs 2 lab-a lab-b lab-c\ngroup regulators any agency ministry\n"
    "group both all labs regulators\nquorum both\n"
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A run of one generation, whose newest head two labs and a regulator have cosigned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        made = found(tmp_path_factory.mktemp("proving"), CHARTER)
        with made.here():
            assert made.turn(1).stop == "enough"
        note = Note.parse((made.folder.ledger / "checkpoint").read_bytes())
        (made.folder.ledger / COSIGNED).write_text(str(cosigned(note, "lab-a", "lab-b", "agency")))
    return made


def cosigned(note: Note, *who: str) -> Note:
    head = Checkpoint.parse(note.text)
    return Note(note.text, (*note.signatures, *(WITNESSES[name].cosign(head, AT) for name in who)))


@pytest.fixture
def scene(ran: Scene, tmp_path: Path) -> Iterator[Scene]:
    """A copy that a test may change, the user's data folder beside it."""
    made = ran.copy(tmp_path / "machine")
    with made.here():
        yield made


@pytest.fixture
def policy(scene: Scene, tmp_path: Path) -> Path:
    path = tmp_path / "policy"
    path.write_text(f"log {log_verify_key(scene.folder)}\n{KEYS}{RULES}")
    return path


def detent(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=120, check=False)


def test_a_decision_travels_to_somebody_who_has_nothing_else(
    scene: Scene, policy: Path, tmp_path: Path
) -> None:
    proof, entry = tmp_path / "1.tlog-proof", tmp_path / "1.entry"
    made = detent("prove", scene.run, "decision:1", "-o", proof, "--entry", entry)
    assert made.returncode == 0, made.stderr
    assert "cosigned by lab-a.example/w, lab-b.example/w, agency.example/w" in made.stdout
    decision = json.loads(entry.read_bytes())
    assert (decision["kind"], decision["generation"]) == ("decision/v1", 1)
    shutil.rmtree(scene.root)
    said = detent("verify", proof, entry, "--policy", policy)
    assert said.returncode == 0, said.stderr
    assert "the policy's quorum, both, is reached" in said.stdout
    assert "agency cosigned it at 2030-03-17T17:46:40Z" in said.stdout


def test_an_index_is_as_good_as_a_name_and_the_run_stays_sound(scene: Scene, tmp_path: Path) -> None:
    record = scene.record()
    made = prove(scene.run, "0", tmp_path / "p", entry=tmp_path / "e")
    assert (made.index, made.kind, made.size) == (0, "charter/v1", len(record))
    assert (tmp_path / "e").read_bytes() == record[0]
    assert not scene.verified().faults


def test_another_entry_is_refused_with_the_code_for_what_cannot_be_believed(
    scene: Scene, policy: Path, tmp_path: Path
) -> None:
    prove(scene.run, "2", tmp_path / "p.tlog-proof")
    (tmp_path / "e").write_bytes(scene.record()[3])
    said = detent("verify", tmp_path / "p.tlog-proof", tmp_path / "e", "--policy", policy)
    assert (said.returncode, said.stdout) == (4, "")
    assert "inclusion proof" in said.stderr


def test_a_head_with_too_few_cosignatures_is_refused_group_by_group(
    scene: Scene, policy: Path, tmp_path: Path
) -> None:
    note = Note.parse((scene.folder.ledger / "checkpoint").read_bytes())
    (scene.folder.ledger / COSIGNED).write_text(str(cosigned(note, "lab-a")))
    prove(scene.run, "2", tmp_path / "p", entry=tmp_path / "e")
    with pytest.raises(TrustError, match="2 of group labs expected, got 1: lab-a"):
        shown_by(tmp_path / "p", tmp_path / "e", policy)


NOTHING = {
    "decision:99": "a closed generation expected, got 99",
    "decision:": "an index or `decision:G` expected",
    "-1": "an index or `decision:G` expected",
    "1e3": "an index or `decision:G` expected",
    "\N{ARABIC-INDIC DIGIT SIX}": "an index or `decision:G` expected",
    "999999": "an entry from 0 to",
    "9" * 5000: "an index or `decision:G` expected",
}


@pytest.mark.parametrize(("which", "said"), NOTHING.items())
def test_what_is_not_on_the_ledger_cannot_be_proven(
    scene: Scene, tmp_path: Path, which: str, said: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        prove(scene.run, which, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_a_proof_has_to_go_into_a_file(scene: Scene, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none" / "p"):
        with pytest.raises(UsageError, match="a file in an existing folder expected"):
            prove(scene.run, "0", place)


def test_a_receipt_needs_the_logs_key_and_shows_the_same(scene: Scene, policy: Path, tmp_path: Path) -> None:
    receipt, entry = tmp_path / "r.cbor", tmp_path / "e"
    prove(scene.run, "2", tmp_path / "p", entry=entry, receipt=receipt)
    key = log_verify_key(scene.folder)
    assert verify_receipt(receipt.read_bytes(), entry.read_bytes(), key).index == 2
    with pytest.raises(TrustError, match="a COSE receipt, which carries none"):
        shown_by(receipt, entry, policy)
    policy.write_text(f"log {key}\nquorum none\n")
    assert "nobody cosigned it" in shown_by(receipt, entry, policy)[-1]
    policy.write_text("quorum none\n")
    with pytest.raises(TrustError, match="an Ed25519 key of a log expected"):
        shown_by(receipt, entry, policy)
    (scene.secrets / "log.pem").unlink()
    with pytest.raises(UsageError, match="a key file expected"):
        prove(scene.run, "2", tmp_path / "q", receipt=receipt)
    assert not (tmp_path / "q").exists()


def test_two_heads_that_the_log_signed_are_a_proof_with_a_code_of_its_own(
    scene: Scene, policy: Path, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    shutil.copy(scene.folder.ledger / COSIGNED, one)
    head = Checkpoint.parse(Note.parse(one.read_bytes()).text)
    forked = Checkpoint(head.origin, head.size, bytes(32))
    key = scene.log_key
    note = Note(forked.text(), (Signature(key.name, key.verify_key.id, key.sign(forked.text().encode())),))
    other.write_text(str(cosigned(note, "lab-b", "lab-c")))
    said = detent("verify", "--split", one, other, "--policy", policy)
    assert said.returncode == 17, said.stderr
    assert f"the log {key.name} signed both, so one of them is a lie" in said.stdout
    assert "the witness lab-b signed both" in said.stdout
    assert "lab-c signed both" not in said.stdout
    assert head.text() in said.stdout
    assert forked.text() in said.stdout
    prove(scene.run, "0", tmp_path / "0.tlog-proof")  # holds the same checkpoint
    said = detent("verify", "--split", tmp_path / "0.tlog-proof", other, "--policy", policy)
    assert said.returncode == 17, said.stderr
    same = detent("verify", "--split", one, one, "--policy", policy)
    assert (same.returncode, same.stdout) == (0, "no split: both checkpoints have the same root\n")


def test_no_terminal_obeys_what_a_checkpoint_is_called(policy: Path, tmp_path: Path) -> None:
    for number in range(2):
        head = Checkpoint("\x9b2Jx", 7, bytes([number]) * 32)
        line = WITNESSES["lab-a"].cosign(head, AT)
        (tmp_path / str(number)).write_text(str(Note(head.text(), (line,))))
    said = detent("verify", "--split", tmp_path / "0", tmp_path / "1", "--policy", policy)
    assert said.returncode == 17
    assert "the witness lab-a signed both" in said.stdout
    assert "\x9b" not in said.stdout
    assert "\\x9b2Jx" in said.stdout


@pytest.mark.parametrize(
    "words", [("--split", "a", "b"), ("--split", "a", "--policy", "p"), ("x.tlog-proof",), ("a", "b")]
)
def test_what_is_missing_is_said(words: tuple[str, ...]) -> None:
    said = detent("verify", *words)
    assert said.returncode == 2
    assert "two files and a policy expected" in said.stderr


def test_files_that_are_not_there_are_said(policy: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a file expected"):
        shown_by(tmp_path / "none", policy, policy)
    with pytest.raises(UsageError, match="a file expected"):
        shown_by(tmp_path, policy, policy)


def test_the_policy_of_the_documentation_is_one(scene: Scene) -> None:
    page = (ROOT / "docs" / "verifying.md").read_text("utf-8")
    block = page.partition("*2 of 3 labs and any regulator*:\n\n")[2].partition("\nWhat is then said")[0]
    text = "".join(line.removeprefix("    ") + "\n" for line in block.splitlines())
    text = re.sub(r"^log \S+$", f"log {log_verify_key(scene.folder)}", text, flags=re.MULTILINE)
    for name, key in WITNESSES.items():
        text = re.sub(rf"^witness {name} \S+$", f"witness {name} {key.verify_key}", text, flags=re.MULTILINE)
    read = Policy.parse(text.encode())
    assert read.met({"lab-a", "lab-c", "agency"})
    assert not read.met({"lab-a", "lab-b", "lab-c"})
    assert not read.met({"lab-a", "agency", "ministry"})
