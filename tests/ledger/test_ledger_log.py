"""The writer on a good disk: what append promises, around every size at which tiles fill."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.ledger_soundness import assert_ledger_sound

from detent.errors import BusyError, StorageError, TrustError, UsageError
from detent.ledger import (
    LARGEST_ENTRY,
    Ledger,
    LedgerReader,
    verify_consistency,
    verify_inclusion,
    writer_of,
)
from detent.ledger._merkle import leaf_hash, tree_root
from detent.signing import SigningKey

ORIGIN = "example.com/run"


def entry(index: int) -> bytes:
    return f'{{"index":{index}}}'.encode()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_ledger_is_empty_and_signed(folder: Path, key: SigningKey) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        assert (ledger.size, ledger.origin, list(ledger.entries())) == (0, ORIGIN, [])
        assert ledger.root() == tree_root([])
    assert assert_ledger_sound(folder, key.verify_key) == []


def test_append_returns_the_index_and_the_files_are_whole_after_every_step(
    folder: Path, key: SigningKey
) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        for index in range(5):
            assert ledger.append(entry(index)) == index
            assert assert_ledger_sound(folder, key.verify_key) == [entry(i) for i in range(index + 1)]


@pytest.mark.parametrize("start", [254, 255, 256, 510, 511, 512])
def test_the_files_are_whole_after_every_step_across_a_full_tile(
    start: int, folder: Path, key: SigningKey
) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.extend(map(entry, range(start)))
        for index in range(start, start + 3):
            assert ledger.append(entry(index)) == index
            assert assert_ledger_sound(folder, key.verify_key) == [entry(i) for i in range(index + 1)]


@settings(max_examples=15, deadline=None)
@given(
    batches=st.lists(st.integers(0, 300), max_size=5),
    reopened=st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_the_ledger_is_the_same_however_the_entries_came(
    batches: list[int], reopened: list[bool], tmp_path_factory: pytest.TempPathFactory, key: SigningKey
) -> None:
    folder = tmp_path_factory.mktemp("run") / "ledger"
    ledger = Ledger.create(folder, key, ORIGIN)
    for batch, reopen in zip(batches, reopened, strict=False):
        indices = range(ledger.size, ledger.size + batch)
        assert ledger.extend(map(entry, indices)) == indices
        if reopen:
            ledger.close()
            ledger = Ledger.open(folder, key)
    ledger.close()
    entries = [entry(i) for i in range(sum(batches))]
    assert assert_ledger_sound(folder, key.verify_key) == entries
    assert list(ledger.entries()) == entries
    assert ledger.root() == tree_root([leaf_hash(data) for data in entries])


def test_two_ledgers_of_the_same_key_and_entries_are_the_same_bytes(tmp_path: Path, key: SigningKey) -> None:
    for name in "ab":
        with Ledger.create(tmp_path / name, key, ORIGIN) as ledger:
            for index in range(3):
                ledger.append(entry(index))
    files = [
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in "ab"
    ]
    assert files[0] == files[1]


def test_partial_tiles_stay_until_the_full_one_is_there_and_then_go(folder: Path, key: SigningKey) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        for index in range(4):
            ledger.append(entry(index))
        for kind in ("0", "entries"):
            assert names(folder / "tile" / kind / "000.p") == ["1", "2", "3", "4"]
        ledger.extend(map(entry, range(4, 257)))
        for kind in ("0", "entries"):
            assert names(folder / "tile" / kind) == ["000", "001.p"]


def test_a_written_file_never_changes_while_it_is_there(folder: Path, key: SigningKey) -> None:
    seen: dict[Path, bytes] = {}
    with Ledger.create(folder, key, ORIGIN) as ledger:
        for batch in (1, 1, 250, 2, 1, 1, 1, 300):
            ledger.extend(map(entry, range(ledger.size, ledger.size + batch)))
            for path in (folder / "tile").rglob("*"):
                if path.is_file():
                    assert seen.setdefault(path, path.read_bytes()) == path.read_bytes()


def test_roots_and_proofs_of_every_earlier_size_hold(folder: Path, key: SigningKey) -> None:
    sizes = [1, 2, 3, 5, 8, 254, 255, 256, 257, 300, 511, 512, 513, 700]
    with Ledger.create(folder, key, ORIGIN) as ledger:
        signed = {}
        for size in sizes:
            ledger.extend(map(entry, range(ledger.size, size)))
            signed[size] = ledger.root()
        for size in sizes:
            assert ledger.root(size) == signed[size]
            for index in {0, size // 2, size - 1}:
                verify_inclusion(
                    leaf_hash(entry(index)), index, size, ledger.inclusion_proof(index, size), signed[size]
                )
                assert ledger.leaf_hash(index) == leaf_hash(entry(index))
            for old in sizes:
                if old <= size:
                    proof = ledger.consistency_proof(old, size)
                    verify_consistency(old, size, proof, signed[old], signed[size])
        assert ledger.root(0) == tree_root([])
        assert ledger.inclusion_proof(3) == ledger.inclusion_proof(3, 700)
        assert ledger.consistency_proof(255) == ledger.consistency_proof(255, 700)


def test_a_ledger_of_65537_entries_has_three_levels_of_tiles(folder: Path, key: SigningKey) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        for size in (65_535, 65_536, 65_537):
            ledger.extend(map(entry, range(ledger.size, size)))
            assert len(assert_ledger_sound(folder, key.verify_key)) == size
    reader = LedgerReader(folder, key.verify_key)
    for index in (0, 255, 65_535, 65_536):
        proof = reader.inclusion_proof(index)
        verify_inclusion(leaf_hash(entry(index)), index, 65_537, proof, reader.root())
    verify_consistency(257, 65_537, reader.consistency_proof(257), reader.root(257), reader.root())


def test_entries_begin_where_asked_and_end_where_the_ledger_stood_at_the_call(
    folder: Path, key: SigningKey
) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.extend(map(entry, range(300)))
        for start in (0, 1, 255, 256, 257, 299, 300):
            assert list(ledger.entries(start)) == [entry(i) for i in range(start, 300)]
        standing = ledger.entries(299)
        ledger.append(b"later")
        assert list(standing) == [entry(299)]


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 300, b"x" * LARGEST_ENTRY], ids=["empty", "zeros", "largest"]
)
def test_an_entry_is_any_bytes(data: bytes, folder: Path, key: SigningKey) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.append(data)
    assert assert_ledger_sound(folder, key.verify_key) == [data]


def test_one_entry_too_large_keeps_the_whole_batch_out_and_the_ledger_open(
    folder: Path, key: SigningKey
) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        with pytest.raises(UsageError, match="at most 65535 bytes expected, got 65536"):
            ledger.extend([b"fits", b"x" * (LARGEST_ENTRY + 1)])
        assert assert_ledger_sound(folder, key.verify_key) == []
        assert ledger.append(b"fits") == 0


def test_no_entries_are_no_new_checkpoint(folder: Path, key: SigningKey) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        before = (folder / "checkpoint").stat().st_ino
        assert ledger.extend([]) == range(0)
        assert (folder / "checkpoint").stat().st_ino == before


OUTSIDE = {
    "a root beyond the ledger": lambda ledger: ledger.root(4),
    "a root of a negative size": lambda ledger: ledger.root(-1),
    "a leaf beyond the ledger": lambda ledger: ledger.leaf_hash(3),
    "a negative leaf": lambda ledger: ledger.leaf_hash(-1),
    "entries from beyond the ledger": lambda ledger: ledger.entries(4),
    "inclusion beyond the ledger": lambda ledger: ledger.inclusion_proof(3),
    "inclusion in a tree to come": lambda ledger: ledger.inclusion_proof(1, 4),
    "inclusion in a tree before the entry": lambda ledger: ledger.inclusion_proof(2, 2),
    "consistency with a tree to come": lambda ledger: ledger.consistency_proof(1, 4),
    "consistency backwards": lambda ledger: ledger.consistency_proof(3, 2),
}


@pytest.mark.parametrize("question", OUTSIDE)
def test_what_is_not_in_the_ledger_is_the_caller_s_mistake(
    question: str, folder: Path, key: SigningKey
) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.extend(map(entry, range(3)))
        with pytest.raises(UsageError, match="expected, got"):
            OUTSIDE[question](ledger)


def test_creating_refuses_what_exists_and_opening_creates_nothing(tmp_path: Path, key: SigningKey) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="exists; choose another"):
        Ledger.create(tmp_path / "there", key, ORIGIN)
    with pytest.raises(UsageError, match="make its parent first"):
        Ledger.create(tmp_path / "no" / "ledger", key, ORIGIN)
    for folder in (tmp_path / "there", tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="a ledger expected"):
            Ledger.open(folder, key)
        with pytest.raises(UsageError, match="a ledger expected"):
            LedgerReader(folder, key.verify_key)
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\nline", "tab\t", "no-break\u00a0space"])
def test_an_origin_is_one_word(origin: str, folder: Path, key: SigningKey) -> None:
    with pytest.raises(UsageError, match="an origin like"):
        Ledger.create(folder, key, origin)
    assert not folder.exists()


def test_another_key_opens_nothing(folder: Path, key: SigningKey) -> None:
    Ledger.create(folder, key, ORIGIN).close()
    for name in (ORIGIN, "another"):
        stranger = SigningKey.create(name)
        with pytest.raises(TrustError, match="another key wrote it"):
            Ledger.open(folder, stranger)
        with pytest.raises(TrustError, match="another key wrote it"):
            LedgerReader(folder, stranger.verify_key)


def test_a_second_writer_is_refused_and_told_who_holds_it(folder: Path, key: SigningKey) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        with pytest.raises(BusyError, match=rf"process {os.getpid()} since 20\d\d-\d\d-\d\dT"):
            Ledger.open(folder, key)
        assert ledger.append(b"unharmed") == 0
    with Ledger.open(folder, key) as ledger:
        assert ledger.append(b"and now it may") == 1


def test_a_second_writer_in_another_process_is_refused(folder: Path, key: SigningKey, tmp_path: Path) -> None:
    key.save(tmp_path / "key.pem")
    code = (
        "import sys; from pathlib import Path\n"
        "from detent.ledger import Ledger; from detent.signing import SigningKey\n"
        "Ledger.open(Path(sys.argv[1]), SigningKey.load(Path(sys.argv[2])))"
    )
    command = [sys.executable, "-c", code, str(folder), str(tmp_path / "key.pem")]
    with Ledger.create(folder, key, ORIGIN):
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "BusyError" in refused.stderr
        assert f"process {os.getpid()} since" in refused.stderr
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


def test_who_writes_is_told_without_being_in_the_way(folder: Path, key: SigningKey) -> None:
    assert writer_of(folder) == ""
    with Ledger.create(folder, key, ORIGIN) as ledger:
        assert writer_of(folder).startswith(f"process {os.getpid()} since 20")
        assert ledger.append(b"unharmed") == 0
    assert writer_of(folder) == ""
    (folder / ".lock").write_text(f"process {os.getpid()} since 2031-01-01T00:00:00Z\n")  # left by a crash
    assert writer_of(folder) == ""


def test_a_writer_opens_while_others_ask_who_writes(folder: Path, key: SigningKey) -> None:
    Ledger.create(folder, key, ORIGIN).close()
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            writer_of(folder)
            enough.wait(0.002)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(50):
            Ledger.open(folder, key).close()
    finally:
        enough.set()
        asking.join()


def test_a_closed_ledger_reads_but_does_not_write(folder: Path, key: SigningKey) -> None:
    ledger = Ledger.create(folder, key, ORIGIN)
    ledger.append(b"one")
    ledger.close()
    ledger.close()
    assert list(ledger.entries()) == [b"one"]
    with pytest.raises(UsageError, match="was closed; open it again"):
        ledger.append(b"two")
    assert assert_ledger_sound(folder, key.verify_key) == [b"one"]


def test_a_lock_file_that_is_a_link_is_not_followed(folder: Path, key: SigningKey, tmp_path: Path) -> None:
    Ledger.create(folder, key, ORIGIN).close()
    (tmp_path / "precious").write_text("keep me")
    (folder / ".lock").unlink()
    (folder / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(StorageError, match="locks expected"):
        Ledger.open(folder, key)
    assert (tmp_path / "precious").read_text() == "keep me"
