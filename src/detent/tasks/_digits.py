"""What the three digit families share: a string of digits, each drawn on its own."""

from detent.tasks.rng import Rng


def draw_digits(length: int, rng: Rng) -> str:
    """`length` digits, i.i.d. and uniform, leading zeros included."""
    return "".join([str(rng.randrange(10)) for _ in range(length)])
