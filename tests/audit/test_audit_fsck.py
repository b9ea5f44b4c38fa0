"""The files of a log: sound at every size, and whatever is done to one of them is named."""

import base64
import hashlib
import os
import shutil
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.audit import fsck
from detent.audit.fsck import leaf_hash, prefix_roots
from detent.errors import TrustError
from detent.ledger import Ledger
from detent.report import plain
from detent.signing import SigningKey

KEY = SigningKey.from_seed("example.com/run", bytes(range(32)))
OTHER = SigningKey.from_seed("example.com/run", bytes(32))
SIZE = 600

CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_roots_are_those_of_the_certificate_transparency_test_vectors() -> None:
    assert [root.hex() for root in prefix_roots([leaf_hash(leaf) for leaf in CT_LEAVES])] == CT_ROOTS


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_roots_are_those_of_the_definition(entries: list[bytes]) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    assert list(prefix_roots(leaves)) == [defined(leaves[:size]) for size in range(len(leaves) + 1)]


def defined(hashes: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, as written."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + defined(hashes[:split]) + defined(hashes[split:])).digest()


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513])
def test_what_the_writer_wrote_is_sound(tmp_path: Path, size: int) -> None:
    entries = [f"entry {number}".encode() for number in range(size)]
    with Ledger.create(tmp_path / "ledger", KEY, KEY.name) as ledger:
        ledger.extend(entries)
        roots = [ledger.root(part) for part in range(size + 1)]
    tree = fsck(tmp_path / "ledger", KEY.verify_key)
    assert (tree.faults, list(tree.entries), list(tree.roots)) == ((), entries, roots)


