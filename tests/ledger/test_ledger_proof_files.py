"""Proofs that travel: what they show of one entry, and everything that somebody could hand over instead."""

import base64
import contextlib
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.policy_people import AT, LOG, POLICY, WITNESSES, cosigned, mutated, policy

from detent.errors import DetentError, TrustError, UsageError
from detent.ledger import Checkpoint, Note, ProofFile, make_proof, verify_entry
from detent.ledger._merkle import leaf_hash, tree_root
from detent.ledger.proofs import inclusion_path

ENTRIES = [f"entry {number}".encode() for number in range(11)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def node(height: int, index: int) -> bytes:
    return tree_root(LEAVES[index << height : (index + 1) << height])


def head(size: int = 11) -> Checkpoint:
    return Checkpoint(LOG.name, size, tree_root(LEAVES[:size]))


def proof_of(index: int, size: int = 11, who: tuple[str, ...] = ("lab-a", "lab-b", "agency")) -> ProofFile:
    note = cosigned(*who, checkpoint=head(size))
    return make_proof(index, inclusion_path(index, size, node), str(note))


SIXTH = proof_of(6)


def test_every_entry_of_every_tree_is_proven_and_says_who_cosigned() -> None:
    for size in range(1, 12):
        for index in range(size):
            proven = verify_entry(proof_of(index, size), ENTRIES[index], POLICY)
            assert (proven.index, proven.checkpoint, proven.log) == (index, head(size), LOG.verify_key)
            assert proven.cosigned == {"lab-a": AT, "lab-b": AT + 1, "agency": AT + 2}


def test_what_was_proven_is_said_in_sentences() -> None:
    root = head().root.hex()
    assert verify_entry(SIXTH, ENTRIES[6], POLICY).sentences == (
        f"the entry is number 6 of the 11 entries of example.com/run under root {root}",
        f"the log's key example.com/run+{LOG.verify_key.id.hex()} signed that root",
        "agency cosigned it at 2030-03-17T17:46:42Z",
        "lab-a cosigned it at 2030-03-17T17:46:40Z",
        "lab-b cosigned it at 2030-03-17T17:46:41Z",
        "the policy's quorum, both, is reached",
    )


def test_a_policy_without_witnesses_says_that_only_the_log_vouches() -> None:
    said = verify_entry(proof_of(6, who=()), ENTRIES[6], policy("quorum none\n")).sentences
    assert "only the log's own key says that there is one history" in said[-1]


def test_a_time_beyond_the_calendar_is_said_as_a_number() -> None:
    far = WITNESSES["agency"].cosign(head(), 2**63 - 1)
    note = Note(head().text(), (*cosigned(checkpoint=head()).signatures, far))
    proof = make_proof(6, SIXTH.path, str(note))
    said = verify_entry(proof, ENTRIES[6], policy("quorum agency\n")).sentences
    assert f"agency cosigned it at second {2**63 - 1} since 1970" in said


def test_the_file_is_the_one_of_the_specification() -> None:
    lines = ["c2sp.org/tlog-proof@v1", "index 6"]
    lines += [base64.b64encode(each).decode() for each in SIXTH.path]
    assert str(SIXTH) == "\n".join([*lines, "", str(SIXTH.checkpoint)])
    assert ProofFile.parse(str(SIXTH).encode()) == SIXTH


def test_extra_data_are_carried_and_prove_nothing() -> None:
    text = str(replace(SIXTH, extra=b"hello"))
    assert text.split("\n")[1] == "extra aGVsbG8="
    proof = ProofFile.parse(text.encode())
    assert (proof.extra, str(proof)) == (b"hello", text)
    assert verify_entry(proof, ENTRIES[6], POLICY) == verify_entry(SIXTH, ENTRIES[6], POLICY)


FOUND = str(SIXTH)
HASHES = [base64.b64encode(each).decode() for each in SIXTH.path]
UNPROVEN = {
    "another entry": (SIXTH, ENTRIES[7]),
    "the entry with a byte more": (SIXTH, ENTRIES[6] + b"\n"),
    "no entry": (SIXTH, b""),
    "an inner node passed off as an entry": (replace(SIXTH, path=SIXTH.path[1:]), LEAVES[6] + LEAVES[7]),
    "the neighbour's index": (replace(SIXTH, index=7), ENTRIES[6]),
    "the index of the tree's size": (replace(SIXTH, index=11), ENTRIES[6]),
    "a huge index": (replace(SIXTH, index=2**63 - 1), ENTRIES[6]),
    "hashes in the other order": (replace(SIXTH, path=SIXTH.path[::-1]), ENTRIES[6]),
    "a hash left out": (replace(SIXTH, path=SIXTH.path[1:]), ENTRIES[6]),
    "the last hash left out": (replace(SIXTH, path=SIXTH.path[:-1]), ENTRIES[6]),
    "no hashes": (replace(SIXTH, path=()), ENTRIES[6]),
    "a hash too many": (replace(SIXTH, path=(*SIXTH.path, bytes(32))), ENTRIES[6]),
    "another hash": (replace(SIXTH, path=(bytes(32), *SIXTH.path[1:])), ENTRIES[6]),
    "the checkpoint of another size": (replace(SIXTH, checkpoint=proof_of(6, 10).checkpoint), ENTRIES[6]),
    "cosignatures of another size": (
        replace(
            SIXTH,
            checkpoint=str(Note(head().text(), cosigned("lab-a", "lab-b", "agency").signatures)),
        ),
        ENTRIES[6],
    ),
    "too few cosignatures": (proof_of(6, who=("lab-a", "agency")), ENTRIES[6]),
    "no cosignature": (proof_of(6, who=()), ENTRIES[6]),
}


@pytest.mark.parametrize(("proof", "entry"), UNPROVEN.values(), ids=UNPROVEN.keys())
def test_nothing_is_proven_by(proof: ProofFile, entry: bytes) -> None:
    with pytest.raises(TrustError, match="expected, got"):
        verify_entry(proof, entry, POLICY)


def with_lines(*lines: str) -> bytes:
    return ("\n".join(["c2sp.org/tlog-proof@v1", *lines, ""]) + f"\n{SIXTH.checkpoint}").encode()


MALFORMED = {
    "an empty file": b"",
    "a checkpoint alone": SIXTH.checkpoint.encode(),
    "another version": FOUND.replace("@v1", "@v2").encode(),
    "a space after the version": FOUND.replace("@v1", "@v1 ").encode(),
    "carriage returns": FOUND.replace("\n", "\r\n").encode(),
    "an empty line before it": b"\n" + FOUND.encode(),
    "no UTF-8": FOUND.encode().replace(b"example.com/run", b"example.com/\xff"),
    "no index": with_lines(*HASHES),
    "two indices": with_lines("index 6", "index 6", *HASHES),
    "an index with a zero before": with_lines("index 06", *HASHES),
    "an index with a sign": with_lines("index +6", *HASHES),
    "a negative index": with_lines("index -6", *HASHES),
    "an index in other digits": with_lines("index \N{ARABIC-INDIC DIGIT SIX}", *HASHES),
    "an index of five thousand digits": with_lines(f"index {'9' * 5000}", *HASHES),
    "an index with a fraction": with_lines("index 6.0", *HASHES),
    "an index in hexadecimal": with_lines("index 0x6", *HASHES),
    "two spaces": with_lines("index  6", *HASHES),
    "extra after the index": with_lines("index 6", "extra aGVsbG8=", *HASHES),
    "extra twice": with_lines("extra aGVsbG8=", "extra aGVsbG8=", "index 6", *HASHES),
    "extra that is empty": with_lines("extra ", "index 6", *HASHES),
    "extra that is no base64": with_lines("extra !", "index 6", *HASHES),
    "a hash in URL base64": with_lines("index 6", "-" * 43 + "="),
    "a hash without padding": with_lines("index 6", HASHES[0][:-1]),
    "a hash of 31 bytes": with_lines("index 6", base64.b64encode(bytes(31)).decode()),
    "a hash of 33 bytes": with_lines("index 6", base64.b64encode(bytes(33)).decode()),
    "a hash whose last letter holds bits that are thrown away": with_lines("index 6", "A" * 42 + "B="),
    "a hash with a space after it": with_lines("index 6", HASHES[0] + " "),
    "sixty-four hashes": with_lines("index 6", *(HASHES[:1] * 64)),
    "an empty line among the hashes": with_lines("index 6", HASHES[0], "", *HASHES[1:]),
    "no empty line before the checkpoint": FOUND.replace(f"{HASHES[-1]}\n\n", f"{HASHES[-1]}\n").encode(),
    "no checkpoint": with_lines("index 6", *HASHES)[: -len(SIXTH.checkpoint.encode())],
    "a checkpoint without signatures": FOUND.partition("— ")[0].encode(),
    "text after the signatures": FOUND.encode() + b"and more\n",
    "a byte after the end": FOUND.encode() + b"\0",
    "no newline at the end": FOUND.encode()[:-1],
    "two proofs in one file": FOUND.encode() * 2,
    "a note that is no checkpoint": FOUND.replace("\n11\n", "\neleven\n").encode(),
    "ten megabytes": b"c2sp.org/tlog-proof@v1\n" + b"A" * 10_000_000,
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_no_proof_is(data: bytes) -> None:
    with pytest.raises(TrustError, match="expected, got"):
        ProofFile.parse(data)


@given(st.integers(0, len(FOUND.encode()) - 1))
def test_a_proof_cut_short_proves_nothing(length: int) -> None:
    with pytest.raises(TrustError):
        verify_entry(ProofFile.parse(FOUND.encode()[:length]), ENTRIES[6], POLICY)


@given(st.integers(0, len(FOUND.encode()) - 1), st.integers(1, 255))
def test_a_proof_with_one_byte_changed_proves_nothing_else(place: int, change: int) -> None:
    data = bytearray(FOUND.encode())
    data[place] ^= change
    with contextlib.suppress(TrustError):  # a letter in a stranger's name, or base64's unused bits
        proven = verify_entry(ProofFile.parse(bytes(data)), ENTRIES[6], POLICY)
        assert (proven.index, proven.checkpoint, proven.log) == (6, head(), LOG.verify_key)


@given(mutated(FOUND.encode()))
def test_a_damaged_proof_proves_nothing_else(data: bytes) -> None:
    with contextlib.suppress(TrustError):
        proven = verify_entry(ProofFile.parse(data), ENTRIES[6], POLICY)
        assert (proven.index, proven.checkpoint, proven.log) == (6, head(), LOG.verify_key)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading_of_proofs(data: bytes) -> None:
    for given_bytes in (
        data,
        b"c2sp.org/tlog-proof@v1\n" + data,
        data + FOUND.encode(),
        FOUND.encode() + data,
    ):
        with contextlib.suppress(TrustError):
            assert str(ProofFile.parse(given_bytes)).encode() == given_bytes


@given(st.integers(0, 10), st.binary(max_size=40))
def test_only_the_entry_itself_is_proven(index: int, entry: bytes) -> None:
    proof = proof_of(index)
    if entry == ENTRIES[index]:
        return
    with pytest.raises(DetentError):
        verify_entry(proof, entry, POLICY)


def test_the_maker_refuses_an_entry_beyond_its_checkpoint() -> None:
    note = str(cosigned(checkpoint=head(3)))
    with pytest.raises(UsageError, match="0 to 2 expected, got 3"):
        make_proof(3, (), note)
    with pytest.raises(UsageError, match="a signed checkpoint"):
        make_proof(0, (), "no checkpoint")
    with pytest.raises(UsageError, match="hash of 32 bytes"):
        make_proof(0, (hashlib.md5(b"").digest(),), note)  # noqa: S324  sixteen bytes
