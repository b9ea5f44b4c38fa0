"""What the writer is about to append, signed: so that a crash is finished with its own entries and no others.

    detent-journal/v1
    <origin of the log>
    <size before>
    <leaf hash of each entry, hex>

as a signed note. It is no checkpoint (its second line is no number), is never published, and is overwritten by
the next append. Without it, whoever can write into the folder could lay an entry beyond the checkpoint and have
the next start sign it.
"""

import re
from collections.abc import Sequence

from detent.errors import TrustError
from detent.ledger.notes import open_note, sign_note
from detent.signing import SigningKey, VerifyKey

JOURNAL = ".journal"
_TITLE = "detent-journal/v1"
_SIZE = re.compile("0|[1-9][0-9]{0,18}")


def journal(origin: str, size: int, leaves: Sequence[bytes], key: SigningKey) -> bytes:
    """The file that announces entries with these leaf hashes, to follow the first `size`."""
    lines = [_TITLE, origin, str(size), *(leaf.hex() for leaf in leaves)]
    return str(sign_note("\n".join(lines) + "\n", key)).encode()


def check_announced(
    data: bytes | None, origin: str, size: int, leaves: Sequence[bytes], key: VerifyKey
) -> None:
    """Return when the journal `data` announces entries with these leaf hashes at `size`.

    Raises:
        TrustError: it does not, or there is none.
    """
    announced = _announced(data or b"", origin, key)
    if any(announced.get(size + place) != leaf.hex() for place, leaf in enumerate(leaves)):
        raise TrustError(
            f"no entry beyond the checkpoint of size {size} expected but one that this ledger's key announced, got "
            f"{len(leaves)}; somebody else wrote there: restore the ledger's folder from a copy"
        )


def _announced(data: bytes, origin: str, key: VerifyKey) -> dict[int, str]:
    """Leaf hash by index; none when the journal is not this log's."""
    try:
        lines = open_note(data, [key]).text[:-1].split("\n")
    except TrustError:
        return {}
    if lines[:2] != [_TITLE, origin] or len(lines) < 3 or not _SIZE.fullmatch(lines[2]):  # noqa: PLR2004
        return {}
    return dict(enumerate(lines[3:], int(lines[2])))
