"""A public randomness beacon in drand's format: every `period` seconds a round that nobody can foresee or choose.

    >>> chain = fetch_chain("https://api.drand.sh", chain_hash, deadline=10)
    >>> number = chain.first_after(1_900_000_000)
    >>> fetch_round("https://api.drand.sh", chain, number, deadline=10).randomness

A chain is named by its hash, SHA-256 over period, genesis time, public key, seed and name (drand, `chain/info.go`): a
server cannot answer with another chain, or lie about when a round was due. That a round is the chain's own, and not
made up by the server, only its BLS signature shows. It is verified where `detent[beacon]` is installed; elsewhere
`check_round` says that it was not, and whoever runs the server could have chosen the randomness.

Schemes: `pedersen-bls-chained` (key on G1, signature on G2 over the signature before and the number) and
`bls-unchained-g1-rfc9380` (key on G2, signature on G1 over the number), both on BLS12-381 with RFC 9380 hashing.
"""

import hashlib
import re
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, Self, TypeVar, get_args

import msgspec

from detent.coordinate import _http
from detent.errors import PeerError, TrustError, UsageError

Scheme = Literal["pedersen-bls-chained", "bls-unchained-g1-rfc9380"]

LARGEST_ANSWER = 16_384
_HASH = re.compile(r"[0-9a-f]{64}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){1,96}")
_KEY_BYTES: dict[Scheme, int] = {"pedersen-bls-chained": 48, "bls-unchained-g1-rfc9380": 96}
_SIGNATURE_BYTES: dict[Scheme, int] = {"pedersen-bls-chained": 96, "bls-unchained-g1-rfc9380": 48}
_ON_G1 = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
_ON_G2 = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_"
_AT_INFINITY = 0x40
"""The bit of a compressed point that says it is the one at infinity, which signs every message: no key."""
_UNNAMED = {"", "default"}  # the name of the first chain is not in its hash
_LATEST = 2**63 - 1


class _Metadata(msgspec.Struct, frozen=True):
    beacon_id: str = msgspec.field(name="beaconID", default="")


class _Info(msgspec.Struct, frozen=True):
    """`/{chain hash}/info`. Fields that are not named here are passed over: drand adds some."""

    public_key: str
    period: int
    genesis_time: int
    group_hash: str = msgspec.field(name="groupHash")
    scheme: str = msgspec.field(name="schemeID", default="pedersen-bls-chained")
    metadata: _Metadata = _Metadata()


