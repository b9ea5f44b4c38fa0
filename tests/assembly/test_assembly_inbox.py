"""Who can only write to the run folder makes no steward sign anything else, nor keeps a steward's word out."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.attacks_world import ADA, ASKING, ASKS, BOB, CHARTER, CLOCK, CY, Scene, found

from detent.assembly import amend_charter, give_answer, give_order, grant_lease, inbox, sign_waiting
from detent.assembly.inbox import Inbox
from detent.assembly.office import open_office
from detent.charter import Question, answer, order
from detent.errors import TrustError, UsageError
from detent.values import Answered, CharterSigned, LeaseGranted, Ordered, Refused, Requested


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A new run, whose leases two must sign."""
    monkeypatch.setenv("DETENT_CLOCK", CLOCK)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    charter = CHARTER.replace("lease = { operator = 1 }", "lease = { operator = 1, safety = 1 }")
    made = found(tmp_path, charter)
    with made.here():
        yield made


def draft(scene: Scene, old: str, new: str) -> Path:
    path = scene.root / "home" / "new.toml"
    text = scene.folder.charter.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def taken_in(scene: Scene) -> list[str]:
    with open_office(scene.run) as office:
        return [one.said for one in office.take_in()[1]]


def test_what_was_swapped_under_the_name_of_what_waits_is_not_signed(scene: Scene) -> None:
    benign = amend_charter(scene.run, draft(scene, "audit = 10", "audit = 20"), keys=[BOB])
    benign.path.unlink()
    evil = amend_charter(scene.run, draft(scene, "error_budget = 0.5", "error_budget = 0.9"), keys=[BOB])
    evil.path.rename(benign.path)
    with pytest.raises(UsageError, match="holds what has that digest, expected, got none"):
        sign_waiting(scene.run, benign.path.name[:12], [ADA])
    assert ["refused: the name" in said for said in taken_in(scene)] == [True]
    assert scene.signed.charter.version == 1


def test_what_is_signed_is_said_first_and_of_an_amendment_what_it_changes(scene: Scene) -> None:
    waits = amend_charter(scene.run, draft(scene, "audit = 10", "audit = 20"), keys=[BOB])
    said: list[str] = []
    assert isinstance(sign_waiting(scene.run, waits.path.stem[:12], [ADA], said.append).entry, CharterSigned)
    assert said[0] == f"signs an amendment, SHA-256 {waits.path.stem}; what it changes:"
    assert {"-audit = 10", "+audit = 20"} <= set(said)
    lease = grant_lease(scene.run, 2, keys=[ADA])
    sign_waiting(scene.run, lease.path.stem, [CY], said.append)
    assert said[-2] == f"signs a lease, SHA-256 {lease.path.stem}"
    assert '"generations":2' in said[-1]


def test_copies_of_what_waits_under_other_names_are_refused_and_hinder_nobody_from_signing(
    scene: Scene,
) -> None:
    waits = grant_lease(scene.run, 1, keys=[ADA])
    for number in range(100):
        waits.path.with_name(f"{waits.path.stem}{number}.dsse").write_text(waits.path.read_text())
    assert isinstance(sign_waiting(scene.run, waits.path.stem[:12], [CY]).entry, LeaseGranted)
    taken_in(scene)
    assert list(scene.folder.inbox.iterdir()) == []


def test_what_waits_under_another_name_is_refused_on_the_ledger(scene: Scene) -> None:
    waits = grant_lease(scene.run, 1, keys=[ADA])
    waits.path.rename(waits.path.with_name("mine.dsse"))
    taken_in(scene)
    refused = scene.entries()[-1]
    assert isinstance(refused, Refused)
    assert f"the name {waits.path.name} expected" in refused.because


def test_so_many_wait_and_the_next_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_WAITING", 2)
    for generations in (1, 2):
        assert grant_lease(scene.run, generations, keys=[ADA]).path.exists()
    with pytest.raises(TrustError, match="got it refused"):
        grant_lease(scene.run, 3, keys=[ADA])
    assert len(list(scene.folder.inbox.iterdir())) == 2
    assert "at most 2 files that wait for signatures expected" in scene.entries()[-1].because  # type: ignore[attr-defined]


def with_a_request(scene: Scene) -> Requested:
    """Generation 1 waits for the approver."""
    assert scene.turn(2).stop == "asked"
    asked = scene.state().request
    assert asked is not None
    return asked


def answered(scene: Scene) -> Answered:
    entry = [one for one in scene.entries() if isinstance(one, Answered)][-1]
    assert entry.request == scene.state().requests
    return entry


