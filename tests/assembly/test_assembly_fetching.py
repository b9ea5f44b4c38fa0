"""`verify` of an address: a plain host of a run folder is enough, and a hostile one gets so much and no more."""

import shutil
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.assembly.hostile_hosts import LONGEST, Host, Say, answer, endless, hosting, says
from tests.attacks.attacks_world import ADA, CHARTER, ECHO, Scene, found

from detent.assembly import fetching, verify_run, verify_source, verifying
from detent.errors import DetentError, TrustError, UsageError
from detent.ledger import Checkpoint, sign_note

pytestmark = pytest.mark.usefixtures("stranger")

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


def test_a_plain_host_of_the_folder_verifies(told: Scene) -> None:
    with hosting(Host(told.run)) as address:
        findings = verify_source(address)
    assert not findings.faults
    ours = {one.check: one.detail for one in verify_run(told.run).made if one.check != "models"}
    assert {one.check: one.detail for one in findings.made if one.check != "models"} == ours
    (models,) = (one for one in findings.made if one.check == "models")
    assert models.unchecked == (
        "5 models: weights are not fetched",
        "where the link models/incumbent leads: a host shows no links",
    )


def test_no_secret_and_nothing_that_verify_does_not_read_is_asked_for(told: Scene) -> None:
    host = Host(told.run)
    with hosting(host) as address:
        verify_source(address)
    folders = {path.partition("/")[0] for path in host.asked}
    assert folders == {"charter.toml", "charter.dsse", "log.vkey", "ledger", "data", "answers"}
    assert len(host.asked) == len(set(host.asked))
    assert all((told.run / path).is_file() for path in host.asked)


def test_a_host_without_data_verifies_and_says_what_was_not_checked(told: Scene, tmp_path: Path) -> None:
    shutil.copytree(told.run, tmp_path / "bare", symlinks=True)
    shutil.rmtree(tmp_path / "bare" / "data")
    shutil.rmtree(tmp_path / "bare" / "answers")
    with hosting(Host(tmp_path / "bare")) as address:
        findings = verify_source(address)
    assert not findings.faults
    unchecked = [what for one in findings.made for what in one.unchecked]
    assert "3 data files: the host has none" in unchecked
    assert "3 answers files: the host has none" in unchecked


@pytest.mark.parametrize(("withheld", "undecided"), [("data", ()), ("answers", ("answers",))])
def test_who_withholds_what_verdicts_rest_on_is_not_told_that_all_is_well(
    told: Scene, tmp_path: Path, withheld: str, undecided: tuple[str, ...]
) -> None:
    shutil.copytree(told.run, tmp_path / "bare", symlinks=True)
    shutil.rmtree(tmp_path / "bare" / withheld)
    with hosting(Host(tmp_path / "bare")) as address:
        findings = verify_source(address)
    assert (findings.faults, findings.undecided) == ([], undecided)
    assert any(line.startswith("undecided   answers could not") for line in findings.lines) == bool(undecided)


def test_a_host_without_the_code_of_a_task_is_no_fault_and_nothing_is_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "confinement", lambda: SimpleNamespace(confined=True))
    charter = CHARTER.replace("{ copy = 8 }", "{ echo = 8 }") + '\n[tasks.echo]\nsource = "echo.py:Echo"\n'
    scene = found(tmp_path / "scene", charter, {"echo.py": ECHO})
    (scene.run / "tasks" / "echo.py").unlink()
    with hosting(Host(scene.run)) as address:
        findings = verify_source(address)
    assert (findings.faults, findings.undecided) == ([], ("tasks",))
    assert any(
        "echo, whose problems are not drawn and marked again: the host has none" in line
        for line in findings.lines
    )
    assert [one.check for one in verify_run(scene.run).faults] == [
        "tasks"
    ]  # nobody says why it is not in a folder


def test_the_code_of_a_task_that_a_host_has_changed_is_a_fault(
    stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "confinement", lambda: SimpleNamespace(confined=True))
    charter = CHARTER.replace("{ copy = 8 }", "{ echo = 8 }") + '\n[tasks.echo]\nsource = "echo.py:Echo"\n'
    scene = found(stranger / "scene", charter, {"echo.py": ECHO})
    (scene.run / "tasks" / "echo.py").write_text(ECHO + "\n# another\n")
    with hosting(Host(scene.run)) as address:
        assert [one.check for one in verify_source(address).faults] == ["tasks"]


