"""What a witness and an auditor are sent, and where their clients are told to ask: anybody may have written it."""

import base64
import hashlib

from tests.coordinate.test_coordinate_auditor import (
    CHAIN,
    POLICY,
    RIGHT,
    InMemory,
    asked,
    intent_bytes,
    question,
)
from tests.coordinate.test_coordinate_auditor import KEY as AUDITOR
from tests.fuzz.mutating import Target

from detent.coordinate import Auditor, Release, believed_release
from detent.coordinate._http import base_url
from detent.coordinate._request import Request
from detent.errors import TrustError, UsageError
from detent.ledger import Checkpoint, sign_note
from detent.signing import SigningKey

KEY = SigningKey.from_seed("example.com/run", bytes(range(32)))
RELEASE = Release(asked(question(intent_bytes())), CHAIN.reveal(1))
HASHES = [base64.b64encode(hashlib.sha256(b"%d" % number).digest()) for number in range(3)]
NOTE = str(sign_note(Checkpoint(KEY.name, 9, bytes(32)).text(), KEY)).encode()


def requests(data: bytes) -> None:
    request = Request.parse(data)
    assert Request.parse(bytes(request)) == request


def urls(data: bytes) -> None:
    parts = base_url(data.decode("utf-8", "replace"))
    assert parts.scheme in {"http", "https"}
    assert parts.hostname


def releases(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert Release.parse(text).text == text


def auditor_requests(data: bytes) -> None:
    """It answers, whatever comes, and gives a link out for nothing but the intent that was cosigned."""
    log = InMemory()
    answer = Auditor(AUDITOR, CHAIN, POLICY, log, lambda _: None).release(data)
    assert answer.status in {200, 400, 403}
    if answer.status == 200:
        believed_release(answer.body.decode(), AUDITOR.verify_key, asked(question(intent_bytes())))
    assert len(log.written) == (answer.status == 200)


TARGETS = {
    "releases": Target(releases, [RELEASE.text.encode()], (TrustError,)),
    "auditor-requests": Target(auditor_requests, [RIGHT], ()),
    "witness-requests": Target(
        requests, [b"old 0\n\n" + NOTE, b"\n".join([b"old 7", *HASHES, b"", NOTE])], (TrustError,)
    ),
    "witness-urls": Target(urls, [b"https://w.example.com:8443/a/b", b"http://[::1]/"], (UsageError,)),
}
