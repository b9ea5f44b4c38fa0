"""Times as signed payloads carry them: UTC in RFC 3339 with seconds. Such texts sort as the times do.

>>> hours_after("2026-01-31T12:00:00Z", 13.5)
'2026-02-01T01:30:00Z'
"""

from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from detent.charter._form import Time
from detent.errors import UsageError

_time: TypeAdapter[str] = TypeAdapter(Time)


def hours_after(at: str, hours: float) -> str:
    """The time so many hours after `at`, parts of a second left off.

    Raises:
        UsageError: `at` is no such time, or the calendar ends before.
    """
    try:
        moment = datetime.fromisoformat(_time.validate_python(at)) + timedelta(hours=hours)
    except (ValidationError, OverflowError) as error:
        raise UsageError(
            f"a time such as 2026-01-31T12:00:00Z and hours within the calendar expected, got {at[:40]!r} and {hours}"
        ) from error
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
