"""Signed notes and checkpoints, the specification's vectors, and everything an attacker may write instead."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import TrustError, UsageError
from detent.ledger import Checkpoint, Note, open_note, sign_note
from detent.ledger._merkle import EMPTY_ROOT
from detent.signing import SigningKey, VerifyKey

# The vector of C2SP signed-note v1.0.0, "Format" and "Verifier keys"
VKEY = VerifyKey.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
LINE = (
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlT"
    "gK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
NOTE = f"This is an example message.\n\n{LINE}"

ADA, BOB = (SigningKey.from_seed(name, name.encode() * 8) for name in ("ada1", "bob1"))
EVE = SigningKey.from_seed("ada1", b"e" * 32)
TEXT = "One line.\n\nAfter an empty one.\n"


def line_of(note: Note) -> str:
    return str(note.signatures[0])


def other(line: str) -> str:
    """The same line with its last signature bytes changed."""
    head, blob = line.rstrip("\n").rsplit(" ", 1)
    raw = base64.b64decode(blob)
    return f"{head} {base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()}\n"


def test_the_specification_s_note_opens_and_is_written_again_byte_for_byte() -> None:
    note = open_note(NOTE.encode(), [VKEY])
    assert note.text == "This is an example message.\n"
    assert str(note) == NOTE


def test_a_signed_note_opens_with_its_key_and_is_the_same_every_time() -> None:
    note = sign_note(TEXT, ADA)
    assert open_note(str(note).encode(), [ADA.verify_key]) == note
    assert sign_note(TEXT, ADA) == note


def test_the_text_ends_at_the_last_empty_line() -> None:
    assert Note.parse(str(sign_note(TEXT, ADA)).encode()).text == TEXT


ADA_LINE, BOB_LINE, EVE_LINE = (line_of(sign_note(TEXT, key)) for key in (ADA, BOB, EVE))
OPENS = {
    "signed by both, either known": (ADA_LINE + BOB_LINE, [ADA]),
    "an unknown name beside": (BOB_LINE + ADA_LINE, [ADA]),
    "the same name with another key beside": (EVE_LINE + ADA_LINE, [ADA]),
    "a signature by an unknown key that is wrong beside": (other(BOB_LINE) + ADA_LINE, [ADA]),
    "one of two known keys did not sign": (ADA_LINE, [ADA, BOB]),
    "signed twice by the same key": (ADA_LINE * 2, [ADA]),
    "sixteen unknown signatures beside": (BOB_LINE * 16 + ADA_LINE, [ADA]),
    "an unknown signature type beside": ("— x AAAAAAAA\n" + ADA_LINE, [ADA]),
}


@pytest.mark.parametrize("case", OPENS)
def test_a_note_opens_when(case: str) -> None:
    lines, keys = OPENS[case]
    assert open_note(f"{TEXT}\n{lines}".encode(), [key.verify_key for key in keys]).text == TEXT


REFUSED: dict[str, bytes] = {
    "signed by an unknown key only": f"{TEXT}\n{BOB_LINE}".encode(),
    "signed by a key of the same name only": f"{TEXT}\n{EVE_LINE}".encode(),
    "the text changed": f"{TEXT}more\n\n{ADA_LINE}".encode(),
    "one known signature wrong, though another is right": f"{TEXT}\n{ADA_LINE}{other(ADA_LINE)}".encode(),
    "a signature cut short": f"{TEXT}\n{ADA_LINE[:-10]}==\n".encode(),
    "no signature": f"{TEXT}\n".encode(),
    "nothing": b"",
    "only newlines": b"\n\n\n",
    "no empty line": f"One line.\n{ADA_LINE}".encode(),
    "no final newline": f"{TEXT}\n{ADA_LINE}".encode()[:-1],
    "a carriage return": f"{TEXT}\r\n\n{ADA_LINE}".encode(),
    "a control character": f"{TEXT}\x00\n\n{ADA_LINE}".encode(),
    "not UTF-8": f"{TEXT}\n{ADA_LINE}".encode() + b"\xff",
    "a hyphen for the dash": f"{TEXT}\n{ADA_LINE.replace('—', '-')}".encode(),
    "a space after the signature": f"{TEXT}\n{ADA_LINE[:-1]} \n".encode(),
    "a plus in the name": f"{TEXT}\n— a+b AAAAAAAA\n{ADA_LINE}".encode(),
    "a signature without bytes after the key id": f"{TEXT}\n— x AAAAAA==\n{ADA_LINE}".encode(),
    "a signature that is no base64": f"{TEXT}\n— x AAAAA\n{ADA_LINE}".encode(),
    "more signatures than anyone needs": f"{TEXT}\n{BOB_LINE * 100}{ADA_LINE}".encode(),
    "a megabyte": f"{'x' * 1_000_000}\n\n{ADA_LINE}".encode(),
}


@pytest.mark.parametrize("attack", REFUSED)
def test_a_note_is_refused_with(attack: str) -> None:
    with pytest.raises(TrustError):
        open_note(REFUSED[attack], [ADA.verify_key])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_note_or_refused(data: bytes) -> None:
    with pytest.raises(TrustError):
        open_note(data, [ADA.verify_key])


@given(st.data())
def test_a_note_with_any_character_of_its_text_changed_is_refused(data: st.DataObject) -> None:
    note = str(sign_note(TEXT, ADA))
    at = data.draw(st.integers(0, len(TEXT) - 1))
    new = data.draw(st.characters(codec="utf-8").filter(lambda character: character != note[at]))
    with pytest.raises(TrustError):
        open_note(f"{note[:at]}{new}{note[at + 1 :]}".encode(), [ADA.verify_key])


@pytest.mark.parametrize("text", ["", "no newline", "a\rb\n", "bell\a\n"])
def test_only_whole_lines_are_signed(text: str) -> None:
    with pytest.raises(UsageError, match="a text of whole lines"):
        sign_note(text, ADA)


# The example of C2SP tlog-checkpoint v1.0.0
EXAMPLE = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_the_specification_s_checkpoint_is_read_and_written_again() -> None:
    checkpoint = Checkpoint.parse(EXAMPLE)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.text() == EXAMPLE


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1),
    st.integers(1, 10**18),
    st.binary(min_size=32, max_size=32),
)
def test_checkpoints_survive_their_text(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, size, root)
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


ORIGIN, SIZE, ROOT = EXAMPLE.splitlines()
MALFORMED = {
    "two lines": f"{ORIGIN}\n{SIZE}\n",
    "an extension line": f"{EXAMPLE}extension\n",
    "an empty line": f"{EXAMPLE}\n",
    "an empty origin": f"\n{SIZE}\n{ROOT}\n",
    "no final newline": EXAMPLE[:-1],
    "a leading zero": f"{ORIGIN}\n0{SIZE}\n{ROOT}\n",
    "a sign": f"{ORIGIN}\n+{SIZE}\n{ROOT}\n",
    "a negative size": f"{ORIGIN}\n-1\n{ROOT}\n",
    "digits that are not ASCII": f"{ORIGIN}\n٣\n{ROOT}\n",
    "a size beyond any tree": f"{ORIGIN}\n{'9' * 5000}\n{ROOT}\n",
    "a hexadecimal size": f"{ORIGIN}\n0x10\n{ROOT}\n",
    "a root of 31 bytes": f"{ORIGIN}\n{SIZE}\n{base64.b64encode(bytes(31)).decode()}\n",
    "a root of 33 bytes": f"{ORIGIN}\n{SIZE}\n{base64.b64encode(bytes(33)).decode()}\n",
    "a root with other last bits than the same bytes have": f"{ORIGIN}\n{SIZE}\n{ROOT[:-2]}J=\n",
    "URL-safe base64": f"{ORIGIN}\n{SIZE}\n{ROOT.replace('/', '_')}\n",
    "size 0 with a root": f"{ORIGIN}\n0\n{ROOT}\n",
}


@pytest.mark.parametrize("attack", MALFORMED)
def test_a_checkpoint_is_refused_with(attack: str) -> None:
    with pytest.raises(TrustError):
        Checkpoint.parse(MALFORMED[attack])


def test_the_empty_tree_has_a_checkpoint() -> None:
    text = Checkpoint("example.com/run", 0, EMPTY_ROOT).text()
    assert text == "example.com/run\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert Checkpoint.parse(text).root == EMPTY_ROOT


def test_a_signature_has_one_spelling() -> None:
    """The last character of its base64 carries bits that no byte holds; a note with others would verify too."""
    end = ADA_LINE.rindex("=") - 1
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = ADA_LINE[:end] + letters[letters.index(ADA_LINE[end]) ^ 1] + ADA_LINE[end + 1 :]
    blobs = [base64.b64decode(line.rsplit(" ", 1)[1]) for line in (ADA_LINE, twin)]
    assert blobs[0] == blobs[1]
    with pytest.raises(TrustError, match="base64 in its canonical form expected"):
        Note.parse(f"{TEXT}\n{twin}".encode())
