"""Detent: a self-improvement loop, one proven step at a time, with people in charge of it."""

__version__ = "0.1.0"
