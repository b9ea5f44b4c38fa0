"""A bundle gives back what went in; whatever else an archive holds is refused, and writes nothing elsewhere."""

import time
import zipfile
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.hostile_bundles import DATA, DIGEST, HONEST, HOSTILE, archive, listing

from detent.audit import LeftOut, bundle, is_member, unpack_bundle, write_bundle
from detent.errors import DetentError, StorageError, TrustError, UsageError

DIGESTS = st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}")
NAMES = st.one_of(
    DIGESTS.map(lambda digest: f"data/{digest}.jsonl"),
    DIGESTS.map(lambda digest: f"answers/{digest}"),
    st.tuples(DIGESTS, st.sampled_from(["config.json", "model.safetensors"])).map(
        lambda one: "models/" + "/".join(one)
    ),
    st.sampled_from(
        ["tasks/a.py", "tasks/b/c.py", "tasks/b/été.py", "charter.toml", "log.vkey", "ledger/tile/0/000"]
    ),
)


def unpacked(data: bytes, place: Path) -> tuple[LeftOut, ...]:
    """What is left out of an archive with these bytes, unpacked into place/run."""
    (place / "run.zip").write_bytes(data)
    (place / "run").mkdir()
    return unpack_bundle(place / "run.zip", place / "run")


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=3000), max_size=8))
def test_what_goes_in_comes_out(members: dict[str, bytes]) -> None:
    needed = {name: content for name, content in HONEST.items() if name != bundle.MANIFEST}
    with TemporaryDirectory() as place:
        made, out = Path(place) / "run.zip", Path(place) / "run"
        out.mkdir()
        write_bundle(made, {**members, **needed}, [])
        assert unpack_bundle(made, out) == ()
        found = files_in(out)
        del found[bundle.MANIFEST]
        assert found == {**members, **needed}


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    gone = LeftOut(DATA, DIGEST, 12, "redacted"), LeftOut(f"models/{DIGEST}", DIGEST, 0, "not asked for")
    write_bundle(tmp_path / "run.zip", {name: HONEST[name] for name in bundle.NEEDED[1:]}, gone)
    (tmp_path / "run").mkdir()
    assert unpack_bundle(tmp_path / "run.zip", tmp_path / "run") == gone


def test_neither_order_nor_the_age_of_files_changes_a_byte(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"1")
    needed = {name: HONEST[name] for name in bundle.NEEDED[1:]}
    write_bundle(tmp_path / "1.zip", {DATA: tmp_path / "old", **needed}, [])
    (tmp_path / "new").write_bytes(b"1")
    (tmp_path / "new").chmod(0o600)
    write_bundle(tmp_path / "2.zip", {**needed, DATA: tmp_path / "new"}, [])
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_other_programs_can_unpack_it(tmp_path: Path) -> None:
    write_bundle(tmp_path / "run.zip", {name: HONEST[name] for name in bundle.NEEDED[1:]}, [])
    with zipfile.ZipFile(tmp_path / "run.zip") as made:
        assert made.testzip() is None
        assert made.namelist() == sorted(made.namelist())


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "run.zip").write_bytes(b"mine")
    with pytest.raises(UsageError, match="a new file expected"):
        write_bundle(tmp_path / "run.zip", {}, [])
    assert (tmp_path / "run.zip").read_bytes() == b"mine"


def test_what_cannot_be_read_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="a bundle at"):
        write_bundle(tmp_path / "run.zip", {DATA: tmp_path / "nowhere"}, [])
    assert not (tmp_path / "run.zip").exists()


@pytest.mark.parametrize(
    "name", ["../a.py", "tasks/a;b.py", "tasks/a .py ", "tasks/..py/../a.py", "data/x.jsonl"]
)
def test_a_name_that_nobody_could_unpack_is_not_written(tmp_path: Path, name: str) -> None:
    assert not is_member(name)
    with pytest.raises(UsageError, match="file names"):
        write_bundle(tmp_path / "run.zip", {name: b""}, [])


def test_an_honest_archive_of_another_program_is_read(tmp_path: Path) -> None:
    assert unpacked(archive((DATA, b"{}")), tmp_path) == ()
    assert files_in(tmp_path / "run") == {**HONEST, DATA: b"{}"}


def test_an_honest_manifest_is_read(tmp_path: Path) -> None:
    assert unpacked(listing(), tmp_path) == (LeftOut(DATA, DIGEST, 3, "redacted"),)


@pytest.mark.parametrize("attack", HOSTILE)
def test_refused(attack: str, tmp_path: Path) -> None:
    make, said = HOSTILE[attack]
    data = make()
    began = time.monotonic()
    with pytest.raises(TrustError, match=said):
        unpacked(data, tmp_path)
    assert time.monotonic() - began < 2
    written = sum(map(len, files_in(tmp_path / "run").values()))
    assert written <= len(data)
    assert {path.name for path in tmp_path.iterdir()} == {"run.zip", "run"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_more_members_than_a_run_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MOST_MEMBERS", 3)
    with pytest.raises(TrustError, match="at most 3 members"):
        unpacked(archive((DATA, b"")), tmp_path)


def test_a_directory_that_is_larger_than_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = archive(*((f"answers/{number:064x}", b"") for number in range(100)))
    monkeypatch.setattr(bundle, "MOST_DIRECTORY", 1000)
    with pytest.raises(TrustError, match="a directory of at most 1,000 bytes"):
        unpacked(data, tmp_path)


LARGE = {
    "a manifest": "bundle.json",
    "a charter": "charter.dsse",
    "a tile": "ledger/tile/0/000",
    "data": DATA,
}


@pytest.mark.parametrize("what", LARGE)
def test_what_is_read_into_memory_has_a_largest_size(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "LARGEST", (("models/", 10**9), ("", 200)))
    data = archive(
        (LARGE[what], b" " * 201), (f"models/{DIGEST}/w.safetensors", b" " * 999), without=LARGE[what]
    )
    with pytest.raises(TrustError, match="at most 200 bytes in a member"):
        unpacked(data, tmp_path)


def test_what_nobody_would_read_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LARGEST", (("", 200),))
    with pytest.raises(UsageError, match="at most 200 bytes"):
        write_bundle(tmp_path / "run.zip", {DATA: b" " * 201}, [])
    assert not (tmp_path / "run.zip").exists()


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all", b"\x1f\x8b" * 100])
def test_what_is_no_archive_at_all_is_the_callers_mistake(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a run folder, a bundle or an address expected"):
        unpacked(data, tmp_path)


def test_what_is_not_there_is_the_disks_word(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        unpack_bundle(tmp_path / "nowhere.zip", tmp_path)


BASE = archive((DATA, b"line\n" * 50), ("tasks/first.py", b"code"))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(BASE) - 1), st.binary(min_size=1, max_size=8))
def test_no_change_of_its_bytes_gets_out_of_the_folder_or_breaks_the_reader(at: int, other: bytes) -> None:
    data = BASE[:at] + other + BASE[at + len(other) :]
    with TemporaryDirectory() as place:
        with suppress(DetentError):
            unpacked(data, Path(place))
        assert {path.name for path in Path(place).iterdir()} == {"run.zip", "run"}
        assert sum(map(len, files_in(Path(place) / "run").values())) <= len(data)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(BASE) - 1))
def test_a_bundle_that_is_cut_short_is_refused(size: int) -> None:
    with TemporaryDirectory() as place, pytest.raises(DetentError):
        unpacked(BASE[:size], Path(place))
