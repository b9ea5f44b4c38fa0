"""What a witness is sent, and where its clients are told to ask: anybody may have written it."""

import base64
import hashlib

from tests.fuzz.mutating import Target

from detent.coordinate._http import base_url
from detent.coordinate._request import Request
from detent.errors import TrustError, UsageError
from detent.ledger import Checkpoint, sign_note
from detent.signing import SigningKey

KEY = SigningKey.from_seed("example.com/run", bytes(range(32)))
HASHES = [base64.b64encode(hashlib.sha256(b"%d" % number).digest()) for number in range(3)]
NOTE = str(sign_note(Checkpoint(KEY.name, 9, bytes(32)).text(), KEY)).encode()


def requests(data: bytes) -> None:
    request = Request.parse(data)
    assert Request.parse(bytes(request)) == request


def urls(data: bytes) -> None:
    parts = base_url(data.decode("utf-8", "replace"))
    assert parts.scheme in {"http", "https"}
    assert parts.hostname


TARGETS = {
    "witness-requests": Target(
        requests, [b"old 0\n\n" + NOTE, b"\n".join([b"old 7", *HASHES, b"", NOTE])], (TrustError,)
    ),
    "witness-urls": Target(urls, [b"https://w.example.com:8443/a/b", b"http://[::1]/"], (UsageError,)),
}
