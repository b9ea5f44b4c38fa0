"""Split views: who is shown to have lied, and what shows nothing."""

import contextlib
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.policy_people import (
    AT,
    CHECKPOINT,
    KEY_LINES,
    LOG,
    OTHER_LOG,
    POLICY,
    WITNESSES,
    cosigned,
    log_line,
    mutated,
    policy,
)

from detent.errors import DetentError, TrustError, UsageError
from detent.ledger import CosigningKey, Note, Policy, open_note, split_view, verified_cosignatures
from detent.signing import SigningKey

OTHER = replace(CHECKPOINT, root=hashlib.sha256(b"another root").digest())


def told(*who: str) -> bytes:
    return str(cosigned(*who)).encode()


def told_otherwise(*who: str) -> bytes:
    return str(cosigned(*who, checkpoint=OTHER)).encode()


def without_log(note: bytes) -> bytes:
    read = Note.parse(note)
    return str(Note(read.text, read.signatures[1:])).encode()


def test_a_log_that_signed_both_lied_whoever_cosigned() -> None:
    found = split_view(told("lab-a"), told_otherwise("lab-c"), POLICY)
    assert found is not None
    assert (found.log, found.witnesses) == (True, ())
    assert found.liars == ("the log example.com/run",)


def test_a_witness_that_cosigned_both_lied_too() -> None:
    found = split_view(told("lab-a", "lab-b"), told_otherwise("lab-b", "lab-c"), POLICY)
    assert found is not None
    assert found.liars == ("the log example.com/run", "the witness lab-b")


def test_a_witness_can_be_shown_to_lie_without_the_log() -> None:
    found = split_view(without_log(told("lab-a")), told_otherwise("lab-a", "lab-c"), POLICY)
    assert found is not None
    assert found.liars == ("the witness lab-a",)


def test_a_log_with_two_keys_is_one_log() -> None:
    second = SigningKey.create(LOG.name)
    both = Policy.parse(f"log {LOG.verify_key}\nlog {second.verify_key}\nquorum none\n".encode())
    one = str(Note(CHECKPOINT.text(), (log_line(),))).encode()
    other = str(Note(OTHER.text(), (log_line(OTHER, second),))).encode()
    found = split_view(one, other, both)
    assert found is not None
    assert found.log


def test_what_is_printed_is_a_proof_that_anybody_can_check_and_holds_no_stranger_s_line() -> None:
    stranger = CosigningKey.create("stranger.example/w").cosign(CHECKPOINT, AT)
    note = Note.parse(told("lab-a"))
    found = split_view(
        str(replace(note, signatures=(*note.signatures, stranger))).encode(), told_otherwise(), POLICY
    )
    assert found is not None
    assert "stranger" not in str(found)
    first, second = str(found).split(f"\n\n{CHECKPOINT.origin}\n")
    second = f"{CHECKPOINT.origin}\n{second}"
    assert open_note(f"{first}\n".encode(), [LOG.verify_key]).text == CHECKPOINT.text()
    assert open_note(second.encode(), [LOG.verify_key]).text == OTHER.text()
    assert verified_cosignatures(found.notes[0], [WITNESSES["lab-a"].verify_key])


def test_the_sentences_name_both_roots() -> None:
    found = split_view(told("lab-a"), told_otherwise("lab-a"), POLICY)
    assert found is not None
    roots = f"{CHECKPOINT.root.hex()} and {OTHER.root.hex()}"
    assert found.sentences == (
        f"example.com/run has two histories of 7 entries, under the roots {roots}",
        "the log example.com/run signed both, so one of them is a lie",
        "the witness lab-a signed both, so one of them is a lie",
    )


def test_two_checkpoints_that_say_the_same_are_no_split_whoever_signed() -> None:
    assert split_view(told("lab-a"), told("lab-b", "agency"), POLICY) is None


NOTHING = {
    "nobody signed both": (without_log(told("lab-a")), told_otherwise("lab-c"), TrustError, "lab-a for one"),
    "only a stranger signed the other": (
        told("lab-a"),
        str(Note(OTHER.text(), (CosigningKey.create("x").cosign(OTHER, AT),))).encode(),
        TrustError,
        "nobody for the other",
    ),
    "another log signed the other": (
        told(),
        str(Note(OTHER.text(), (log_line(OTHER, OTHER_LOG),))).encode(),
        TrustError,
        "signed both",
    ),
    "a signature of the log's carried over from the first": (
        told(),
        str(Note(OTHER.text(), cosigned().signatures)).encode(),
        TrustError,
        "does not verify",
    ),
    "a cosignature carried over from the first": (
        told("lab-a"),
        str(Note(OTHER.text(), (log_line(OTHER), cosigned("lab-a").signatures[1]))).encode(),
        TrustError,
        "does not verify",
    ),
    "another size": (
        told(),
        str(cosigned(checkpoint=replace(OTHER, size=8))).encode(),
        UsageError,
        "a consistency proof alone",
    ),
    "another log": (
        told(),
        str(cosigned(checkpoint=replace(OTHER, origin="example.com/other"))).encode(),
        UsageError,
        "two checkpoints of one log",
    ),
    "no checkpoint": (told(), b"hello\n", TrustError, "signed note"),
    "nothing": (b"", b"", TrustError, "signed note"),
}


@pytest.mark.parametrize(("one", "other", "error", "said"), NOTHING.values(), ids=NOTHING.keys())
def test_no_split_is_shown_by(one: bytes, other: bytes, error: type[DetentError], said: str) -> None:
    with pytest.raises(error, match=said):
        split_view(one, other, POLICY)
    with pytest.raises(error):
        split_view(other, one, POLICY)


def test_forged_lines_are_refused_also_where_the_roots_are_the_same() -> None:
    forged = Note(CHECKPOINT.text(), cosigned(checkpoint=OTHER).signatures)
    with pytest.raises(TrustError, match="does not verify"):
        split_view(told(), str(forged).encode(), POLICY)


def test_a_policy_without_the_key_cannot_tell() -> None:
    others = Policy.parse(KEY_LINES.partition("\n")[2].encode() + b"quorum none\n")
    with pytest.raises(TrustError, match="get the missing key"):
        split_view(told(), told_otherwise(), others)


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_make_a_split(data: bytes, before: bool) -> None:
    given_bytes = data + told_otherwise() if before else told_otherwise() + data
    with contextlib.suppress(DetentError):
        found = split_view(told(), given_bytes, policy("quorum none\n"))
        assert found is None or found.log


@given(mutated(told("lab-a", "lab-b")))
def test_a_damaged_checkpoint_is_never_half_of_a_split(data: bytes) -> None:
    with contextlib.suppress(DetentError):
        assert split_view(told("lab-a"), data, POLICY) is None
