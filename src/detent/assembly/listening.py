"""Where a server listens, as people write it.

>>> host_and_port("127.0.0.1:8000"), host_and_port("[::]:80"), host_and_port("8000")
(('127.0.0.1', 8000), ('::', 80), None)
"""

MOST_PORT = 65_535


def host_and_port(listen: str) -> tuple[str, int] | None:
    """HOST:PORT taken apart, an IPv6 address out of its brackets; None when it is not that."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal() and int(port) <= MOST_PORT):
        return None
    return host.removeprefix("[").removesuffix("]"), int(port)
