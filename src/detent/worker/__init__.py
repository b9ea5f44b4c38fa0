"""The learning side's process: job lines come in on standard input, progress and one result each go out.

    python -m detent.worker --models DIR --data DIR --staging DIR --threads N

It reads `models/<digest>/` and `data/<digest>.jsonl` after checking their digests, writes into staging only, and
survives every error of a job. It knows nothing of the ledger, of answers, of keys, nor of who sends the jobs.
"""

__all__: list[str] = []