def test_what_the_writer_wrote_one_by_one_is_sound(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "ledger", KEY, KEY.name) as ledger:
        for number in range(20):
            ledger.append(bytes(number))
            tree = fsck(tmp_path / "ledger", KEY.verify_key)
            assert (tree.faults, len(tree.entries), tree.beyond) == ((), number + 1, 0)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 entries: two full bundles and tiles, a partial one of each, one tile above."""
    folder = tmp_path_factory.mktemp("written") / "ledger"
    with Ledger.create(folder, KEY, KEY.name) as ledger:
        ledger.extend(f"entry {number}".encode() for number in range(SIZE - 1))
        ledger.append(b"the last")
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path / "ledger")
    return tmp_path / "ledger"


def flip(name: str, at: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[at] ^= 1
        (folder / name).write_bytes(data)

    return change


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def add(name: str, data: bytes = b"") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    return change


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, size)


def link(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).rename(folder.parent / "elsewhere")
        (folder / name).symlink_to(folder.parent / "elsewhere")

    return change


def checkpoint(
    size: int, root: bytes, key: SigningKey = KEY, origin: str = KEY.name
) -> Callable[[Path], None]:
    """A checkpoint that says so, properly signed."""
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    blob = base64.b64encode(key.verify_key.id + key.sign(text.encode())).decode()
    return add("checkpoint", f"{text}\n— {key.name} {blob}\n".encode())


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "an entry's byte is flipped": (flip("tile/entries/001", -1), "signed root"),
    "an entry's length is flipped": (
        flip("tile/entries/000", 0),
        "whole entries expected in tile/entries/000",
    ),
    "the last entry's byte is flipped": (flip("tile/entries/002.p/88", -1), "signed root"),
    "an older partial bundle's byte is flipped": (
        flip("tile/entries/002.p/87", 9),
        "tile/entries/002.p/87: the",
    ),
    "a full tile's byte is flipped": (flip("tile/0/001", 40), "tile/0/001: the 8192 bytes"),
    "a partial tile's byte is flipped": (flip("tile/0/002.p/88", 40), "tile/0/002.p/88: the"),
    "a tile of a higher level has a byte flipped": (
        flip("tile/1/000.p/2", 40),
        "tile/1/000.p/2: the 64 bytes",
    ),
    "a bundle is missing": (
        remove("tile/entries/000"),
        "600 signed entries expected, got 0: see tile/entries/000",
    ),
    "a bundle between others is missing": (remove("tile/entries/001"), "got 256: see tile/entries/001"),
    "a tile is missing": (remove("tile/0/000"), "the file tile/0/000 expected, got none"),
    "a tile of a higher level is missing": (remove("tile/1/000.p/2"), "the file tile/1/000.p/2 expected"),
    "the newest partial tile is missing": (remove("tile/0/002.p/88"), "the file tile/0/002.p/88 expected"),
    "a bundle is cut off": (cut("tile/entries/001", 1000), "256 whole entries expected in tile/entries/001"),
    "a bundle is empty": (
        cut("tile/entries/000", 0),
        "256 whole entries expected in tile/entries/000, got 0",
    ),
    "a tile is a link to elsewhere": (link("tile/0/001"), "tile/0/001: the 8192 bytes"),
    "a bundle is a link to elsewhere": (link("tile/entries/001"), "tile/entries/001"),
    "a tile nobody needs lies there": (add("tile/2/000.p/1", bytes(32)), "no file tile/2/000.p/1 expected"),
    "a tile wider than the tree lies there": (add("tile/0/003", bytes(8192)), "no file tile/0/003 expected"),
    "a tile has a second name": (add("tile/0/x000/001", bytes(8192)), "no file tile/0/x000/001 expected"),
    "a partial tile has a full one's width": (
        add("tile/0/000.p/256", b""),
        "no file tile/0/000.p/256 expected",
    ),
    "a file of no log lies there": (add("tile/notes.txt"), "no file tile/notes.txt expected"),
    "the checkpoint is missing": (remove("checkpoint"), "a checkpoint of origin, size and root expected"),
    "the checkpoint is no text": (add("checkpoint", b"\xff\xfe"), "a checkpoint of origin"),
    "the checkpoint's size is changed": (
        flip("checkpoint", len(KEY.name) + 1),
        "a signature by example.com/run",
    ),
    "the checkpoint has a fourth line": (add("checkpoint", b"a\n0\nb\nc\n\n\n"), "a checkpoint of origin"),
    "the checkpoint signs more entries than there are": (
        checkpoint(10**18, bytes(32)),
        "got 600: see tile/entries",
    ),
    "the checkpoint signs another root": (checkpoint(SIZE, bytes(32)), "the signed root 0000"),
    "another key of the same name signs": (checkpoint(SIZE, bytes(32), OTHER), "got none of its signatures"),
    "the checkpoint is another log's": (
        checkpoint(SIZE, bytes(32), KEY, "example.com/other"),
        "one of example.com/other",
    ),
}


@pytest.mark.parametrize("done", DAMAGE)
def test_damage_is_found_and_named(folder: Path, done: str) -> None:
    damage, says = DAMAGE[done]
    damage(folder)
    faults = fsck(folder, KEY.verify_key).faults
    assert any(says in fault for fault in faults), faults


def test_what_can_be_read_of_a_damaged_log_is_read(folder: Path) -> None:
    (folder / "tile/entries/002.p/88").unlink()
    (folder / "tile/entries/002.p/87").unlink()
    assert len(fsck(folder, KEY.verify_key).entries) == 512


def test_a_log_without_its_key_is_not_believed(folder: Path) -> None:
    tree = fsck(folder, None)
    assert len(tree.entries) == SIZE
    assert "verify key expected, got none" in tree.faults[0]


def test_files_a_killed_writer_left_are_no_fault(folder: Path) -> None:
    (folder / ".new").write_bytes(b"half a til")
    (folder / ".lock").touch()
    assert not fsck(folder, KEY.verify_key).faults


def test_entries_that_were_not_signed_yet_are_beyond(folder: Path) -> None:
    signed = (folder / "checkpoint").read_bytes()
    with Ledger.open(folder, KEY) as ledger:
        ledger.append(b"not signed")
    (folder / "checkpoint").write_bytes(signed)
    tree = fsck(folder, KEY.verify_key)
    assert (tree.faults, len(tree.entries), tree.beyond) == ((), SIZE, 1)


def test_entries_are_read_again_and_held_against_what_was_derived(folder: Path) -> None:
    tree = fsck(folder, KEY.verify_key)
    assert [tree.entries[0], tree.entries[-1]] == [b"entry 0", b"the last"]
    assert tree.entries[254:258] == tuple(b"entry %d" % number for number in range(254, 258))
    assert tree.leaf(300) == leaf_hash(b"entry 300")
    flip("tile/entries/000", -1)(folder)
    with pytest.raises(TrustError, match="somebody changed the ledger meanwhile"):
        _ = tree.entries[3]
    remove("tile/entries/002.p/88")(folder)
    with pytest.raises(TrustError, match="the entries from 512 on"):
        _ = tree.entries[599]
    assert tree.roots[600] == tree.root  # needs no entry
    with pytest.raises(IndexError):
        tree.leaf(600)


def test_entries_stay_readable_while_a_writer_goes_on(folder: Path) -> None:
    tree = fsck(folder, KEY.verify_key)
    with Ledger.open(folder, KEY) as ledger:
        ledger.extend(bytes(number) for number in range(300))
    assert list(tree.entries)[-2:] == [b"entry 598", b"the last"]
    assert list(tree.roots) == list(prefix_roots([leaf_hash(entry) for entry in tree.entries]))


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(folder: Path) -> None:
    for name in ("checkpoint", "tile/0/000", "tile/entries/002.p/87"):
        (folder / name).unlink()
        os.mkfifo(folder / name)
    faults = fsck(folder, KEY.verify_key).faults
    assert len(faults) == 3, faults


def test_what_is_kept_of_a_long_ledger_is_two_hashes_a_bundle(tmp_path: Path) -> None:
    """Entries of a megabyte a bundle are read, and not kept."""
    with Ledger.create(tmp_path / "ledger", KEY, KEY.name) as ledger:
        ledger.extend(number.to_bytes(2, "big") * 2000 for number in range(10 * 256))
    tracemalloc.start()
    tree = fsck(tmp_path / "ledger", KEY.verify_key)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tree.faults, len(tree.entries)) == ((), 2560)
    assert kept < 100_000
    assert peak < 5_000_000  # of 10 MB


def test_folders_deeper_than_python_calls_are_walked(folder: Path) -> None:
    depths = [str(folder / ("d/" * depth)) for depth in range(1, 1501)]
    for place in depths:
        os.mkdir(place)  # noqa: PTH102  makedirs and pathlib would call themselves as deep
    deepest = Path(depths[-1]) / "x"
    deepest.touch()
    faults = fsck(folder, KEY.verify_key).faults
    assert faults == (f"no file {'d/' * 1500}x expected in a tree of {SIZE} entries, got one",)
    deepest.unlink()
    for place in reversed(depths):
        os.rmdir(place)  # noqa: PTH106  what removes the folders of tests would, too


def test_a_name_in_no_encoding_is_a_fault_that_can_be_printed(folder: Path) -> None:
    (folder / os.fsdecode(b"tile/\xff")).touch()
    (fault,) = fsck(folder, KEY.verify_key).faults
    plain(fault).encode()


def test_of_a_file_that_is_too_long_no_more_is_read_than_shows_it(folder: Path) -> None:
    os.truncate(folder / "tile/0/001", 1 << 40)  # a hole, which a disk need not have
    os.truncate(folder / "tile/entries/002.p/87", 1 << 40)
    faults = fsck(folder, KEY.verify_key).faults
    assert [fault.partition(":")[0] for fault in faults] == ["tile/0/001", "tile/entries/002.p/87"]
