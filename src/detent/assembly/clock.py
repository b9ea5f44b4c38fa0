"""The time, as entries carry it. DETENT_CLOCK fixes it, so that a run can be repeated to the byte."""

import os
import re
from datetime import UTC, datetime

from detent.errors import UsageError

FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def now() -> str:
    """UTC in RFC 3339 with seconds, such as 2026-01-31T12:00:00Z.

    Raises:
        UsageError: DETENT_CLOCK is set to something else.
    """
    fixed = os.environ.get("DETENT_CLOCK")
    if not fixed:
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        datetime.fromisoformat(fixed)
    except ValueError:
        fixed = ""
    if not FORM.fullmatch(fixed):
        raise UsageError(
            f"a time such as 2026-01-31T12:00:00Z in DETENT_CLOCK expected, got "
            f"{os.environ['DETENT_CLOCK'][:40]!r}; correct it, or unset it"
        )
    return fixed
