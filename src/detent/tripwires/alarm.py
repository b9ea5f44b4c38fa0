"""What a tripwire says when it fires."""

from msgspec import Struct


class Alarm(Struct, frozen=True, forbid_unknown_fields=True):
    """One tripwire fired. What happens then (pause, halt, record) is the charter's to say.

    tripwire: its name in the charter. subjects: what it is about, such as tasks, the worst first.
    statistic, limit: in the unit that the tripwire documents; it fired because statistic >= limit.
    reading: the sentence a person reads.
    """

    tripwire: str
    subjects: tuple[str, ...]
    statistic: float
    limit: float
    reading: str
