"""Times as entries carry them: UTC, RFC 3339 with seconds. Such texts sort as the times do.

>>> after("2026-01-31T12:00:00Z", hours=24)
'2026-02-01T12:00:00Z'
"""

from datetime import UTC, datetime, timedelta

LAST = "9999-12-31T23:59:59Z"


def moment(at: str) -> datetime:
    """The time that a text says."""
    return datetime.fromisoformat(at)


def after(at: str, *, hours: float) -> str:
    """So many hours later, to the second; times no calendar has become its last."""
    try:
        later = moment(at) + timedelta(hours=hours)
    except OverflowError:
        return LAST
    return later.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from one time to another, not below 0."""
    return max(0.0, (moment(later) - moment(earlier)).total_seconds())
