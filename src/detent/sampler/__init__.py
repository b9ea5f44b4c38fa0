"""The process that asks a model server: `python -m detent.sampler`, lines of JSON on its pipes.

It has a network, one server's key, which came down the pipe, and one folder for answers that were paid for. It holds no
secret, true answer, other key, ledger or model. What a server says is data, and most of what it can say is an error.
"""

__all__: list[str] = []
