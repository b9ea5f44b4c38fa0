"""People and a run folder: what they hand in is written down, waits for others, or is refused, whatever lies there."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

from detent.assembly import (
    amend_charter,
    charter_of,
    create_run,
    give_order,
    grant_lease,
    load_keys,
    new_key,
    rotate_key,
    run_loop,
    sign_file,
    sign_waiting,
    status_of,
    verify_run,
)
from detent.assembly.inbox import LARGEST, Inbox
from detent.assembly.office import open_office
from detent.assembly.places import RunFolder, recovery_key_path, steward_key_path
from detent.assembly.reading import entries_of, ledger_at
from detent.assembly.sentinel import Interrupted, Sentinel
from detent.assembly.tasks import catalogue
from detent.charter import Command, endorse, grant, order
from detent.errors import CharterError, DetentError, TrustError, UsageError
from detent.signing import SigningKey
from detent.values import CharterSigned, LeaseGranted, Ordered, Refused


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose clock stands still; its run folder is `run`."""
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DETENT_CLOCK", "2026-01-31T12:00:00Z")
    return tmp_path


@pytest.fixture
def run(machine: Path) -> Path:
    create_run(machine / "run")
    return machine / "run"


def steward() -> list[SigningKey]:
    return load_keys([], str)


def key(machine: Path, name: str) -> tuple[SigningKey, Path]:
    _, path = new_key(name, machine / f"{name}.pem")
    return SigningKey.load(path), path


def standing(run: Path) -> str:
    return str(status_of(run)["state"])


def last(run: Path) -> object:
    return entries_of(RunFolder(run))[-1]


def edited(run: Path, old: str, new: str) -> Path:
    """The charter with one text in place of another, in a file of its own."""
    text = charter_of(run).text
    assert old in text
    path = run.with_name("edited.toml")
    path.write_text(text.replace(old, new))
    return path


def test_a_pause_and_a_resume_are_on_the_ledger_and_status_says_so(run: Path) -> None:
    assert give_order(run, "pause", "look at it", keys=steward()).entry is not None
    assert standing(run) == "paused"
    give_order(run, "resume", "looked", keys=steward())
    assert standing(run) == "ready"


def test_a_run_that_is_held_begins_no_session(run: Path) -> None:
    give_order(run, "halt", "stop", keys=steward())
    before = len(entries_of(RunFolder(run)))
    ended = run_loop(run, None, watch=lambda _: None, say=lambda _: None)
    assert ended.stop == "halted"
    assert "stop" in ended.sentence
    assert len(entries_of(RunFolder(run))) == before


def test_resume_lifts_a_halt_when_a_quorum_signs_it(run: Path) -> None:
    give_order(run, "halt", "stop", keys=steward())
    handed = give_order(run, "resume", "go on", keys=steward())
    assert isinstance(handed.entry, Ordered)
    assert handed.entry.order == "lift"


def test_a_strangers_order_is_not_even_handed_in(run: Path, machine: Path) -> None:
    stranger, _ = key(machine, "eve")
    with pytest.raises(TrustError, match="signed by"):
        give_order(run, "halt", "mine", keys=[stranger])
    assert Inbox(RunFolder(run).inbox).waiting() == []


def test_a_lease_is_as_large_as_the_charter_allows_and_no_larger(run: Path) -> None:
    handed = grant_lease(run, 2, hours=1.5, petaflop=0.01, keys=steward())
    assert isinstance(handed.entry, LeaseGranted)
    assert (handed.entry.expires, handed.entry.petaflop) == ("2026-01-31T13:30:00Z", 0.01)
    for more in ({"hours": 25.0}, {"petaflop": 9.0}):
        with pytest.raises(CharterError, match=r"pace\.lease"):
            grant_lease(run, 2, **more, keys=steward())


