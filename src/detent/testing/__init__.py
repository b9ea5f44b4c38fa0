"""Simulators and contract suites that tests, here and elsewhere, may import. Nothing in the package imports it."""

__all__: list[str] = []
