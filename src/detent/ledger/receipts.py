"""COSE receipts (RFC 9942; SCITT, RFC 9943): an inclusion proof and a signed root as CBOR, from the same tree.

    >>> receipt = make_receipt(index, size, path, entry, key)
    >>> verify_receipt(receipt, entry, key.verify_key).index        # raises unless it holds
    17

    18([<<{1: -8, 4: kid, 15: {1: iss, 2: sub}, 395: 1}>>,
        {396: {-1: [<<[size, index, [path...]]>>]}}, nil, signature])

The tree of RFC9162_SHA256, the verifiable data structure 1, *is* the ledger's. What is signed is the root, which
is not in the receipt: who verifies computes it from the entry. Nobody cosigns a receipt: it says that the log signed
this root, not that others saw the same one. That is what tlog-proof is for. A root alone does not fix index and size
(entry 0 of 3 and entry 0 of 4 have paths of one form), so the index is also in the signed subject, `origin/index`,
and must be; the size is not signed at all.

The log's own key signs, so that nobody needs another. A checkpoint and what a receipt signs can never be the same
bytes: the latter begin with 0x84, which begins no text in UTF-8. The algorithm is written as EdDSA (-8,
RFC 9053). RFC 9864 deprecates that name since it does not say the curve, for Ed25519 (-19), which is read as well; but
an export is for programs that exist, those tried know -8 alone, and here the key says the curve.

Needs cbor2: `pip install 'detent[cose]'`.
"""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from detent.errors import TrustError, UsageError
from detent.ledger._merkle import HASH_BYTES, leaf_hash
from detent.ledger.policy import shown
from detent.ledger.proofs import inclusion_root
from detent.signing import SigningKey, VerifyKey

LARGEST_RECEIPT = 100_000  # bytes; 63 hashes and long names have some 3,000
LONGEST_PATH = 63
SIGN1 = 18  # CBOR tag of COSE_Sign1, RFC 9052 section 4.2
ED25519, EDDSA = -19, -8  # RFC 9864 section 2.2, RFC 9053 section 2.2
ALG, CRIT, KID, CLAIMS, VDS, VDP = 1, 2, 4, 15, 395, 396  # header parameters: RFC 9052, RFC 9597, RFC 9942
ISSUER, SUBJECT = 1, 2  # RFC 8392 section 4
RFC9162_SHA256, INCLUSION = 1, -1  # RFC 9942 section 5
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Receipted:
    """What a receipt has shown: this entry, with this index, under a root that the log signed.

    size: of the tree, as the receipt says; nobody signed it, and another may fit the same path.
    """

    log: VerifyKey
    index: int
    size: int
    root: bytes

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was proven, for people."""
        log, root = shown(self.log.name), self.root.hex()
        return (
            f"the entry is number {self.index} of {log} under root {root}",
            f"the log's key {log}+{self.log.id.hex()} signed index and root in a COSE receipt",
            "nobody cosigned it: only the log's own key says that there is one history",
        )


def make_receipt(index: int, size: int, path: tuple[bytes, ...], entry: bytes, key: SigningKey) -> bytes:
    """The receipt for an entry, as deterministic CBOR: the same arguments give the same bytes.

    Args:
        index: of the entry.
        size: of a tree whose root the log has signed in a checkpoint before. Only such a tree may get a receipt:
            a root that is signed twice, differently, is a split view.
        path: the inclusion proof, the leaf's sibling first.
        entry: its bytes.
        key: the log's.

    Raises:
        UsageError: cbor2 is not installed, or the tree has one entry (RFC 9942 has no form for an empty path).
        TrustError: the path does not show the entry in such a tree.
    """
    cbor2 = _cbor2()
    if not path:
        raise UsageError(
            "a tree of two entries or more expected, got one of one: RFC 9942 has no receipt for it; "
            "make one once there are more"
        )
    root = inclusion_root(leaf_hash(entry), index, size, path)
    claims = {ISSUER: key.name, SUBJECT: _subject(key.name, index)}
    headers = {ALG: EDDSA, KID: thumbprint(key.verify_key), CLAIMS: claims, VDS: RFC9162_SHA256}
    protected = _dumps(cbor2, headers)
    proof = _dumps(cbor2, [size, index, list(path)])
    signature = key.sign(_signed(cbor2, protected, root))
    sign1 = cbor2.CBORTag(SIGN1, [protected, {VDP: {INCLUSION: [proof]}}, None, signature])
    return _dumps(cbor2, sign1)


def verify_receipt(data: bytes, entry: bytes, key: VerifyKey) -> Receipted:
    """What the receipt proves of an entry's bytes to somebody who believes this log's key.

    Exactly one inclusion proof is expected. Unknown protected headers are passed over, unless `crit` names some
    (RFC 9052 section 3.1: then it must not be).

    Raises:
        UsageError: cbor2 is not installed.
        TrustError: it proves nothing; the message says what does not hold.
    """
    cbor2 = _cbor2()
    protected, unprotected, signature = _sign1(cbor2, data)
    headers = _map(_loads(cbor2, protected), "protected headers")
    _expect(
        CRIT not in headers, "no critical headers that this program would have to know", headers.get(CRIT)
    )
    _expect(_integer(headers.get(ALG)) in {ED25519, EDDSA}, "alg -8 or -19 (Ed25519)", headers.get(ALG))
    _expect(_integer(headers.get(VDS)) == RFC9162_SHA256, "vds 1 (RFC9162_SHA256)", headers.get(VDS))
    claims = _map(headers.get(CLAIMS), "CWT claims")
    _expect(claims.get(ISSUER) == key.name, f"issuer {key.name!r}", claims.get(ISSUER))
    size, index, path = _inclusion(cbor2, unprotected)
    _expect(
        claims.get(SUBJECT) == _subject(key.name, index), f"entry {index} as subject", claims.get(SUBJECT)
    )
    root = inclusion_root(leaf_hash(entry), index, size, path)
    key.verify(signature, _signed(cbor2, protected, root))
    return Receipted(key, index, size, root)


def thumbprint(key: VerifyKey) -> bytes:
    """The key's COSE thumbprint, by which `kid` names it: SHA-256 over kty OKP, crv Ed25519 and x (RFC 9679)."""
    return hashlib.sha256(_dumps(_cbor2(), {1: 1, -1: 6, -2: key.public})).digest()


