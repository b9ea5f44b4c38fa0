"""Who may read: tokens as programs send them, and the cookie that a browser gets for one.

Tokens are known by their SHA-256 alone and compared in constant time. A session's cookie is drawn at random, is known
by its SHA-256 too, and ends after half a day or with the server.
"""

import hmac
import secrets
import time
from collections import OrderedDict
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers

from detent.web.settings import Settings, digest_of

SESSION_SECONDS = 12 * 3600
MOST_SESSIONS = 1_000
MOST_TOKEN = 200


class Readers:
    """The tokens of a server, and the sessions that were begun with them."""

    def __init__(self, settings: Settings) -> None:
        self._digests = settings.readers
        self.asked = bool(settings.readers)
        # A page from elsewhere cannot set a cookie of that name, nor can one that came over plain HTTP.
        self.cookie = "__Host-detent" if settings.tls else "detent"
        self._secure = settings.tls is not None
        self._sessions: OrderedDict[bytes, float] = OrderedDict()
        self._secret = secrets.token_bytes(32)

    def knows(self, token: str) -> bool:
        """Whether it is one of the tokens; takes as long for any that is none."""
        given = digest_of(token[:MOST_TOKEN])
        return sum(hmac.compare_digest(given, digest) for digest in self._digests) > 0

    def reader(self, headers: Headers) -> str | None:
        """Who asks, as a name that no other has: of a token or a session; None of nobody known."""
        if not self.asked:
            return "local"
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.knows(token.strip()):
            return digest_of(token.strip()).hex()
        session = self._session(headers)
        return None if session is None else session.hex()

    def begin(self) -> str:
        """A session; returns the header that sets its cookie."""
        value = secrets.token_urlsafe(32)
        self._sessions[sha256(value.encode()).digest()] = time.monotonic() + SESSION_SECONDS
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return self._cookie(value, SESSION_SECONDS)

    def end(self, headers: Headers) -> str:
        """End the session of who asks; returns the header that takes its cookie back."""
        session = self._session(headers)
        if session is not None:
            del self._sessions[session]
        return self._cookie("", 0)

    def token_for(self, reader: str) -> str:
        """What somebody must send with whatever changes something: pages of other sites cannot read it."""
        return hmac.new(self._secret, reader.encode(), "sha256").hexdigest()

    def sent_right(self, reader: str, token: str) -> bool:
        """Whether it is that."""
        return hmac.compare_digest(self.token_for(reader).encode(), token[:MOST_TOKEN].encode())

    def _cookie(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{self.cookie}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"

    def _session(self, headers: Headers) -> bytes | None:
        try:
            found = SimpleCookie(headers.get("cookie", "")[:4096]).get(self.cookie)
        except CookieError:
            return None
        if found is None:
            return None
        digest = sha256(found.value.encode()).digest()
        ends = self._sessions.get(digest)
        if ends is None:
            return None
        if ends < time.monotonic():
            del self._sessions[digest]
            return None
        return digest
