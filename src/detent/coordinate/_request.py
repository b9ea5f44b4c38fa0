"""What is posted to `add-checkpoint` (C2SP tlog-witness v1.0.0), read as if an attacker had written it.

old 20852014
<base64 hash>           none to 63 of them
<empty line>
<the checkpoint, a signed note>
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Self

from detent.errors import TrustError
from detent.ledger import Checkpoint, Note

LARGEST_REQUEST = 131_072
"""Bytes. 63 hashes have 2,835; a note with sixteen ML-DSA-44 signatures some 53,000."""

_MOST_HASHES = 63
_HASH_BYTES = 32
_OLD = re.compile(rb"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Request:
    """The tree size that the client believes the witness stands at, the proof from there, and the checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a request; no signature and no proof is verified.

        Raises:
            TrustError: it is not well-formed.
        """
        if len(body) > LARGEST_REQUEST:
            raise TrustError(
                f"a request of at most {LARGEST_REQUEST} bytes expected, got {len(body)}; leave signatures out"
            )
        head, _, rest = body.partition(b"\n\n")
        first, *hashes = head.split(b"\n")
        old = _OLD.fullmatch(first)
        if old is None:
            raise TrustError(
                f"a first line `old <size>` expected, got {first[:60]!r}; see c2sp.org/tlog-witness"
            )
        if len(hashes) > _MOST_HASHES:
            raise TrustError(f"at most {_MOST_HASHES} hashes expected, got {len(hashes)}; no proof has more")
        note = Note.parse(rest)
        return cls(int(old[1]), tuple(map(_hash, hashes)), note, Checkpoint.as_written(note.text))

    def __bytes__(self) -> bytes:
        lines = "".join(f"{base64.b64encode(one).decode()}\n" for one in self.proof)
        return f"old {self.old}\n{lines}\n{self.note}".encode()


def _hash(line: bytes) -> bytes:
    try:
        found = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != _HASH_BYTES or base64.b64encode(found) != line:
        raise TrustError(
            f"a hash of {_HASH_BYTES} bytes in base64 expected, got {line[:60]!r}; send the proof again"
        )
    return found
