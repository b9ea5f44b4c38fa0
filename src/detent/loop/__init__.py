"""The only place that knows all the verbs: one turn of the loop, and turn after turn while the lease lasts."""

from detent.loop.book import Book
from detent.loop.parts import Parts
from detent.loop.run import drive

__all__ = ["Book", "Parts", "drive"]
