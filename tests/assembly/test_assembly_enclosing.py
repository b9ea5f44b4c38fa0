"""Entries of any size, written through the whole stack and read again."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.coordinate.witness_world import say, serving

from detent.assembly import create_run, make_bundle, verify_source
from detent.assembly.enclosing import Enclosing, whole
from detent.assembly.office import open_office
from detent.assembly.watermark import Watermarked
from detent.engine import DataStore
from detent.errors import StorageError, TrustError, UsageError
from detent.ledger import LARGEST_ENTRY, Ledger
from detent.loop import Book
from detent.signing import SigningKey, canonical
from detent.values import LARGEST_ENCLOSED, Enclosed, Refused, decode_entry, entry_document

KEY = SigningKey.from_seed("detent/large", b"k" * 32)


@pytest.fixture
def data(tmp_path: Path) -> DataStore:
    (tmp_path / "data").mkdir()
    (tmp_path / "answers").mkdir()
    return DataStore(tmp_path / "data", tmp_path / "answers")


@pytest.fixture
def record(tmp_path: Path, data: DataStore) -> Iterator[Enclosing]:
    with Ledger.create(tmp_path / "ledger", KEY, "detent/large") as ledger:
        yield Enclosing(Watermarked(ledger, tmp_path / "mark"), data)


def refusal(size: int) -> Refused:
    return Refused(what="a lease", digest="d" * 64, because="x" * size)


def test_a_book_writes_and_reads_entries_of_any_size(record: Enclosing, tmp_path: Path) -> None:
    book = Book(record, lambda: "2026-01-31T12:00:00Z")
    written = [book.write(refusal(size)) for size in (1, LARGEST_ENTRY, 3 * LARGEST_ENTRY, 2)]
    assert [decode_entry(data) for data in record.entries()] == written
    assert [decode_entry(data) for data in record.entries(2)] == written[2:]
    assert len(list((tmp_path / "answers").iterdir())) == 2
    assert Book(record, lambda: "").state.entries == 4


def test_an_entry_beyond_the_bound_is_refused(record: Enclosing) -> None:
    with pytest.raises(UsageError, match="store the large part beside"):
        record.append(b"x" * (LARGEST_ENCLOSED + 1))
    assert not list(record.entries())


def test_a_lost_or_changed_file_is_not_read_as_an_entry(record: Enclosing, tmp_path: Path) -> None:
    Book(record, lambda: "2026-01-31T12:00:00Z").write(refusal(100_000))
    (file,) = (tmp_path / "answers").iterdir()
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(TrustError, match="expected, got"):
        list(record.entries())
    file.unlink()
    with pytest.raises(StorageError, match="restore it from a copy"):
        list(record.entries())


def test_a_run_with_a_large_entry_is_whole_in_a_bundle_and_over_the_web(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    run = tmp_path / "run"
    create_run(run)
    with open_office(run) as office:
        office.book.write(refusal(200_000))
    (file,) = (run / "answers").iterdir()
    for redact in ((), ("answers",)):
        bundle = tmp_path / f"{len(redact)}.zip"
        make_bundle(run, bundle, redact=redact)
        assert "x" * 50 in "\n".join(verify_source(str(bundle)).lines)
        assert not [fault for one in verify_source(str(bundle)).faults for fault in one.faults]
    with serving(files_of(run)) as address:
        assert "x" * 50 in "\n".join(verify_source(address).lines)
    file.unlink()
    assert {one.check for one in verify_source(str(run)).faults} >= {"entries"}


def files_of(run: Path) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """A plain static host of the run folder."""

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        path = run / handler.path.lstrip("/")
        found = path.is_file()
        say(handler, 200 if found else 404, path.read_bytes() if found else b"none")

    return answer


def test_a_file_that_is_said_to_be_larger_than_any_entry_is_not_read() -> None:
    def never(digest: str) -> bytes:
        raise AssertionError(digest)

    stub = canonical(entry_document(Enclosed(sha256="a" * 64, size=LARGEST_ENCLOSED + 1)))
    with pytest.raises(TrustError, match=f"at most {LARGEST_ENCLOSED} bytes expected"):
        list(whole([stub], never))
