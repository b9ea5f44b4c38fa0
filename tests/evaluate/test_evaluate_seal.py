"""The seal: the chain, the seed, and the file that the secret lies in."""

import hashlib
import hmac
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from tests.engine.breaking_disk import Way, breaking

from detent.errors import SealError, StorageError
from detent.evaluate import (
    CHAIN_LENGTH,
    Chain,
    check_reveal,
    create_secret,
    new_chain,
    open_chain,
    opening_seed,
    read_secret,
)

SECRET = bytes(range(32))
LEAF, ROOT = b"\xaa" * 32, b"\xbb" * 32


def test_each_link_is_the_labelled_hash_of_the_next() -> None:
    chain = Chain(SECRET, 2500)
    links = [chain.tip, *(chain.reveal(k) for k in range(1, 2501))]
    assert links[-1] == SECRET
    for earlier, later in pairwise(links):
        assert earlier == hashlib.sha256(b"detent/chain/v1" + later).digest()


def test_the_chain_is_the_same_for_everyone() -> None:
    chain = Chain(b"\x07" * 32, 1000)
    assert chain.tip.hex() == "48af770182a6ee56b69f9ad75b4ec7a054c3702a864fc3a7df6ae3fedcbd179f"
    assert chain.reveal(3).hex() == "1c348295ed2cf81204b58c673d16165c23e075fe3b25165419e9de7b078df897"
    assert hashlib.sha256(b"detent/chain/v1" + chain.reveal(1)).digest() == chain.tip


@pytest.mark.parametrize("length", [1, 999, 1000, 1001, CHAIN_LENGTH])
def test_the_first_and_the_last_link_lead_to_the_tip(length: int) -> None:
    chain = Chain(SECRET, length)
    check_reveal(chain.reveal(1), 1, chain.tip)
    check_reveal(chain.reveal(length), length, chain.tip)


FALSE_REVEALS: dict[str, Callable[[Chain], tuple[bytes, int]]] = {
    "the link of the next opening": lambda chain: (chain.reveal(4), 3),
    "the link of the opening before": lambda chain: (chain.reveal(2), 3),
    "the tip itself as opening 0": lambda chain: (chain.tip, 0),
    "a link of another secret": lambda _chain: (Chain(b"\x01" * 32, 10).reveal(3), 3),
    "a link cut short": lambda chain: (chain.reveal(3)[:31], 3),
    "nothing": lambda _chain: (b"", 3),
    "a negative opening": lambda chain: (chain.tip, -1),
}


@pytest.mark.parametrize("case", FALSE_REVEALS)
def test_a_false_reveal_is_not_believed(case: str) -> None:
    chain = Chain(SECRET, 10)
    reveal, k = FALSE_REVEALS[case](chain)
    with pytest.raises(SealError, match="not of this charter's seal"):
        check_reveal(reveal, k, chain.tip)


@pytest.mark.parametrize("k", [0, -1, 11])
def test_there_is_no_link_outside_the_chain(k: int) -> None:
    with pytest.raises(SealError, match="1 to 10 expected"):
        Chain(SECRET, 10).reveal(k)


def test_a_chain_needs_a_secret_of_32_bytes_and_a_link() -> None:
    with pytest.raises(SealError, match="32 bytes"):
        Chain(b"short", 10)
    with pytest.raises(SealError, match="1 or more links"):
        Chain(SECRET, 0)


def test_a_chain_shows_its_tip_and_never_its_secret() -> None:
    assert SECRET.hex() not in repr(Chain(SECRET, 10))


SEED_VECTORS = {
    (1, b""): "3053485d43aae77511251a55c08c95f99f0e3188dfabc614bc17b09f156559dc",
    (2, b""): "a98b366d6a52ce0a44de1038c75e86d439152eedde281dac1fd6f9f0f42444a8",
    (1, b"beacon"): "9db7b06e4ab43b5ab24d0a696b3d93f942c511f73af4879408f934dd64ad1581",
}


