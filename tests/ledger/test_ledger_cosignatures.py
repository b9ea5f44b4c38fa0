import base64
import contextlib
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import DetentError, TrustError, UsageError
from detent.ledger import Checkpoint, CosignerKey, CosigningKey, Note, verified_cosignatures
from detent.ledger.cosignatures import Algorithm
from detent.ledger.notes import Signature
from detent.signing import SigningKey

AT = 1_679_315_147
CHECKPOINT = Checkpoint("example.com/behind-the-sofa", 20_852_163, hashlib.sha256(b"root").digest())
KINDS: tuple[Algorithm, ...] = ("ed25519", "ml-dsa-44")
KEYS = {kind: CosigningKey.create(f"witness.example.com/{kind}", kind) for kind in KINDS}


def note(*lines: Signature, checkpoint: Checkpoint = CHECKPOINT) -> Note:
    return Note(checkpoint.text(), lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cosignature_says_who_and_when(kind: Algorithm) -> None:
    key = KEYS[kind]
    line = key.cosign(CHECKPOINT, AT)
    read = Note.parse(str(note(line)).encode())
    assert verified_cosignatures(read, [key.verify_key]) == {key.verify_key: AT}


def test_the_ed25519_message_is_the_one_of_the_specification() -> None:
    key = KEYS["ed25519"]
    root = base64.b64encode(CHECKPOINT.root).decode()
    message = f"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n{root}\n"
    assert key.cosign(CHECKPOINT, AT).signature == AT.to_bytes(8, "big") + key.private.sign(message.encode())


def test_the_mldsa_message_is_the_one_of_the_specification() -> None:
    key = KEYS["ml-dsa-44"]
    message = (
        b"subtree/v1\n\x00"
        + bytes([len(key.name)])
        + key.name.encode()
        + AT.to_bytes(8, "big")
        + bytes([len(CHECKPOINT.origin)])
        + CHECKPOINT.origin.encode()
        + bytes(8)
        + CHECKPOINT.size.to_bytes(8, "big")
        + CHECKPOINT.root
    )
    by_hand = Signature(key.name, key.verify_key.id, AT.to_bytes(8, "big") + key.private.sign(message))
    assert key.verify_key.timestamp_of(by_hand, CHECKPOINT) == AT


@pytest.mark.parametrize("kind", KINDS)
def test_a_vkey_is_read_as_it_is_written(kind: Algorithm) -> None:
    key = KEYS[kind].verify_key
    assert CosignerKey.parse(str(key)) == key
    byte = b"\x04" if kind == "ed25519" else b"\x06"
    assert key.id == hashlib.sha256(key.name.encode() + b"\n" + byte + key.public).digest()[:4]


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_comes_back_from_its_file(kind: Algorithm, tmp_path: Path) -> None:
    KEYS[kind].save(tmp_path / "key", "six random words and some more")
    again = CosigningKey.load(tmp_path / "key", lambda: "six random words and some more")
    assert again.verify_key == KEYS[kind].verify_key
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


ED = KEYS["ed25519"]
LINE = ED.cosign(CHECKPOINT, AT)
FORGED = {
    "a cosignature of another root": note(LINE, checkpoint=replace(CHECKPOINT, root=bytes(32))),
    "a cosignature of another size": note(LINE, checkpoint=replace(CHECKPOINT, size=20_852_164)),
    "a cosignature of another log": note(LINE, checkpoint=replace(CHECKPOINT, origin="example.com/other")),
    "another time": note(replace(LINE, signature=(AT + 1).to_bytes(8, "big") + LINE.signature[8:])),
    "a time beyond 2^63": note(replace(LINE, signature=b"\xff" + LINE.signature[1:])),
    "a byte too few": note(replace(LINE, signature=LINE.signature[:-1])),
    "a byte too many": note(replace(LINE, signature=LINE.signature + b"\0")),
    "nothing after the key's id": note(replace(LINE, signature=b"")),
    "one right and one wrong": note(
        LINE, replace(LINE, signature=LINE.signature[:-1] + bytes([LINE.signature[-1] ^ 1]))
    ),
    "a plain signature under a cosigner's key id": note(
        Signature(ED.name, ED.verify_key.id, ED.private.sign(CHECKPOINT.text().encode()))
    ),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_line_that_names_a_known_cosigner_and_does_not_verify_spoils_the_note(forged: Note) -> None:
    with pytest.raises(TrustError, match="does not verify"):
        verified_cosignatures(forged, [ED.verify_key])


def test_lines_by_others_are_passed_over() -> None:
    others = SigningKey.create("example.com/behind-the-sofa")
    noise = Signature(others.name, others.verify_key.id, others.sign(CHECKPOINT.text().encode()))
    unknown = KEYS["ml-dsa-44"].cosign(CHECKPOINT, AT)
    assert verified_cosignatures(note(noise, unknown, LINE), [ED.verify_key]) == {ED.verify_key: AT}


def test_a_cosigners_name_under_another_key_is_not_the_cosigner() -> None:
    impostor = CosigningKey.create(ED.name)
    assert verified_cosignatures(note(impostor.cosign(CHECKPOINT, AT)), [ED.verify_key]) == {}


NO_KEYS = {
    "nothing": "",
    "a steward's key": str(SigningKey.create("steward-1").verify_key),
    "a cut line": str(ED.verify_key)[:-4],
    "another name": str(ED.verify_key).replace("witness", "witless"),
    "another hash": "w+00000000+" + str(ED.verify_key).split("+", 2)[2],
    "a name with a space": str(ED.verify_key).replace("witness", "wit ness"),
    "no base64": "w+00000000+A",
    "an empty key": "w+00000000+BA==",
    "a name of 300 bytes": "w" * 300 + "+00000000+" + base64.b64encode(b"\x04" + bytes(32)).decode(),
}


@pytest.mark.parametrize("text", NO_KEYS.values(), ids=NO_KEYS.keys())
def test_what_is_no_cosigners_key_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected, got"):
        CosignerKey.parse(text)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_keys(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert str(CosignerKey.parse(text)) == text


@given(st.binary(max_size=200))
def test_no_bytes_pass_for_a_cosignature(blob: bytes) -> None:
    with pytest.raises(DetentError):
        verified_cosignatures(note(Signature(ED.name, ED.verify_key.id, blob)), [ED.verify_key])


def test_an_origin_too_long_for_mldsa_is_refused_before_it_is_signed() -> None:
    long = replace(CHECKPOINT, origin="x" * 300)
    with pytest.raises(UsageError, match="255 bytes"):
        KEYS["ml-dsa-44"].cosign(long, AT)
    assert ED.verify_key.timestamp_of(ED.cosign(long, AT), long) == AT
