"""Interpret: looks inside two generations of a model, and says in numbers how far apart they are.

It knows nothing about tasks, checkers, charters or the ledger, nor which change would be too large. Nothing is
re-exported here: the modules take seconds to import, and a caller names the one it needs.
"""

__all__: list[str] = []
