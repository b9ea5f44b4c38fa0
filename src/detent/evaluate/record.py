"""The answers file of an opening: every item asked, both answers, and whether they were right.

    >>> decode_rows(encode_rows(rows)) == rows
    True

One JSON object a line, in the order in which the gate looked. A test's rows go on to the end of the batch in
which it ended; what follows its end counts for the reported gain only. Its digest stands in the outcome, so
whoever has the file can count again (`recount`) and ask the tasks again
(`recheck_items`).
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from detent.errors import TrustError
from detent.values import Slice


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """Item `index` (from 0) of `target`. The incumbent is None in a floor test: it is not asked there.

    In a test against the anchor, `incumbent` is what the anchor answered.
    """

    target: str
    index: int
    slice: Slice
    prompt: str
    answer: str
    candidate: str
    candidate_right: bool
    incumbent: str | None = None
    incumbent_right: bool | None = None

    @property
    def difference(self) -> int:
        """D: candidate right - incumbent right; against a floor +1 for right and -1 for wrong."""
        if self.incumbent_right is None:
            return 1 if self.candidate_right else -1
        return self.candidate_right - self.incumbent_right


_rows = msgspec.json.Decoder(Row)


def encode_rows(rows: Iterable[Row]) -> bytes:
    """Rows as JSON lines; the same rows give the same bytes."""
    return msgspec.json.Encoder().encode_lines(list(rows))


def decode_rows(data: bytes) -> list[Row]:
    """Read what `encode_rows` wrote.

    Raises:
        TrustError: a line is not a row.
    """
    try:
        return _rows.decode_lines(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TrustError(f"rows of an answers file expected, got: {error}; the file was changed") from error