@pytest.mark.parametrize("case", SEED_VECTORS)
def test_the_seed_of_an_opening_is_the_same_for_everyone(case: tuple[int, bytes]) -> None:
    k, entropy = case
    seed = opening_seed(SECRET, k, LEAF, ROOT, entropy)
    assert seed.hex() == SEED_VECTORS[case]
    fields = (b"detent/seal/v1", k.to_bytes(8, "big"), LEAF, ROOT, entropy)
    message = b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    assert seed == hmac.new(SECRET, message, hashlib.sha256).digest()


def test_whatever_goes_into_the_seed_changes_it() -> None:
    seeds = {
        opening_seed(SECRET, 1, LEAF, ROOT),
        opening_seed(LEAF, 1, LEAF, ROOT),
        opening_seed(SECRET, 2, LEAF, ROOT),
        opening_seed(SECRET, 1, ROOT, ROOT),
        opening_seed(SECRET, 1, LEAF, LEAF),
        opening_seed(SECRET, 1, ROOT, LEAF),
        opening_seed(SECRET, 1, LEAF, ROOT, b"\x00"),
    }
    assert len(seeds) == 7


@pytest.mark.parametrize(("leaf", "root", "k"), [(b"", ROOT, 1), (LEAF, b"\xbb" * 33, 1), (LEAF, ROOT, 0)])
def test_no_seed_is_made_from_what_is_not_a_hash(leaf: bytes, root: bytes, k: int) -> None:
    with pytest.raises(SealError, match="expected"):
        opening_seed(SECRET, k, leaf, root)


def test_a_secret_is_random_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "seal"
    secret = create_secret(path)
    assert read_secret(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert create_secret(tmp_path / "other") != secret


def test_a_secret_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "seal"
    secret = create_secret(path)
    with pytest.raises(SealError, match="it is never overwritten"):
        create_secret(path)
    assert read_secret(path) == secret


def test_a_secret_that_cannot_be_written_is_a_fault_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="a new secret expected"):
        create_secret(tmp_path / "file" / "seal")


def created(path: Path) -> bytes | None:
    try:
        return create_secret(path)
    except StorageError:
        return None


@pytest.mark.parametrize("way", ["lost", "done"])
def test_any_failing_call_leaves_no_secret_and_the_next_try_makes_another(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody was told the one that was written and not reported: its tip stands in no charter."""
    at, broke = 0, True
    while broke:
        path = tmp_path / str(at) / "runs" / "seal"
        with breaking(monkeypatch, at, way) as disk:
            secret = created(path)
        assert path.exists() == (secret is not None)
        secret = create_secret(path) if secret is None else secret
        assert read_secret(path) == secret
        at, broke = at + 1, disk.broke
    assert at == 7  # two folders, the name of each, the secret, its name; and none


UNREADABLE = {
    "missing": None,
    "not hex": b"z" * 64,
    "too short": b"00" * 31,
    "too long": b"00" * 33,
    "not even text": b"\xff\xfe" * 32,
    "empty": b"",
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_holds_no_secret_is_refused(case: str, tmp_path: Path) -> None:
    path, content = tmp_path / "seal", UNREADABLE[case]
    if content is not None:
        path.touch(mode=0o600)
        path.write_bytes(content)
    with pytest.raises(SealError, match="expected"):
        read_secret(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_secret_that_others_may_touch_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "seal"
    create_secret(path)
    path.chmod(mode)
    with pytest.raises(SealError, match="only its owner"):
        read_secret(path)


def test_a_secret_of_another_run_does_not_open_this_one(tmp_path: Path) -> None:
    mine = new_chain(tmp_path / "mine", 50)
    new_chain(tmp_path / "other", 50)
    assert open_chain(tmp_path / "mine", 50, mine.tip).reveal(7) == mine.reveal(7)
    with pytest.raises(SealError, match="belongs to another run"):
        open_chain(tmp_path / "other", 50, mine.tip)
    with pytest.raises(SealError, match="belongs to another run"):
        open_chain(tmp_path / "mine", 49, mine.tip)