@pytest.fixture
def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A run that asks in its second generation."""
    monkeypatch.setenv("DETENT_CLOCK", CLOCK)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    made = found(tmp_path, CHARTER + ASKING, {"asks.py": ASKS.replace("(2, 3)", "(1,)")})
    with made.here():
        yield made


def test_a_no_that_is_handed_in_comes_before_a_flood_of_files(asking: Scene) -> None:
    asked = with_a_request(asking)
    for number in range(200):
        (asking.folder.inbox / f"{number}.dsse").write_text("x")
    handed = give_answer(asking.run, asked.number, "deny", "not this one", keys=[CY])
    assert isinstance(handed.entry, Answered)
    assert handed.entry.verdict == "deny"


def test_a_no_in_the_inbox_comes_before_a_yes_that_is_dated_back(asking: Scene) -> None:
    asked = with_a_request(asking)
    place = asking.at().root(asking.at().state.request_index + 1).hex()
    question = Question(request=asked.number, candidate=asked.candidate, root=place, expires=asked.expires)
    inbox_of = Inbox(asking.folder.inbox)
    yes = inbox_of.put(answer(asking.signed, question, "approve", "fine", [BOB]))
    os.utime(yes, (0, 0))
    inbox_of.put(answer(asking.signed, question, "deny", "not this one, and here is why", [CY]))
    taken_in(asking)
    assert (answered(asking).verdict, answered(asking).signers) == ("deny", ("cy",))


def test_what_lies_under_its_name_does_not_keep_what_enough_have_signed_out(scene: Scene) -> None:
    waits = grant_lease(scene.run, 1, keys=[ADA])
    spoilt = json.loads(waits.path.read_text())
    for number in range(500):
        spoilt["signatures"].append({"keyid": f"x{number}+00000000", "sig": "A" * 88})
    waits.path.write_text(json.dumps(spoilt))
    assert isinstance(grant_lease(scene.run, 1, keys=[ADA, CY]).entry, LeaseGranted)
    assert give_order(scene.run, "halt", "stop", keys=[BOB]).entry is not None


def test_no_link_that_was_put_where_the_run_writes_is_followed(scene: Scene) -> None:
    key = scene.root / "home" / "cy.pem"
    secret = key.read_text()
    scene.turn(0)
    waits = grant_lease(scene.run, 1, keys=[ADA])
    timing = scene.folder.log.with_name("timing.jsonl")
    timing.unlink()
    scene.folder.charter.with_name(".charter.dsse.new").symlink_to(key)
    for path in (
        timing,
        waits.path.with_suffix(".new"),
        scene.folder.report.with_suffix(f".{os.getpid()}"),
        scene.folder.charter.with_name(".charter.toml.new"),
    ):
        path.symlink_to(key)
    Inbox(scene.folder.inbox).put(waits.path.read_text())
    sign_waiting(scene.run, waits.path.stem, [CY])
    scene.turn(0)
    amend_charter(scene.run, draft(scene, "audit = 10", "audit = 20"), keys=[ADA, BOB])
    assert key.read_text() == secret
    assert scene.folder.charter.read_text() == scene.signed.text
    assert timing.with_name("timing.jsonl.moved-aside-1").is_symlink()


NO_INBOX = {
    "a file": lambda path: path.write_text("mine"),
    "a link to another folder": lambda path: path.symlink_to(path.parent / "elsewhere"),
    "a link that leads nowhere": lambda path: path.symlink_to(path.parent / "nowhere"),
}


@pytest.fixture(params=NO_INBOX)
def without_an_inbox(scene: Scene, request: pytest.FixtureRequest) -> Scene:
    """Somebody took the inbox away, and put something else in its place."""
    shutil.rmtree(scene.folder.inbox)
    elsewhere = scene.run / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "theirs.dsse").write_text("keep me")
    NO_INBOX[request.param](scene.folder.inbox)
    return scene


def test_what_lies_where_the_inbox_belongs_does_not_keep_a_halt_out(without_an_inbox: Scene) -> None:
    assert isinstance(give_order(without_an_inbox.run, "halt", "stop", keys=[CY]).entry, Ordered)


def test_what_lies_where_the_inbox_belongs_is_moved_aside_when_something_waits_there(
    without_an_inbox: Scene,
) -> None:
    folder = without_an_inbox.folder.inbox
    waits = grant_lease(without_an_inbox.run, 1, keys=[ADA])
    assert waits.path.is_file()
    assert not folder.is_symlink()
    assert os.path.lexists(folder.with_name("inbox.moved-aside-1"))
    assert (without_an_inbox.run / "elsewhere" / "theirs.dsse").read_text() == "keep me"


def test_a_session_moves_aside_what_lies_where_the_inbox_belongs_and_says_so(without_an_inbox: Scene) -> None:
    aside = without_an_inbox.folder.inbox.with_name("inbox.moved-aside-1")
    assert [str(aside) in said for said in taken_in(without_an_inbox)] == [True]
    assert without_an_inbox.folder.inbox.is_dir()
    assert (without_an_inbox.run / "elsewhere" / "theirs.dsse").read_text() == "keep me"


def test_a_halt_reaches_a_run_at_work_whatever_lies_where_the_inbox_belongs(without_an_inbox: Scene) -> None:
    with open_office(without_an_inbox.run) as office:
        at = without_an_inbox.at()
        halt = order(
            without_an_inbox.signed, "halt", "x", size=at.size, root=at.root(at.size).hex(), keys=[CY]
        )
        Inbox(without_an_inbox.folder.inbox).put(halt)
        assert [type(one.entry) for one in office.take_stops()] == [Ordered]
