"""Named measurements with a limit, one a file: plain values in, an `Alarm` or None out.

A tripwire knows its statistic and its guarantee. It does not know where the values come from, what the
charter makes of an alarm, or any other tripwire.
"""

from detent.tripwires.alarm import Alarm

__all__ = ["Alarm"]
