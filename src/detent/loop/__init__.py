"""The only place that knows all the verbs: one turn of the loop, and turn after turn while the lease lasts."""

from detent.loop.book import Book
from detent.loop.parts import Parts
from detent.loop.returning import carry_out, check_whole
from detent.loop.run import drive
from detent.loop.watch import look_again
from detent.loop.wires import OF_THE_MACHINE, wires_of
from detent.loop.witnessing import known_link, witness_waiting

__all__ = [
    "OF_THE_MACHINE",
    "Book",
    "Parts",
    "carry_out",
    "check_whole",
    "drive",
    "known_link",
    "look_again",
    "wires_of",
    "witness_waiting",
]