def test_where_nothing_confines_it_a_strangers_code_is_not_run_and_that_is_no_fault_of_the_record(
    stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    charter = CHARTER.replace("{ copy = 8 }", "{ echo = 8 }") + '\n[tasks.echo]\nsource = "echo.py:Echo"\n'
    scene = found(stranger / "scene", charter, {"echo.py": ECHO})
    monkeypatch.setattr(verifying, "confinement", lambda: SimpleNamespace(confined=False, because="no bwrap"))
    findings = verify_run(scene.run)
    assert (findings.faults, findings.undecided) == ([], ("tasks",))
    assert any("a stranger's code is not run unconfined: no bwrap" in line for line in findings.lines)


def test_data_that_a_host_has_changed_is_a_fault(told: Scene, tmp_path: Path) -> None:
    shutil.copytree(told.run, tmp_path / "bent", symlinks=True)
    first = min((tmp_path / "bent" / "data").iterdir())
    first.write_bytes(first.read_bytes().replace(b"copy", b"Copy", 1))
    with hosting(Host(tmp_path / "bent")) as address:
        assert [one.check for one in verify_source(address).faults] == ["data"]


def test_a_ledger_without_one_of_its_tiles_is_a_fault(told: Scene) -> None:
    missing: dict[str, Say] = {"ledger/tile/0/": says(answer(b"", status="404 Not Found"))}
    with hosting(Host(told.run, missing)) as address:
        findings = verify_source(address)
    assert "ledger" in [one.check for one in findings.faults]


def test_a_ledger_that_grows_meanwhile_is_fetched_as_it_is_then(told: Scene, tmp_path: Path) -> None:
    """The tiles of the checkpoint that was read first are gone, as those of a log at work are once they are full."""
    scene = told.copy(tmp_path / "scene")
    before = (scene.folder.ledger / "checkpoint").read_bytes()
    with scene.here():
        scene.turn(1)
    for tile in scene.folder.ledger.rglob(f"*.p/{before.decode().splitlines()[1]}"):
        tile.unlink()
    looks = iter([before])

    def checkpoint(connection: socket.socket) -> None:
        said = next(looks, (scene.folder.ledger / "checkpoint").read_bytes())
        connection.sendall(answer(said))

    with hosting(Host(scene.run, {"ledger/checkpoint": checkpoint})) as address:
        findings = verify_source(address)
    assert not findings.faults
    assert findings.made[0].detail.startswith(f"{len(scene.record())} entries")


def checkpoint_of(size: int) -> bytes:
    """What a log says that is as large as its holder likes."""
    return str(sign_note(Checkpoint(ADA.name, size, bytes(32)).text(), ADA)).encode()


LARGE_LOG: dict[str, Say] = {
    "log.vkey": says(answer(str(ADA.verify_key).encode())),
    "ledger/checkpoint": says(answer(checkpoint_of(10**15))),
}

HOSTILE: dict[str, tuple[dict[str, Say], type[DetentError], str]] = {
    "a file has no end": (
        {"charter.toml": endless(HEAD, b"x" * 65536)},
        TrustError,
        "at most 1,048,576 bytes",
    ),
    "a file has no end, piece by piece": (
        {"log.vkey": endless(CHUNKED, b"4\r\nabcd\r\n" * 9999)},
        TrustError,
        "at most 1,048,576 bytes",
    ),
    "a tile has no end": (
        {"ledger/tile/0/": endless(HEAD, b"x" * 65536)},
        TrustError,
        "at most 17,825,792 bytes",
    ),
    "data has no end": ({"data/": endless(HEAD, b"x" * 65536)}, TrustError, "at most 2,000,000 bytes"),
    "a file says that it is larger than any": (
        {"charter.dsse": endless(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", b"x" * 65536)},
        TrustError,
        "at most 1,048,576 bytes",
    ),
    "a file says that it is longer than it is": (
        {"charter.toml": says(answer(b"name", length=100))},
        TrustError,
        "96 more bytes",
    ),
    "a piece says that it is longer than it is": (
        {"charter.toml": says(CHUNKED + b"ff\r\nabc")},
        UsageError,
        "an answer from",
    ),
    "a piece has a length that is no number": (
        {"charter.toml": says(CHUNKED + b"zz\r\nabc")},
        UsageError,
        "an answer from",
    ),
    "a file trickles": ({"charter.toml": endless(HEAD, b"x", 0.05)}, UsageError, "too slowly"),
    "the first line trickles": (
        {"charter.toml": endless(b"HTTP/1.1 200 ", b"O", 0.05)},
        UsageError,
        "too slowly",
    ),
    "the headers trickle": (
        {"charter.toml": endless(HEAD[:-4], b"\r\nA: b", 0.05)},
        UsageError,
        "too slowly",
    ),
    "it only ever says that it is about to answer": (
        {"charter.toml": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01)},
        UsageError,
        "too slowly",
    ),
    "it says nothing": ({"charter.toml": endless(b"", b"", 0.05)}, UsageError, "timed out"),
    "it hangs up": ({"charter.toml": says(b"")}, UsageError, "an answer from"),
    "it speaks something else": ({"charter.toml": says(b"SSH-2.0-x\r\n")}, UsageError, "an answer from"),
    "a header has no end": (
        {"charter.toml": endless(b"HTTP/1.1 200 OK\r\nA: ", b"x" * 65536)},
        UsageError,
        "header",
    ),
    "there are headers without end": (
        {"charter.toml": endless(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 99)},
        UsageError,
        "headers",
    ),
    "it sends on to a file of this machine": (
        {"charter.toml": says(answer(b"", None, "302 Found", "Location: file:///etc/passwd"))},
        UsageError,
        "302, to file:///etc/passwd",
    ),
    "it sends on to itself": (
        {"charter.toml": says(answer(b"", None, "301 Moved", "Location: /charter.toml"))},
        UsageError,
        "the answer 301",
    ),
    "it sends on, with a body that has no end": (
        {"charter.toml": endless(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", b"x" * 65536)},
        UsageError,
        "the answer 302",
    ),
    "it is not well": ({"charter.toml": says(answer(b"", None, "500 Oh"))}, UsageError, "the answer 500"),
    "it sends a part": ({"charter.toml": says(answer(b"n", None, "206 Part"))}, UsageError, "the answer 206"),
    "it has no charter": (
        {"charter.dsse": says(answer(b"", None, "404 No"))},
        UsageError,
        "the run folder's address",
    ),
    "its log's key is none": ({"log.vkey": says(answer(b"\xff\x00"))}, UsageError, "verify key"),
    "its checkpoint is signed by another": (
        {"log.vkey": says(answer(str(ADA.verify_key).encode()))},
        TrustError,
        "expected",
    ),
    "its ledger is larger than any": (LARGE_LOG, TrustError, "at most 10,000,000 entries"),
}
"""What the host does: what it says for which paths, and what comes of it."""


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_host_ends_in_time_and_leaves_nothing(
    attack: str, told: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LARGE", 2_000_000)
    monkeypatch.setattr(fetching, "SILENCE", 0.5)
    monkeypatch.setattr(fetching, "PATIENCE", 1.5)
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    special, kind, said = HOSTILE[attack]
    began = time.monotonic()
    with hosting(Host(told.run, special)) as address, pytest.raises(kind, match=said):
        verify_source(address)
    assert time.monotonic() - began < LONGEST / 2
    assert list(place.iterdir()) == []


def test_all_files_together_have_a_largest_size(told: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST", 20_000)
    with hosting(Host(told.run)) as address, pytest.raises(TrustError, match="bytes from"):
        verify_source(address)


def test_all_files_together_have_a_longest_time(told: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "ALL_PATIENCE", 0.0)
    with hosting(Host(told.run)) as address, pytest.raises(UsageError, match="too slowly"):
        verify_source(address)


def test_a_ledger_that_is_large_and_not_there_is_asked_for_once(told: Scene) -> None:
    log = LARGE_LOG | {"ledger/checkpoint": says(answer(checkpoint_of(9_000_000)))}
    host = Host(told.run, log)
    with hosting(host) as address:
        assert "ledger" in [one.check for one in verify_source(address).faults]
    assert len(host.asked) < 10


ADDRESSES = (
    *(
        "file:///etc/passwd",
        "ftp://127.0.0.1/run/",
        "gopher://x/",
        "data://text/plain,x",
        "http://",
        "http:///run/",
    ),
    *(
        "http://ada:secret@127.0.0.1/",
        "http://127.0.0.1/?run=1",
        "http://127.0.0.1/#run",
        "http://127.0.0.1:0/",
    ),
    *("http://[/", "http://127.0.0.1:99999/", "://x", "HTTP+UNIX://x/"),
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_no_address_of_a_folder_is_the_callers_mistake(address: str) -> None:
    with pytest.raises(UsageError, match="an address"):
        verify_source(address)


def test_where_nobody_answers_that_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UsageError, match="is the host up"):
        verify_source(f"http://127.0.0.1:{port}/")
