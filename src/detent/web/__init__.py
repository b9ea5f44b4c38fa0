"""The dashboard: runs, generations and questions in the browser, live, and the JSON, metrics and notices beside them.

It shows what stands on ledgers and hands in what people signed in their browsers; it holds no key, decides nothing, and
knows no more of a run than `assembly` tells it.
"""

__all__: list[str] = []
