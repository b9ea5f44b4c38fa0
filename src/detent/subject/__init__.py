"""The subject, on the learning side: build, load, ask and train a Hugging Face causal LM.

It knows nothing about tasks, checkers, charters or the ledger. Nothing is re-exported here: the modules take
seconds to import, and a caller names the one it needs.
"""

__all__: list[str] = []
