"""How false alarms are shared: about one of all tripwires together in a hundred quiet generations.

    >>> round(1 / alpha_per_generation()), round(1 / alpha_per_observation(100))
    (900, 90000)

Each of W wires with chance in it gets 1/(100 W) a generation. A wire that tests once a generation uses it whole.
One whose evidence grows with every observation (an e-detector) has at most alpha false alarms an observation, so
with at most n observations a generation its alpha is 1/(100 W n). By the union bound a quiet generation ends in a
false alarm with probability 1/100 at the most, whatever the wires have in common.
"""

from detent.errors import UsageError

FALSE_ALARM_GENERATIONS = 100
"""Quiet generations in which one false alarm of all tripwires together is accepted."""

WIRES = 9
"""W: wires of the catalogue that take a share (a test counts them)."""


def alpha_per_generation() -> float:
    """Alpha of a wire that tests once a generation: 1/(100 W)."""
    return 1 / (FALSE_ALARM_GENERATIONS * WIRES)


def alpha_per_observation(most: int) -> float:
    """Alpha of a wire that takes up to `most` observations of a task a generation: 1/(100 W most).

    Raises:
        UsageError: fewer than one observation.
    """
    if most < 1:
        raise UsageError(
            f"an observation or more a generation expected, got {most}; give the charter's number"
        )
    return alpha_per_generation() / most


def checked_alpha(alpha: float) -> float:
    """Alpha itself.

    Raises:
        UsageError: it is not inside (0, 1), so the wire would always fire or never.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha inside (0, 1) expected, got {alpha}; take it from detent.tripwires.chance")
    return alpha
