"""Signed notes (C2SP signed-note v1.0.0), and checkpoints (C2SP tlog-checkpoint v1.0.0): notes about a tree.

>>> print(Checkpoint("example.com/run", 0, EMPTY_ROOT).text(), end="")
example.com/run
0
47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=

Notes are read as if an attacker had written them.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from detent.errors import TrustError, UsageError
from detent.ledger._merkle import EMPTY_ROOT, HASH_BYTES
from detent.signing import SigningKey, VerifyKey

KEY_ID_BYTES = 4
LARGEST_NOTE = 1_000_000  # bytes; a checkpoint with a hundred cosignatures has some 20,000
MOST_SIGNATURES = 100  # signed-note asks to accept 16 or more
_SIGNATURE_LINE = re.compile(r"— (?P<name>[^+\s]+) (?P<blob>[A-Za-z0-9+/]+={0,2})")
_THREE_LINES = re.compile(r"([^\n]+)\n([^\n]+)\n([^\n]+)\n")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose, by which of their keys, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text ending in a newline, and its signatures; nothing is verified until `open_note`."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a note.

        Raises:
            TrustError: it is not a well-formed note.
        """
        note = _characters(data)
        text, blank, lines = note.rpartition("\n\n")
        _expect(
            bool(blank and text) and lines.endswith("\n"), "a text, an empty line and signature lines", note
        )
        signatures = [_signature(line) for line in lines[:-1].split("\n")]
        _expect(len(signatures) <= MOST_SIGNATURES, f"at most {MOST_SIGNATURES} signatures", note)
        return cls(text + "\n", tuple(signatures))

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's tree head: which log, how many entries, and the root over them. Always exactly three lines."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a note's text as a checkpoint; extension lines, which no monitor can audit, are refused.

        Raises:
            TrustError: it is none.
        """
        checkpoint = cls.as_written(text)
        _expect(checkpoint.size > 0 or checkpoint.root == EMPTY_ROOT, "the empty root for size 0", text)
        return checkpoint

    @classmethod
    def as_written(cls, text: str) -> Self:
        """As `parse`, but the empty tree may have any root: a witness says of such a line what is wrong with it.

        Raises:
            TrustError: it is none.
        """
        lines = _THREE_LINES.fullmatch(text)
        if lines is None:
            raise _refusal("a checkpoint of three lines", text)
        origin, size, root = lines.groups()
        _expect(_DECIMAL.fullmatch(size) is not None, "a tree size in decimal on line 2", text)
        checkpoint = cls(origin, int(size), _base64(root, text))
        _expect(
            len(checkpoint.root) == HASH_BYTES and checkpoint.text() == text, "a root hash on line 3", text
        )
        return checkpoint

    def text(self) -> str:
        """The three lines that get signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign_note(text: str, key: SigningKey) -> Note:
    """The text with one Ed25519 signature.

    Raises:
        UsageError: the text does not end in a newline, or holds control characters.
    """
    if not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise UsageError(f"a text of whole lines expected, got {text[:80]!r}; end it with a newline")
    return Note(text, (Signature(key.name, key.verify_key.id, key.sign(text.encode())),))


def open_note(data: bytes, keys: Sequence[VerifyKey]) -> Note:
    """The note, once a signature by one of `keys` or more was verified; signatures by others are passed over.

    Raises:
        TrustError: it is not well-formed, no key signed it, or a signature that names one of the keys is
            wrong (then the whole note is refused, however many others are right).
    """
    note = Note.parse(data)
    known = {(key.name, key.id): key for key in keys}
    verified = 0
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            key.verify(signature.signature, note.text.encode())
            verified += 1
    if not verified:
        raise TrustError(
            f"a note signed by {' or '.join(str(key) for key in keys)} expected, got one signed by "
            f"{', '.join(s.name for s in note.signatures)[:200]}; another key wrote it"
        )
    return note


def _characters(data: bytes) -> str:
    _expect(len(data) <= LARGEST_NOTE, f"at most {LARGEST_NOTE} bytes", str(len(data)))
    try:
        note = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TrustError(f"a signed note in UTF-8 expected, got {data[:60]!r}; it is damaged") from error
    _expect(not any(c < " " and c != "\n" for c in note), "no control characters", note)
    return note


def _signature(line: str) -> Signature:
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None:
        raise _refusal("signature lines `— name base64`", line)
    blob = _base64(match["blob"], line)
    _expect(len(blob) > KEY_ID_BYTES, "a key id and a signature", line)
    return Signature(match["name"], blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])


def _base64(text: str, where: str) -> bytes:
    """The bytes, of their one spelling: else a note could be changed and would still verify."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refusal("base64", where) from error
    _expect(base64.b64encode(data).decode() == text, "base64 in its canonical form", where)
    return data


def _expect(holds: bool, wanted: str, got: str) -> None:
    if not holds:
        raise _refusal(wanted, got)


def _refusal(wanted: str, got: str) -> TrustError:
    return TrustError(f"a signed note with {wanted} expected, got {got[:120]!r}; it is damaged or no note")
