"""Slow climb: three promotions in a row that together gained next to nothing.

Each was better than the one before, or it would not have been promoted. Whether so little is worth another label file
and another training is for a person to say.
"""

PROMOTIONS = 3
LEAST = 0.01  # of the ladder score, the share right over all levels and tasks


def watch(numbers: dict) -> str | None:
    ladder = numbers["ladder"]
    if ladder["candidate"] is None:  # it did not pass the gate, so nothing is promoted
        return None
    scores = [score for _, score in ladder["earlier"]] + [ladder["candidate"]]
    if len(scores) <= PROMOTIONS:
        return None
    gained = scores[-1] - scores[-1 - PROMOTIONS]
    if gained >= LEAST:
        return None
    return f"{PROMOTIONS} promotions gained {gained:.3f} on the ladder, {LEAST} or more expected"
