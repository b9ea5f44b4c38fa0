"""A search over the settings of the feedback loop: from what was tried, what to try next.

It knows nothing about charters, models, tasks or the ledger: it sees a space, settings and scores. Nothing is
re-exported here: Optuna (the extra `search`) is loaded when a search is asked for.
"""

__all__: list[str] = []
