"""Proofs that travel (C2SP tlog-proof): one entry, shown to be in a log that others cosigned, in a file of its own.

    c2sp.org/tlog-proof@v1
    index 17
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
    ...

    example.com/run
    214
    sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

    — example.com/run hI2D...
    — witness.example.com/w1 mJir...

    >>> proven = verify_entry(ProofFile.parse(data), entry, policy)      # raises unless it holds
    >>> proven.index, proven.cosigned
    (17, {'lab-a': 1900000000, 'lab-c': 1900000004})

Who holds the file and the entry's bytes needs no ledger, no network and no word of the operator's. A checkpoint with
extension lines, which the specification advises against, is refused here.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from detent.errors import TrustError, UsageError
from detent.ledger._merkle import HASH_BYTES, leaf_hash
from detent.ledger.notes import LARGEST_NOTE, Checkpoint, Note
from detent.ledger.policy import NOBODY, LogKey, Policy, shown
from detent.ledger.proofs import verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
LONGEST_PATH = 63  # hashes; no tree of at most 2^63 entries has a longer one
LARGEST_EXTRA = 100_000  # bytes
LARGEST_PROOF = LARGEST_NOTE + 200_000  # bytes
_INDEX = re.compile("index (0|[1-9][0-9]{0,18})")
_EXTRA = "extra "
_YEAR_10000 = 253_402_300_800  # seconds since 1970


@dataclass(frozen=True, slots=True)
class ProofFile:
    """What the file says; nothing is believed until `verify_entry`. `str(proof)` is the file.

    path: hashes, the leaf's sibling first. checkpoint: the signed note, as the log and its witnesses wrote it.
    extra: whatever the maker put there; nobody signed it, and nothing here reads it.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a proof file.

        Raises:
            TrustError: it is not well-formed; the message says where.
        """
        head, blank, checkpoint = _text(data).partition("\n\n")
        _expect(bool(blank), "an empty line before the checkpoint", "none")
        lines = head.split("\n")
        _expect(lines[0] == HEADER, f"`{HEADER}` on line 1", lines[0])
        extra = b""
        if len(lines) > 1 and lines[1].startswith(_EXTRA):
            extra = _base64(lines.pop(1).removeprefix(_EXTRA), "after `extra`")
            _expect(0 < len(extra) <= LARGEST_EXTRA, f"1 to {LARGEST_EXTRA} extra bytes", str(len(extra)))
        match = _INDEX.fullmatch(lines[1]) if len(lines) > 1 else None
        if match is None:
            raise _refusal("`index` and a number in decimal", lines[1] if len(lines) > 1 else "nothing")
        hashes = lines[2:]
        _expect(len(hashes) <= LONGEST_PATH, f"at most {LONGEST_PATH} hashes", str(len(hashes)))
        path = tuple(_base64(line, f"as hash {number}") for number, line in enumerate(hashes, 1))
        for number, each in enumerate(path, 1):
            _expect(len(each) == HASH_BYTES, f"a hash of {HASH_BYTES} bytes as hash {number}", f"{len(each)}")
        Checkpoint.parse(Note.parse(checkpoint.encode()).text)
        return cls(int(match[1]), path, checkpoint, extra)

    def __str__(self) -> str:
        extra = [f"{_EXTRA}{_encoded(self.extra)}"] if self.extra else []
        lines = [HEADER, *extra, f"index {self.index}", *map(_encoded, self.path), ""]
        return "\n".join(lines) + f"\n{self.checkpoint}"


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof has shown: this entry, at this place of this log, and who cosigned that it only ever grew.

    cosigned: names as in the policy, and when each cosigned, in seconds since 1970.
    """

    log: LogKey
    index: int
    checkpoint: Checkpoint
    cosigned: Mapping[str, int]
    quorum: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was proven, for people."""
        log, size = shown(self.log.name), self.checkpoint.size
        who = [f"{shown(name)} cosigned it at {moment(at)}" for name, at in sorted(self.cosigned.items())]
        met = (
            "the policy asks for no cosignature: only the log's own key says that there is one history"
            if self.quorum == NOBODY
            else f"the policy's quorum, {shown(self.quorum)}, is reached"
        )
        root = self.checkpoint.root.hex()
        return (
            f"the entry is number {self.index} of the {size} entries of {log} under root {root}",
            f"the log's key {log}+{self.log.id.hex()} signed that root",
            *who,
            met,
        )


def verify_entry(proof: ProofFile, entry: bytes, policy: Policy) -> Proven:
    """What the file proves of an entry's bytes to somebody who believes this policy, and nobody else.

    The steps are those of tlog-proof, "Verifying a tlog proof". Times are not compared with a clock.

    Raises:
        TrustError: it proves nothing: no log of the policy signed, its quorum did not cosign, a signature does
            not verify, or the entry is not at that place of the tree.
    """
    found = policy.satisfied(Note.parse(proof.checkpoint.encode()))
    size, root = found.checkpoint.size, found.checkpoint.root
    verify_inclusion(leaf_hash(entry), proof.index, size, proof.path, root)
    return Proven(found.log, proof.index, found.checkpoint, found.cosigned, policy.quorum)


def make_proof(index: int, path: tuple[bytes, ...], checkpoint: str) -> ProofFile:
    """The file for an entry whose inclusion path leads to the checkpoint's root.

    Raises:
        UsageError: the checkpoint has no such entry, or is none.
    """
    try:
        proof = ProofFile.parse(str(ProofFile(index, path, checkpoint)).encode())
        size = Checkpoint.parse(Note.parse(checkpoint.encode()).text).size
    except TrustError as error:
        raise UsageError(f"a signed checkpoint and hashes expected, got others: {error}") from error
    if not 0 <= index < size:
        raise UsageError(f"an index from 0 to {size - 1} expected, got {index}; the checkpoint is older")
    return proof


def moment(seconds: int) -> str:
    """A witness's time in UTC (RFC 3339); beyond the year 9999 as a number."""
    if seconds >= _YEAR_10000:
        return f"second {seconds} since 1970"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(data: bytes) -> str:
    _expect(len(data) <= LARGEST_PROOF, f"at most {LARGEST_PROOF} bytes", str(len(data)))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refusal("UTF-8", repr(data[error.start : error.start + 20])) from error


def _base64(text: str, where: str) -> bytes:
    """Standard base64, in the one form that there is for these bytes."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refusal(f"base64 {where}", text) from error
    _expect(_encoded(found) == text, f"base64 in its one form {where}", text)
    return found


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _expect(holds: bool, wanted: str, got: str) -> None:
    if not holds:
        raise _refusal(wanted, got)


def _refusal(wanted: str, got: str) -> TrustError:
    return TrustError(f"a tlog-proof with {wanted} expected, got {got[:120]!r}; it is damaged or no proof")
