"""The time, as entries carry it. DETENT_CLOCK fixes it, so that a run can be repeated to the byte."""

import os
from datetime import UTC, datetime


def now() -> str:
    """UTC in RFC 3339 with seconds, such as 2026-01-31T12:00:00Z."""
    return os.environ.get("DETENT_CLOCK") or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
