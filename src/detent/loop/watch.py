"""Every tripwire, read once a generation: after the gate, before the decision.

    >>> look(parts, profiles).actions
    {'label_avalanche': 'pause'}

A wire that should have been measured and could not be has fired: what cannot be seen is not known to be well.
"""

from collections.abc import Sequence

from msgspec import structs

from detent.loop.parts import Parts, Wire
from detent.values import Profile, Reading, Watched

LONGEST, LONGEST_NAME, MOST_NAMED = 1_000, 100, 16
"""Characters of a sentence and of a name, and names, that a reading keeps: seventeen fit one entry of the ledger."""


def look(parts: Parts, profiles: Sequence[Profile]) -> Watched:
    """Read every wire, and note what the charter makes of those that fired."""
    readings: list[Reading] = []
    for wire in parts.wires:
        readings.append(_read(wire, parts, profiles, tuple(readings)))
    fired = {reading.wire for reading in readings if reading.fired}
    return Watched(
        readings=tuple(readings),
        actions={wire.name: wire.action for wire in parts.wires if wire.name in fired},
    )


def _read(wire: Wire, parts: Parts, profiles: Sequence[Profile], before: Sequence[Reading]) -> Reading:
    try:
        return _short(wire.read(parts, profiles, before))
    except Exception as error:  # noqa: BLE001  whatever went wrong, what was not measured has fired
        said = f"could not be measured: {type(error).__name__}: {error}"
        return Reading(wire.name, "unmeasured", said[:LONGEST])


def _short(reading: Reading) -> Reading:
    """No more than an entry holds, whatever there was to name: what cannot be written down halts nothing."""
    about = tuple(name[:LONGEST_NAME] for name in reading.about[:MOST_NAMED])
    return structs.replace(reading, said=reading.said[:LONGEST], about=about)
