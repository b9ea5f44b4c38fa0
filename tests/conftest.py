"""What all tests share: the signals that a person at a terminal would have."""

import signal


def pytest_configure() -> None:
    """A shell that starts tests in the background has SIGINT ignored, and so would every process they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
