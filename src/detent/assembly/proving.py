"""What a run hands out so that somebody who trusts nobody can check it: proofs, receipts; and what such files show."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from detent.assembly.places import RunFolder
from detent.assembly.reading import enveloped_charter, log_key, log_verify_key
from detent.engine import replace_file
from detent.errors import TrustError, UsageError
from detent.ledger import (
    LARGEST_ENTRY,
    Checkpoint,
    LedgerReader,
    Note,
    Policy,
    ProofFile,
    SplitView,
    make_receipt,
    prove_entry,
    split_view,
    verify_entry,
    verify_receipt,
)
from detent.ledger.proof_files import HEADER
from detent.signing import VerifyKey
from detent.values import Decided, decode_entry

RECEIPT = b"\xd2"
"""The first byte of every receipt (CBOR tag 18), and of no tlog-proof."""

_LARGEST = 2_000_000  # bytes; the readers have smaller limits of their own
_INDEX = re.compile("[0-9]{1,18}")
_DECISION = re.compile("decision:([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Proved:
    """A proof that was written. cosigners: names on the lines beside the log's, as they call themselves."""

    index: int
    kind: str
    size: int
    cosigners: tuple[str, ...]


def prove(
    folder: Path, which: str, output: Path, *, entry: Path | None = None, receipt: Path | None = None
) -> Proved:
    """Write the proof of one entry of a run's ledger, which needs the run folder alone.

    Args:
        folder: of the run.
        which: an index, or `decision:G` for the decision that closed generation G.
        output: where the tlog-proof goes.
        entry: where the entry's bytes go, if anywhere. Who verifies needs them.
        receipt: where a COSE receipt goes, if anywhere. It takes the log's private key from the user's data folder.

    Raises:
        UsageError: this is no run folder, it has no such entry, or cbor2 is not installed.
        TrustError: the ledger is not what its key signed.
    """
    run = RunFolder(folder)
    run.check()
    key = log_verify_key(run)
    index = _index(run, key, which)
    data, proof = prove_entry(run.ledger, key, index)
    checkpoint, who = _head(proof, key)
    if receipt is not None:  # first: it may fail for want of a key, and then nothing is written
        secret = log_key(enveloped_charter(run))
        if secret.verify_key != key:
            raise TrustError(
                f"the private key of {key} expected in the data folder, got that of {secret.verify_key}; restore it"
            )
        _write(receipt, make_receipt(index, checkpoint.size, proof.path, data, secret))
    if entry is not None:
        _write(entry, data)
    _write(output, str(proof).encode())
    return Proved(index, decode_entry(data).kind, checkpoint.size, who)


def shown_by(file: Path, entry: Path, policy: Path) -> tuple[str, ...]:
    """What a tlog-proof or a COSE receipt shows of an entry to somebody who believes this policy, in sentences.

    Raises:
        UsageError: a file is missing, or the policy is not well-formed.
        TrustError: it shows nothing.
    """
    data, leaf = _read(file), _read(entry)
    believed = policy_in(policy)
    if len(leaf) > LARGEST_ENTRY:
        raise UsageError(
            f"an entry of at most {LARGEST_ENTRY} bytes expected, got {entry}; name the entry's file"
        )
    if data[:1] == RECEIPT:
        return _receipted(data, leaf, believed)
    return verify_entry(ProofFile.parse(data), leaf, believed).sentences


def split_shown_by(first: Path, second: Path, policy: Path) -> SplitView | None:
    """The proof of a split view that two checkpoints are, or None when they say the same. Raises as `split_view`.

    A tlog-proof stands for the checkpoint in it: that is where people who compare notes have theirs.
    """
    return split_view(_checkpoint_in(first), _checkpoint_in(second), policy_in(policy))


def _checkpoint_in(file: Path) -> bytes:
    data = _read(file)
    return ProofFile.parse(data).checkpoint.encode() if data.startswith(HEADER.encode()) else data


def _receipted(data: bytes, leaf: bytes, policy: Policy) -> tuple[str, ...]:
    if policy.quorum != "none":
        raise TrustError(
            f"cosignatures for the policy's quorum {policy.quorum!r} expected, got a COSE receipt, which carries none; "
            "ask for a tlog-proof"
        )
    refusals = []
    for log in policy.logs:
        if isinstance(log.key, VerifyKey):
            try:
                return verify_receipt(data, leaf, log.key).sentences
            except TrustError as error:
                refusals.append(str(error))
    raise TrustError(
        "; ".join(refusals) or "a policy with an Ed25519 key of a log expected, got one without; name the log"
    )


def _index(run: RunFolder, key: VerifyKey, which: str) -> int:
    if _INDEX.fullmatch(which):
        return int(which)
    match = _DECISION.fullmatch(which)
    if match is None:
        raise UsageError(f"an index or `decision:G` expected, got {which[:80]!r}; for example decision:3")
    for index, data in enumerate(LedgerReader(run.ledger, key).entries()):
        entry = decode_entry(data)
        if isinstance(entry, Decided) and entry.generation == int(match[1]):
            return index
    raise UsageError(f"a closed generation expected, got {match[1]}; see: detent status {run.root}")


def _head(proof: ProofFile, key: VerifyKey) -> tuple[Checkpoint, tuple[str, ...]]:
    note = Note.parse(proof.checkpoint.encode())
    own = (key.name, key.id)
    return Checkpoint.parse(note.text), tuple(
        line.name for line in note.signatures if (line.name, line.key_id) != own
    )


def policy_in(path: Path) -> Policy:
    """A C2SP tlog-policy. Raises UsageError where there is none, or it is not well-formed."""
    return Policy.parse(_read(path))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"a file expected, got {path} ({error.strerror}); name another") from error
    if len(data) > _LARGEST:
        raise UsageError(f"a file of at most {_LARGEST} bytes expected, got {path}; name another")
    return data


def _write(path: Path, data: bytes) -> None:
    """Put the file there as a whole, in place of one that is there."""
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"a file in an existing folder expected, got {path}; name another")
    replace_file(path, path.with_name(f"{path.name}.{os.getpid()}"), data)
