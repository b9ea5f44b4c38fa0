"""Runs in the toy world of the loop's own tests."""

from tests.loop.conftest import make_run

__all__ = ["make_run"]