def _subject(origin: str, index: int) -> str:
    return f"{origin}/{index}"


def _signed(cbor2: ModuleType, protected: bytes, root: bytes) -> bytes:
    """Sig_structure of RFC 9052 section 4.4; its payload is the detached root."""
    return _dumps(cbor2, ["Signature1", protected, b"", root])


def _sign1(cbor2: ModuleType, data: bytes) -> tuple[bytes, Mapping[Any, Any], bytes]:
    """Protected bytes, unprotected map and signature of a tagged COSE_Sign1 with a detached payload."""
    _expect(len(data) <= LARGEST_RECEIPT, f"at most {LARGEST_RECEIPT} bytes", len(data))
    tag = _loads(cbor2, data)
    whole = isinstance(tag, cbor2.CBORTag) and tag.tag == SIGN1
    match tag.value if whole else None:
        case [bytes(protected), Mapping() as unprotected, None, bytes(signature)]:
            return protected, unprotected, signature
        case other:
            raise _refusal("a tagged COSE_Sign1 whose payload is nil", other)


def _inclusion(cbor2: ModuleType, unprotected: Mapping[Any, Any]) -> tuple[int, int, tuple[bytes, ...]]:
    proofs = _map(unprotected.get(VDP), "proofs under header 396").get(INCLUSION)
    match proofs:
        case [bytes(encoded)]:
            found = _loads(cbor2, encoded)
        case other:
            raise _refusal("one inclusion proof", other)
    match found:
        case [size, index, [*path]] if 1 <= len(path) <= LONGEST_PATH:
            for each in path:
                hashed = isinstance(each, bytes) and len(each) == HASH_BYTES
                _expect(hashed, f"hashes of {HASH_BYTES} bytes", each)
            return _number(size), _number(index), tuple(path)
        case other:
            raise _refusal("[size, index, [hash, ...]]", other)


def _loads(cbor2: ModuleType, data: bytes) -> Any:
    """One CBOR item and nothing after it, each map's keys once, lengths given, not deeper than a receipt is."""
    stream = io.BytesIO(data)
    try:
        found = cbor2.load(stream, max_depth=_DEEPEST, allow_indefinite=False, allow_duplicate_keys=False)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TrustError(
            f"a receipt in CBOR expected, got other bytes ({error}); it is damaged or none"
        ) from error
    _expect(not stream.read(1), "nothing after it", data[-20:])
    return found


def _dumps(cbor2: ModuleType, value: Any) -> bytes:
    """Deterministic CBOR (RFC 8949 section 4.2.1; for the keys used here both orders of keys are one)."""
    return bytes(cbor2.dumps(value, canonical=True))


def _map(value: Any, what: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise _refusal(what, value)
    return value


def _integer(value: Any) -> int | None:
    """The value if it is a number; `true`, which Python takes for 1, is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> int:
    number = _integer(value)
    if number is None or not 0 <= number < 1 << 63:
        raise _refusal("a size and an index below 2^63", value)
    return number


def _expect(holds: bool, wanted: str, got: object) -> None:
    if not holds:
        raise _refusal(wanted, got)


def _refusal(wanted: str, got: object) -> TrustError:
    return TrustError(
        f"a COSE receipt with {wanted} expected, got {repr(got)[:120]}; it is damaged, another log's, or no receipt"
    )


def _cbor2() -> ModuleType:
    try:
        import cbor2  # noqa: PLC0415  an extra
    except ImportError as error:
        raise UsageError(
            "the package cbor2 expected, got none; install it with: pip install 'detent[cose]'"
        ) from error
    return cbor2
