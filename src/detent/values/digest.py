"""Names by content: a thing is called by the SHA-256 of its bytes, in lower-case hex.

>>> sha256_hex(b"")[:8]
'e3b0c442'
"""

import hashlib


def sha256_hex(data: bytes) -> str:
    """SHA-256 (FIPS 180-4) of `data` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()
