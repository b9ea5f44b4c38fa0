"""The subject, on the learning side: build, name, load, ask and train a Hugging Face causal LM.

It knows nothing about tasks, checkers, charters or the ledger.  Nothing is re-exported here, because
`digest` is standard library only while the other modules take seconds to import: `from
detent.subject.digest import digest`.
"""

__all__: list[str] = []
