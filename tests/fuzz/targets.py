"""Every parser of what others wrote, by name. A new one is one more line in TARGETS: a function and what it takes.

A function may check more than that nothing strange is raised: what it takes, it must write again alike.
"""

from collections.abc import Callable

from tests.fuzz import folders, runs, witnesses
from tests.fuzz.mutating import Target
from tests.ledger.policy_people import KEY_LINES, POLICY, TWO_LABS_AND_A_REGULATOR, cosigned
from tests.ledger.test_ledger_proof_files import ENTRIES, SIXTH, head
from tests.ledger.test_ledger_receipts import WHOLE

from detent.audit import fsck
from detent.audit.sources import unpacked
from detent.errors import TrustError, UsageError
from detent.ledger import (
    Checkpoint,
    CosignerKey,
    CosigningKey,
    Note,
    Policy,
    ProofFile,
    least_shared,
    open_note,
    sign_note,
    split_view,
    verified_cosignatures,
    verify_entry,
    verify_receipt,
)
from detent.ledger._journal import check_announced, journal
from detent.ledger._merkle import EMPTY_ROOT, leaf_hash
from detent.ledger.tiles import pack_entry, pack_hashes, unpack_entries, unpack_hashes
from detent.signing import SigningKey, VerifyKey

KEY = SigningKey.from_seed("example.com/run", bytes(range(32)))
COSIGNERS = (CosigningKey.create("example.com/w1"), CosigningKey.create("example.com/w2", "ml-dsa-44"))
CHECKPOINT = Checkpoint(KEY.name, 3, bytes(range(32)))
SIGNED = sign_note(CHECKPOINT.text(), KEY)
COSIGNED = Note(
    SIGNED.text, (*SIGNED.signatures, *(key.cosign(CHECKPOINT, 1_900_000_000) for key in COSIGNERS))
)
EMPTY = sign_note(Checkpoint(KEY.name, 0, EMPTY_ROOT).text(), KEY)
LEAVES = [leaf_hash(b"%d" % number) for number in range(5)]
ANNOUNCED = Note.parse(journal(KEY.name, 7, LEAVES, KEY)).text
BUNDLE = b"".join(map(pack_entry, (b"", b"one", b"two" * 100)))


def notes(data: bytes) -> None:
    """What is a note is written again to the byte."""
    assert str(Note.parse(data)).encode() == data


def signed_notes(data: bytes) -> None:
    """Nothing is opened but what was signed."""
    assert open_note(data, [KEY.verify_key]).text in {SIGNED.text, EMPTY.text}