class _Public(msgspec.Struct, frozen=True):
    """`/{chain hash}/public/{round}`."""

    round: int
    randomness: str
    signature: str
    previous_signature: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """A beacon, as its hash says it is. Times in seconds since 1970, `period` in seconds."""

    hash: str
    scheme: Scheme
    public_key: bytes
    period: int
    genesis: int
    seed: bytes

    @classmethod
    def parse(cls, document: bytes, chain_hash: str) -> Self:
        """Read what a server says of the chain with this hash.

        Raises:
            TrustError: it is not well-formed, of a scheme unknown here, or another chain's.
        """
        wanted = f"the description of the drand chain {chain_hash[:80]!r} expected"
        info = _decoded(document, _Info, wanted)
        scheme = next((each for each in get_args(Scheme) if each == info.scheme), None)
        if scheme is None:
            raise TrustError(f"{wanted}, got scheme {info.scheme[:80]!r}; name a chain of {get_args(Scheme)}")
        if not 0 < info.period < 2**32 or not 0 <= info.genesis_time <= _LATEST:
            raise TrustError(f"{wanted}, got one with times out of range; ask another server")
        key, seed = _bytes(info.public_key, wanted), _bytes(info.group_hash, wanted)
        name = "" if info.metadata.beacon_id in _UNNAMED else info.metadata.beacon_id
        times = struct.pack(">Iq", info.period, info.genesis_time)
        found = hashlib.sha256(times + key + seed + name.encode("utf-8", "surrogatepass")).hexdigest()
        if found != chain_hash or len(key) != _KEY_BYTES[scheme]:
            raise TrustError(f"{wanted}, got that of {found}; ask another server")
        if key[0] & _AT_INFINITY:
            raise TrustError(
                f"{wanted}, got one whose key anybody can sign for; name a chain of {get_args(Scheme)}"
            )
        return cls(chain_hash, scheme, key, info.period, info.genesis_time, seed)

    def time_of(self, number: int) -> int:
        """When round `number` is due; nobody knows it before, so long as fewer than the chain's threshold conspire."""
        return self.genesis + (number - 1) * self.period

    def first_after(self, moment: int) -> int:
        """The first round that is due later than `moment`."""
        return max(1, (moment - self.genesis) // self.period + 2)


@dataclass(frozen=True, slots=True)
class Round:
    """One round: its signature, which everything follows from, and the one before where the scheme chains them."""

    number: int
    signature: bytes
    previous: bytes = b""

    @property
    def randomness(self) -> bytes:
        """SHA-256 of the signature, 32 bytes."""
        return hashlib.sha256(self.signature).digest()


def can_verify() -> bool:
    """Whether there is a library for the rounds' BLS signatures here."""
    return find_spec("py_arkworks_bls12381") is not None


def check_round(chain: Chain, found: Round) -> bool:
    """Whether the round's BLS signature was verified: False where there is no library for it.

    Raises:
        TrustError: the round is not this chain's.
    """
    wanted = f"round {found.number} of drand chain {chain.hash} expected"
    is_chained = chain.scheme == "pedersen-bls-chained"
    if not 1 <= found.number <= _LATEST or len(found.signature) != _SIGNATURE_BYTES[chain.scheme]:
        raise TrustError(f"{wanted}, got a signature of {len(found.signature)} bytes; ask another server")
    first = found.number == 1 and found.previous == chain.seed
    if is_chained and len(found.previous) != _SIGNATURE_BYTES[chain.scheme] and not first:
        raise TrustError(f"{wanted}, got one without the signature before it; ask another server")
    if not is_chained and found.previous:
        raise TrustError(f"{wanted}, got one with a signature before it; its scheme has none")
    try:
        import py_arkworks_bls12381 as bls  # noqa: PLC0415  an extra
    except ModuleNotFoundError:
        return False
    message = hashlib.sha256(found.previous + struct.pack(">Q", found.number)).digest()
    try:
        if is_chained:
            ones = [bls.G1Point.from_compressed_bytes(chain.public_key), -bls.G1Point()]
            twos = [
                bls.G2Point.hash_to_curve(message, _ON_G2),
                bls.G2Point.from_compressed_bytes(found.signature),
            ]
        else:
            ones = [
                bls.G1Point.hash_to_curve(message, _ON_G1),
                -bls.G1Point.from_compressed_bytes(found.signature),
            ]
            twos = [bls.G2Point.from_compressed_bytes(chain.public_key), bls.G2Point()]
        is_right = bls.GT.pairing_check(ones, twos)
    except ValueError:  # no point of the curve, or of its subgroup
        is_right = False
    if not is_right:
        raise TrustError(
            f"{wanted}, got one whose signature does not verify; it was made up, or is another's"
        )
    return True


def fetch_chain(url: str, chain_hash: str, *, deadline: float) -> Chain:
    """What the server says of the chain, held against its hash; `deadline` in seconds.

    Raises:
        UsageError: the URL is none that may be asked.
        PeerError: no answer in time, or one that is not about this chain.
    """
    document = _asked(url, chain_hash, "info", deadline)
    with _from(url):
        return Chain.parse(document, chain_hash)


def fetch_round(url: str, chain: Chain, number: int, *, deadline: float) -> Round:
    """Round `number`, checked as far as `check_round` can; `deadline` in seconds.

    Raises:
        UsageError: the URL is none that may be asked.
        PeerError: no answer in time (the round may not be due yet: see `time_of`), or one that is not this round.
    """
    document = _asked(url, chain.hash, f"public/{number}", deadline)
    with _from(url):
        return _round(document, chain, number)


def _asked(url: str, chain_hash: str, what: str, deadline: float) -> bytes:
    if _HASH.fullmatch(chain_hash) is None:
        raise UsageError(f"a chain's hash of 64 hex digits expected, got {chain_hash[:80]!r}; copy it whole")
    until = time.monotonic() + deadline
    answer = _http.fetch("GET", url, f"{chain_hash}/{what}", until=until, largest=LARGEST_ANSWER)
    if answer.status != 200:  # noqa: PLR2004
        raise PeerError(
            f"{what} of drand chain {chain_hash} expected from {url}, got HTTP {answer.status} {answer.shown!r}; "
            "ask again when it is due, or another server"
        )
    return answer.body


@contextmanager
def _from(url: str) -> Iterator[None]:
    """A server that answers with something else is no sign that the record was tampered with."""
    try:
        yield
    except TrustError as error:
        raise PeerError(
            f"a beacon expected at {url}, got an answer that cannot be believed: {error}"
        ) from error


def _round(document: bytes, chain: Chain, number: int) -> Round:
    wanted = f"round {number} of drand chain {chain.hash} expected"
    public = _decoded(document, _Public, wanted)
    signature = _bytes(public.signature, wanted)
    is_chained = chain.scheme == "pedersen-bls-chained"
    previous = _bytes(public.previous_signature, wanted) if is_chained else b""
    found = Round(public.round, signature, previous)
    if public.round != number or public.randomness != found.randomness.hex():
        raise TrustError(
            f"{wanted}, got round {public.round} or randomness that is not its signature's SHA-256"
        )
    check_round(chain, found)
    return found


Document = TypeVar("Document", _Info, _Public)


def _decoded(document: bytes, kind: type[Document], wanted: str) -> Document:
    try:
        return msgspec.json.decode(document, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TrustError(f"{wanted}, got {document[:80]!r} ({error}); ask another server") from error


def _bytes(text: str, wanted: str) -> bytes:
    if _HEX.fullmatch(text) is None:
        raise TrustError(f"{wanted}, got {text[:80]!r} where hex digits should stand; ask another server")
    return bytes.fromhex(text)
