"""Readers beside the writer: each at one signed checkpoint, moving forward only."""

import shutil
import threading
from pathlib import Path

import pytest

from detent.errors import TrustError
from detent.ledger import Ledger, LedgerReader, LedgerView, verify_consistency
from detent.signing import SigningKey

ORIGIN = "example.com/run"


def entry(index: int) -> bytes:
    return f"entry {index}".encode()


def test_a_reader_stands_at_its_checkpoint_until_it_is_refreshed(folder: Path, key: SigningKey) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.append(entry(0))
        reader = LedgerReader(folder, key.verify_key)
        ledger.append(entry(1))
        assert (reader.size, list(reader.entries())) == (1, [entry(0)])
        assert reader.refresh() == 1
        assert (reader.size, list(reader.entries())) == (2, [entry(0), entry(1)])
        assert reader.refresh() == 0
        assert (reader.checkpoint, reader.root(), reader.origin) == (
            ledger.checkpoint,
            ledger.root(),
            ledger.origin,
        )


def test_reader_and_writer_are_read_in_the_same_way(folder: Path, key: SigningKey) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.extend(map(entry, range(300)))
        views: list[LedgerView] = [ledger, LedgerReader(folder, key.verify_key)]
        answers = [
            (
                view.root(77),
                view.leaf_hash(5),
                view.inclusion_proof(9),
                view.consistency_proof(7),
                view.checkpoint,
            )
            for view in views
        ]
        assert answers[0] == answers[1]


def test_a_reader_of_a_partial_tile_reads_the_full_one_once_the_partial_is_gone(
    folder: Path, key: SigningKey
) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.extend(map(entry, range(10)))
        reader = LedgerReader(folder, key.verify_key)
        ledger.extend(map(entry, range(10, 300)))
        assert not (folder / "tile/entries/000.p").exists()
        assert list(reader.entries()) == [entry(i) for i in range(10)]
        assert reader.root(7) == ledger.root(7)


def test_a_reader_keeps_up_with_a_writer_in_another_thread(folder: Path, key: SigningKey) -> None:
    done = threading.Event()

    def write() -> None:
        with Ledger.open(folder, key) as ledger:
            for index in range(0, 600, 3):
                ledger.extend(map(entry, range(index, index + 3)))
        done.set()

    Ledger.create(folder, key, ORIGIN).close()
    reader, last, looks = LedgerReader(folder, key.verify_key), (0, b""), 0
    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set() or reader.size < 600:
        reader.refresh()
        assert list(reader.entries()) == [entry(i) for i in range(reader.size)]
        if last[0]:
            verify_consistency(
                last[0], reader.size, reader.consistency_proof(last[0]), last[1], reader.root()
            )
        last, looks = (reader.size, reader.root()), looks + 1
    writer.join()
    assert looks > 3


def test_a_reader_does_not_go_back(folder: Path, key: SigningKey) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.append(entry(0))
        earlier = ledger.checkpoint
        ledger.append(entry(1))
    reader = LedgerReader(folder, key.verify_key)
    (folder / "checkpoint").write_text(earlier, encoding="utf-8")
    with pytest.raises(TrustError, match="exchanged or set back"):
        reader.refresh()
    assert (reader.size, list(reader.entries())) == (2, [entry(0), entry(1)])


@pytest.mark.parametrize("size", [2, 3, 300])
def test_a_reader_does_not_follow_a_rewritten_history(size: int, folder: Path, key: SigningKey) -> None:
    """Even signed with the right key: an operator who starts over is found out by whoever looked before."""
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.extend([entry(0), entry(1)])
    reader = LedgerReader(folder, key.verify_key)
    shutil.rmtree(folder)
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.extend([b"another", *map(entry, range(1, size))])
    with pytest.raises(TrustError, match="history was rewritten"):
        reader.refresh()
    assert reader.size == 2


def test_a_reader_does_not_move_to_another_log_of_the_same_key(folder: Path, key: SigningKey) -> None:
    Ledger.create(folder, key, ORIGIN).close()
    reader = LedgerReader(folder, key.verify_key)
    shutil.rmtree(folder)
    Ledger.create(folder, key, "example.com/another").close()
    with pytest.raises(TrustError, match=f"{ORIGIN} with 0 entries or more expected"):
        reader.refresh()


def test_a_reader_writes_nothing(folder: Path, key: SigningKey) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.extend(map(entry, range(300)))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    reader = LedgerReader(folder, key.verify_key)
    assert len(list(reader.entries())) == 300
    reader.refresh()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