def checkpoints(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert Checkpoint.parse(text).text() == text


def cosigner_keys(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert str(CosignerKey.parse(text)) == text


def verify_keys(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert str(VerifyKey.parse(text)) == text


def cosignatures(data: bytes) -> None:
    """No time is believed but the one that was signed."""
    found = verified_cosignatures(Note.parse(data), [key.verify_key for key in COSIGNERS])
    assert set(found.values()) <= {1_900_000_000}


def tiles(data: bytes) -> None:
    width = len(data) // 32
    assert pack_hashes(unpack_hashes(data, width, "tile/0/000")) == data


def bundles(data: bytes) -> None:
    """The writer's reader and the check's own read the same, or both refuse."""
    own, whole = unpacked(data)
    if whole and len(own) <= 256:
        assert list(unpack_entries(data, len(own), "tile/entries/000")) == own
        assert b"".join(map(pack_entry, own)) == data
    else:
        unpack_entries(data, 256, "tile/entries/000")
        raise AssertionError("read by the one and not by the other")


def journals(data: bytes) -> None:
    """Nothing but what was signed counts as announced."""
    check_announced(data, KEY.name, 7, LEAVES, KEY.verify_key)
    assert data.startswith(b"detent-journal/v1\nexample.com/run\n7\n")


def policies(data: bytes) -> None:
    """Whatever is read can be asked: all its witnesses are enough, and so are both of the sets that share least."""
    policy = Policy.parse(data)
    assert policy.met(set()) == (policy.quorum == "none") == (not policy.lacks(set()))
    assert all(map(policy.met, ({*policy.witnesses}, *least_shared(policy))))


def proofs(data: bytes) -> None:
    """Nothing else is proven than what the proof was made for."""
    proven = verify_entry(ProofFile.parse(data), ENTRIES[6], POLICY)
    assert (proven.index, proven.checkpoint) == (6, head())


def receipts(data: bytes) -> None:
    shown = verify_receipt(data, ENTRIES[6], KEY.verify_key)
    assert (shown.index, shown.root) == (6, head().root)


def splits(data: bytes) -> None:
    """No damage to a checkpoint makes another history of it."""
    assert split_view(str(cosigned("lab-a")).encode(), data, POLICY) is None


def announcements(data: bytes) -> None:
    """The same behind the signature: not even the log's own key makes it stumble, or take what announces others."""
    text = data.decode("utf-8", "replace")
    check_announced(str(sign_note(text, KEY)).encode(), KEY.name, 7, LEAVES, KEY.verify_key)
    _, _, size, *leaves, _ = text.split("\n")
    assert leaves[7 - int(size) : 12 - int(size)] == [leaf.hex() for leaf in LEAVES]


def two_files(checkpoint: bytes, bundle: bytes) -> folders.Published:
    """A log of two files as they are given, for the check's own reading of checkpoints and bundles."""
    name = "tile/entries/000.p/3"
    return folders.Published({"checkpoint": checkpoint, name: bundle}, {0: (name, 3)})


def fsck_checkpoints(data: bytes) -> None:
    """It never raises, and finds no log sound but the empty one, beyond which a bundle lies."""
    tree = fsck(two_files(data, BUNDLE), KEY.verify_key)
    assert tree.faults or (tree.head, tree.beyond) == ((KEY.name, 0, EMPTY_ROOT), 3)
    assert list(tree.roots)


def fsck_bundles(data: bytes) -> None:
    tree = fsck(two_files(str(SIGNED).encode(), data), KEY.verify_key)
    assert tree.faults
    assert len(list(tree.entries)) == len(tree.entries) <= 3


def _target(
    parse: Callable[[bytes], None],
    *seeds: bytes | str | object,
    refuses: tuple[type[Exception], ...] = (TrustError,),
) -> Target:
    return Target(parse, [seed if isinstance(seed, bytes) else str(seed).encode() for seed in seeds], refuses)


TARGETS = {
    "notes": _target(notes, SIGNED, COSIGNED, EMPTY),
    "signed-notes": _target(signed_notes, SIGNED, COSIGNED, EMPTY),
    "checkpoints": _target(checkpoints, SIGNED.text, EMPTY.text),
    "cosigner-keys": _target(cosigner_keys, *(key.verify_key for key in COSIGNERS), refuses=(UsageError,)),
    "verify-keys": _target(verify_keys, KEY.verify_key, refuses=(UsageError,)),
    "cosignatures": _target(cosignatures, COSIGNED),
    "tiles": _target(tiles, b"".join(LEAVES), bytes(32), b""),
    "bundles": _target(bundles, BUNDLE, pack_entry(b"x") * 256, b""),
    "policies": _target(
        policies, TWO_LABS_AND_A_REGULATOR, f"{KEY_LINES}quorum none\n", refuses=(UsageError,)
    ),
    "proofs": _target(proofs, SIXTH),
    "receipts": _target(receipts, WHOLE),
    "splits": _target(splits, cosigned("lab-a", "lab-b"), cosigned(), refuses=(TrustError, UsageError)),
    "journals": _target(journals, journal(KEY.name, 7, LEAVES, KEY), journal(KEY.name, 0, [], KEY)),
    "announcements": _target(announcements, ANNOUNCED, refuses=(TrustError, UsageError)),
    "fsck-checkpoints": _target(fsck_checkpoints, SIGNED, COSIGNED, EMPTY, refuses=()),
    "fsck-bundles": _target(fsck_bundles, BUNDLE, pack_entry(b"") * 3, refuses=()),
    **folders.TARGETS,
    **runs.TARGETS,
    **witnesses.TARGETS,
}