def test_an_expired_lease_is_no_lease(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENT_CLOCK", "2026-02-01T12:00:00Z")
    assert standing(run) == "lease_spent"
    assert run_loop(run, None, watch=lambda _: None, say=lambda _: None).stop == "lease_expired"
    grant_lease(run, 1, keys=steward())
    assert standing(run) == "ready"


def test_a_clock_set_back_brings_no_lease_back(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENT_CLOCK", "2026-02-01T12:00:00Z")
    give_order(run, "pause", "later", keys=steward())
    monkeypatch.setenv("DETENT_CLOCK", "2026-01-31T12:00:00Z")
    give_order(run, "resume", "earlier", keys=steward())
    assert standing(run) == "lease_spent"


def test_an_amendment_is_in_force_in_the_folder_and_on_the_ledger(run: Path) -> None:
    amend_charter(run, edited(run, "error_budget = 0.05", "error_budget = 0.01"), keys=steward())
    signed = charter_of(run)
    assert (signed.charter.version, signed.charter.constraints.error_budget) == (2, 0.01)
    assert (run / "charter.toml").read_text() == signed.text
    assert standing(run) == "lease_spent"  # its leases ended with it
    grant_lease(run, 1, keys=steward())
    assert standing(run) == "ready"


def test_a_crash_between_ledger_and_folder_is_mended(run: Path) -> None:
    old = {path.name: path.read_bytes() for path in (run / "charter.toml", run / "charter.dsse")}
    amend_charter(run, edited(run, "error_budget = 0.05", "error_budget = 0.01"), keys=steward())
    for name, text in old.items():
        (run / name).write_bytes(text)
        with open_office(run) as office:
            assert office.signed.charter.version == 2
        assert charter_of(run).charter.version == 2


def test_a_charter_that_never_was_in_force_is_noticed(run: Path) -> None:
    (run / "charter.toml").write_text(
        charter_of(run).text.replace("error_budget = 0.05", "error_budget = 0.5")
    )
    with pytest.raises(TrustError, match="as it was signed"), open_office(run):
        pass


def test_a_key_is_rotated_and_the_old_one_counts_no_more(run: Path, machine: Path) -> None:
    (old,) = steward()
    new, _ = key(machine, "ada")
    rotate_key(run, old, new)
    assert [each.name for each in charter_of(run).stewards] == ["ada"]
    with pytest.raises(TrustError, match="signed by"):
        give_order(run, "pause", "still me", keys=[old])
    assert give_order(run, "pause", "me now", keys=[new]).entry is not None


def test_a_lost_key_is_replaced_with_the_recovery_key_that_init_made(run: Path, machine: Path) -> None:
    recovery = SigningKey.load(recovery_key_path(charter_of(run).charter.seal.tip))
    old = SigningKey.load(steward_key_path()).verify_key
    steward_key_path().unlink()
    new, _ = key(machine, "ada")
    path = edited(run, str(old), str(new.verify_key))
    assert amend_charter(run, path, keys=[recovery, new]).entry is not None
    with pytest.raises(DetentError, match="signed by"):
        grant_lease(run, 1, keys=[recovery])
    assert grant_lease(run, 1, keys=[new]).entry is not None


def test_two_stewards_sign_one_after_the_other_on_machines_that_never_meet(run: Path, machine: Path) -> None:
    (ada,) = steward()
    bob, bobs = key(machine, "bob")
    text = charter_of(run).text
    keys = text[text.index("keys = [") :].splitlines()[0]
    both = f'keys = ["{ada.verify_key}", "{bob.verify_key}"]'
    path = edited(run, keys, both)
    path.write_text(path.read_text().replace("quorum = 1", "quorum = 2"))
    waiting = amend_charter(run, path, keys=[ada])
    assert waiting.entry is None
    assert "bob" in waiting.waits
    done = sign_waiting(run, waiting.path.name[:10], [bob])
    assert isinstance(done.entry, CharterSigned)

    give_order(run, "halt", "one is enough to stop", keys=[ada])
    first = give_order(run, "resume", "two to go on", keys=[ada])
    assert first.entry is None
    elsewhere = machine / "carried.dsse"
    elsewhere.write_bytes(first.path.read_bytes())
    elsewhere.write_text(sign_file(elsewhere, [SigningKey.load(bobs)]))
    Inbox(RunFolder(run).inbox).put(elsewhere.read_text())
    with open_office(run) as office:
        office.take_in()
    assert standing(run) == "lease_spent"  # lifted; the amendment had ended the leases


def test_a_lease_given_while_a_process_runs_the_loop_waits_for_it(run: Path) -> None:
    with open_office(run) as office:
        handed = grant_lease(run, 1, keys=steward())
        assert handed.entry is None
        assert "when the generation in progress is closed" in handed.waits
        office.take_in()
    assert isinstance(last(run), LeaseGranted)


HOSTILE = {
    "a file that is no envelope": b"halt!",
    "bytes that are no text": b"\xff\xfe",
    "an envelope nobody signed": (
        b'{"payload":"e30=","payloadType":"application/vnd.detent.order.v1+json","signatures":[]}'
    ),
    "an envelope of a kind nobody knows": b'{"payload":"e30=","payloadType":"x","signatures":[]}',
    "more than an entry holds": b"x" * (LARGEST + 1),
    "JSON nested without end": b"[" * 50_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_lies_in_the_inbox_is_refused_on_the_ledger_and_the_run_is_still_usable(
    run: Path, name: str
) -> None:
    (run / "inbox" / "evil.dsse").write_bytes(HOSTILE[name])
    with open_office(run) as office:
        _, taken = office.take_in()
    assert [one.said[:8] for one in taken] == ["refused:"]
    assert isinstance(last(run), Refused)
    assert list((run / "inbox").iterdir()) == []
    assert give_order(run, "pause", "still here", keys=steward()).entry is not None


def amendment_of(run: Path, stranger: SigningKey) -> str:
    """An amendment that only whom it names has signed."""
    signed = charter_of(run)
    text = signed.text.replace(str(signed.stewards[0]), str(stranger.verify_key)).replace(
        "version = 1", "version = 2"
    )
    return endorse(text, [stranger])


def test_an_amendment_that_only_strangers_signed_waits_for_nobody(run: Path, machine: Path) -> None:
    stranger, _ = key(machine, "eve")
    Inbox(RunFolder(run).inbox).put(amendment_of(run, stranger))
    with open_office(run) as office:
        office.take_in()
    assert list((run / "inbox").iterdir()) == []
    assert charter_of(run).charter.version == 1


def test_a_folder_and_a_name_that_is_no_text_are_taken_out_of_the_inbox(run: Path) -> None:
    (run / "inbox" / "x.dsse").mkdir()
    Path(os.fsdecode(os.fsencode(run / "inbox") + b"/\xff\xfe.dsse")).write_bytes(b"x")
    with open_office(run) as office:
        office.take_in()
    assert list((run / "inbox").iterdir()) == []
    assert give_order(run, "pause", "still here", keys=steward()).entry is not None


def test_a_wrong_signature_under_ones_name_does_not_keep_one_from_signing(run: Path, machine: Path) -> None:
    bob, _ = key(machine, "bob")
    (ada,) = steward()
    text = charter_of(run).text
    keys = text[text.index("keys = [") :].splitlines()[0]
    path = edited(run, keys, f'keys = ["{ada.verify_key}", "{bob.verify_key}"]')
    path.write_text(path.read_text().replace("quorum = 1", "quorum = 2"))
    waiting = amend_charter(run, path, keys=[ada])
    envelope = json.loads(waiting.path.read_text())
    wrong = dict(envelope["signatures"][0], keyid=f"{bob.name}+{bob.verify_key.id.hex()}")
    envelope["signatures"].append(wrong)
    waiting.path.write_text(json.dumps(envelope))
    assert sign_waiting(run, waiting.path.name[:10], [bob]).entry is not None


def test_a_charter_edited_in_place_keeps_nobody_from_halting_a_run_at_work(run: Path) -> None:
    with open_office(run) as office:
        (run / "charter.toml").write_text(charter_of(run).text + "\n# my next charter\n")
        handed = give_order(run, "pause", "stop", keys=steward())
        assert handed.waits
        office.take_in()
    assert isinstance(last(run), Ordered)


def test_what_breaks_the_reader_does_not_end_the_watch_for_halts(run: Path) -> None:
    nasty = "x = " + "9" * 5000
    envelope = endorse(nasty, steward())
    with open_office(run) as office:
        inbox = Inbox(office.run.inbox)
        (run / "inbox" / "nasty.dsse").write_text(envelope)
        with Sentinel(inbox, office.book, office.signed, catalogue()) as sentinel:
            time.sleep(1.2)
            inbox.put(give_envelope(run))
            with pytest.raises(Interrupted):
                time.sleep(10)
        assert sentinel.reason == "halt"


def test_a_clock_set_back_meanwhile_does_not_make_the_lease_longer(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETENT_CLOCK", "2026-02-01T11:59:59Z")
    with open_office(run) as office:
        sentinel = Sentinel(Inbox(office.run.inbox), office.book, office.signed, catalogue())
        with sentinel:
            monkeypatch.setenv("DETENT_CLOCK", "2026-01-31T12:00:00Z")
            with pytest.raises(Interrupted):
                time.sleep(10)
    assert sentinel.reason == "lease"


def test_a_link_out_of_the_inbox_is_not_followed(run: Path, machine: Path) -> None:
    secret = machine / "secret"
    secret.write_text("mine")
    (run / "inbox" / "link.dsse").symlink_to(secret)
    with open_office(run) as office:
        office.take_in()
    assert secret.read_text() == "mine"
    assert not (run / "inbox" / "link.dsse").is_symlink()


def test_a_flood_does_not_fill_the_ledger_at_once(run: Path) -> None:
    for number in range(200):
        (run / "inbox" / f"{number}.dsse").write_bytes(b"x")
    before = len(entries_of(RunFolder(run)))
    with open_office(run) as office:
        office.take_in()
    assert len(entries_of(RunFolder(run))) - before <= 64


def flood(run: Path, key: SigningKey, number: int = 10_000) -> None:
    """Files of any kind: junk, large ones, and halts by somebody with a steward's name."""
    forged = SigningKey(key.name, SigningKey.create("eve").private)
    made = (b"x", b"[" + b"1," * 2_000 + b"1]", order_of(run, "halt", [forged]).encode())
    for place in range(number):
        (run / "inbox" / f"{place}.dsse").write_bytes(made[place % 3])


def test_a_halt_is_found_in_a_flood_of_files_and_written_down_before_any_is_refused(run: Path) -> None:
    flood(run, steward()[0])
    (run / "inbox" / "zz.dsse").write_text(give_envelope(run))
    began = time.process_time()
    with open_office(run) as office:
        taken = Inbox(office.run.inbox).take_stops(office.book, office.signed, catalogue())
    assert [one.entry.order for one in taken if isinstance(one.entry, Ordered)] == ["halt"]
    assert time.process_time() - began < 10  # 2 on a machine that does nothing else
    assert standing(run) == "halted"


def test_a_halt_in_a_flood_of_files_interrupts_what_the_main_thread_does(run: Path) -> None:
    flood(run, steward()[0])
    with open_office(run) as office:
        inbox = Inbox(office.run.inbox)
        with Sentinel(inbox, office.book, office.signed, catalogue()) as sentinel:
            (run / "inbox" / "zz.dsse").write_text(give_envelope(run))
            with pytest.raises(Interrupted):
                time.sleep(30)
        assert sentinel.reason == "halt"


def test_leases_that_one_of_two_signed_do_not_keep_a_halt_or_another_lease_out(
    run: Path, machine: Path
) -> None:
    bob, _ = key(machine, "bob")
    (ada,) = steward()
    text = charter_of(run).text
    keys = text[text.index("keys = [") :].splitlines()[0]
    path = edited(run, keys, f'keys = ["{ada.verify_key}", "{bob.verify_key}"]')
    path.write_text(path.read_text().replace("quorum = 1", "quorum = 2"))
    amend_charter(run, path, keys=[ada, bob])
    for petaflop in range(1, 101):
        Inbox(RunFolder(run).inbox).put(lease_of(run, [ada], petaflop / 1_000))
    handed = grant_lease(run, 1, keys=[ada, bob])
    assert isinstance(handed.entry, LeaseGranted)
    assert isinstance(give_order(run, "halt", "stop", keys=[ada]).entry, Ordered)
    with open_office(run) as office:
        for _ in range(2):
            office.take_in()
    assert list((run / "inbox").iterdir()) == []  # their number is taken: nobody can make them count


def lease_of(run: Path, keys: list[SigningKey], petaflop: float) -> str:
    at = ledger_at(RunFolder(run))
    terms = {"hours": 1.0, "petaflop": petaflop, "at": "2026-01-31T12:00:00Z"}
    number, root = at.state.leases + 1, at.root(at.size).hex()
    return grant(charter_of(run), number, 1, **terms, size=at.size, root=root, keys=keys)  # type: ignore[arg-type]


def test_what_is_on_the_ledger_already_is_taken_from_the_inbox_without_a_word(run: Path) -> None:
    handed = give_order(run, "pause", "look", keys=steward())
    assert isinstance(handed.entry, Ordered)
    handed.path.write_text(handed.entry.envelope)  # as a crash would leave it
    before = len(entries_of(RunFolder(run)))
    with open_office(run) as office:
        assert office.take_in()[1] == []
    assert len(entries_of(RunFolder(run))) == before
    assert not handed.path.exists()


def test_a_halt_interrupts_what_the_main_thread_does(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detent.assembly.orders.PATIENCE", 1.0)  # nobody takes it in here

    def hand_in() -> None:
        time.sleep(0.3)
        handed = give_order(run, "halt", "stop", keys=steward())
        assert handed.waits or handed.entry

    with open_office(run) as office:
        helper = threading.Thread(target=hand_in)
        began = time.monotonic()
        with Sentinel(Inbox(office.run.inbox), office.book, office.signed, catalogue()) as sentinel:
            helper.start()
            with pytest.raises(Interrupted):
                time.sleep(20)
        assert sentinel.reason == "halt"
        assert time.monotonic() - began < 5
    helper.join()


def test_a_forged_halt_interrupts_nothing(run: Path) -> None:
    with open_office(run) as office:
        inbox = Inbox(office.run.inbox)
        real = give_envelope(run)
        forged = real.replace('"sig":"', '"sig":"AAAA')
        (run / "inbox" / "forged.dsse").write_text(forged)
        with Sentinel(inbox, office.book, office.signed, catalogue()) as sentinel:
            time.sleep(1.2)
        assert sentinel.reason is None


def give_envelope(run: Path) -> str:
    """A true halt, not handed in."""
    return order_of(run, "halt", steward())


def order_of(run: Path, command: Command, keys: list[SigningKey]) -> str:
    at = ledger_at(RunFolder(run))
    return order(charter_of(run), command, "x", size=at.size, root=at.root(at.size).hex(), keys=keys)


def test_the_end_of_the_lease_interrupts_too(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_office(run) as office:
        sentinel = Sentinel(Inbox(office.run.inbox), office.book, office.signed, catalogue())
        with sentinel:
            monkeypatch.setenv("DETENT_CLOCK", "2026-03-01T12:00:00Z")
            with pytest.raises(Interrupted):
                time.sleep(10)
    assert sentinel.reason == "lease"


NOTHING_TO_DO = {
    "resume a run that is not held": lambda run: give_order(run, "resume", "x", keys=steward()),
    "roll back a run without generations": lambda run: give_order(run, "rollback", "x", to=0, keys=steward()),
    "sign what is not there": lambda run: sign_waiting(run, "abc", steward()),
}


@pytest.mark.parametrize("name", NOTHING_TO_DO)
def test_it_is_a_usage_error_to(run: Path, name: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        NOTHING_TO_DO[name](run)


def test_everything_people_did_verifies(run: Path, machine: Path) -> None:
    give_order(run, "pause", "look", keys=steward())
    give_order(run, "resume", "looked", keys=steward())
    amend_charter(run, edited(run, "error_budget = 0.05", "error_budget = 0.01"), keys=steward())
    grant_lease(run, 1, keys=steward())
    (old,) = steward()
    new, _ = key(machine, "ada")
    rotate_key(run, old, new)
    (run / "inbox" / "evil.dsse").write_bytes(b"x")
    grant_lease(run, 1, keys=[new])
    assert [finding.faults for finding in verify_run(run).faults] == []
