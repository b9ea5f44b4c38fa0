"""Where a server listens, as people write it.

>>> host_and_port("127.0.0.1:8000"), host_and_port("[::]:80"), host_and_port("8000")
(('127.0.0.1', 8000), ('::', 80), None)
"""

from collections.abc import Callable
from types import ModuleType

from detent.errors import UsageError

MOST_PORT = 65_535

Say = Callable[[str], None]


def host_and_port(listen: str) -> tuple[str, int] | None:
    """HOST:PORT taken apart, an IPv6 address out of its brackets; None when it is not that."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal() and int(port) <= MOST_PORT):
        return None
    return host.removeprefix("[").removesuffix("]"), int(port)


def place_to_listen(listen: str) -> tuple[str, int]:
    """The same, or UsageError."""
    address = host_and_port(listen)
    if address is None:
        raise UsageError(f"HOST:PORT expected, got {listen!r}; for example 127.0.0.1:8321, or [::]:8321")
    return address


def http_server() -> ModuleType:
    """`detent.coordinate.server`, the one part that needs h11. Raises UsageError where that is not installed."""
    try:
        from detent.coordinate import server  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{error.name} expected, got no such package; pip install 'detent[serve]'"
        ) from error
    return server
